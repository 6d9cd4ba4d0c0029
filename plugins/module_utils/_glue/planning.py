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
from .._engine.model import Capacity, Chain, Outcome, Plan, Release
from .._platforms import ecs_heart, ecs_plan, ecs_release
from .._platforms.base import PortError, Store
from . import judging
from .who import who

PLATFORM = "ecs"
LISTEN = 3.0  # seconds between two looks for requests from other shells
STOP_TIMEOUT = 30  # seconds from SIGTERM to SIGKILL where none is given; API_ContainerDefinition, stopTimeout


def release(params: Mapping[str, Any], store: Store) -> Release:
    """What is wanted: as the parameters describe it, or the record's last good one.

    While a rollout to another release is unfinished, the last proven one is the one that was live before it.
    """
    if params["state"] == "absent":
        return Release("")
    if params["target_release"] == "wanted":
        return ecs_release.release(params)
    record = store.load()
    under_way = record.unfinished.get("to", "")
    good = record.live if record.live and under_way not in ("", record.live) else record.last_good
    if not good:
        raise PortError(Outcome.REFUSED, "The record knows no release that was good before the one that is live.")
    return Release(good, record.releases.get(good, ""))


def adopting(params: Mapping[str, Any], described: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a rolling rollout of what a service runs, after which every strategy may follow."""
    own = {"strategy": ecs_plan.ROLLING, "steps": None, "canary": None, "linear": None, "route": None}
    unasked = {"target_release": "wanted", "pin": False, "unpin": False, "wait": True, "adopted": described}
    return {**params, **own, **unasked}


def plan(params: Mapping[str, Any], check_mode: bool, wanted: Release, zones: int | None = None) -> Plan:
    now, judged = datetime.now(UTC), judging.parse(params)[0]
    rollout_id = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    started_at, present = now.isoformat(timespec="seconds"), params["state"] == "present"
    return Plan(
        service=ecs_release.service_key(params),
        platform=PLATFORM,
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
        remove=not present,
        route=ecs_plan.route(params),
        probes=bool(params["probes"]),
        mover="ECS",
        capacity=_capacity(params, zones) if present else None,
        chain=_chain(params, judged) if present else Chain(),
        steps=ecs_plan.steps(params) if present else (),
        heartbeat=ecs_heart.heartbeat(params),
        lock=lease.begin(_mine(params, wanted, rollout_id, started_at), terms(params, judged.lease)),
        listen=LISTEN,
        on_unfinished=params["on_unfinished"],
    )


def _chain(params: Mapping[str, Any], judged: judging.Judging) -> Chain:
    """ECS's own times, as far as the parameters name them."""
    containers = params["task_definition"]["containers"]
    return Chain(
        stop=float(max((each.get("stop_timeout") or STOP_TIMEOUT for each in containers), default=STOP_TIMEOUT)),
        propagation=judged.propagation if ecs_plan.native(params) else 0.0,
        hold=60.0 * params["hold_timeout"] if ecs_plan.native(params) else 0.0,
    )


def terms(params: Mapping[str, Any], seconds: float) -> Terms:
    return Terms(seconds, longest_call(params.get("aws_config") or {}))


def _mine(params: Mapping[str, Any], wanted: Release, rollout_id: str, since: str) -> Lease:
    """What this run writes into the lock. The owner is no other run's, ever."""
    return Lease(
        ecs_release.service_key(params),
        owner=secrets.token_hex(8),
        who=f"{who()} ({os.getpid()})",
        since=since,
        doing=f"rollout {rollout_id} to {wanted.label or wanted.id or 'nothing'}",
        rollout_id=rollout_id,
    )


def _capacity(params: Mapping[str, Any], zones: int | None) -> Capacity:
    """Without having read them: as many zones as subnets."""
    return Capacity(
        desired=params["desired_count"],
        minimum_percent=params["deployment"]["minimum_healthy_percent"],
        maximum_percent=params["deployment"]["maximum_percent"],
        zones=zones or len(params["network"]["subnets"]),
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
