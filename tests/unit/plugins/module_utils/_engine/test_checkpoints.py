# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints of a rolling replacement: the cloud waits there for a given time and goes on by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine import pulse, stages, standing, watch
from ansible_collections.greenlight.serving.plugins.module_utils._engine.capacity import in_force, outlook
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Call,
    Capacity,
    Chain,
    Heartbeat,
    Held,
    Movement,
    Observation,
    Plan,
    Probe,
    Step,
    Verb,
    Wait,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import Phase
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Hold, State
from ansible_collections.greenlight.serving.plugins.module_utils._engine.timeline import itinerary, planned
from tests.unit.plugins.module_utils._engine import cases, held
from tests.unit.plugins.module_utils._engine.cases import NOW, samples, targets
from tests.unit.plugins.module_utils._engine.held import OK, at_hold, judged

BACK = ("RollbackInstanceRefresh r1",)
ROLLING = held.plan(
    strategy="rolling",
    route="direct",
    checkpoints=True,
    steps=(Step(50, 20.0), Step(100, 30.0)),
    chain=Chain(hold=600.0, goes_on=True),
)
AT_HALF = Held("checkpoint 50 %", "h1", 300.0, 100, False, 50, 1)


def half(**changes: Any) -> Observation:
    """One of two targets is new: as many as the checkpoint asks for. No rule shifts anything."""
    mixed = (targets("old")[0], targets("new")[0])
    base = replace(at_hold(), targets=mixed, held=AT_HALF, share=None, heart=OK, todo={Verb.ROLL_BACK: BACK})
    return replace(base, **changes)


def step(phase: Phase = Phase.HOLDING, seen: Observation | None = None, **changes: Any) -> tuple[State, Any]:
    known = {
        "hold": Hold("h1", Step(50, 20.0), 50.0, False, right_since=50.0),
        "watch": judged(ready=frozenset({"new-0"}), public=("old", "new", "old")),
        **changes,
    }
    return cases.step(held.state(phase, **known), seen or half(), plan=ROLLING, now=NOW)


def test_the_step_is_the_one_that_the_hold_names() -> None:
    assert standing.step_at(ROLLING, AT_HALF, None) == Step(50, 20.0)
    assert standing.step_at(ROLLING, replace(AT_HALF, weight=34), None) == Step(50, 20.0)  # of a smaller group
    assert standing.step_at(ROLLING, replace(AT_HALF, weight=100, last=True), None) == Step(100, 30.0)


def test_as_many_targets_as_the_checkpoint_asks_for_are_enough() -> None:
    state = step()[0]
    assert standing.lacks(ROLLING, state, half(), NOW)[0] == ""
    assert watch.complete(state, half())
    assert not watch.complete(state, half(held=replace(AT_HALF, targets=2)))
    assert not watch.complete(state, half(targets=(targets("old")[0], targets("new", "initial")[0])))


def test_what_passed_waits_as_long_as_the_cloud_makes_it_and_is_asked_on_meanwhile() -> None:
    passed = Hold("h1", Step(50, 20.0), 50.0, False, right_since=50.0, passed=60.0)
    state, command = step(hold=passed)
    assert state.trail[-1] is Phase.PROCEEDING
    assert isinstance(command, Probe | Wait)
    due = judged(ready=frozenset({"new-0"}), public=("old", "new", "old"), next_probe=NOW)
    assert isinstance(step(Phase.PROCEEDING, hold=passed, watch=due)[1], Probe)
    later = replace(due, next_probe=NOW + 1)
    waiting = step(Phase.PROCEEDING, hold=passed, watch=later)[1]
    assert isinstance(waiting, Wait)
    assert "makes it wait here for 300 s more" in waiting.why


def test_its_time_may_run_out_once_it_passed() -> None:
    passed = Hold("h1", Step(50, 20.0), 50.0, False, right_since=50.0, passed=60.0)
    short = half(held=replace(AT_HALF, left=1.0))
    assert step(Phase.PROCEEDING, short, hold=passed)[0].trail[-1] is Phase.PROCEEDING


def test_without_a_pass_it_goes_back_before_the_cloud_goes_on() -> None:
    wanting = judged(samples=samples(*"++"), ready=frozenset({"new-0"}), public=("old",) * 3)
    state, command = step(seen=half(held=replace(AT_HALF, left=8.0)), watch=wanting)
    assert command == Call(Verb.ROLL_BACK, state.cause.text if state.cause else "")
    assert state.cause is not None
    assert "8 s of the hold are left" in state.cause.text


def test_a_cloud_that_went_on_without_a_pass_is_turned_back() -> None:
    moved = half(held=None)
    waiting = Hold("h1", Step(50, 20.0), 50.0, False, right_since=50.0, gone=NOW - 60)
    state, _ignored = step(seen=moved, hold=waiting)
    assert state.cause is not None
    assert "went on before the release had passed at 50 %" in state.cause.text


def test_what_passed_and_is_judged_again_when_the_cloud_goes_on_is_judged_at_the_next_gate() -> None:
    """A snapshot that came late broke its readiness: no reason to take back what passed and baked."""
    moved = half(held=None)
    passed = Hold("h1", Step(50, 20.0), 50.0, False, right_since=50.0, passed=NOW - 21, gone=NOW - 60)
    state, _ignored = step(seen=moved, hold=passed, watch=judged(ready=frozenset(), public=("old",) * 3))
    assert state.cause is None
    assert (state.trail[-1], state.went) == (Phase.MOVING, "h1")


