# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""At the cloud's hold: what is missing, what speaks against the release, and when the cloud may go on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine import watch
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Beat,
    Call,
    Held,
    Observation,
    Plan,
    Probe,
    Step,
    Verb,
    Wait,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import Phase
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Hold, State
from tests.unit.plugins.module_utils._engine import cases, held
from tests.unit.plugins.module_utils._engine.cases import NOW, samples, targets
from tests.unit.plugins.module_utils._engine.held import CANARY, CONTINUE, at_hold, hold, judged


def step(
    phase: Phase = Phase.HOLDING,
    seen: Observation | None = None,
    share: int = 0,
    plan: Plan = CANARY,
    now: float = NOW,
    **changes: Any,
) -> tuple[State, Any]:
    return cases.step(held.state(phase, share, **changes), seen or at_hold(share), plan=plan, now=now)


@pytest.mark.parametrize(
    ("share", "following", "last", "wanted"),
    [(0, 10, False, Step(0)), (10, 100, False, Step(10, 20.0)), (100, 100, True, Step(100, 30.0))],
)
def test_the_step_is_what_comes_before_the_next_weight(share: int, following: int, last: bool, wanted: Step) -> None:
    from ansible_collections.greenlight.serving.plugins.module_utils._engine.standing import step_at

    assert step_at(CANARY, Held("s", "h", 9.0, following, last), share) == wanted


def test_a_hold_of_another_plan_is_judged_with_the_longest_bake() -> None:
    from ansible_collections.greenlight.serving.plugins.module_utils._engine.standing import step_at

    assert step_at(CANARY, Held("s", "h", 9.0, 55, False), 33) == Step(33, 30.0)
    assert step_at(held.plan(steps=()), Held("s", "h", 9.0, 100, True), 100) == Step(100, 20.0)


def test_a_leading_step_of_weight_zero_is_the_hold_before_any_user() -> None:
    from ansible_collections.greenlight.serving.plugins.module_utils._engine.standing import step_at

    plan = held.plan(steps=(Step(0, 5.0, pause=True), Step(100)))
    assert step_at(plan, Held("s", "h", 9.0, 100, False), 0) == Step(0, 5.0, pause=True)


def test_passed_and_baked_goes_on_with_the_record_written_first() -> None:
    state, command = step(hold=hold(passed=60.0))
    assert state.trail == (Phase.HOLDING, Phase.PROCEEDING)
    assert command == Call(Verb.PROCEED, "passed at 0 %")
    assert state.pace.asked_call == CONTINUE
    assert state.record.unfinished["phase"] == "proceeding"
    assert "baked" not in state.record.unfinished
    assert state.went == ""


def test_the_last_hold_marks_the_release_as_baked_before_the_word_is_given() -> None:
    state, command = step(share=100, hold=hold(100, passed=60.0))
    assert isinstance(command, Call)
    assert state.record.unfinished["baked"] == "yes"
    assert state.record.unfinished["step"] == "100"


def test_the_bake_counts_from_the_verdict() -> None:
    state, command = step(share=10)
    assert state.hold is not None
    assert state.hold.passed == NOW
    assert isinstance(command, Wait)
    state, command = step(share=10, hold=hold(10, passed=NOW - 19.0), watch=judged(public=("new", *["old"] * 9)))
    assert (type(command), state.phase) == (Wait, Phase.HOLDING)
    state, command = step(share=10, hold=hold(10, passed=NOW - 20.0), watch=judged(public=("new", *["old"] * 9)))
    assert (type(command), state.phase) == (Call, Phase.PROCEEDING)


MISSING = {
    "not ready long enough": {"watch": judged(ready_since=NOW - 9.0)},
    "too few answers": {"watch": judged(samples=samples(*"++"))},
    "the rule is not read as it should be": {"hold": hold(right_since=None)},
}


