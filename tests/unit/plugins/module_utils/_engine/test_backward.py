# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back: what serves again, whether that was verified, and what is remembered of the bad release."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine.decide import decide
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Call,
    Heard,
    Movement,
    Outcome,
    Probe,
    Stop,
    Verb,
    Wait,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import Phase
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Cause, Made, Pace
from tests.unit.plugins.module_utils._engine import cases
from tests.unit.plugins.module_utils._engine.cases import (
    NOW,
    PLAN,
    deployment,
    moved,
    other,
    plan,
    ready,
    samples,
    seen,
    targets,
)

WRONG = Cause("it answers wrongly", rejects="yes")
OLD_PASSED = ready(samples=samples(*"+++", release="old"))


def back(phase: Phase, now, cause: Cause = WRONG, plan=PLAN, **state):  # type: ignore[no-untyped-def]
    return cases.step(cases.state(phase, cause=cause, **state), now, plan=plan)


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(seen(serving="new"), id="the-cloud-says-otherwise"),
        pytest.param(seen(targets=(*targets("old"), *targets("new", "draining", 1))), id="a-bad-target-drains"),
        pytest.param(seen(targets=(*targets("old"), *targets("new", "unregistered", 1))), id="a-bad-task-runs"),
        pytest.param(seen(targets=targets("old", count=1)), id="too-few"),
        pytest.param(seen(targets=(*targets("old"), *targets("", count=1))), id="somebody-unknown-serves"),
        pytest.param(seen(targets=targets("old", "unhealthy")), id="not-healthy"),
        pytest.param(seen(other=other("old")), id="still-moving"),
        pytest.param(seen(deployment=deployment(Movement.TURNING_BACK)), id="still-turning"),
        pytest.param(seen(exists=False, targets=()), id="nothing-there"),
    ],
)
def test_what_is_not_home(now) -> None:  # type: ignore[no-untyped-def]
    state, command = back(Phase.ROLLING_BACK, now)
    assert state.phase is Phase.ROLLING_BACK
    assert isinstance(command, Wait)


def test_a_snapshot_too_close_to_the_last_call_proves_nothing() -> None:
    made = (Made(Verb.ROLL_BACK, "UpdateService old", NOW - 4),)
    state, _ignored = back(Phase.ROLLING_BACK, seen(), pace=Pace(looked=NOW, made=made))
    assert state.phase is Phase.ROLLING_BACK
    made = (Made(Verb.ROLL_BACK, "UpdateService old", NOW - 5),)
    state, _ignored = back(Phase.ROLLING_BACK, seen(), pace=Pace(looked=NOW, made=made))
    assert state.phase is Phase.VERIFYING


@pytest.mark.parametrize(
    ("outcomes", "verified", "rejected"),
    [(["+", "+", "+"], True, True), (["-"], False, True), (["?"] * 6, False, True)],
)
def test_rolled_back_says_whether_it_was_verified(outcomes, verified, rejected) -> None:  # type: ignore[no-untyped-def]
    watch = ready(samples=samples(*outcomes, release="old"))
    state, command = back(Phase.VERIFYING, seen(), watch=watch)
    assert isinstance(command, Stop)
    assert command.state == "rolled_back"
    assert state.verified is verified
    assert ("NOT verified" in command.reason) is not verified
    assert ("new" in state.record.rejected) is rejected
    assert (state.record.live, state.record.last_good, state.record.unfinished) == ("old", "older", {})


@pytest.mark.parametrize(
    ("rejects", "passes", "rejected"),
    [
        ("no", "+++", False),
        ("yes", "+++", True),
        ("proof", "+++", True),
        ("proof", "-", True),  # the old one answers, if wrongly: the silence was the new one's own
        ("proof", "??????", False),
    ],
)
def test_a_release_is_rejected_only_for_what_it_did(rejects: str, passes: str, rejected: bool) -> None:
    watch = ready(samples=samples(*passes, release="old"))
    state, _ignored = back(Phase.VERIFYING, seen(), cause=Cause("something", rejects=rejects), watch=watch)
    assert ("new" in state.record.rejected) is rejected
    if rejected:
        assert state.record.rejected["new"] == "2026-01-01T00:00:00Z: something"


