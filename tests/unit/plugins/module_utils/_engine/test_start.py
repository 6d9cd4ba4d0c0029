# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first snapshot: what kind of run it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine import timeline
from ansible_collections.greenlight.serving.plugins.module_utils._engine.decide import begin, decide
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Call,
    Capacity,
    Check,
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
from tests.unit.plugins.module_utils._engine import cases
from tests.unit.plugins.module_utils._engine.cases import (
    NOW,
    PLAN,
    UNFINISHED,
    deployment,
    moved,
    other,
    plan,
    record,
    seen,
    targets,
)

LIVE = record(live="new", last_good="old")
BEGIN = {Verb.BEGIN: ("RegisterTaskDefinition", "UpdateService")}


def start(now=None, *, plan=PLAN, **state):  # type: ignore[no-untyped-def]
    return cases.step(cases.state(Phase.START, **state), now or seen(todo=BEGIN), plan=plan)


def stopped(command: Command, state: str) -> str:
    assert isinstance(command, Stop)
    assert command.state == state
    return command.reason


def test_the_record_is_read_before_the_first_snapshot() -> None:
    state, command = decide(PLAN, begin(PLAN, NOW), None, Heard(), NOW)
    assert isinstance(command, Load)
    state, command = decide(PLAN, state, None, Heard(record=record()), NOW)
    assert isinstance(command, Look)
    assert state.previous == "old"


def test_a_rollout_checks_then_writes_the_record_then_calls() -> None:
    now = seen(todo=BEGIN)
    state, command = cases.step(cases.state(Phase.START), now)
    assert isinstance(command, Check)
    state, command = decide(PLAN, state, now, Heard(), NOW)
    assert isinstance(command, Save)
    assert command.record.unfinished == {
        "rollout_id": "r1",
        "from": "old",
        "to": "new",
        "phase": "configuring",
        "started_at": "2026-01-01T00:00:00Z",
        "started_by": "ann",
        "before": "",
        "first": "no",
        "strategy": "rolling",
    }
    state, command = decide(PLAN, state, now, Heard(), NOW)
    assert command == Call(Verb.BEGIN, "towards the deployment")
    assert state.record.unfinished["to"] == "new"


def test_nothing_to_do_is_unchanged_without_a_word_to_the_store() -> None:
    state, command = decide(PLAN, cases.state(Phase.START, record=LIVE), moved(), Heard(), NOW)
    assert stopped(command, "unchanged") == (
        "svc: digits:2 (new) is live already, nothing to do (after 100 s); "
        "now digits:2 (new) on 2 of 2 targets serves; next: nothing."
    )
    assert not state.changed


@pytest.mark.parametrize("verb", [Verb.CONFIGURE, Verb.BEGIN, Verb.FINISH])
def test_anything_left_to_call_is_no_nothing(verb: Verb) -> None:
    state, _ignored = start(moved(todo={verb: ("ModifyRule",)}), record=LIVE)
    assert state.phase is Phase.CHECKING
    assert state.only_configure is (verb is Verb.CONFIGURE)


def test_drift_that_starts_no_deployment_is_mended_without_a_record() -> None:
    now = moved(todo={Verb.CONFIGURE: ("UpdateService",)}, drift=("grace: 0 -> 60",))
    state, command = cases.step(cases.state(Phase.START, record=LIVE), now)
    assert isinstance(command, Check)
    state, command = decide(PLAN, state, now, Heard(), NOW)
    assert command == Call(Verb.CONFIGURE, "before the deployment")
    assert not state.record.unfinished
    state, _ignored = decide(PLAN, state, now, Heard(message="UpdateService"), NOW)
    after = moved(at=NOW + 1)
    state, command = cases.step(state, after, now=NOW + 1)
    assert "1 field(s) that start no deployment were mended" in stopped(command, "live")
    assert state.changed


def test_a_pinned_service_is_left_alone() -> None:
    pinned = record(pinned="old", pinned_by="bob")
    _ignored, command = start(record=pinned)
    reason = stopped(command, "unchanged")
    assert "release old is pinned by bob, while the inventory wants digits:2 (new)" in reason
    assert "unpin it" in reason
    for change in ({"pin": True}, {"unpin": True}):
        state, _ignored = start(record=pinned, plan=plan(**change))
        assert state.phase is Phase.CHECKING


def test_the_pin_goes_when_the_inventory_agrees() -> None:
    state, command = start(moved(), record=record(live="new", pinned="new", pinned_by="bob"))
    assert "not pinned any more" in stopped(command, "live")
    assert (state.record.pinned, state.record.pinned_by) == ("", "")
    assert state.changed


