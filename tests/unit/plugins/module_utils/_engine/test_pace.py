# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking and hearing: nothing is repeated blindly, and nobody is asked faster for having said no."""

from __future__ import annotations

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine.decide import begin, decide
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Call,
    Command,
    Heard,
    Load,
    Look,
    Movement,
    Outcome,
    Save,
    Stop,
    Verb,
    Wait,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import Phase
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Pace, State
from tests.unit.plugins.module_utils._engine import cases
from tests.unit.plugins.module_utils._engine.cases import NOW, PLAN, deployment, moved, record, seen

WANTS = seen(todo={Verb.BEGIN: ("UpdateService",)})


def called(outcome: Outcome, at: float = NOW) -> State:
    """BEGINNING, right after UpdateService was answered so."""
    state, command = cases.step(cases.state(Phase.BEGINNING), WANTS)
    assert isinstance(command, Call)
    state, command = decide(PLAN, state, WANTS, Heard(outcome, "said so"), at)
    return state


def next_after(state: State, seconds: float) -> Command:
    """The command once a snapshot of so many seconds later still asks for the call."""
    at = NOW + seconds
    later = cases.replace(WANTS, at=at)
    state = cases.replace(state, pace=cases.replace(state.pace, looked=at), asked=Look())
    return decide(PLAN, state, later, Heard(), at)[1]


@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.UNKNOWN])
def test_a_call_that_may_have_worked_is_read_back_before_it_is_made_again(outcome: Outcome) -> None:
    state = called(outcome)
    assert state.changed
    assert state.pace.fence == NOW
    assert isinstance(next_after(state, 4.9), Wait)
    assert isinstance(next_after(state, 5.0), Call)


def test_a_snapshot_begun_before_the_call_came_back_is_not_looked_at() -> None:
    _ignored, command = cases.step(cases.state(Phase.BEGINNING), WANTS)
    state, _ignored = cases.step(cases.state(Phase.BEGINNING), WANTS)
    state, command = decide(PLAN, state, WANTS, Heard(message="UpdateService"), NOW + 1)
    assert isinstance(command, Look)


def test_the_second_repetition_waits_twice_as_long() -> None:
    state = called(Outcome.UNKNOWN)
    state = cases.replace(state, pace=cases.replace(state.pace, made=(cases.replace(state.pace.made[0], times=2),)))
    assert isinstance(next_after(state, 9.9), Wait)
    assert isinstance(next_after(state, 10.0), Call)


def test_a_call_that_was_turned_away_backs_off_and_changed_nothing() -> None:
    state = called(Outcome.TURNED_AWAY)
    assert not state.changed
    assert not state.pace.made
    pauses = []
    for tries in range(8):
        again = cases.replace(state, pace=cases.replace(state.pace, tries=tries), asked=Call(Verb.BEGIN, ""))
        after, _ignored = decide(PLAN, again, WANTS, Heard(Outcome.TURNED_AWAY, "slow"), NOW)
        pauses.append(after.pace.call_after - NOW)
    for tries, pause in enumerate(pauses):
        full = min(30.0, 2.0**tries)
        assert full / 2 <= pause <= full
    assert len({pause / min(30.0, 2.0**tries) for tries, pause in enumerate(pauses)}) == 8  # the jitter


def test_snapshots_no_older_than_one_poll() -> None:
    state = cases.state(Phase.MOVING, pace=Pace(looked=NOW - 2))
    _ignored, command = cases.decide(PLAN, state, seen(), Heard(), NOW)
    assert isinstance(command, Look)


@pytest.mark.parametrize("outcome", [Outcome.TURNED_AWAY, Outcome.UNKNOWN, Outcome.REFUSED])
def test_reads_that_fail_back_off_and_decide_nothing(outcome: Outcome) -> None:
    state = cases.state(Phase.MOVING, pace=Pace(looked=NOW - 2), asked=Look())
    state, command = decide(PLAN, state, seen(), Heard(outcome, "said so"), NOW)
    assert isinstance(command, Wait)
    assert "can't be read" in command.why
    assert (state.pace.blind, state.phase) == (1, Phase.MOVING)


@pytest.mark.parametrize(("phase", "end"), [(Phase.START, "refused"), (Phase.MOVING, "needs_operator")])
def test_reads_that_stay_refused_end_the_run(phase: Phase, end: str) -> None:
    state = cases.state(phase, pace=Pace(looked=NOW - 2, denied=4), asked=Look())
    _ignored, command = decide(PLAN, state, seen(), Heard(Outcome.REFUSED, "ExpiredToken"), NOW)
    assert isinstance(command, Stop)
    assert command.state == end
    assert "ExpiredToken" in command.reason


