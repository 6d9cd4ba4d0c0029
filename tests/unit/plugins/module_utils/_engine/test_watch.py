# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness without a break, losses, stale snapshots, and whose answers count."""

from __future__ import annotations

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine import watch
from ansible_collections.greenlight.serving.plugins.module_utils._engine.answers import hear
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Observation
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import Phase
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import State
from tests.unit.plugins.module_utils._engine import cases
from tests.unit.plugins.module_utils._engine.cases import NOW, PLAN, moved, other, ready, samples, seen, targets

BOTH = frozenset({"new-0", "new-1"})
ONE = targets("new", count=1)


def watched(*snapshots: Observation, phase: Phase = Phase.JUDGING) -> State:
    state = cases.state(phase, watch=ready(ready=frozenset(), ready_since=None, ready_seen=float("-inf")))
    for snapshot in snapshots:
        state = watch.see(PLAN, state, snapshot, snapshot.at)
    return state


def test_ready_since_the_first_snapshot_that_shows_all_healthy() -> None:
    state = watched(moved(at=10.0, targets=ONE), moved(at=12.0), moved(at=14.0))
    assert (state.watch.ready_since, state.watch.ready) == (12.0, BOTH)


@pytest.mark.parametrize(
    "between",
    [
        pytest.param(moved(at=14.0, targets=targets("new", "unhealthy")), id="unhealthy"),
        pytest.param(moved(at=14.0, targets=(*targets("new"), *targets("old", count=1))), id="an-old-target-serves"),
        pytest.param(moved(at=14.0, desired=3), id="one-more-wanted"),
        pytest.param(moved(at=14.0, serving="old"), id="not-completed"),
        pytest.param(moved(at=23.0), id="nobody-looked-for-too-long"),
        pytest.param(moved(at=14.0, targets=targets("new", count=3), desired=3), id="another-target-set"),
    ],
)
def test_any_break_begins_min_ready_anew(between: Observation) -> None:
    after = between.at + 2
    last = moved(
        at=after, targets=between.targets if len(between.targets) == 3 and between.desired == 3 else targets("new")
    )
    state = watched(moved(at=12.0), between, last)
    assert state.watch.ready_since is not None
    assert state.watch.ready_since >= between.at


def test_draining_and_starting_targets_do_not_disturb() -> None:
    there = (*targets("new"), *targets("old", "draining"), *targets("newer", "unregistered"))
    assert watched(moved(at=12.0, targets=there)).watch.ready_since == 12.0


def test_a_stale_snapshot_is_no_loss_and_a_confirmed_one_is() -> None:
    stale = watched(moved(at=12.0), moved(at=14.0, targets=ONE), moved(at=16.0))
    assert (stale.watch.losses, stale.watch.ready_since) == (0, 16.0)
    lost = watched(
        moved(at=12.0), moved(at=14.0, targets=ONE), moved(at=17.0, targets=ONE), moved(at=19.0, targets=ONE)
    )
    assert lost.watch.losses == 1
    assert lost.watch.lost == "new-1 is gone"


def test_a_target_that_was_lost_and_replaced_at_once_is_lost_all_the_same() -> None:
    replaced = (*ONE, *targets("new", count=3)[2:])
    state = watched(
        moved(at=12.0), moved(at=14.0, targets=ONE), moved(at=16.0, targets=replaced), moved(at=19.0, targets=replaced)
    )
    assert state.watch.losses == 1


def test_a_crash_after_healthy_counts_while_the_cloud_still_moves() -> None:
    """ECS's circuit breaker starts counting anew with every target that gets healthy, so it would go on for ever."""
    old = targets("old", "draining")
    two, none = (*old, *targets("new")), (*old, *targets("new", "unregistered"))
    begun = moved(at=12.0, targets=two)
    state = watched(begun, phase=Phase.MOVING)
    for round_ in range(3):
        at = 20.0 + 20.0 * round_
        for after, there in ((0.0, none), (5.0, none), (9.0, two)):
            state = watch.see(PLAN, state, cases.replace(begun, at=at + after, targets=there), at + after)
    assert state.watch.losses == 3


def test_what_an_autoscaler_takes_is_no_loss() -> None:
    fewer = moved(at=14.0, targets=ONE, desired=1)
    state = watched(moved(at=12.0), fewer, cases.replace(fewer, at=20.0))
    assert state.watch.losses == 0


def test_other_targets_answer_afresh() -> None:
    state = cases.state(Phase.JUDGING, watch=ready(samples=samples(*"+-+")))
    state = watch.see(PLAN, state, moved(at=NOW, targets=targets("new", count=3)), NOW)
    assert [sample.outcome for sample in state.watch.samples] == ["fail"]
    assert state.watch.since == NOW


