# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""rollout_control: leaves a request for the rollout at work, or takes a dead one's lock away. Decides nothing about
the rollout: what becomes of a request is the engine's business.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .._clients.aws import Aws
from .._engine import lease
from .._engine.lease import Lease, Request
from .._engine.model import Outcome, Record
from .._engine.phases import BACKWARD, Phase
from .._platforms.aws_names import service_key
from .._platforms.base import Clock, PortError, Store
from .._store.s3 import S3Store, key_of
from . import argspec_info, shown
from .clock import WallClock
from .guarded import Guarded
from .redact import Redactor
from .who import who

Json = dict[str, Any]
POLL = 2.0  # seconds between two looks at a lock that is watched
SEE = "Look with greenlight.serving.rollout_info (playbooks/status.yml)."


def run(params: Mapping[str, Any], check_mode: bool, aws: Aws) -> Json:
    """The module's result. Raises PortError: nothing was asked for, or nobody knows whether it was."""
    service, place = service_key(params), params["record"]
    if not place["bucket"]:
        raise PortError(Outcome.REFUSED, "record.bucket: name the bucket that playbooks/bootstrap.yml made.")
    key = key_of(place["prefix"], params["platform"], aws.region, service)
    redactor = Redactor(argspec_info.rollout_control(), params)
    store = Guarded(S3Store(aws, place["bucket"], key, service), redactor)
    return control(params, check_mode, store, WallClock(lambda: False))


def control(params: Mapping[str, Any], check_mode: bool, store: Store, clock: Clock) -> Json:
    """Raises PortError."""
    found = store.read_lock()
    if params["action"] == "unlock":
        return _unlock(params, check_mode, store, clock, found)
    record, last = store.load(), store.read_request()
    asked = Request(
        service=record.service,
        id=secrets.token_hex(8),
        action=params["action"],
        rollout_id=record.unfinished.get("rollout_id") or found.rollout_id,
        step=record.unfinished.get("step", ""),
        reason=params["reason"] or "",
        by=who(),
        at=_utc(),
        version=last.version,
    )
    done = settled(asked, last, record)
    if done:
        return _result(False, f"{record.service}: {done}", last, last, found)
    if not check_mode:
        asked = store.write_request(asked)
    reader = f"{found.who or found.owner} reads it at its next look" if found.owner else "the next run reads it"
    what = f"{asked.action} of rollout {asked.rollout_id} {'would be' if check_mode else 'is'} asked for; {reader}"
    return _result(True, f"{record.service}: {what}. {SEE}", last, asked, found)


def settled(asked: Request, last: Request, record: Record) -> str:
    """Why nothing need be asked; "" = it must, and takes the place of an open request. Raises PortError where there is
    nothing to ask of, or where an abort was asked for.
    """
    if not asked.rollout_id:
        text = f"{record.service}: no rollout is under way, there is nothing to {asked.action}. {SEE}"
        raise PortError(Outcome.REFUSED, text)
    same = last.rollout_id == asked.rollout_id
    here = last.action == asked.action and (asked.action != "promote" or last.step == asked.step)
    told = f"{last.action} was asked for at {last.at} by {last.by}"
    if same and last.open and here:
        return told
    if same and last.open and last.action == "abort":
        raise PortError(Outcome.REFUSED, f"{record.service}: {told}. Nothing else can follow.")
    paused, waits = record.unfinished.get("paused", ""), record.unfinished.get("phase") == Phase.PAUSING.value
    if asked.action == "abort" and record.unfinished.get("phase") in {phase.value for phase in BACKWARD}:
        return f"the rollout is on its way back: {record.unfinished.get('cause', 'it was asked for')}"
    if asked.action == "pause" and paused:
        return f"the rollout is paused: {paused}"
    if asked.action == "resume" and not paused and not (same and last.open):
        return f"the rollout is not paused{', it waits to be promoted' if waits else ''}"
    if asked.action == "promote" and not (paused or waits) and same and here:
        return f"{told}: {last.answer}"
    return ""


# ---- unlock --------------------------------------------------------------------------------------


def _unlock(params: Mapping[str, Any], check_mode: bool, store: Store, clock: Clock, found: Lease) -> Json:
    """Free the lock once it stood unchanged for its lease and more; every beat of its holder refuses that."""
    if not found.owner:
        return _result(False, f"{found.service}: nobody holds the lock.", None, None, found)
    if found.owner != params["holder"]:
        text = f"{found.service}: {found.who} holds the lock as {found.owner}, not {params['holder']}. {SEE}"
        raise PortError(Outcome.REFUSED, text)
    watched = _watched(store, clock, found)
    by = f"{who()} at {_utc()}: {params['reason']}"
    freed = lease.freed(watched, f"unlocked by {by}")
    if not check_mode:
        freed = store.write_lock(freed)
    what = (
        f"the lock of {found.who} {'would be' if check_mode else 'is'} free. The next run goes on as on_unfinished says"
    )
    result = _result(True, f"{found.service}: {what}.", None, None, freed)
    return {**result, "diff": _diff(shown.lock(found), shown.lock(freed))}


def _watched(store: Store, clock: Clock, found: Lease) -> Lease:
    """The same lock, seen unchanged for as long as its holder may need to renew it. Raises PortError."""
    watch = lease.begin(Lease(found.service, owner=secrets.token_hex(8)), lease.Terms(found.seconds))
    watch = lease.read(watch, found, clock.now())
    while not lease.may_steal(watch, clock.now()):
        clock.sleep(min(POLL, lease.patience(watch) / 10))
        seen = store.read_lock()
        if seen.version != found.version:
            mend = "Ask it to end: rollout_control with action abort."
            raise PortError(Outcome.REFUSED, f"{found.service}: {seen.who} is alive and renewed the lock. {mend}")
        watch = lease.read(watch, seen, clock.now())
    return found


# ---- the result ----------------------------------------------------------------------------------


def _result(changed: bool, msg: str, last: Request | None, asked: Request | None, lock: Lease) -> Json:
    return {
        "changed": changed,
        "msg": msg,
        "request": shown.request(asked),
        "lock": shown.lock(lock),
        "diff": _diff(shown.request(last), shown.request(asked)),
    }


def _diff(before: Json, after: Json) -> Json:
    return {"before": before, "after": after, "before_header": "store", "after_header": "store"}


def _utc() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