def test_a_rejected_release_is_refused_with_when_and_why() -> None:
    rejected = record(rejected={"new": "2026-01-01T00:00:00Z: 2 wrong answers"})
    _ignored, command = start(record=rejected)
    reason = stopped(command, "refused")
    assert "was rejected at 2026-01-01T00:00:00Z: 2 wrong answers" in reason
    assert "retry_rejected: true" in reason
    state, _ignored = start(record=rejected, plan=plan(retry_rejected=True))
    assert state.phase is Phase.CHECKING


def test_a_release_that_nobody_called_live_is_judged_with_the_way_back_known() -> None:
    state, _ignored = start(moved())
    assert state.phase is Phase.JUDGING
    assert (state.previous, state.first) == ("old", False)


def test_an_unfinished_rollout_to_a_rejected_release_is_gone_on_with() -> None:
    now = seen(deployment=deployment(Movement.MOVING))
    state, _ignored = start(now, record=record(unfinished=UNFINISHED, rejected={"new": "once"}))
    assert state.phase is Phase.MOVING
    assert state.rollout_id == "r0"


def test_an_unfinished_way_back_is_gone_on_with_and_keeps_its_cause() -> None:
    unfinished = {**UNFINISHED, "phase": "rolling_back", "cause": "wrong answers", "by": "ECS", "rejects": "yes"}
    state, _ignored = start(moved(), record=record(unfinished=unfinished))
    assert state.trail[1] is Phase.ROLLING_BACK
    assert state.cause is not None
    assert (state.cause.text, state.cause.by, state.cause.rejects) == ("wrong answers", "ECS", "yes")


@pytest.mark.parametrize(
    "now",
    [
        moved(serving="old", targets=targets("old")),
        moved(serving="new", other=other("old")),
    ],
)
def test_a_release_that_went_home_unrecorded_is_not_judged_as_new(now) -> None:  # type: ignore[no-untyped-def]
    state, _ignored = start(now, record=record(unfinished=UNFINISHED))
    assert state.trail[1] is Phase.ROLLING_BACK


def test_an_old_deployment_to_the_same_release_is_not_the_unfinished_one() -> None:
    unfinished = {**UNFINISHED, "before": "d1"}
    now = seen(deployment=deployment(Movement.TURNED_BACK), todo=BEGIN)
    state, _ignored = start(now, record=record(unfinished=unfinished), before="d1")
    assert state.phase is Phase.CHECKING


def test_what_the_record_contradicts_is_read_again_before_anything_moves() -> None:
    state = cases.state(Phase.START, record=LIVE, started=NOW - 1)
    _ignored, command = cases.step(state, seen(todo=BEGIN))
    assert isinstance(command, Wait)
    state = cases.state(Phase.START, record=LIVE, started=NOW - 5)
    state, _ignored = cases.step(state, seen(todo=BEGIN))
    assert state.phase is Phase.CHECKING


@pytest.mark.parametrize("known", [True, False])
def test_somebody_elses_deployment_to_our_release_is_not_ours(known: bool) -> None:
    now = seen(deployment=deployment(Movement.MOVING, by="greenlight" if known else "bob"))
    state, command = start(now)
    if known:
        assert state.phase is Phase.MOVING
        assert state.record.unfinished["to"] == "new"
    else:
        assert "bob moves the service" in stopped(command, "needs_operator")


def test_a_removal_that_was_killed_is_not_gone_on_with_by_a_rollout() -> None:
    left = record(unfinished={**UNFINISHED, "phase": "removing"})
    state, _ignored = start(seen(exists=False, targets=(), serving="", todo=BEGIN), record=left)
    assert state.phase is Phase.CHECKING
    assert (state.record.live, state.first) == ("", True)


def test_removing_what_is_not_there_is_unchanged() -> None:
    gone = seen(exists=False, targets=())
    state, command = start(gone, plan=plan(remove=True), record=record(live=""))
    assert "is absent" in stopped(command, "unchanged")
    state, _ignored = start(gone, plan=plan(remove=True))
    assert state.record.live == ""  # what the record still said