@pytest.mark.parametrize(
    ("now", "trouble"),
    [
        (moved(problem="the rule disagrees"), "the rule disagrees"),
        (moved(foreign="a deployment to web:7"), "a deployment to web:7"),
        (moved(other=other("old")), "greenlight moves the service to release old"),
        (moved(other=other("x", by="bob")), "bob moves the service to release x"),
        (moved(serving="x"), "somebody put release x in place"),
        (moved(), ""),
    ],
)
def test_trouble_on_the_way_forward(now: Observation, trouble: str) -> None:
    assert watched(now).trouble == trouble


def test_our_own_way_back_is_no_trouble() -> None:
    back = cases.state(Phase.ROLLING_BACK)
    assert watch.see(PLAN, back, seen(other=other("old")), NOW).trouble == ""
    assert watch.see(PLAN, back, seen(other=other("new")), NOW).trouble == ""
    assert watch.see(PLAN, back, seen(other=other("old", by="bob")), NOW).trouble.startswith("bob moves")
    killed = cases.state(Phase.START, record=cases.record(unfinished={**cases.UNFINISHED, "to": "dead"}))
    assert watch.see(PLAN, killed, seen(other=other("dead")), NOW).trouble == ""
    assert watch.see(PLAN, killed, seen(other=other("x")), NOW).trouble != ""


def test_half_removed_parts_may_disagree() -> None:
    for state in (cases.state(Phase.REMOVING), cases.state(Phase.ROLLING_BACK, first=True)):
        assert watch.see(PLAN, state, seen(problem="no rule"), NOW).trouble == ""
    assert watch.see(PLAN, cases.state(Phase.ROLLING_BACK), seen(problem="no rule"), NOW).trouble == "no rule"


def heard(phase: Phase, now: Observation, *answers: tuple[str, str]) -> State:
    state = cases.state(phase, watch=ready(samples=()))
    for outcomes, release in answers:
        state = hear(PLAN, state, now, samples(*outcomes, release=release), NOW)
    return state


def test_unmarked_answers_count_only_when_nobody_else_can_answer() -> None:
    assert heard(Phase.JUDGING, moved(), ("+", "")).watch.unmarked
    mixed = moved(targets=(*targets("new"), *targets("old", count=1)))
    assert heard(Phase.JUDGING, mixed, ("+", "")).watch.samples == ()
    assert heard(Phase.MOVING, moved(), ("+", "")).watch.samples == ()
    assert not heard(Phase.JUDGING, moved(), ("+", "new")).watch.unmarked


def test_answers_of_the_old_release_never_make_the_new_one_pass() -> None:
    state = heard(Phase.JUDGING, moved(), ("+++", "old"))
    assert state.watch.samples == ()
    assert state.ledger.seen == 3


def test_the_ledger_keeps_the_first_bad_and_the_last_of_all() -> None:
    state = heard(Phase.JUDGING, moved(), ("-" * 30, "new"), ("+" * 30, "new"), ("?", "new"))
    ledger = state.ledger
    assert (ledger.seen, ledger.passed, ledger.failed, ledger.inconclusive) == (61, 30, 30, 1)
    assert (len(ledger.bad), len(ledger.last)) == (20, 20)


def test_an_hour_of_baking_keeps_every_wrong_answer_and_a_bounded_rest() -> None:
    state = heard(Phase.BAKING, moved(), ("-", "new"), *([("+", "new")] * 1000))
    assert len(state.watch.samples) <= 401
    assert state.watch.samples[0].outcome == "fail"


@pytest.mark.parametrize(("left", "desired", "losses"), [(("new-0",), 1, 0), (("new-0",), 2, 1), (("new-2",), 1, 1)])
def test_a_scale_in_is_no_loss(left: tuple[str, ...], desired: int, losses: int) -> None:
    state = cases.state(Phase.BAKING, watch=ready())
    for at in (NOW, NOW + 6):  # the first snapshot is torn: fewer targets, desired as before
        there = tuple(cases.Target(name, "new", "healthy") for name in left)
        now = moved(at=at, desired=2 if at == NOW else desired, targets=there)
        state = watch.see(PLAN, state, now, at)
    assert state.watch.losses == losses


def test_a_message_that_the_cloud_repeats_is_told_once_with_how_often() -> None:
    state = cases.state(Phase.MOVING, known=frozenset())
    state = watch.see(
        cases.PLAN, state, cases.seen(events=("registered 1 target", "steady", "registered 1 target")), 1.0
    )
    assert [event.text for event in state.events] == ["registered 1 target (2 times)", "steady"]