def test_an_answer_of_the_bad_release_verifies_nothing() -> None:
    state = cases.state(Phase.VERIFYING, cause=WRONG, watch=ready(samples=()))
    state = cases.replace(state, asked=Probe("production", "old"))
    state, command = cases.step(state, seen(), Heard(samples=samples(*"+++", release="new")))
    assert isinstance(command, Wait)
    assert all(sample.reason == "release new still answers" for sample in state.watch.samples)


def test_an_unmarked_answer_after_the_way_back_is_the_previous_ones() -> None:
    state = cases.state(Phase.VERIFYING, cause=WRONG, watch=ready(samples=()))
    state = cases.replace(state, asked=Probe("production", "old"))
    state, command = cases.step(state, seen(), Heard(samples=samples(*"+++", release="")))
    assert isinstance(command, Stop)
    assert state.verified is True


def test_verifying_waits_for_full_strength() -> None:
    state, command = back(Phase.VERIFYING, seen(targets=targets("old", count=1)), watch=OLD_PASSED)
    assert isinstance(command, Wait)
    assert state.phase is Phase.VERIFYING


def test_the_cause_names_the_cloud_when_it_turned_back() -> None:
    cause = Cause("ECS ended the deployment (3 failed targets): tasks failed to start", "ECS", "yes")
    _ignored, command = back(Phase.VERIFYING, seen(), cause=cause, watch=OLD_PASSED)
    assert isinstance(command, Stop)
    assert command.reason == (
        "svc: digits:2 (new) was rolled back by ECS to release old, verified (3 passes in a row), because ECS ended "
        "the deployment (3 failed targets): tasks failed to start (after 100 s); now release old on 2 of 2 targets "
        "serves; next: name another release."
    )


def test_turning_back_waits_for_the_cloud() -> None:
    state, command = back(Phase.TURNING_BACK, seen(deployment=deployment(Movement.TURNING_BACK)))
    assert state.phase is Phase.TURNING_BACK
    assert isinstance(command, Wait)
    stuck = moved(deployment=deployment(Movement.STOPPED), todo={Verb.ROLL_BACK: ("UpdateService old",)})
    state, command = back(Phase.TURNING_BACK, stuck)
    assert state.trail[-1] is Phase.ROLLING_BACK
    assert isinstance(command, Call)


def test_a_refused_way_back_is_asked_for_again_before_a_person_is() -> None:
    now = moved(todo={Verb.ROLL_BACK: ("UpdateService old",)})
    state = cases.state(Phase.ROLLING_BACK, cause=WRONG)
    at, calls = NOW, 0
    command: object = None
    while not isinstance(command, Stop):
        state, command = decide(
            PLAN,
            state,
            cases.replace(now, at=at),
            Heard(Outcome.REFUSED, "AccessDenied") if isinstance(command, Call) else Heard(),
            at,
        )
        calls += isinstance(command, Call)
        at += 2.0
    assert calls == 3
    assert command.state == "needs_operator"
    assert "the way back is closed: UpdateService old was refused: AccessDenied" in command.reason


def test_a_service_that_was_there_before_us_is_never_removed() -> None:
    """Nothing to go back to, and no first release: a person decides."""
    _ignored, command = back(Phase.ROLLING_BACK, moved(back_to=""), previous="", first=False)
    assert isinstance(command, Stop)
    assert command.state == "needs_operator"
    assert "there is nothing to go back to" in command.reason


