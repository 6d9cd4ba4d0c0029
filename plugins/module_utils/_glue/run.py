# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ecs_rollout: validated parameters in, the result of DESIGN 6 out. Puts the parts together, decides nothing."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from .._clients.aws import Aws, longest_call
from .._drive import drive
from .._engine.decide import begin
from .._engine.finding import Finding
from .._engine.lease import Terms
from .._engine.model import Capacity, Outcome, Plan, Release, Stop
from .._engine.phases import End
from .._engine.result import shape
from .._engine.state import Ended, Event
from .._platforms import ecs_input, ecs_release
from .._platforms.base import PortError, Store
from .._platforms.ecs import Ecs
from .._store.none import NoStore
from .._store.s3 import NoBucketError, S3Store, key_of
from . import argspec_ecs, judging
from .clock import WallClock
from .guarded import Guarded
from .prober import RouteProber
from .redact import Redactor
from .who import who

Report = Callable[[Event, bool], None]
PLATFORM = "ecs"


def silent(event: Event, waiting: bool) -> None:
    """A report for a module, which has nobody to tell."""


def run(
    params: Mapping[str, Any],
    check_mode: bool = False,
    report: Report = silent,
    interrupted: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Roll out, judge, and roll back where needed. Never raises for what the cloud does or the input holds.

    `report` gets each new line of the timeline as it happens, and a line before every wait.
    """
    redactor = Redactor(argspec_ecs.ecs_rollout(), params)

    def tell(event: Event, waiting: bool) -> None:
        report(replace(event, text=redactor.text(event.text)), waiting)

    try:
        result = _run(params, check_mode, tell, interrupted, redactor)
    except PortError as error:
        result = shape(_refused(_plan(params, check_mode, Release("")), str(error)))
    if result["failed"]:
        result["msg"] = result["reason"]
    masked: dict[str, Any] = redactor.result(result)
    return masked


def _run(
    params: Mapping[str, Any], check_mode: bool, report: Report, interrupted: Callable[[], bool], redactor: Redactor
) -> dict[str, Any]:
    judged, findings = _input(params, check_mode)
    aws = Aws(params)
    store = _store(aws, params, redactor)
    if findings:
        plan = _plan(params, check_mode, Release(""))
        return shape(_refused(plan, _listed([*findings, *_in_account(aws, params, plan)])))
    store, hint = _usable(store, params, check_mode)
    plan = _plan(params, check_mode, _release(params, store), _zones(aws, params) if check_mode else None)
    clock = WallClock(interrupted)
    ended = drive(plan, Ecs(aws, params), RouteProber(aws, params, judged.specs), store, clock, report, interrupted)
    result = shape(ended)
    return {**result, "reason": f"{result['reason']} {hint}".strip()}


# ---- what is wrong before anything is asked ------------------------------------------------------


def _input(params: Mapping[str, Any], check_mode: bool) -> tuple[judging.Judging, list[Finding]]:
    rule = (params["load_balancer"] or {}).get("rule") or {}
    through_rule = params["state"] == "present" and params["route"] != "direct"
    judged, found = judging.parse(params, admitted=(rule.get("path_patterns") or ()) if through_rule else ())
    if not params["record"]["bucket"] and not check_mode:
        mend = "Name the bucket that playbooks/bootstrap.yml made."
        found.append(Finding("record.bucket", "nothing", "is where the record of this service is kept", mend))
    found.extend(_lease(params, judged.lease))
    if params["state"] == "present":
        found = [*ecs_input.findings(params), *found]
    return judged, found


def _lease(params: Mapping[str, Any], seconds: float) -> list[Finding]:
    """A lock must outlive the longest call, or nothing could be written under it."""
    terms = Terms(seconds, longest_call(params["aws_config"] or {}))
    if terms.seconds >= terms.shortest:
        return []
    problem = f"must be at least {math.ceil(terms.shortest)} while a call may take {terms.call:g} s"
    mend = "Raise it, or lower connect_timeout and read_timeout in aws_config."
    return [Finding("timing.lease", f"{seconds:g}", problem, mend)]


def _in_account(aws: Aws, params: Mapping[str, Any], plan: Plan) -> list[Finding]:
    """The account's findings beside the input's, as far as such an input can be looked up."""
    try:
        return Ecs(aws, params).account_findings(plan)
    except (PortError, LookupError, ValueError):
        return []


def _listed(findings: list[Finding]) -> str:
    return f"{len(findings)} thing(s) are wrong, nothing was changed: " + "; ".join(map(str, findings))


def _refused(plan: Plan, reason: str) -> Ended:
    stop = Stop(End.REFUSED.value, f"{plan.service}: {reason}")
    return Ended(plan, stop, begin(plan, 0.0), None, 0.0)


# ---- the plan ------------------------------------------------------------------------------------


def _release(params: Mapping[str, Any], store: Store) -> Release:
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


def _plan(params: Mapping[str, Any], check_mode: bool, release: Release, zones: int | None = None) -> Plan:
    now, judged = datetime.now(UTC), judging.parse(params)[0]
    return Plan(
        service=ecs_release.service_key(params),
        platform=PLATFORM,
        release=release,
        strategy=params["strategy"],
        gate=judged.gate,
        timing=judged.timing,
        rollout_id=f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
        started_by=who(),
        started_at=now.isoformat(timespec="seconds"),
        check_mode=check_mode,
        wait=params["wait"],
        pin=params["pin"],
        unpin=params["unpin"],
        retry_rejected=params["retry_rejected"],
        remove=params["state"] == "absent",
        route=params["route"],
        probes=bool(params["probes"]),
        mover="ECS",
        capacity=_capacity(params, zones) if params["state"] == "present" else None,
    )


def _capacity(params: Mapping[str, Any], zones: int | None) -> Capacity:
    """Without having read them: as many zones as subnets."""
    return Capacity(
        desired=params["desired_count"],
        minimum_percent=params["deployment"]["minimum_healthy_percent"],
        maximum_percent=params["deployment"]["maximum_percent"],
        zones=zones or len(params["network"]["subnets"]),
    )


def _zones(aws: Aws, params: Mapping[str, Any]) -> int | None:
    """Distinct zones of the subnets, for the plan that check mode prints; None = not known yet."""
    if params["state"] != "present":
        return None
    try:
        answer = aws.read("ec2", "describe_subnets", SubnetIds=params["network"]["subnets"])
    except PortError:
        return None
    return len({subnet["AvailabilityZone"] for subnet in answer["Subnets"]})


# ---- the store -----------------------------------------------------------------------------------


def _usable(store: Store, params: Mapping[str, Any], check_mode: bool) -> tuple[Store, str]:
    """The store, and what to say about it: in check mode a bucket that is still to be made holds an empty record.

    Raises NoBucketError outside check mode. Whatever else is wrong may pass: the engine reads again.
    """
    try:
        store.load()
    except NoBucketError as error:
        if not check_mode:
            raise
        return NoStore(ecs_release.service_key(params)), str(error)
    except PortError:
        pass
    return store, ""


def _store(aws: Aws, params: Mapping[str, Any], redactor: Redactor) -> Store:
    service = ecs_release.service_key(params)
    place = params["record"]
    if not place["bucket"]:
        return NoStore(service)
    return Guarded(
        S3Store(aws, place["bucket"], key_of(place["prefix"], PLATFORM, aws.region, service), service), redactor
    )