@pytest.mark.parametrize("changes", MISSING.values(), ids=MISSING)
def test_what_is_missing_is_waited_for(changes: dict[str, Any]) -> None:
    state, command = step(**changes)
    assert state.phase is Phase.HOLDING
    assert state.hold is not None
    assert state.hold.passed is None
    assert isinstance(command, Wait)
    assert "judging before any user" in command.why


def test_with_traffic_the_public_must_have_been_answered_too() -> None:
    _state, command = step(share=100, watch=judged(public=("new", "new")))
    assert "2 of 3 answers through production" in command.why
    _state, command = step(share=10, watch=judged(public=("old",) * 9))
    assert "none of 9 answers through production came from the release yet" in command.why
    _state, command = step(share=10, watch=judged(public=("old",) * 90))
    assert "0 of 90 answers came from the release, though the rule says 10 %" in command.why
    _state, command = step(share=100, watch=judged(public=("new", "new", "old")))
    assert "2 of 3 answers came from the release, though the rule says 100 %" in command.why


def test_bad_luck_at_a_small_share_takes_no_release_back() -> None:
    """Nothing speaks against it: after half of the hold, or as many rounds as would have told, the next step tells."""
    plan = held.plan(chain=replace(CANARY.chain, hold=2 * at_hold(10).held.left))
    state, _command = step(share=10, plan=plan, watch=judged(public=("old",) * 9))
    assert state.hold.passed is not None
    state, _command = step(share=10, watch=judged(public=("old",) * 9, since=NOW - 81 * 2 * CANARY.gate.interval))
    assert state.hold.passed is not None


def test_a_balancer_that_follows_late_is_given_its_time() -> None:
    plan = held.plan(chain=replace(CANARY.chain, propagation=60.0))
    _state, command = step(share=100, plan=plan)
    assert "the load balancer has 10 s more to follow its rule" in command.why
    _state, command = step(share=0, plan=plan, hold=hold(passed=60.0))
    assert isinstance(command, Call)  # nothing was shifted yet


def test_more_traffic_than_the_step_says_takes_it_back_when_two_snapshots_say_so() -> None:
    state, command = step(seen=replace(at_hold(), share=10), hold=hold(over_since=NOW - 4.0, right_since=None))
    assert state.phase is Phase.HOLDING
    state, command = step(seen=replace(at_hold(), share=10), hold=hold(over_since=NOW - 5.0, right_since=None))
    assert command == Call(Verb.ROLL_BACK, "the rule gives the release 10 % of the traffic, and the step is 0 %")


def test_a_release_that_answers_the_public_too_early_goes_back() -> None:
    state, command = step(watch=judged(exposed=True))
    assert state.phase is Phase.ROLLING_BACK
    assert "answered the public though no traffic was given to it" in command.why


def test_losses_count_three_times_before_the_bake_and_twice_in_it() -> None:
    assert step(share=10, watch=judged(losses=2, public=("new", *["old"] * 9)))[0].phase is Phase.HOLDING
    assert step(watch=judged(losses=3))[0].phase is Phase.ROLLING_BACK
    assert step(watch=judged(losses=2), hold=hold(passed=60.0))[0].phase is Phase.ROLLING_BACK


def test_one_loss_in_a_bake_is_forgiven_once_and_judged_anew() -> None:
    state, _command = step(watch=judged(losses=1, lost="new-1 is gone"), hold=hold(passed=60.0))
    assert state.phase is Phase.HOLDING
    assert (state.forgiven, state.watch.losses, state.watch.since) == (True, 0, NOW)
    assert state.hold is not None
    assert state.hold.passed is None
    assert "lost a healthy target: new-1 is gone; forgiven once: judging and baking anew" in state.events[-1].text
    state, _command = step(watch=judged(), forgiven=True)  # passes again: the next loss is the second
    assert state.hold is not None
    assert (state.hold.passed, state.watch.losses) == (NOW, 1)
    state, _command = step(watch=judged(losses=2), forgiven=True, hold=hold(passed=60.0))
    assert state.phase is Phase.ROLLING_BACK


