# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""greenlight.serving.probe: options in, rounds of probes until a verdict, a result out.

Importable on Python 3.9 with nothing but ansible-core: it also runs on a bastion.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._engine.finding import Finding
from .._engine.verdict import FAIL, INCONCLUSIVE, PASS, UNDECIDED, Gate, Sample, Verdict, judge, pause
from .._probes import transport
from .._probes.address import parse_base
from .._probes.ladder import Route, Send, of_release, run_round
from .._probes.spec import ProbeSpec, parse_gate, parse_headers, parse_specs
from .._probes.transport import Reach
from . import argspec_common
from .argspec_common import Spec

INTERRUPTED = "interrupted"  # somebody ended the task before a verdict
STEP = 0.25  # seconds
# Seconds since the run began, a line of progress, and whether it says nothing new.
Report = Callable[[float, str, bool], None]


@dataclass(frozen=True)
class Job:
    """What is asked for, checked."""

    specs: tuple[ProbeSpec, ...]
    gate: Gate
    route: Route
    release: str
    fail_on: tuple[str, ...]


@dataclass(frozen=True)
class Tools:
    """What reaches outside; tests put their own here."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    send: Send = transport.send
    stop: Callable[[], bool] = lambda: False


def argument_spec() -> Spec:
    """Options of greenlight.serving.probe."""
    return {
        "base_url": {"type": "str", "required": True, "aliases": ["url"]},
        "probes": argspec_common.probes(),
        "headers": {"type": "dict", "default": {}, "no_log": False},
        "secret_headers": {"type": "dict", "default": {}, "no_log": True},
        "latency_budget": {"type": "float"},
        "gate": argspec_common.gate(),
        "release": {"type": "str"},
        "identity": argspec_common.identity(),
        "reach": argspec_common.reach(),
        "fail_on": {
            "type": "list",
            "elements": "str",
            "choices": [FAIL, INCONCLUSIVE],
            "default": [FAIL, INCONCLUSIVE],
        },
    }


def run(params: Mapping[str, Any], report: Report, tools: Tools | None = None) -> dict[str, Any]:
    """Probe until a verdict. The result is the module's; `failed` and `msg` are in it when the task is to fail."""
    job, findings = parse(params)
    if job is None:
        return refusal(findings)
    tools = tools or Tools()
    started = tools.clock()
    verdict, samples = _watch(job, report, tools)
    return _result(job, verdict, samples, tools.clock() - started)


def parse(params: Mapping[str, Any]) -> tuple[Job | None, list[Finding]]:
    """The job, or everything that is wrong with the options, at once."""
    given, identity = params["reach"], params["identity"]
    reach = Reach(bool(given["allow_loopback"]), given["ca_file"])
    base, findings = parse_base(params["base_url"], "base_url", reach.allow_loopback)
    specs, more = parse_specs(_with_budget(params["probes"], params["latency_budget"]))
    gate, gates = parse_gate(params["gate"], len(params["probes"] or ()))
    headers, shared = parse_headers(params)
    findings += [*more, *gates, *shared]
    if not params["probes"]:
        findings.append(Finding("probes", "none", "at least one probe", "Without one nothing would be proven."))
    if base is None or findings:
        return None, findings
    secrets = tuple(str(value) for value in (params["secret_headers"] or {}).values())
    route = Route(base, headers=headers, secrets=secrets, mark=identity["header"], reach=reach)
    return Job(specs, gate, route, params["release"] or "", tuple(params["fail_on"])), []


def refusal(findings: Sequence[Finding]) -> dict[str, Any]:
    lines = "\n".join(f"- {finding}" for finding in findings)
    return {"changed": False, "failed": True, "msg": f"Nothing was sent. Mend the options:\n{lines}"}


def _with_budget(probes: Any, budget: float | None) -> Any:
    """The budget of all probes is that of each which names none; never more than its timeout."""
    if budget is None or not isinstance(probes, (list, tuple)):
        return probes
    return [
        {**probe, "latency_budget": budget}
        if isinstance(probe, Mapping) and probe.get("latency_budget") is None
        else probe
        for probe in probes
    ]


