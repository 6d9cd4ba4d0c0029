# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's plan, made of validated parameters and of what the record and the account say. Reads only."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .._clients.aws import Aws, longest_call
from .._engine import lease
from .._engine.lease import Lease, Terms
from .._engine.model import Outcome, Plan, Release
from .._platforms.aws_names import service_key
from .._platforms.base import PortError, Store
from . import judging
from .kit import Kit
from .who import who

LISTEN = 3.0  # seconds between two looks for requests from other shells


def release(kit: Kit, params: Mapping[str, Any], store: Store) -> Release:
    """What is wanted: as the parameters describe it, or the record's last good one.

    While a rollout to another release is unfinished, the last proven one is the one that was live before it.
    """
    if params["state"] == "absent":
        return Release("")
    if params["target_release"] == "wanted":
        return kit.release(params)
    record = store.load()
    under_way = record.unfinished.get("to", "")
    good = record.live if record.live and under_way not in ("", record.live) else record.last_good
    if not good:
        raise PortError(Outcome.REFUSED, "The record knows no release that was good before the one that is live.")
    return Release(good, record.releases.get(good, ""))


def plan(kit: Kit, params: Mapping[str, Any], check_mode: bool, wanted: Release, zones: int | None = None) -> Plan:
    now, judged = datetime.now(UTC), judging.parse(params)[0]
    rollout_id = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    started_at, shape = now.isoformat(timespec="seconds"), kit.shape(params, judged, zones)
    return Plan(
        service=service_key(params),
        platform=kit.name,
        release=wanted,
        strategy=params["strategy"],
        gate=judged.gate,
        timing=judged.timing,
        rollout_id=rollout_id,
        started_by=who(),
        started_at=started_at,
        check_mode=check_mode,
        wait=params["wait"],
        pin=params["pin"],
        unpin=params["unpin"],
        retry_rejected=params["retry_rejected"],
        remove=params["state"] != "present",
        route=shape.route,
        probes=bool(params["probes"]),
        mover=kit.mover,
        capacity=shape.capacity,
        chain=shape.chain,
        steps=shape.steps,
        heartbeat=shape.heartbeat,
        checkpoints=shape.checkpoints,
        first_alone=shape.first_alone,
        lock=lease.begin(_mine(params, wanted, rollout_id, started_at), terms(params, judged.lease)),
        listen=LISTEN,
        on_unfinished=params["on_unfinished"],
    )


def terms(params: Mapping[str, Any], seconds: float) -> Terms:
    return Terms(seconds, longest_call(params.get("aws_config") or {}))


def _mine(params: Mapping[str, Any], wanted: Release, rollout_id: str, since: str) -> Lease:
    """What this run writes into the lock. The owner is no other run's, ever."""
    return Lease(
        service_key(params),
        owner=secrets.token_hex(8),
        who=f"{who()} ({os.getpid()})",
        since=since,
        doing=f"rollout {rollout_id} to {wanted.label or wanted.id or 'nothing'}",
        rollout_id=rollout_id,
    )


def zones(aws: Aws, params: Mapping[str, Any]) -> int | None:
    """Distinct zones of the subnets, for the plan that check mode prints; None = not known yet."""
    if params["state"] != "present":
        return None
    try:
        answer = aws.read("ec2", "describe_subnets", SubnetIds=params["network"]["subnets"])
    except PortError:
        return None
    return len({subnet["AvailabilityZone"] for subnet in answer["Subnets"]})