def test_check_mode_tells_everything_and_changes_nothing() -> None:
    wanted = plan(check_mode=True, capacity=Capacity(desired=9, maximum_percent=150, zones=2))
    now = seen(todo={**BEGIN, Verb.FINISH: ("ModifyRule",)}, drift=("image: a -> b",))
    state, command = cases.step(cases.state(Phase.START), now, plan=wanted)
    assert isinstance(command, Check)
    state, command = decide(wanted, state, now, Heard(), NOW)
    assert "1 field(s) differ" in stopped(command, "planned")
    text = [f"{event.who}: {event.text}" for event in state.events]
    assert "greenlight: would call UpdateService" in text
    # what is there counts (2), not the 9 of the parameters; 1 is left when one of two zones is lost
    assert (
        "ECS: would move 2 targets in 2 batch(es): 2 to 3 run at any time, "
        "1 serve if the fullest of 2 zone(s) is lost meanwhile"
    ) in text
    assert "greenlight: would take 30 s at the least and 900 s at the most" in text
    assert all(len(line) <= 80 for event in state.events for line in timeline.lines(event))


@pytest.mark.parametrize("unfinished", [UNFINISHED, {**UNFINISHED, "to": "dead"}, {**UNFINISHED, "phase": "removing"}])
def test_check_mode_only_tells_of_what_is_unfinished(unfinished: dict[str, str]) -> None:
    state = cases.state(Phase.START, record=record(unfinished=unfinished))
    state, command = decide(plan(check_mode=True), state, seen(targets=targets("dead")), Heard(), NOW)
    assert "unfinished" in stopped(command, "planned")


def test_arithmetic_that_cannot_work_is_refused_with_the_smallest_value() -> None:
    wanted = plan(capacity=Capacity(desired=1, minimum_percent=100, maximum_percent=150))
    now = seen(exists=False, targets=(), serving="", todo=BEGIN)
    state, _ignored = cases.step(cases.state(Phase.START, record=record(live="")), now, plan=wanted)
    _ignored, command = decide(wanted, state, now, Heard(), NOW)
    reason = stopped(command, "refused")
    assert "deployment.maximum_percent: at least 200" in reason
    assert "nothing was changed" in reason


def test_a_check_that_is_throttled_is_asked_again_later() -> None:
    now = seen(todo=BEGIN)
    state, command = cases.step(cases.state(Phase.START), now)
    state, command = decide(PLAN, state, now, Heard(Outcome.TURNED_AWAY, "slow down"), NOW)
    assert isinstance(command, Wait)
    assert 0.5 <= command.seconds <= 1.0


def test_a_live_release_that_is_deployed_again_goes_back_to_itself() -> None:
    again = moved(deployment=deployment(Movement.MOVING))
    state, _ignored = start(again, record=LIVE, previous="old")
    assert state.phase is Phase.MOVING
    assert (state.previous, state.record.unfinished["from"]) == ("new", "new")
    state, _ignored = start(moved(todo={Verb.CONFIGURE: ("TagResource",)}), record=LIVE, previous="old")
    assert (state.only_configure, state.previous) == (True, "new")


FIRST = {**UNFINISHED, "from": "", "to": "mid", "first": "yes"}


@pytest.mark.parametrize(
    ("changes", "kept"),
    [({}, True), ({"closed": True}, False), ({"serving": ""}, False)],
)
def test_a_first_release_that_was_opened_is_kept_when_another_is_wanted(changes, kept) -> None:  # type: ignore[no-untyped-def]
    now = seen(**{"serving": "mid", "targets": targets("mid"), "todo": BEGIN, **changes})
    state, _ignored = start(now, record=record(live="", last_good="", unfinished=FIRST), first=True, previous="")
    assert (state.record.live == "mid") is kept
    assert (Phase.ROLLING_BACK in state.trail) is not kept
    if kept:
        assert (state.phase, state.previous, state.first) == (Phase.CHECKING, "mid", False)


def test_an_interrupted_start_keeps_the_phase_of_the_run_that_died() -> None:
    removing = record(unfinished={**UNFINISHED, "to": "", "phase": "removing"})
    state, command = cases.step(cases.state(Phase.START, record=removing), seen(), Heard(interrupted=True))
    assert "not for wrong answers" in stopped(command, "interrupted")
    assert state.record.unfinished == {**removing.unfinished, "interrupted": "yes"}


def test_an_unfinished_rollout_to_nothing_is_a_removal() -> None:
    torn = record(unfinished={**UNFINISHED, "to": "", "phase": "start"})
    state, _ignored = start(seen(exists=False, targets=(), serving="", todo=BEGIN), record=torn)
    assert Phase.ROLLING_BACK not in state.trail
    assert state.phase is Phase.CHECKING


def test_under_the_lock_nothing_is_told_twice() -> None:
    todo = seen(todo={Verb.BEGIN: ("UpdateService",)})
    once, _ignored = cases.step(cases.state(Phase.START), todo)
    twice, _ignored = cases.step(replace(once, phase=Phase.START), todo)
    assert twice.events == once.events
    assert len(once.events) >= 1