def test_an_inconclusive_gate_goes_back_or_asks_a_person() -> None:
    silent = judged(samples=samples(*"??????"))
    state, command = step(watch=silent)
    assert state.phase is Phase.ROLLING_BACK
    assert state.cause is not None
    assert state.cause.rejects == "proof"
    asking = held.plan(gate=replace(CANARY.gate, inconclusive="pause"))
    state, command = step(watch=silent, plan=asking)
    assert state.phase is Phase.PAUSING
    assert "the gate is inconclusive" in command.why
    state, command = step(Phase.PAUSING, watch=silent, plan=asking, hold=hold(unsure="unsure"), promoted="ann: go")
    assert state.phase is Phase.PROCEEDING


def test_a_hold_without_a_verdict_ends_with_the_gates_deadline() -> None:
    late = judged(samples=(), since=NOW - 70.5)
    assert step(watch=late)[0].phase is Phase.ROLLING_BACK
    assert step(watch=judged(samples=(), since=NOW - 59.0))[0].phase is Phase.HOLDING


@pytest.mark.parametrize(("left", "phase"), [(32.0, Phase.HOLDING), (28.0, Phase.ROLLING_BACK)])
def test_a_hold_that_runs_out_before_the_verdict_is_left_in_time(left: float, phase: Phase) -> None:
    now = at_hold(10)
    assert now.held is not None
    now = replace(now, held=replace(now.held, left=left))
    state, command = step(seen=now, share=10, watch=judged(samples=()))
    assert state.phase is phase  # the bake takes 20 s, the gate 2 s, and 9 s are the margin: 31 s
    if phase is Phase.ROLLING_BACK:
        assert "28 s of the hold are left, and the verdict takes 22 s" in command.why


def test_a_hold_that_is_gone_is_believed_when_a_second_snapshot_says_so() -> None:
    gone = replace(at_hold(), held=None, todo={})
    state, command = step(seen=gone)
    assert (state.phase, type(command)) == (Phase.HOLDING, Wait)
    assert state.hold is not None
    assert state.hold.gone == NOW
    assert step(seen=gone, hold=hold(gone=NOW - 4.9))[0].phase is Phase.HOLDING
    assert step(seen=gone, hold=hold(gone=NOW - 5.0))[0].phase is Phase.MOVING


# ---- a person ------------------------------------------------------------------------------------

PAUSED = {"hold": hold(passed=60.0), "paused": "paused by bob: lunch"}


def test_a_bake_longer_than_the_gates_deadline_is_no_reason_to_go_back() -> None:
    plan = held.plan(steps=(Step(10, 500.0), Step(100)))
    baking = Hold("h1", Step(10, 500.0), -300.0, False, right_since=-300.0, passed=-250.0)
    fine = judged(since=-300.0, public=("new", *["old"] * 9))
    assert step(share=10, plan=plan, hold=baking, watch=fine)[0].phase is Phase.HOLDING
    gap = replace(fine, ready_since=NOW - 2.0)
    state, _command = step(share=10, plan=plan, hold=baking, watch=gap)
    assert state.hold is not None
    assert (state.phase, state.hold.lacking) == (Phase.HOLDING, NOW)
    state, _command = step(share=10, plan=plan, hold=replace(baking, lacking=-800.0), watch=gap)
    assert state.cause is not None
    assert (state.phase, state.cause.rejects) == (Phase.ROLLING_BACK, "no")


def test_a_hold_that_is_seen_again_was_never_gone() -> None:
    state = held.state(Phase.HOLDING, hold=hold(gone=NOW - 30.0))
    state = watch.see(CANARY, state, at_hold(), NOW)
    assert state.hold is not None
    assert state.hold.gone is None


def test_a_share_that_was_read_once_is_read_once_more() -> None:
    _state, command = step(share=10, hold=hold(10, right_since=None))
    assert "the rule's share is 10 %, and is read once more" in command.why
    _state, command = step(share=10, seen=replace(at_hold(10), share=20), hold=hold(10, right_since=None))
    assert "the rule's share is 20 %, and should be 10 %" in command.why


