# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promote, pause, resume and abort from another shell: done first, then answered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine import lease, locking
from ansible_collections.greenlight.serving.plugins.module_utils._engine.decide import decide
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Answer,
    Call,
    Heard,
    Outcome,
    ReadRequest,
    Request,
    Save,
    Stop,
    Verb,
    Wait,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import Phase
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Saving, State
from tests.unit.plugins.module_utils._engine import cases, held
from tests.unit.plugins.module_utils._engine.cases import NOW, record, seen
from tests.unit.plugins.module_utils._engine.held import CANARY, at_hold, hold, judged

ASKED = Request("svc", "q1", "abort", rollout_id="r1", by="bob", reason="wrong model", version="v3")
CLOSING = Saving(record(), Stop("live", "done"), NOW)
STEP = record(unfinished={**cases.UNFINISHED, "step": "0"})


def test_it_is_looked_for_every_few_seconds_and_only_while_something_moves() -> None:
    state = held.state(Phase.HOLDING, listened=NOW - 5.0)
    state, command = decide(CANARY, state, at_hold(), Heard(), NOW)
    assert (command, state.listened) == (ReadRequest(), NOW)
    for phase in (Phase.CHECKING, Phase.DISARMING, Phase.REMOVING):
        _state, command = decide(
            CANARY, held.state(phase, listened=0.0, findings=(), closing=CLOSING), at_hold(), Heard(), NOW
        )
        assert command != ReadRequest()
    _state, command = cases.step(held.state(Phase.HOLDING, listened=0.0), at_hold(), plan=held.plan(listen=0.0))
    assert command != ReadRequest()


def ask(phase: Phase, request: Request, **changes: Any) -> tuple[State, Any]:
    """The request was read; gives what is done about it."""
    state = held.state(phase, listened=NOW, **changes)
    state = replace(state, asked=ReadRequest())
    return decide(CANARY, state, at_hold(), Heard(request=request), NOW)


def test_abort_takes_the_release_back_and_is_answered_after_it_is_written() -> None:
    state, command = ask(Phase.HOLDING, ASKED)
    assert isinstance(command, Save)
    assert command.record.unfinished["cause"] == "aborted by bob: wrong model"
    assert command.record.unfinished["rejects"] == "no"
    state, command = decide(CANARY, state, at_hold(), Heard(), NOW)
    assert command == Answer(replace(ASKED, answer="the release is taken back"))
    state, command = decide(CANARY, state, at_hold(), Heard(), NOW)
    assert command == Call(Verb.ROLL_BACK, "aborted by bob: wrong model")


@pytest.mark.parametrize(
    "request_",
    [replace(ASKED, rollout_id="r0"), replace(ASKED, answer="done"), replace(ASKED, action=""), Request("svc")],
    ids=["another rollout", "answered", "no request", "nothing"],
)
def test_what_is_not_for_us_is_left_alone(request_: Request) -> None:
    state, command = ask(Phase.HOLDING, request_, watch=judged(samples=()))
    assert state.request is None
    assert not isinstance(command, Answer | Save)


def test_pause_is_remembered_and_waits_at_the_hold() -> None:
    state, command = ask(Phase.HOLDING, replace(ASKED, action="pause", reason="lunch"), hold=hold(passed=60.0))
    assert isinstance(command, Save)
    assert command.record.unfinished["paused"] == "paused by bob: lunch"
    state, command = decide(CANARY, state, at_hold(), Heard(), NOW)
    assert isinstance(command, Answer)
    assert command.request.answer == "it waits at this or the next hold"
    state, command = decide(CANARY, state, at_hold(), Heard(), NOW)
    assert state.phase is Phase.PAUSING


def test_resume_ends_a_pause_that_was_asked_for() -> None:
    state, command = ask(
        Phase.PAUSING, replace(ASKED, action="resume"), hold=hold(passed=60.0), paused="paused by bob: lunch"
    )
    assert isinstance(command, Save)
    assert "paused" not in command.record.unfinished
    state, command = ask(Phase.PAUSING, replace(ASKED, action="resume"), hold=hold(passed=60.0))
    assert state.request is not None
    assert state.request.answer == "nothing was paused"


def test_promote_is_for_the_gate_that_was_seen() -> None:
    promote = replace(ASKED, action="promote", step="0")
    state, command = ask(Phase.PAUSING, promote, record=STEP, hold=hold(passed=60.0), paused="paused by bob: x")
    assert isinstance(command, Save)
    assert command.record.unfinished["promoted"] == "bob: wrong model"
    state, command = ask(Phase.PAUSING, replace(promote, step="10"), record=STEP, hold=hold(passed=60.0), paused="x")
    assert isinstance(command, Answer)
    assert command.request.answer == "it was for another gate: the rollout stands at 0 % now"
    assert state.promoted == ""


def test_rolling_has_no_hold_to_wait_at_but_can_be_aborted() -> None:
    plan = replace(cases.PLAN, listen=5.0)
    for action, answer in (("pause", "rolling has no hold"), ("abort", "the release is taken back")):
        state = cases.state(Phase.BAKING, listened=NOW)
        state = replace(state, asked=ReadRequest())
        state, _command = decide(plan, state, seen(), Heard(request=replace(ASKED, action=action)), NOW)
        assert state.request is not None
        assert state.request.answer.startswith(answer)


