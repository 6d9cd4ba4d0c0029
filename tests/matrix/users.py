# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users saw of a service while something was done to it, and whether that may be. Pure: all figures come in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.lab.load.attribution import Loss, Move, attribute
from tests.lab.load.results import Result, Summary


@dataclass(frozen=True)
class Users:
    """`asked`, `rate`, `held`: requests per second that were asked for, that the machine bears, that were sent.

    `wrong_most`: wrong answers that may be, None = any.
    """

    asked: float
    rate: float
    held: float
    load: Summary
    failed: Sequence[Result]
    losses: Sequence[Loss]
    move: Move
    detection: float  # seconds from the first wrong answer to the last
    wrong_most: int | None

    @property
    def seconds(self) -> float:
        return self.move.until - self.move.since


def bound(weight: float, rate: float, detection: float) -> int:
    """Most wrong answers at `weight` percent of traffic: weight x rate x detection time, and three deviations."""
    mean = weight / 100 * rate * detection
    return math.ceil(mean + 3 * math.sqrt(mean))


def faults(users: Users) -> list[str]:
    """What users should not have seen, a sentence each."""
    found, wrong = [], users.load.wrong_answers
    if users.wrong_most is not None and wrong > users.wrong_most:
        found.append(f"{wrong} wrong answers in {users.detection:.1f} s, at most {users.wrong_most} may be")
    told = attribute(users.failed, users.losses, [users.move])
    if not told.ok:
        lines = told.lines()[len(told.by_loss) :]
        found += [line for line in lines if not line.startswith("0 ")]
    return found


def as_dict(users: Users) -> dict[str, Any]:
    """Their part of a cell's file."""
    told = attribute(users.failed, users.losses, [users.move])
    return {
        "seconds": round(users.seconds, 1),
        "asked": users.asked,
        "rate": users.rate,
        "held": round(users.held, 1),
        "detection": round(users.detection, 2),
        "wrong_bound": users.wrong_most,
        "by_loss": sum(len(each) for each in told.by_loss.values()),
        "by_loss_budget": sum(loss.budget for loss in users.losses),
        "by_our_moves": sum(len(each) for each in told.by_move.values()),
        "unattributed": len(told.unattributed),
        "load": users.load.as_dict(),
    }