@pytest.mark.parametrize(
    ("share", "changes", "says"),
    [
        (0, {}, "if all of it holds, on to 10 % of the traffic; if not, back to release old"),
        (10, {}, "then a bake of 20 s; if all of it holds, on to 100 % of the traffic; if not, back to"),
        (100, {}, "if all of it holds, the old release may go; if not, back to release old"),
        (10, {"paused": "paused by ann: lunch"}, "a person decides whether it goes on to 100 % of the traffic;"),
        (100, {"first": True, "previous": ""}, "everybody may come; if not, the release is removed"),
    ],
)
def test_who_watches_is_told_where_it_stands_what_is_asked_and_what_follows(
    share: int, changes: dict[str, Any], says: str
) -> None:
    state, _command = step(Phase.MOVING, share=share, hold=None, **changes)
    holds, judging = (event for event in state.events[:2])
    where = "before any user meets the release" if not share else f"at {share} % of the traffic"
    assert holds.who == "ECS"
    assert f"holds {where} (" in holds.text
    assert holds.text.endswith("without our word it goes back by itself in 500 s")
    assert judging.text.startswith("judging it: 3 right answers in a row, every target healthy for 10 s")
    assert says in judging.text


# ---- going on ------------------------------------------------------------------------------------


def test_the_word_is_given_only_while_everything_still_holds() -> None:
    state, _command = step(Phase.PROCEEDING, watch=judged(samples=samples("-"), asked=NOW))
    assert state.phase is Phase.ROLLING_BACK
    state, _command = step(Phase.PROCEEDING, watch=judged(short_since=NOW - 1))
    assert state.phase is Phase.HOLDING


def test_while_the_word_is_turned_away_the_release_is_asked_on() -> None:
    pace = cases.Pace(looked=NOW, asked_call=CONTINUE, tries=1, call_after=NOW + 20.0)
    due = judged(next_probe=NOW)
    state, command = step(Phase.PROCEEDING, watch=due, pace=pace)
    assert (type(command), state.phase) == (Probe, Phase.PROCEEDING)
    state, command = step(Phase.PROCEEDING, watch=judged(next_probe=NOW + 30), pace=replace(pace, call_after=NOW + 1.0))
    assert isinstance(command, Wait)
    assert command.seconds == 1.0
    assert "was turned away" in command.why


def test_a_refused_word_takes_the_release_back() -> None:
    pace = cases.Pace(looked=NOW, asked_call=CONTINUE)
    state, command = step(Phase.PROCEEDING, refused=f"{CONTINUE} was refused: AccessDenied", pace=pace)
    assert state.phase is Phase.ROLLING_BACK
    assert "AccessDenied" in command.why


def test_the_next_hold_is_another_gate_with_the_wrong_answers_still_known() -> None:
    following = replace(at_hold(10), held=Held("PRE", "h2", 300.0, 100, False))
    state, _command = step(Phase.PROCEEDING, seen=following, promoted="ann: fine")
    assert state.trail == (Phase.PROCEEDING, Phase.MOVING, Phase.HOLDING)
    assert state.hold is not None
    assert (state.hold.id, state.hold.step, state.promoted) == ("h2", Step(10, 20.0), "")
    assert state.watch.samples == ()
    assert state.record.unfinished["step"] == "10"


def test_rounds_take_turns_between_the_test_route_and_the_public() -> None:
    routes = []
    for rounds in range(4):
        _state, command = step(watch=judged(samples=(), next_probe=NOW, rounds=rounds))
        assert isinstance(command, Probe | Beat)
        routes.append(command.route if isinstance(command, Probe) else "")
    assert routes == ["test_listener", "production"] * 2


def test_targets_of_both_releases_are_no_mixture_at_a_hold() -> None:
    now = at_hold()
    assert (
        step(seen=replace(now, targets=(*targets("old"), *targets("new"))), hold=hold(passed=60.0))[0].phase
        is Phase.PROCEEDING
    )
