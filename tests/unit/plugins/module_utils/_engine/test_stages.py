# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps, holds, heartbeat and lease are checked against one another before anything moves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.greenlight.serving.plugins.module_utils._engine import lease, stages
from ansible_collections.greenlight.serving.plugins.module_utils._engine.capacity import findings, in_force, outlook
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Capacity,
    Chain,
    Heartbeat,
    Lease,
    Plan,
    Step,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.timeline import planned
from tests.unit.plugins.module_utils._engine import held
from tests.unit.plugins.module_utils._engine.cases import PLAN, seen
from tests.unit.plugins.module_utils._engine.held import CANARY

ROOM = Capacity(desired=6, minimum_percent=50, maximum_percent=150, zones=3)


def test_a_plan_that_fits_has_nothing_wrong() -> None:
    assert stages.findings(CANARY) == []
    assert [step.weight for step in stages.holds(CANARY)] == [0, 10, 100]
    assert [step.weight for step in stages.holds(held.plan(steps=(Step(0, pause=True), Step(100))))] == [0, 100]


WRONG: dict[str, tuple[Plan, str, str]] = {
    "no steps": (held.plan(steps=()), "steps", "none"),
    "not to the end": (held.plan(steps=(Step(10), Step(50))), "steps", "10, 50"),
    "not rising": (held.plan(steps=(Step(50), Step(50), Step(100))), "steps", "50, 50, 100"),
    "users first": (held.plan(route="production"), "route", "production"),
    "a person without a hold": (
        replace(PLAN, gate=replace(PLAN.gate, inconclusive="pause")),
        "gate.inconclusive",
        "pause",
    ),
    "a short hold": (
        held.plan(chain=Chain(hold=48.0, hold_option="hold_timeout", hold_unit=60.0)),
        "hold_timeout",
        "0.8",
    ),
    "a beat between two looks": (held.plan(heartbeat=Heartbeat(3.0, 60.0)), "heartbeat.interval", "3"),
    "one lost beat": (held.plan(heartbeat=Heartbeat(10.0, 19.0)), "heartbeat.window", "19"),
    "a lease shorter than a call": (
        held.plan(lock=lease.begin(Lease("svc", owner="me"), lease.Terms(seconds=20.0, call=35.0))),
        "record.lease",
        "20",
    ),
}


@pytest.mark.parametrize(("plan", "field", "given"), WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_named(plan: Plan, field: str, given: str) -> None:
    found = [(each.field, each.given) for each in stages.findings(plan)]
    assert (field, given) in found


@given(
    bake=st.floats(0, 500),
    interval=st.floats(0.1, 10),
    count=st.integers(1, 30),
    propagation=st.floats(0, 60),
    hold=st.floats(0, 2000),
)
def test_the_smallest_hold_that_would_do_does(
    bake: float, interval: float, count: int, propagation: float, hold: float
) -> None:
    gate = replace(CANARY.gate, interval=interval, count=count)
    plan = held.plan(steps=(Step(10, bake), Step(100)), gate=gate, chain=Chain(hold=hold, propagation=propagation))
    wrong = [each for each in stages.findings(plan) if each.field == "timing.hold"]
    enough = max(stages.needed(plan, step) for step in stages.holds(plan)) + stages.margin(plan)
    assert bool(wrong) == (hold < enough)
    assert not [
        each
        for each in stages.findings(replace(plan, chain=Chain(hold=enough, propagation=propagation)))
        if each.field == "timing.hold"
    ]


def test_holds_run_both_releases_in_full_strength_whatever_rolling_may() -> None:
    assert (in_force(CANARY, ROOM).minimum_percent, in_force(PLAN, ROOM).minimum_percent) == (100, 50)
    view = outlook(CANARY, in_force(CANARY, ROOM))
    assert (view.least, view.most, view.left) == (6, 12, 4)
    assert findings(CANARY, replace(ROOM, required=4)) == []
    assert [each.field for each in findings(CANARY, replace(ROOM, required=5))] == ["desired_count"]


def test_the_deadline_must_hold_all_steps() -> None:
    late = held.plan(timing=replace(CANARY.timing, deadline=75.0))
    found = next(each for each in findings(late, ROOM) if each.field == "timing.deadline")
    assert found.mend == f"The smallest value that would do: {stages.total(CANARY):g}."


def test_check_mode_tells_every_hold() -> None:
    plan: Any = held.plan(steps=(Step(10, 20.0, pause=True), Step(100, 30.0)))
    assert planned(plan, seen(todo={}), ROOM) == [
        ("greenlight", "would arm the heartbeat alarm: ECS rolls back after 60 s of silence"),
        ("ECS", "would run 6 new targets beside 6 old ones, 4 serve if the fullest of 3 zone(s) is lost meanwhile"),
        ("ECS", "would hold before any user meets it, for 600 s at the most"),
        (
            "greenlight",
            "would judge there: every target healthy for 10 s, 3 right answers in a row by test_listener and through "
            "production",
        ),
        ("ECS", "would hold with 10 % of the traffic on the new release, for 600 s at the most"),
        (
            "greenlight",
            "would judge there: every target healthy for 10 s, 3 right answers in a row by test_listener and through "
            "production, then bake for 20 s, then wait for a person to promote it",
        ),
        ("ECS", "would hold with 100 % of the traffic on the new release, for 600 s at the most"),
        (
            "greenlight",
            "would judge there: every target healthy for 10 s, 3 right answers in a row by test_listener and through "
            "production, then bake for 30 s",
        ),
        (
            "ECS",
            "would roll back by itself when a hold's time is over without our word, also when nobody runs any more",
        ),
        ("greenlight", "would take 80 s at the least and 900 s at the most"),
    ]
