# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples, the gate grammar, and the verdict over samples.

Pure, standard library only, and importable on Python 3.9: `probe` also runs on a bastion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence

PASS = "pass"  # noqa: S105 - a verdict, not a password
FAIL = "fail"
INCONCLUSIVE = "inconclusive"
UNDECIDED = "undecided"


@dataclass(frozen=True)
class Sample:
    """The answer to one probe."""

    at: float  # seconds on the caller's monotonic clock, when the answer was complete
    route: str  # production | test_listener | direct
    outcome: str  # PASS, FAIL (a wrong answer) or INCONCLUSIVE (no answer that says anything)
    reason: str = ""  # one clause, safe to print: what was expected and what was seen
    release: str = ""  # the release mark the answer carried; "" = the answer carried none
    target: str = ""  # the target's id where the route names one
    status: int = 0  # HTTP status; 0 = no answer
    seconds: float = 0.0  # from the first byte sent to the last one read


@dataclass(frozen=True)
class Gate:
    """When samples add up to a verdict (Argo Rollouts' analysis grammar, re-derived)."""

    interval: float = 1.0  # seconds between two probes
    count: int = 5  # samples that say something, at least; all passes in a row, unless the limit below says less
    failure_limit: int = 0  # failed samples that are forgiven
    error_limit: int = 20  # consecutive inconclusive samples that are forgiven (Argo's consecutiveErrorLimit)
    initial_delay: float = 0.0  # seconds before the first probe
    deadline: float = 120.0  # seconds until an undecided gate is inconclusive
    consecutive_success_limit: int = 0  # passes in a row at the end that make it pass; 0 = `count`
    dry_run: bool = False  # say the verdict, act on none: it always passes once it is decided
    inconclusive: str = "roll_back"  # what an inconclusive gate means: roll_back, or pause for a person

    @property
    def run(self) -> int:
        """Passes in a row that it takes."""
        return max(1, self.consecutive_success_limit or self.count)


@dataclass(frozen=True)
class Verdict:
    outcome: str  # PASS, FAIL, INCONCLUSIVE or UNDECIDED
    reason: str
    passed: int = 0
    failed: int = 0
    inconclusive: int = 0


@dataclass(frozen=True)
class _Tally:
    """What the samples add up to, oldest first."""

    passed: int
    failed: int
    inconclusive: int
    run: int  # passes in a row at the end
    worst_errors: int  # the longest row of inconclusive samples
    failure: str  # reason of the first failed sample
    error: str  # reason of the last sample of the longest inconclusive row
    last: str  # reason of the last sample that did not pass


def judge(gate: Gate, samples: Sequence[Sample], elapsed: Optional[float] = None) -> Verdict:
    """The verdict over all samples of a gate, oldest first.

    `elapsed` is seconds since the gate began, its initial delay included; None leaves both out.
    In this order (Argo Rollouts docs/features/analysis.md has the first three):

    1. more failed samples than forgiven: FAIL, also when the passes came first or after;
    2. more inconclusive samples in a row than forgiven: INCONCLUSIVE, for good;
    3. the last `gate.run` samples all passed, of `count` that said something: PASS. Anything between two passes
       starts the row again;
    4. the deadline is over: INCONCLUSIVE. No data is never a pass;
    5. else UNDECIDED.

    A gate asked again with more samples never goes back from FAIL, and from INCONCLUSIVE by (2) only to FAIL.
    With `dry_run` FAIL and INCONCLUSIVE are told as PASS, with the reason.
    """
    verdict = _judge(gate, samples, elapsed)
    if not gate.dry_run or verdict.outcome not in (FAIL, INCONCLUSIVE):
        return verdict
    said = f"dry run, it would have been {verdict.outcome}: {verdict.reason}"
    return Verdict(PASS, said, verdict.passed, verdict.failed, verdict.inconclusive)


def _judge(gate: Gate, samples: Sequence[Sample], elapsed: Optional[float]) -> Verdict:
    seen = _tally(samples)
    said = seen.passed + seen.failed
    outcome, reason = UNDECIDED, f"{seen.run} of {gate.run} passes in a row{_because(seen.last)}"
    if seen.failed > gate.failure_limit:
        outcome = FAIL
        reason = f"{_number(seen.failed, 'wrong answer')}, {gate.failure_limit} forgiven{_because(seen.failure)}"
    elif seen.worst_errors > gate.error_limit:
        outcome = INCONCLUSIVE
        reason = f"{seen.worst_errors} probes in a row said nothing, {gate.error_limit} forgiven{_because(seen.error)}"
    elif seen.run >= gate.run and said >= gate.count:
        outcome, reason = PASS, f"{_number(seen.run, 'pass', 'passes')} in a row"
    elif elapsed is not None and elapsed >= gate.deadline:
        outcome, reason = INCONCLUSIVE, f"undecided after {gate.deadline:g} s: {reason}"
    elif not samples and elapsed is not None and elapsed < gate.initial_delay:
        reason = f"first probe after {gate.initial_delay:g} s"
    return Verdict(outcome, reason, seen.passed, seen.failed, seen.inconclusive)


def pause(gate: Gate, begun: bool, elapsed: float) -> float:
    """Seconds to wait before the next probe: the rest of the initial delay, or the interval; never past the deadline.

    `begun`: whether a probe was sent already. `elapsed` as in judge().
    """
    wanted = gate.interval if begun else gate.initial_delay - elapsed
    return max(0.0, min(wanted, gate.deadline - elapsed))


def _tally(samples: Sequence[Sample]) -> _Tally:
    passed = failed = inconclusive = run = errors = worst = 0
    failure = error = last = ""
    for sample in samples:
        if sample.outcome == PASS:
            passed, run, errors = passed + 1, run + 1, 0
            continue
        run, last = 0, sample.reason
        if sample.outcome == FAIL:
            failed, errors = failed + 1, 0
            failure = failure or sample.reason
        else:  # an outcome nobody knows says nothing either
            inconclusive, errors = inconclusive + 1, errors + 1
            if errors > worst:
                worst, error = errors, sample.reason
    return _Tally(passed, failed, inconclusive, run, worst, failure, error, last)


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _number(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