def test_removal_repeats_its_calls_until_nothing_is_left() -> None:
    wanted = plan(remove=True)
    _ignored, command = cases.step(
        cases.state(Phase.REMOVING), seen(todo={Verb.REMOVE: ("DeleteService", "DeleteRule")}), plan=wanted
    )
    assert command == Call(Verb.REMOVE, "removal was asked for")
    _ignored, command = cases.step(
        cases.state(Phase.REMOVING), seen(exists=False, targets=targets("old", "draining")), plan=wanted
    )
    assert isinstance(command, Wait)
    state, command = cases.step(cases.state(Phase.REMOVING), seen(exists=False, targets=()), plan=wanted)
    assert isinstance(command, Wait)  # a read that misses the targets looks like that, too
    later = seen(at=cases.NOW + PLAN.timing.settle, exists=False, targets=())
    state, command = cases.step(state, later, plan=wanted, now=later.at)
    assert isinstance(command, Stop)
    assert state.record.live == ""


def test_a_read_that_misses_targets_does_not_make_a_first_release_gone() -> None:
    first = cases.state(Phase.ROLLING_BACK, cause=Cause("it crashes", rejects="yes"), first=True, previous="")
    gone, settle = seen(exists=False, serving="", targets=()), PLAN.timing.settle
    left = replace(gone, targets=targets("new", "draining"))
    now, state = cases.NOW, first
    for each in (gone, left, gone):
        now += settle
        state, command = cases.step(state, replace(each, at=now), now=now)
        assert isinstance(command, Wait)
        assert state.phase is Phase.ROLLING_BACK
    state, command = cases.step(state, replace(gone, at=now + settle), now=now + settle)
    assert isinstance(command, Stop)
    assert command.state == "removed"


def test_the_way_back_is_verified_on_a_younger_snapshot_than_the_one_that_began_it() -> None:
    early = replace(OLD_PASSED, since=cases.NOW)
    _ignored, command = back(Phase.VERIFYING, seen(at=cases.NOW - 1), watch=early)
    assert isinstance(command, Wait)
    _ignored, command = back(Phase.VERIFYING, seen(at=cases.NOW), watch=early)
    assert isinstance(command, Stop)


def test_after_a_verified_way_back_that_release_is_live_and_the_bad_one_refused() -> None:
    known = cases.record(live="new", last_good="old", unfinished=cases.UNFINISHED)
    state, command = back(Phase.VERIFYING, seen(), watch=OLD_PASSED, record=known)
    assert isinstance(command, Stop)
    assert state.record.live == "old"
    again = cases.state(Phase.START, record=state.record)
    _ignored, command = cases.step(again, seen(todo={Verb.BEGIN: ("UpdateService",)}))
    assert isinstance(command, Stop)
    assert command.state == "refused"
    unsure = ready(samples=samples(*"??????", release="old"))
    state, _ignored = back(Phase.VERIFYING, seen(), watch=unsure, record=known)
    assert state.record.live == ""  # neither of them is proven


def test_a_way_back_to_the_same_release_is_home_and_rejects_nothing() -> None:
    known = cases.record(live="new", unfinished={**cases.UNFINISHED, "from": "new"})
    state, _ignored = back(Phase.ROLLING_BACK, moved(), record=known, previous="new")
    assert state.phase is Phase.VERIFYING
    state = cases.state(Phase.VERIFYING, cause=WRONG, record=known, previous="new", watch=ready(samples=()))
    state = cases.replace(state, asked=Probe("production", "new"))
    state, command = cases.step(state, moved(), Heard(samples=samples(*"+++")))
    assert isinstance(command, Stop)
    assert state.verified is True
    assert (state.record.live, state.record.rejected) == ("new", {})


def test_a_release_is_not_judged_by_the_answers_of_the_one_before_it() -> None:
    known = cases.record(unfinished={**cases.UNFINISHED, "to": "mid"})
    wrong = ready(samples=samples("-", release="old"))
    state, _ignored = back(
        Phase.VERIFYING,
        seen(),
        aim="mid",
        homing=True,
        record=known,
        watch=wrong,
        refusals=2,
        refused="no",
        findings=(),
    )
    assert Phase.START in state.trail
    assert state.aim == "new"
    assert (state.watch.samples, state.refused, state.refusals, state.findings) == ((), "", 0, None)
