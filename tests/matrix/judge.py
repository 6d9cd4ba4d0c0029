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


@dataclass(frozen=True)
class Expected:
    """How a cell must end. `state`: of the result, "" = nobody is there to tell; `new`: whether the release serves."""

    state: str
    new: bool


@dataclass(frozen=True)
class End:
    """What the cloud tells at the end. `serves`: a release; `moved`: how its own mover ended; `faults`: what is left
    over or otherwise not as it must be.
    """

    serves: str
    moved: str
    faults: Sequence[str] = ()


@dataclass(frozen=True)
class Seen:
    """What came of a cell. `before`, `wanted`: releases; `lab`: what the lab itself fell over."""

    cell: Cell
    expected: Expected
    state: str
    reason: str
    second: str
    before: str
    wanted: str
    end: End
    lab: Sequence[str]
    users: Users


def most_wrong(weight: float | None, rate: float, detection: float) -> int | None:
    """None for any: who exposes a release before it is judged says so."""
    return None if weight is None else users.bound(weight, rate, detection)


def faults(seen: Seen) -> list[str]:
    """What is not as it must be, a sentence each."""
    expected, found = seen.expected, [f"the lab fell over: {line}" for line in seen.lab]
    if expected.state and seen.state != expected.state:
        found.append(f"ended as {seen.state}, expected {expected.state}: {seen.reason}")
    if seen.cell.disturbance == "second-operator" and not re.match("refused: .* has held the lock", seen.second):
        found.append(f"the second operator's run ended as {seen.second}")
    wanted = seen.wanted if expected.new else seen.before
    if seen.end.serves != wanted:
        found.append(f"{seen.end.serves or 'nothing known'} serves, expected {wanted}")
    return [*found, *seen.end.faults, *users.faults(seen.users)]


def as_dict(seen: Seen, found: Sequence[str]) -> dict[str, Any]:
    """The cell's file in build/matrix."""
    return {
        "cell": seen.cell.name,
        "ok": not found,
        "faults": list(found),
        "state": seen.state,
        "reason": seen.reason,
        "second": seen.second,
        "serves": seen.end.serves,
        "deployment": seen.end.moved,
        **users.as_dict(seen.users),
    }
