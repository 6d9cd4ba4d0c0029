# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Old and new sick alike: nobody moves, and nobody is blamed."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.greenlight.serving.plugins.module_utils._engine import answers, freeze, watch
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Probe, Wait
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import Phase
from tests.unit.plugins.module_utils._engine import cases, held
from tests.unit.plugins.module_utils._engine.cases import NOW, samples, targets
from tests.unit.plugins.module_utils._engine.held import CANARY, at_hold, hold, judged

WRONG = judged(samples=samples("-"), asked=NOW - 1)


def test_before_a_wrong_answer_is_believed_the_old_release_is_asked() -> None:
    state, command = cases.step(held.state(Phase.HOLDING, watch=WRONG), at_hold(), plan=CANARY)
    assert command == Probe("production", "new")
    well = answers.hear(CANARY, state, at_hold(), _public("+"), NOW)
    state, command = cases.step(replace(well, asked=None), at_hold(), plan=CANARY)
    assert state.phase is Phase.ROLLING_BACK


def _public(sign: str) -> tuple[cases.Sample, ...]:
    return samples(sign, release="old")


def test_an_old_release_that_answers_wrongly_after_right_ones_freezes() -> None:
    state = held.state(Phase.HOLDING, watch=WRONG)
    state = answers.hear(CANARY, state, at_hold(), _public("-"), NOW)
    assert state.watch.old_sick
    state, command = cases.step(state, at_hold(), plan=CANARY)
    assert state.phase is Phase.HOLDING
    assert state.hold is not None
    assert state.hold.frozen == "old and new answer wrongly alike"
    assert isinstance(command, Wait)


def test_silence_on_both_sides_freezes_and_silence_of_one_goes_back() -> None:
    silent = judged(samples=samples(*"??????"))
    state, _command = cases.step(held.state(Phase.HOLDING, watch=replace(silent, quiet=3)), at_hold(), plan=CANARY)
    assert state.hold is not None
    assert state.hold.frozen == "nobody answers, old or new"
    state, _command = cases.step(held.state(Phase.HOLDING, watch=replace(silent, quiet=2)), at_hold(), plan=CANARY)
    assert state.phase is Phase.ROLLING_BACK


def test_with_all_of_the_traffic_nobody_else_can_be_asked() -> None:
    silent = judged(samples=samples(*"??????"), quiet=9, public=("new",) * 3)
    state, _command = cases.step(held.state(Phase.HOLDING, 100, watch=silent), at_hold(100), plan=CANARY)
    assert state.phase is Phase.ROLLING_BACK


def test_losses_on_both_sides_are_no_losses_of_the_new_release() -> None:
    there = at_hold(targets=(*targets("old", count=1), *targets("new", count=1)))
    state = held.state(Phase.HOLDING, watch=judged(short_since=NOW - 5.0))
    state = watch.see(CANARY, state, there, NOW)
    assert state.watch.losses == 0
    assert "new-1 is gone, and of the previous release old-1 is gone" in state.watch.both
    state, _command = cases.step(state, there, plan=CANARY)
    assert state.hold is not None
    assert state.hold.frozen.startswith("targets are lost on both sides")


def test_a_loss_on_one_side_is_one() -> None:
    there = at_hold(targets=(*targets("old"), *targets("new", count=1)))
    state = watch.see(CANARY, held.state(Phase.HOLDING, watch=judged(short_since=NOW - 5.0)), there, NOW)
    assert (state.watch.losses, state.watch.both) == (1, "")


def test_old_targets_that_are_scaled_in_are_no_losses() -> None:
    leaving = (*targets("old", count=1), *targets("old", "draining")[1:], *targets("new", count=1))
    state = held.state(Phase.HOLDING, watch=judged(short_since=NOW - 5.0))
    state = watch.see(CANARY, state, at_hold(targets=leaving), NOW)
    assert (state.watch.losses, state.watch.both) == (1, "")


def test_frozen_keeps_asking_and_thaws_when_the_old_release_is_well() -> None:
    frozen = hold(frozen="old and new answer wrongly alike", passed=60.0)
    sick = held.state(Phase.HOLDING, hold=frozen, watch=judged(old_sick=True, next_probe=NOW, rounds=1))
    state, command = cases.step(sick, at_hold(), plan=CANARY)
    assert command == Probe("production", "new")
    state = answers.hear(CANARY, sick, at_hold(), _public("+"), NOW)
    state = freeze.follow(CANARY, state, at_hold(), NOW)
    assert state.hold is not None
    assert (state.hold.frozen, state.hold.passed, state.watch.samples) == ("", None, ())


def test_frozen_until_the_holds_time_is_over_blames_nobody() -> None:
    now = at_hold()
    assert now.held is not None
    over = replace(now, held=replace(now.held, left=8.0))
    state = held.state(Phase.HOLDING, hold=hold(frozen="nobody answers"), watch=judged(old_sick=True))
    state, _command = cases.step(state, over, plan=CANARY)
    assert state.phase is Phase.ROLLING_BACK
    assert state.cause is not None
    assert (state.cause.rejects, "nobody answers" in state.cause.text) == ("no", True)


def test_the_same_release_on_both_sides_is_never_alike() -> None:
    state = held.state(Phase.HOLDING, previous="new", watch=judged(old_sick=True))
    assert not freeze.alike(state)
