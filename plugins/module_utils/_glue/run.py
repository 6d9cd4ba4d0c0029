# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ecs_rollout: validated parameters in, the result of DESIGN 6 out. Puts the parts together, decides nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .._clients.aws import Aws
from .._drive import drive
from .._engine.decide import begin
from .._engine.finding import Finding
from .._engine.model import Plan, Release, Stop
from .._engine.phases import End
from .._engine.result import shape
from .._engine.state import Ended, Event
from .._platforms import ecs_input, ecs_plan, ecs_release
from .._platforms.base import PortError, Store
from .._platforms.ecs import Ecs
from .._store.none import NoStore
from .._store.s3 import NoBucketError, S3Store, key_of
from . import argspec_ecs, judging, planning
from .clock import WallClock
from .guarded import Guarded
from .prober import RouteProber
from .redact import Redactor

Report = Callable[[Event, bool], None]
ADOPTING = "First ECS must be able to shift traffic for this service: a rolling rollout of what it runs gives it that"


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
        result = shape(_refused(planning.plan(params, check_mode, Release("")), str(error)))
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
        plan = planning.plan(params, check_mode, Release(""))
        return shape(_refused(plan, _listed([*findings, *_in_account(aws, params, plan)])))
    store, hint = _usable(store, params, check_mode)
    zones = planning.zones(aws, params) if check_mode else None
    clock = WallClock(interrupted)

    def driven(given: Mapping[str, Any]) -> tuple[Ended, Ecs]:
        plan = planning.plan(given, check_mode, planning.release(given, store), zones)
        platform, prober = Ecs(aws, given, clock.now), RouteProber(aws, given, judged.specs, clock.now)
        return drive(plan, platform, prober, store, clock, report, interrupted), platform

    ended, platform = driven(params)
    if platform.adoptable and not ended.state.changed and ended.stop.state == End.REFUSED.value:
        adopted = planning.adopting(params, platform.adoptable)
        report(Event(0.0, "adopting", "greenlight", ADOPTING), False)
        ended, _ignored = driven(adopted)
        if ended.stop.state in (End.LIVE.value, End.UNCHANGED.value):
            ended, _ignored = driven(params)
    elif platform.adoptable and check_mode:
        hint = f"{ADOPTING}. {hint}".strip()
    result = shape(ended)
    return {**result, "reason": f"{result['reason']} {hint}".strip()}


# ---- what is wrong before anything is asked ------------------------------------------------------


def _input(params: Mapping[str, Any], check_mode: bool) -> tuple[judging.Judging, list[Finding]]:
    rule = (params["load_balancer"] or {}).get("rule") or {}
    through_rule = params["state"] == "present" and ecs_plan.route(params) != "direct"
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
    terms = planning.terms(params, seconds)
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


# ---- the store -----------------------------------------------------------------------------------


def _usable(store: Store, params: Mapping[str, Any], check_mode: bool) -> tuple[Store, str]:
    """The store, and what to say about it: in check mode a bucket that is still to be made holds an empty record.

    Raises NoBucketError outside check mode. Whatever else is wrong may pass: the engine reads again.
    """
    try:
        if isinstance(store, Guarded):
            store.look()
        else:
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
        S3Store(aws, place["bucket"], key_of(place["prefix"], planning.PLATFORM, aws.region, service), service),
        redactor,
    )
