# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edges of the transition table that rolling walks, one row each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Finding,
    Movement,
    Observation,
    Plan,
    Verb,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import (
    End,
    Phase,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Cause, Pace
from tests.unit.plugins.module_utils._engine.cases import (
    NOW,
    PLAN,
    UNFINISHED,
    deployment,
    moved,
    plan,
    ready,
    record,
    samples,
    seen,
    targets,
)

P, E = Phase, End
LIVE = record(live="new", last_good="old")
TURNING = deployment(Movement.TURNING_BACK, failures=3, reason="tasks failed to start")
REFUSED = {"refused": "UpdateService was refused: AccessDenied", "pace": Pace(looked=NOW, asked_call="UpdateService")}
BACK = {"cause": Cause("it answers wrongly", rejects="yes")}
FIRST = {"first": True, "previous": ""}
GONE = {"gone_since": NOW - PLAN.timing.settle}  # an earlier snapshot showed nothing, too


@dataclass(frozen=True)
class Edge:
    source: Phase
    target: Phase | End
    seen: Observation
    state: dict[str, Any] = field(default_factory=dict)
    plan: Plan = PLAN
    says: str = ""  # in the reason of an end, or in the newest line


EDGES = [
    # --- start
    Edge(P.START, P.START, seen(), {"record": record(unfinished={**UNFINISHED, "to": "dead"})}, says="left nothing"),
    Edge(P.START, P.CHECKING, seen(todo={Verb.BEGIN: ("UpdateService",)}), says="from release old to digits:2 (new)"),
    Edge(P.START, P.MOVING, seen(deployment=deployment(Movement.MOVING)), {"record": record(unfinished=UNFINISHED)}),
    Edge(P.START, P.JUDGING, moved(), says="no record calls it live"),
    Edge(
        P.START,
        P.ROLLING_BACK,
        seen(targets=targets("dead")),
        {"record": record(unfinished={**UNFINISHED, "to": "dead"})},
    ),
    Edge(P.START, P.REMOVING, seen(), plan=plan(remove=True)),
    Edge(P.START, E.UNCHANGED, moved(), {"record": LIVE}, says="is live already, nothing to do"),
    Edge(P.START, E.LIVE, moved(), {"record": LIVE}, plan(pin=True), says="and pinned now"),
    Edge(P.START, E.PLANNED, moved(), plan=plan(check_mode=True), says="would be judged now"),
    # --- checking
    Edge(P.CHECKING, P.CONFIGURING, seen(), {"findings": ()}),
    Edge(P.CHECKING, E.PLANNED, seen(), {"findings": ()}, plan(check_mode=True)),
    Edge(P.CHECKING, E.REFUSED, seen(), {"findings": (Finding("cpu", "3", "256 or 512", "Give 256."),)}, says="cpu: 2"),
    # --- configuring
    Edge(P.CONFIGURING, P.BEGINNING, seen()),
    Edge(P.CONFIGURING, E.LIVE, moved(), {"only_configure": True}, says="start no deployment were mended"),
    Edge(
        P.CONFIGURING,
        P.ROLLING_BACK,
        seen(todo={Verb.CONFIGURE: ("UpdateService",), Verb.ROLL_BACK: ("DeleteRule",)}),
        {**REFUSED, "first": True, "previous": ""},
    ),
    Edge(
        P.CONFIGURING, E.REFUSED, seen(todo={Verb.CONFIGURE: ("UpdateService",)}), REFUSED, says="nothing was changed"
    ),
    # --- beginning
    Edge(P.BEGINNING, P.MOVING, seen(deployment=deployment(Movement.MOVING))),
    Edge(P.BEGINNING, P.JUDGING, seen(serving="new", targets=targets("new"))),
    Edge(
        P.BEGINNING,
        P.ROLLING_BACK,
        seen(todo={Verb.BEGIN: ("UpdateService",), Verb.ROLL_BACK: ("DeleteRule",)}),
        {**REFUSED, "first": True, "previous": ""},
    ),
    Edge(P.BEGINNING, E.REFUSED, seen(todo={Verb.BEGIN: ("UpdateService",)}), REFUSED, says="AccessDenied"),
    # --- moving
    Edge(P.MOVING, P.JUDGING, moved()),
    Edge(P.MOVING, P.TURNING_BACK, seen(deployment=TURNING), says="3 failed targets): tasks failed to start"),
    Edge(
        P.MOVING, P.ROLLING_BACK, seen(deployment=deployment(Movement.MOVING)), {"watch": ready(samples=samples("-"))}
    ),
    Edge(P.MOVING, E.IN_PROGRESS, seen(deployment=deployment(Movement.MOVING)), plan=plan(wait=False)),
    # --- judging
    Edge(P.JUDGING, P.BAKING, moved(), {"watch": ready()}),
    Edge(P.JUDGING, P.TURNING_BACK, moved(deployment=TURNING)),
    Edge(P.JUDGING, P.ROLLING_BACK, moved(), {"watch": ready(samples=samples("-"))}),
    # --- baking
    Edge(P.BAKING, P.FINISHING, moved(), {"watch": ready()}),
    Edge(P.BAKING, P.TURNING_BACK, moved(deployment=TURNING)),
    Edge(P.BAKING, P.ROLLING_BACK, moved(), {"watch": ready(losses=2, lost="new-1 is gone")}, says="new-1 is gone"),
    Edge(P.BAKING, P.JUDGING, moved(), {"watch": ready(losses=1, lost="new-1 is gone")}),
    # --- finishing
    Edge(P.FINISHING, P.PROVING, moved(), {"watch": ready()}),
    Edge(P.FINISHING, P.TURNING_BACK, moved(deployment=TURNING)),
    Edge(P.FINISHING, P.ROLLING_BACK, moved(), {"watch": ready(samples=samples("-"))}),
    Edge(
        P.FINISHING,
        E.NEEDS_OPERATOR,
        moved(todo={Verb.FINISH: ("UpdateService",)}),
        REFUSED,
        says="proven, but could not be finished",
    ),
    # --- proving
    Edge(P.PROVING, E.LIVE, moved(), {"watch": ready()}, says="is live on 2 targets"),
    Edge(P.PROVING, P.TURNING_BACK, moved(deployment=TURNING)),
    Edge(P.PROVING, P.ROLLING_BACK, moved(), {"watch": ready(samples=samples(*"+-"))}),
    # --- the way back
    Edge(P.TURNING_BACK, P.ROLLING_BACK, seen(deployment=deployment(Movement.TURNED_BACK)), BACK),
    Edge(P.ROLLING_BACK, P.VERIFYING, seen(), BACK),
    Edge(P.ROLLING_BACK, E.REMOVED, seen(exists=False, targets=(), serving=""), {**BACK, **FIRST, **GONE}),
    Edge(
        P.ROLLING_BACK, P.START, seen(exists=False, targets=(), serving=""), {**BACK, **FIRST, **GONE, "homing": True}
    ),
    Edge(P.ROLLING_BACK, E.NEEDS_OPERATOR, moved(back_to=""), {**BACK, "previous": ""}, says="nothing to go back to"),
    Edge(P.VERIFYING, E.ROLLED_BACK, seen(), {**BACK, "watch": ready(samples=samples(*"+++", release="old"))}),
    Edge(
        P.VERIFYING,
        P.START,
        seen(),
        {**BACK, "homing": True, "watch": ready(samples=samples(*"+++", release="old"))},
    ),
    # --- removal
    Edge(P.REMOVING, E.REMOVED, seen(exists=False, targets=()), GONE, plan(remove=True), says="removed as asked for"),
]
