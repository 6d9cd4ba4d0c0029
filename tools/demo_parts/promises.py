# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo promises, what came of it, and how both are shown. Pure: all figures come in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 80


@dataclass(frozen=True)
class Promise:
    """One rollout of the demo. `wrong_share`: of the requests meanwhile that may get a wrong answer, at the most: a
    canary's own share, as long as it is judged.
    """

    step: str
    image: str  # tag in the lab's registry
    story: str  # one sentence for people: what happens
    state: str  # how it must end
    wrong_share: float = 0.0


PROMISES: Sequence[Promise] = (
    Promise("good release", "2", "A better model, release 2, replaces release 1.", "live"),
    Promise("never healthy", "never-healthy", "A release whose server starts, but never gets ready.", "rolled_back"),
    Promise(
        "wrong answers",
        "wrong-answers",
        "A release that is healthy and answers 200, but names the wrong digit.",
        "rolled_back",
        wrong_share=0.1,
    ),
)


@dataclass(frozen=True)
class Outcome:
    """What was seen in one rollout: `state`, `rollback_verified` as the module said, the rest at the load's side."""

    step: str
    state: str
    requests: int
    dropped: int
    wrong_answers: int
    seconds: float
    rollback_verified: bool
    wrong_afterwards: int = 0  # wrong answers to requests sent after the rollout had ended
    causes: Mapping[str, int] | None = None  # dropped requests by cause

    def as_dict(self) -> dict[str, Any]:
        """As in build/demo/summary.json."""
        return {
            "step": self.step,
            "state": self.state,
            "requests": self.requests,
            "dropped": self.dropped,
            "wrong_answers": self.wrong_answers,
            "seconds": round(self.seconds, 1),
            "rollback_verified": self.rollback_verified,
        }


def broken(promise: Promise, outcome: Outcome | None) -> list[str]:
    """What of `promise` did not come true, a sentence each."""
    if outcome is None:
        return [f"{promise.step}: did not run"]
    found = []
    if outcome.state != promise.state:
        found.append(f"{promise.step}: ended as {outcome.state}, promised: {promise.state}")
    if promise.state == "rolled_back" and not outcome.rollback_verified:
        found.append(f"{promise.step}: nobody verified what serves after the rollback")
    if not outcome.requests:
        found.append(f"{promise.step}: no request was sent meanwhile")
    if outcome.dropped:
        causes = ", ".join(f"{count} {cause}" for cause, count in (outcome.causes or {}).items())
        found.append(f"{promise.step}: {outcome.dropped} requests dropped{f' ({causes})' if causes else ''}")
    if outcome.wrong_answers > promise.wrong_share * outcome.requests:
        most = f"at most {promise.wrong_share:.0%} of the requests" if promise.wrong_share else "none"
        found.append(f"{promise.step}: {outcome.wrong_answers} wrong answers, promised: {most}")
    if outcome.wrong_afterwards:
        found.append(f"{promise.step}: {outcome.wrong_afterwards} wrong answers after it was over")
    return found


def all_broken(outcomes: Sequence[Outcome], promises: Sequence[Promise] = PROMISES) -> list[str]:
    """Over the whole demo."""
    by_step = {outcome.step: outcome for outcome in outcomes}
    return [line for promise in promises for line in broken(promise, by_step.get(promise.step))]


def summary(outcomes: Sequence[Outcome], promises: Sequence[Promise] = PROMISES) -> dict[str, Any]:
    """The content of build/demo/summary.json."""
    return {"ok": not all_broken(outcomes, promises), "rollouts": [outcome.as_dict() for outcome in outcomes]}


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """Lines of at most 80 columns."""
    head = ("rollout", "state", "requests", "dropped", "wrong", "seconds", "back, verified")
    rows = [
        (
            outcome.step,
            outcome.state,
            f"{outcome.requests:,}",
            f"{outcome.dropped:,}",
            f"{outcome.wrong_answers:,}",
            f"{outcome.seconds:.1f}",
            "yes" if outcome.rollback_verified else "no" if outcome.state != "live" else "not needed",
        )
        for outcome in outcomes
    ]
    layout = "{:<14} {:<12} {:>8} {:>8} {:>7} {:>8}   {:<15}"
    lines = [layout.format(*row).rstrip() for row in (head, *rows)]
    return [lines[0], "-" * len(lines[0]), *lines[1:]]


NUMBER = re.compile(r"\d[\d,.:]*\d|\d")
IDENTITY = re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,64}\b")
TIMED = re.compile(r" *\d+:\d\d |  {12,}")  # a line of the timeline, or one that goes on
HEADING = re.compile(r"\d\. ")


def excerpt(text: str) -> str:
    """A demo's output for the README: the timeline of the last rollout only, `...` in the place of the others."""
    lines = text.splitlines()
    last = max((number for number, line in enumerate(lines) if HEADING.match(line)), default=0)
    kept: list[str] = []
    for number, line in enumerate(lines):
        if number > last or not TIMED.match(line):
            kept.append(line)
        elif kept[-1] != "  ...":
            kept.append("  ...")
    return "\n".join(kept) + "\n"


def masked(text: str) -> list[str]:
    """The lines of a demo's output that every run has in common, with numbers and ids as `#`.

    Time-dependent lines (timeline: they begin with minutes and seconds) are left out: their order and
    number follow the machine's speed.
    """
    lines = [line.rstrip() for line in text.splitlines() if not TIMED.match(line)]
    hidden = [re.sub(" +", " ", NUMBER.sub("#", IDENTITY.sub("#", line))) for line in lines]
    return [line for line, before in zip(hidden, ["", *hidden], strict=False) if line != before or line]
