# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ready-made plans, snapshots and states for the engine's tests; "old" serves, "new" is wanted, it is second 100."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.greenlight.serving.plugins.module_utils._engine.decide import decide
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Command,
    Deployment,
    Heard,
    Look,
    Movement,
    Observation,
    Plan,
    Record,
    Release,
    Save,
    Target,
    Timing,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import Phase
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Pace, State, Watch
from ansible_collections.greenlight.serving.plugins.module_utils._engine.verdict import (
    FAIL,
    INCONCLUSIVE,
    PASS,
    Gate,
    Sample,
)

NOW = 100.0
PLAN = Plan(
    service="svc",
    platform="ecs",
    release=Release("new", "digits:2"),
    strategy="rolling",
    gate=Gate(interval=1.0, count=3, failure_limit=0, error_limit=5, deadline=60.0),
    timing=Timing(
        deadline=600.0, rollback_deadline=300.0, min_ready=10.0, bake=20.0, poll=2.0, backoff=1.0, settle=5.0
    ),
    rollout_id="r1",
    started_by="ann",
    started_at="2026-01-01T00:00:00Z",
    mover="ECS",
)
UNFINISHED = {"rollout_id": "r0", "from": "old", "to": "new", "phase": "moving", "before": "", "first": "no"}


def plan(**changes: Any) -> Plan:
    return replace(PLAN, **changes)


def targets(release: str, state: str = "healthy", count: int = 2, zone: str = "a") -> tuple[Target, ...]:
    return tuple(Target(f"{release}-{n}", release, state, zone=zone) for n in range(count))


def deployment(movement: Movement, **changes: Any) -> Deployment:
    return replace(Deployment("d1", "new", movement, threshold=3), **changes)


def other(release: str, by: str = "greenlight") -> Deployment:
    return Deployment("d9", release, Movement.MOVING, by=by)


def seen(**changes: Any) -> Observation:
    """The old release serves alone on two targets, unless something is said."""
    base = Observation(at=NOW, exists=True, serving="old", desired=2, targets=targets("old"), back_to="old")
    return replace(base, **changes)


def moved(**changes: Any) -> Observation:
    """The new release serves alone on two targets."""
    base = seen(serving="new", targets=targets("new"), deployment=deployment(Movement.MOVED))
    return replace(base, **changes)


def record(**changes: Any) -> Record:
    return replace(Record("svc", generation=3, live="old", last_good="older"), **changes)


def samples(*outcomes: str, release: str = "new", at: float = NOW) -> tuple[Sample, ...]:
    names = {"+": PASS, "-": FAIL, "?": INCONCLUSIVE}
    return tuple(Sample(at, "production", names[outcome], "said so", release) for outcome in outcomes)


def state(phase: Phase, **changes: Any) -> State:
    """A run that began at second 0, entered `phase` at second 50 and took its snapshot just now."""
    begun = phase is not Phase.START
    base = State(
        phase=phase,
        started=0.0,
        entered=50.0,
        record=record(unfinished=UNFINISHED) if begun else record(),
        aim="new",
        rollout_id="r1",
        loaded=True,
        previous="old",
        pace=Pace(looked=NOW, calls=1 if begun else 0),
        watch=Watch(since=50.0, next_probe=NOW + 1),
        trail=(phase,),
        back_since=60.0 if phase in (Phase.TURNING_BACK, Phase.ROLLING_BACK, Phase.VERIFYING) else None,
    )
    return replace(base, **changes)


def ready(**changes: Any) -> Watch:
    """Both new targets healthy since second 60, three right answers."""
    base = Watch(
        since=50.0,
        next_probe=NOW + 1,
        samples=samples(*"+++"),
        ready=frozenset({"new-0", "new-1"}),
        ready_since=60.0,
        ready_seen=NOW,
    )
    return replace(base, **changes)


def step(
    state: State, seen: Observation | None, heard: Heard | None = None, plan: Plan = PLAN, now: float = NOW
) -> tuple[State, Command]:
    """One decision; the store takes every record, and another look shows the same."""
    state, command = decide(plan, state, seen, heard or Heard(), now)
    for _ignored in range(8):
        if not isinstance(command, Save | Look):
            break
        state, command = decide(plan, state, seen, Heard(), now)
    return state, command