def _watch(job: Job, report: Report, tools: Tools) -> tuple[Verdict, list[Sample]]:
    samples: list[Sample] = []
    started, begun, progress = tools.clock(), False, _Progress(report, tools.clock)
    while True:
        elapsed = tools.clock() - started
        verdict = judge(job.gate, samples, elapsed)
        if verdict.outcome != UNDECIDED:
            return verdict, samples
        progress.stands(verdict)
        _rest(pause(job.gate, begun, elapsed), tools)
        if tools.stop():
            return replace(verdict, outcome=INTERRUPTED, reason=f"stopped at {verdict.reason}"), samples
        round_ = run_round(job.specs, job.route, started + job.gate.deadline, tools.clock, tools.send)
        begun = True
        fresh = [of_release(sample, job.release) if job.release else sample for sample in round_]
        for sample in fresh:
            progress.sample(sample)
        samples += fresh


def _rest(seconds: float, tools: Tools) -> None:
    """Sleep in short steps: a signal doesn't wake a sleeper, so somebody has to look whether there was one."""
    until = tools.clock() + seconds
    while (left := until - tools.clock()) > 0 and not tools.stop():
        tools.sleep(min(left, STEP))


class _Progress:
    """A line whenever what answers, or how, is another than before; while nothing changes, how the gate stands."""

    def __init__(self, report: Report, clock: Callable[[], float]) -> None:
        self._report = report
        self._clock = clock
        self._started = clock()
        self._before: tuple[str, str, str] = ("", "", "")

    def sample(self, sample: Sample) -> None:
        now = (sample.outcome, sample.reason, sample.release)
        if now == self._before:
            return
        self._before = now
        who = f" by release {sample.release}" if sample.release else ""
        took = f" after {sample.seconds:.3f} s" if sample.status else ""
        line = f"right answer{who}{took}" if sample.outcome == PASS else f"{sample.outcome}: {sample.reason}"
        self._report(self._clock() - self._started, line, False)

    def stands(self, verdict: Verdict) -> None:
        self._report(self._clock() - self._started, verdict.reason, True)


def _result(job: Job, verdict: Verdict, samples: Sequence[Sample], duration: float) -> dict[str, Any]:
    result: dict[str, Any] = {
        "changed": False,
        "verdict": verdict.outcome,
        "reason": verdict.reason,
        "identity": "proven" if job.release and verdict.outcome == PASS else "unproven",
        "samples": summary(samples),
        "duration": round(duration, 3),
    }
    if verdict.outcome in (*job.fail_on, INTERRUPTED):
        where = job.route.base
        url = f"{where.scheme}://{where.authority}{where.prefix}"
        result.update(failed=True, msg=f"The probes of {url} ended in {verdict.outcome}: {verdict.reason}.")
    return result


def summary(samples: Sequence[Sample]) -> dict[str, Any]:
    """Counts, latency of what was answered (seconds), the last thing that went wrong, and who answered."""
    seconds = sorted(sample.seconds for sample in samples if sample.status)
    reasons = [sample.reason for sample in samples if sample.outcome != PASS]
    outcomes = [sample.outcome for sample in samples]
    return {
        "passed": outcomes.count(PASS),
        "failed": outcomes.count(FAIL),
        "inconclusive": outcomes.count(INCONCLUSIVE),
        "p50": _percentile(seconds, 50),
        "p95": _percentile(seconds, 95),
        "last_reason": reasons[-1] if reasons else "",
        "releases": sorted({sample.release for sample in samples if sample.release}),
    }


def _percentile(ordered: Sequence[float], percent: int) -> float | None:
    """The nearest-rank percentile: always one of the values; None without any."""
    return round(ordered[math.ceil(len(ordered) * percent / 100) - 1], 6) if ordered else None
