# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cell must come to: how the rollout ended, what serves, and what users saw. Pure: all figures come in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.lab.load.attribution import Loss, Move, attribute
from tests.lab.load.results import Result, Summary

from .cells import Cell

WEIGHTS = {"canary": 10, "linear": 25, "blue_green": 0, "rolling": 100}  # percent, of the first step users meet
ENDS = {True: ("live",), False: ("rolled_back",)}


@dataclass(frozen=True)
class Seen:
    """What came of a cell. `detection`: seconds from the first wrong answer to the last; `serves`: release that the
    service runs at the end; `deployment`: status of its newest deployment.
    """

    cell: Cell
    state: str
    reason: str
    second: str
    serves: str
    before: str
    wanted: str
    deployment: str
    rate: float
    load: Summary
    failed: Sequence[Result]
    losses: Sequence[Loss]
    move: Move
    detection: float
    seconds: float


def bound(cell: Cell, rate: float, detection: float) -> int:
    """Wrong answers that users may see: weight x rate x detection time, with three standard deviations."""
    mean = WEIGHTS[cell.strategy] / 100 * rate * detection
    return math.ceil(mean + 3 * math.sqrt(mean))


def faults(seen: Seen) -> list[str]:
    """What is not as it must be, a sentence each."""
    cell, found = seen.cell, []
    left = cell.disturbance == "killed-left"
    if not left and seen.state not in ENDS[cell.good]:
        found.append(f"ended as {seen.state}, expected {' or '.join(ENDS[cell.good])}: {seen.reason}")
    if cell.disturbance == "second-operator" and seen.second not in ("refused", "live", "unchanged"):
        found.append(f"the second operator's run ended as {seen.second}")
    # Left alone, a rolling deployment of a release that ECS takes for healthy completes: its timer knows no answers.
    unproven = left and cell.strategy == "rolling"
    wanted = {seen.wanted} if cell.good and not left else {seen.before}
    if not unproven and seen.serves not in wanted and cell.disturbance != "second-operator":
        found.append(f"{seen.serves or 'nothing known'} serves, expected {', '.join(wanted)}")
    if cell.strategy != "rolling" and seen.load.wrong_answers > bound(cell, seen.rate, seen.detection):
        most = bound(cell, seen.rate, seen.detection)
        found.append(f"{seen.load.wrong_answers} wrong answers in {seen.detection:.1f} s, at most {most} may be")
    told = attribute(seen.failed, seen.losses, [seen.move])
    if not told.ok:
        found += [line for line in told.lines(seen.losses) if not line.startswith("0 ")]
    return found


def as_dict(seen: Seen, found: Sequence[str]) -> dict[str, Any]:
    """The cell's file in build/matrix."""
    return {
        "cell": seen.cell.name,
        "ok": not found,
        "faults": list(found),
        "state": seen.state,
        "reason": seen.reason,
        "second": seen.second,
        "serves": seen.serves,
        "deployment": seen.deployment,
        "seconds": round(seen.seconds, 1),
        "detection": round(seen.detection, 2),
        "wrong_bound": bound(seen.cell, seen.rate, seen.detection),
        "attribution": attribute(seen.failed, seen.losses, [seen.move]).lines(seen.losses),
        "load": seen.load.as_dict(),
    }
