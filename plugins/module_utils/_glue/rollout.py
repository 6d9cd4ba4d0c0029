# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout module: validated parameters in, the result of DESIGN 6 out. Puts the parts together, decides nothing."""

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
from .._platforms.aws_names import service_key
from .._platforms.base import PortError, Store
from .._store.none import NoStore
from .._store.s3 import NoBucketError, S3Store, key_of
from . import judging, planning
from .clock import WallClock
from .guarded import Guarded
from .kit import Kit, Service
from .prober import RouteProber
from .redact import Redactor

Report = Callable[[Event, bool], None]


def silent(event: Event, waiting: bool) -> None:
    """A report for a module, which has nobody to tell."""


def run(
    kit: Kit,
    params: Mapping[str, Any],
    check_mode: bool = False,
    report: Report = silent,
    interrupted: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Roll out, judge, and roll back where needed. Never raises for what the cloud does or the input holds.

    `report` gets each new line of the timeline as it happens, and a line before every wait.
    """
    redactor = Redactor(kit.spec(), params)

    def tell(event: Event, waiting: bool) -> None:
        report(replace(event, text=redactor.text(event.text)), waiting)

    try:
        result = _run(kit, params, check_mode, tell, interrupted, redactor)
    except PortError as error:
        result = shape(_refused(planning.plan(kit, params, check_mode, Release("")), str(error)))
    if result["failed"]:
        result["msg"] = result["reason"]
    masked: dict[str, Any] = redactor.result(result)
    return masked


def _run(
    kit: Kit,
    params: Mapping[str, Any],
    check_mode: bool,
    report: Report,
    interrupted: Callable[[], bool],
    redactor: Redactor,
) -> dict[str, Any]:
    judged, findings = _input(kit, params, check_mode)
    aws = Aws(params)
    store = _store(kit, aws, params, redactor)
    clock = WallClock(interrupted)
    if findings:
        plan = planning.plan(kit, params, check_mode, Release(""))
        service = kit.service(aws, params, clock.now)
        return shape(_refused(plan, _listed([*findings, *_in_account(service, plan)])))
    store, hint = _usable(store, params, check_mode)
    zones = planning.zones(aws, params) if check_mode else None

    def driven(given: Mapping[str, Any]) -> tuple[Ended, Service]:
        plan = planning.plan(kit, given, check_mode, planning.release(kit, given, store), zones)
        service, prober = kit.service(aws, given, clock.now), RouteProber(aws, given, judged.specs, clock.now)
        return drive(plan, service, prober, store, clock, report, interrupted), service

    ended, service = driven(params)
    first = service.before()
    if first is not None and check_mode:
        hint = f"{first[1]}. {hint}".strip()
    elif first is not None and not ended.state.changed and ended.stop.state == End.REFUSED.value:
        report(Event(0.0, "adopting", "greenlight", first[1]), False)
        ended, _ignored = driven(first[0])
        if ended.stop.state in (End.LIVE.value, End.UNCHANGED.value):
            ended, _ignored = driven(params)
    result = shape(ended)
    return {**result, "reason": f"{result['reason']} {hint}".strip()}


# ---- what is wrong before anything is asked ------------------------------------------------------


def _input(kit: Kit, params: Mapping[str, Any], check_mode: bool) -> tuple[judging.Judging, list[Finding]]:
    rule = (params["load_balancer"] or {}).get("rule") or {}
    through_rule = params["state"] == "present" and kit.route(params) != "direct"
    judged, found = judging.parse(params, admitted=(rule.get("path_patterns") or ()) if through_rule else ())
    if not params["record"]["bucket"] and not check_mode:
        mend = "Name the bucket that playbooks/bootstrap.yml made."
        found.append(Finding("record.bucket", "nothing", "is where the record of this service is kept", mend))
    found.extend(_lease(params, judged.lease))
    if params["state"] == "present":
        found = [*kit.findings(params), *found]
    return judged, found


def _lease(params: Mapping[str, Any], seconds: float) -> list[Finding]:
    """A lock must outlive the longest call, or nothing could be written under it."""
    terms = planning.terms(params, seconds)
    if terms.seconds >= terms.shortest:
        return []
    problem = f"must be at least {math.ceil(terms.shortest)} while a call may take {terms.call:g} s"
    mend = "Raise it, or lower connect_timeout and read_timeout in aws_config."
    return [Finding("timing.lease", f"{seconds:g}", problem, mend)]


def _in_account(service: Service, plan: Plan) -> list[Finding]:
    """The account's findings beside the input's, as far as such an input can be looked up."""
    try:
        return service.account_findings(plan)
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
        return NoStore(service_key(params)), str(error)
    except PortError:
        pass
    return store, ""


def _store(kit: Kit, aws: Aws, params: Mapping[str, Any], redactor: Redactor) -> Store:
    service = service_key(params)
    place = params["record"]
    if not place["bucket"]:
        return NoStore(service)
    return Guarded(
        S3Store(aws, place["bucket"], key_of(place["prefix"], kit.name, aws.region, service), service),
        redactor,
    )