def test_blind_past_the_deadline_the_way_back_begins_and_then_a_person_is_asked() -> None:
    state = cases.state(Phase.MOVING, pace=Pace(looked=10.0), asked=Look())
    state, command = decide(PLAN, state, seen(at=10.0), Heard(Outcome.UNKNOWN, "reset"), 601.0)
    assert isinstance(command, Save)
    state, command = decide(PLAN, state, seen(at=10.0), Heard(), 601.0)
    assert state.phase is Phase.ROLLING_BACK
    assert isinstance(command, Wait)  # never a call on what was seen ten minutes ago
    state, command = decide(PLAN, state, seen(at=10.0), Heard(), 902.0)
    assert isinstance(command, Stop)
    assert command.state == "needs_operator"


def saving(outcome: Outcome, needed: bool, **changes: object) -> tuple[State, Command]:
    """What follows a save with this answer: of the record before the first call, or of the way back."""
    if needed:
        state = cases.state(Phase.CHECKING, findings=(), record=record(), changed=False)
        now = WANTS
    else:
        state = cases.state(Phase.MOVING, watch=cases.ready(samples=cases.samples("-")), changed=True)
        now = seen(deployment=deployment(Movement.MOVING), todo={Verb.ROLL_BACK: ("StopServiceDeployment",)})
    state, command = decide(PLAN, cases.replace(state, **changes), now, Heard(), NOW)
    assert isinstance(command, Save)
    return decide(PLAN, state, now, Heard(outcome, "said so"), NOW)


def test_no_call_before_the_record_is_written() -> None:
    for outcome in (Outcome.TURNED_AWAY, Outcome.UNKNOWN):
        state, command = saving(outcome, needed=True)
        assert isinstance(command, Wait)
        state, command = decide(PLAN, state, WANTS, Heard(), NOW + 1)
        assert isinstance(command, Save)
    _ignored, command = saving(Outcome.REFUSED, needed=True)
    assert isinstance(command, Stop)
    assert command.state == "refused"


def test_a_store_that_is_down_holds_up_no_way_back() -> None:
    for outcome in (Outcome.TURNED_AWAY, Outcome.UNKNOWN, Outcome.REFUSED):
        _ignored, command = saving(outcome, needed=False)
        assert command == Call(Verb.ROLL_BACK, "the new release answers wrongly: 1 wrong answer, 0 forgiven: said so")


@pytest.mark.parametrize("needed", [True, False])
def test_a_record_that_somebody_else_wrote_ends_every_run(needed: bool) -> None:
    _ignored, command = saving(Outcome.TAKEN, needed)
    assert isinstance(command, Stop)
    assert command.state == ("refused" if needed else "needs_operator")
    assert "somebody else wrote the record" in command.reason


def test_the_load_is_tried_again_and_interruption_ends_it() -> None:
    state, command = decide(PLAN, begin(PLAN, NOW), None, Heard(), NOW)
    state, command = decide(PLAN, state, None, Heard(Outcome.UNKNOWN, "reset"), NOW)
    assert isinstance(command, Wait)
    again, command = decide(PLAN, state, None, Heard(), NOW + 1)
    assert isinstance(command, Load)
    _ignored, command = decide(PLAN, state, None, Heard(interrupted=True), NOW)
    assert isinstance(command, Stop)
    assert command.state == "interrupted"
    assert again.phase is Phase.START


def test_the_call_at_hand_is_heard_before_an_interrupted_run_ends() -> None:
    state, command = cases.step(cases.state(Phase.BEGINNING), WANTS)
    assert isinstance(command, Call)
    state, command = decide(PLAN, state, WANTS, Heard(message="UpdateService", interrupted=True), NOW)
    assert isinstance(command, Save)
    assert command.record.unfinished["interrupted"] == "yes"
    state, command = decide(PLAN, state, WANTS, Heard(Outcome.UNKNOWN, "reset"), NOW)
    assert isinstance(command, Stop)
    assert command.state == "interrupted"
    assert state.changed


def test_only_the_clouds_new_messages_are_told() -> None:
    state = cases.state(Phase.MOVING, pace=Pace(looked=0.0), asked=Look())
    state, _ignored = decide(PLAN, state, moved(events=("one",)), Heard(), NOW)
    state = cases.replace(state, asked=Look())
    state, _ignored = decide(PLAN, state, moved(events=("one", "two")), Heard(), NOW)
    assert [event.text for event in state.events if event.who == "ECS" and event.text in ("one", "two")] == ["two"]