@pytest.mark.parametrize(
    "changes",
    [
        {"passed": NOW - 19},  # in its bake
        {"frozen": "nobody answers"},
        {"unsure": "the gate is inconclusive"},
        {"step": Step(50, 20.0, pause=True)},
    ],
)
def test_what_did_not_bake_or_waits_for_a_person_is_turned_back_when_the_cloud_goes_on(changes: dict[str, Any]) -> None:
    known = {"right_since": 50.0, "passed": NOW - 21, "gone": NOW - 60, **changes}
    waiting = Hold("h1", known.pop("step", Step(50, 20.0)), 50.0, False, **known)
    state, _ignored = step(seen=half(held=None), hold=waiting)
    assert state.cause is not None
    assert "went on before the release had passed at 50 %" in state.cause.text


def test_what_speaks_against_it_while_the_cloud_makes_it_wait_turns_it_back() -> None:
    passed = Hold("h1", Step(50, 20.0), 50.0, False, right_since=50.0, passed=60.0)
    wrong = judged(samples=samples(*"++-"), ready=frozenset({"new-0"}), asked=NOW)
    state, _ignored = step(Phase.PROCEEDING, hold=passed, watch=wrong)
    assert state.cause is not None
    assert state.cause.rejects == "yes"


def test_the_heart_beats_on_while_the_cloud_takes_its_time_and_stops_with_the_gate_before() -> None:
    passed = Hold("h1", Step(50, 20.0), 50.0, False, right_since=50.0, passed=60.0)
    proceeding, holding = step(Phase.PROCEEDING, hold=passed)[0], step()[0]
    assert pulse.until(ROLLING, proceeding) == proceeding.started + ROLLING.timing.deadline
    assert pulse.until(ROLLING, holding) < pulse.until(ROLLING, proceeding)


def test_between_two_holds_the_calls_that_lead_to_the_next_are_made() -> None:
    call = "DeleteSchedule of 10 %"
    state, command = cases.step(
        held.state(Phase.MOVING, went="h0"), half(held=None, todo={Verb.PROCEED: (call,)}), plan=held.CANARY, now=NOW
    )
    assert command == Call(Verb.PROCEED, "towards the next hold")
    assert state.pace.asked_call == call


# ---- the plan ------------------------------------------------------------------------------------


def test_a_checkpoint_lasts_until_a_dead_controller_is_noticed() -> None:
    least = stages.unattended(ROLLING, ROLLING.steps[1])
    judging = max(ROLLING.timing.min_ready, 0.0) + ROLLING.gate.deadline + 30.0
    assert least == judging + 60.0 + stages.margin(ROLLING)
    assert stages.findings(replace(ROLLING, chain=Chain(hold=least, hold_option="hold_seconds", goes_on=True))) == []
    (short,) = stages.findings(replace(ROLLING, chain=Chain(hold=least - 1, hold_option="hold_seconds", goes_on=True)))
    assert short.field == "hold_seconds"
    assert f"The smallest value that would do: {least:g}." in str(short)


@pytest.mark.parametrize("steps", [(), (Step(0), Step(100)), (Step(50), Step(50)), (Step(50),)])
def test_checkpoints_are_percentages_above_0_that_rise_to_100(steps: tuple[Step, ...]) -> None:
    assert "steps" in [finding.field for finding in stages.findings(replace(ROLLING, steps=steps))]


def test_all_of_every_hold_is_counted_and_the_bounds_of_a_rolling_replacement_hold() -> None:
    assert stages.total(ROLLING) == 1200.0
    assert stages.total(replace(held.CANARY, chain=Chain(hold=600.0, after=750.0))) > 750.0
    room = Capacity(desired=4, minimum_percent=75, maximum_percent=150, zones=2)
    assert in_force(ROLLING, room) == room
    assert outlook(ROLLING, room).least == 3


@pytest.mark.parametrize(
    ("heartbeat", "timer"),
    [(Heartbeat(10.0, 60.0), "when the heartbeat falls silent"), (None, "and NOT for wrong answers")],
)
def test_check_mode_says_what_moves_and_who_holds_the_timer(heartbeat: Heartbeat | None, timer: str) -> None:
    plan: Plan = replace(ROLLING, heartbeat=heartbeat)
    told = "; ".join(text for _ignored, text in planned(plan, half(), Capacity(desired=2)))
    for expected in (
        "would move 2 targets",
        "would hold with 50 % of the targets on the new release, for 600 s",
        timer,
    ):
        assert expected in told
    assert itinerary(plan) == (
        "rolling: judged with 50 % of the targets, then with 100 % of the targets; users meet it meanwhile"
    )


@pytest.mark.parametrize(("starved", "rejects"), [(True, "no"), (False, "yes")])
def test_want_of_room_does_not_reject_a_release(starved: bool, rejects: str) -> None:
    failing = replace(cases.deployment(Movement.MOVING, threshold=0), failures=3, reason="no room", starved=starved)
    state, _ignored = cases.step(held.state(Phase.MOVING), half(held=None, deployment=failing), plan=ROLLING, now=NOW)
    assert state.cause is not None
    assert state.cause.rejects == rejects
