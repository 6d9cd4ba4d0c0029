# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cell must come to: how the rollout ended, and what serves. Pure: all figures come in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import users
from .cells import Cell
from .users import Users

WEIGHTS = {"canary": 10, "linear": 25, "blue_green": 0}  # percent, of the first step that users meet
ENDS = {True: "live", False: "rolled_back"}


@dataclass(frozen=True)
class Seen:
    """What came of a cell. `serves`: release that the service runs at the end; `deployment`: status of its newest
    deployment; `lab`: what the lab itself fell over.
    """

    cell: Cell
    state: str
    reason: str
    second: str
    serves: str
    before: str
    wanted: str
    deployment: str
    lab: Sequence[str]
    users: Users


def most_wrong(cell: Cell, rate: float, detection: float) -> int | None:
    """None for rolling: it exposes a release before it is judged, and says so."""
    return None if cell.strategy == "rolling" else users.bound(WEIGHTS[cell.strategy], rate, detection)


def faults(seen: Seen) -> list[str]:
    """What is not as it must be, a sentence each."""
    cell, found = seen.cell, [f"the lab fell over: {line}" for line in seen.lab]
    left = cell.disturbance == "killed-left"
    if not left and seen.state != ENDS[cell.good]:
        found.append(f"ended as {seen.state}, expected {ENDS[cell.good]}: {seen.reason}")
    if cell.disturbance == "second-operator" and not re.match("refused: .* has held the lock", seen.second):
        found.append(f"the second operator's run ended as {seen.second}")
    wanted = seen.wanted if cell.good and not left else seen.before
    if seen.serves != wanted:
        found.append(f"{seen.serves or 'nothing known'} serves, expected {wanted}")
    return found + users.faults(seen.users)


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
        **users.as_dict(seen.users),
    }
