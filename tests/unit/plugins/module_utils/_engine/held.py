# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A canary of 10 % at the cloud's hold: "old" and "new" both run in full strength, it is second 100."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Chain,
    Heart,
    Heartbeat,
    Held,
    Movement,
    Observation,
    Plan,
    Step,
    Verb,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import Phase
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Hold, Pulse, State, Watch
from tests.unit.plugins.module_utils._engine import cases
from tests.unit.plugins.module_utils._engine.cases import NOW, PLAN, deployment, samples, seen, targets

CANARY = replace(
    PLAN,
    strategy="canary",
    route="test_listener",
    steps=(Step(10, 20.0), Step(100, 30.0)),
    heartbeat=Heartbeat(interval=10.0, window=60.0),
    chain=Chain(hold=600.0),
    listen=5.0,
)
OK = Heart("ok", True, True)
CONTINUE = "ContinueServiceDeployment CONTINUE h1"
PUBLIC = {0: ("old",) * 3, 10: ("new", *["old"] * 9), 100: ("new",) * 3}  # who answered through production
ROLLBACK = "ContinueServiceDeployment ROLLBACK h1"


def plan(**changes: Any) -> Plan:
    return replace(CANARY, **changes)


def at_hold(share: int = 0, **changes: Any) -> Observation:
    """ECS holds; the rule gives `share` percent to the new release."""
    following = {0: 10, 10: 100, 100: 100}[share]
    base = seen(
        deployment=deployment(Movement.MOVING, threshold=0),
        targets=(*targets("old"), *targets("new")),
        share=share,
        held=Held("PRE_PRODUCTION_TRAFFIC_SHIFT", "h1", 500.0, following, share == 100),
        heart=OK,
        todo={Verb.PROCEED: (CONTINUE,), Verb.ROLL_BACK: (ROLLBACK,)},
    )
    return replace(base, **changes)


def hold(share: int = 0, **changes: Any) -> Hold:
    step = next((step for step in CANARY.steps if step.weight == share), Step(0))
    return replace(Hold("h1", step, 50.0, share == 100, right_since=50.0), **changes)


def judged(**changes: Any) -> Watch:
    """Ready for 40 s, three right answers by the test listener, three of the old release through production."""
    base = Watch(
        since=50.0,
        next_probe=NOW + 1,
        samples=samples(*"+++"),
        ready=frozenset({"new-0", "new-1"}),
        ready_since=60.0,
        ready_seen=NOW,
        old_ready=frozenset({"old-0", "old-1"}),
        old_passed=True,
        asked=NOW - 1,
        rounds=6,
        public=("old",) * 3,
    )
    return replace(base, **changes)


def state(phase: Phase, share: int = 0, **changes: Any) -> State:
    """Everything passed at the hold with `share`, unless something is said; the heart beat a moment ago."""
    base: dict[str, Any] = {
        "hold": hold(share),
        "watch": judged(public=PUBLIC[share]),
        "pulse": Pulse(beat=NOW - 1, tried=NOW - 1, first=60.0, beats=3),
        "armed": True,
        "step": share,
        "listened": NOW,
    }
    return cases.state(phase, **{**base, **changes})