@pytest.mark.parametrize("action", ["abort", "pause", "promote"])
def test_on_the_way_back_there_is_nothing_left_to_ask_for(action: str) -> None:
    _state, command = ask(Phase.ROLLING_BACK, replace(ASKED, action=action))
    assert isinstance(command, Answer)
    assert command.request.answer == "the release is on its way back already"


def test_an_answer_that_can_not_be_written_holds_nothing_up() -> None:
    state, command = ask(Phase.ROLLING_BACK, ASKED)
    for _ignored in range(2):
        state, command = decide(CANARY, state, at_hold(), Heard(Outcome.TURNED_AWAY, "SlowDown"), NOW)
        assert isinstance(command, Answer)
    state, command = decide(CANARY, state, at_hold(), Heard(Outcome.TURNED_AWAY, "SlowDown"), NOW)
    assert state.request is None
    assert command == Call(Verb.ROLL_BACK, "asked for")


def test_a_promotion_is_kept_until_the_hold_is_entered() -> None:
    state, command = ask(Phase.MOVING, replace(ASKED, action="promote", step="0"), armed=False)
    assert not isinstance(command, Answer)
    assert state.request is None


def test_an_abort_of_what_is_taken_home_begins_nothing_anew() -> None:
    state, _command = ask(Phase.ROLLING_BACK, ASKED, homing=True)
    assert state.homing is False
    assert state.cause is not None
    assert state.cause.text == "aborted by bob: wrong model"


LEFT = record(unfinished={**cases.UNFINISHED, "rollout_id": "r0"})  # to "new", which left nothing: "old" serves


def unread(**changes: Any) -> State:
    return cases.state(Phase.START, record=LEFT, started=0.0, **changes)


def test_what_was_asked_of_a_rollout_that_left_nothing_is_read_before_its_record_is_cleared() -> None:
    plan = cases.plan(listen=5.0, on_unfinished="roll_back")
    state, command = cases.step(unread(), cases.seen(), plan=plan)
    assert (command, state.rollout_id) == (ReadRequest(), "r0")
    asked = replace(ASKED, rollout_id="r0")
    state, command = decide(plan, state, cases.seen(), Heard(request=asked), NOW)
    assert isinstance(command, Save)
    assert command.record.unfinished["cause"] == "aborted by bob: wrong model"
    state, command = decide(plan, state, cases.seen(), Heard(), NOW)
    assert command == Answer(replace(asked, answer="the release is taken back"))
    assert (state.phase, state.homing) == (Phase.ROLLING_BACK, False)  # and then it ends: nothing is begun anew


def test_an_abort_of_another_release_than_the_wanted_one_does_not_keep_that_from_beginning() -> None:
    plan = cases.plan(listen=5.0, on_unfinished="roll_back")
    other = replace(LEFT, unfinished={**LEFT.unfinished, "to": "dead"})
    state, command = cases.step(cases.state(Phase.START, record=other), cases.seen(), plan=plan)
    assert command == ReadRequest()
    state, _command = decide(plan, state, cases.seen(), Heard(request=replace(ASKED, rollout_id="r0")), NOW)
    assert (state.homing, state.aim) == (True, "dead")


@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.REFUSED])
def test_where_nothing_was_asked_the_run_begins_afresh(outcome: Outcome) -> None:
    plan = cases.plan(listen=5.0, on_unfinished="roll_back")
    state, _command = cases.step(unread(), cases.seen(), plan=plan)
    state, command = decide(plan, state, cases.seen(), Heard(outcome), NOW)
    assert isinstance(command, Save)
    assert command.record.unfinished == {}


def test_a_request_that_can_not_be_read_is_read_again() -> None:
    plan = cases.plan(listen=5.0, on_unfinished="roll_back")
    state, _command = cases.step(unread(), cases.seen(), plan=plan)
    state, command = decide(plan, state, cases.seen(), Heard(Outcome.UNKNOWN, "timed out"), NOW)
    assert isinstance(command, Wait)
    _state, command = cases.step(replace(state, listened=NOW - 2.0), cases.seen(), plan=plan)
    assert command == ReadRequest()


@pytest.mark.parametrize("action", ["promote", "pause", "resume"])
def test_nothing_but_an_abort_can_be_asked_of_what_left_nothing(action: str) -> None:
    plan = cases.plan(listen=5.0, on_unfinished="roll_back")
    state, _command = cases.step(unread(), cases.seen(), plan=plan)
    asked = replace(ASKED, rollout_id="r0", action=action)
    _state, command = decide(plan, state, cases.seen(), Heard(request=asked), NOW)
    assert command == Answer(replace(asked, answer="the rollout left nothing behind"))


def test_without_the_lock_no_request_is_read_for_it_could_not_be_answered() -> None:
    plan = cases.plan(
        listen=5.0, on_unfinished="roll_back", lock=lease.begin(lease.Lease("svc", owner="me"), lease.Terms(60.0))
    )
    state, command = cases.step(unread(lock=locking.begin(plan)), cases.seen(), plan=plan)
    assert state.phase is Phase.LOCKING
    assert command != ReadRequest()
