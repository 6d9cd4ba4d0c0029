# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""At a hold where a person decides: promoted, aborted, or left until its time is over."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Call,
    Heard,
    Held,
    Step,
    Stop,
    Verb,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import Phase
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Hold
from tests.unit.plugins.module_utils._engine import cases, held
from tests.unit.plugins.module_utils._engine.cases import NOW, samples
from tests.unit.plugins.module_utils._engine.held import CANARY, at_hold, hold, judged
from tests.unit.plugins.module_utils._engine.test_holds import step

PAUSED = {"hold": hold(passed=60.0), "paused": "paused by bob: lunch"}


def test_the_plan_may_ask_a_person() -> None:
    asks = Hold("h1", Step(10, 0.0, pause=True), 50.0, False, right_since=50.0, passed=60.0)
    fine = judged(public=("new", *["old"] * 9))
    state, command = step(share=10, hold=asks, watch=fine)
    assert state.phase is Phase.PAUSING
    assert "waiting for promote or abort, 500 s left" in command.why
    state, command = step(Phase.PAUSING, share=10, hold=asks, watch=fine, promoted="ann: fine")
    assert isinstance(command, Call)
    assert command.verb is Verb.PROCEED
    state, command = step(share=10, hold=asks, watch=fine, promoted="ann: fine")
    assert state.phase is Phase.PROCEEDING  # promoted before it passed


def test_where_nothing_comes_without_our_word_nobody_is_told_of_a_time() -> None:
    nobody = at_hold(held=Held("before the first weight", "h1", inf, 10, False, alone="no timer runs yet"))
    state, _command = step(Phase.MOVING, nobody, hold=None)
    assert (
        state.events[0].text == "holds before any user meets the release (before the first weight); no timer runs yet"
    )
    _state, command = step(Phase.PAUSING, nobody, **PAUSED)
    assert command.why == "waiting for promote or abort: paused by bob: lunch"
    _state, command = step(Phase.PAUSING, nobody, plan=held.plan(wait=False), **PAUSED)
    assert command.reason.endswith("promote or abort it, then run the same again; no timer runs yet.")
    _state, command = cases.step(held.state(Phase.HOLDING), nobody, Heard(interrupted=True), CANARY)
    assert isinstance(command, Stop)
    assert "interrupted in holding; no timer runs yet" in command.reason


def test_a_promotion_is_no_verdict() -> None:
    wrong = judged(samples=samples(*"++"))
    state, command = step(Phase.PAUSING, **{**PAUSED, "promoted": "ann: go"}, watch=wrong)
    assert state.phase is Phase.PAUSING
    assert "promoted, and judged once more: 2 of 3 passes in a row" in command.why
    state, command = step(Phase.PROCEEDING, watch=wrong)
    assert state.phase is Phase.HOLDING


def test_a_promotion_from_before_an_inconclusive_gate_is_forgotten() -> None:
    asking = held.plan(gate=replace(CANARY.gate, inconclusive="pause"))
    state, _command = step(watch=judged(samples=samples(*"??????")), plan=asking, promoted="ann: go")
    assert (state.phase, state.promoted) == (Phase.PAUSING, "")


def test_a_promotion_does_not_outlive_its_gate() -> None:
    following = replace(at_hold(10), held=Held("PRE", "h2", 300.0, 100, False))
    state, _command = step(Phase.MOVING, seen=following, promoted="ann: go", step=0)
    assert state.promoted == ""
    state, _command = step(Phase.MOVING, seen=following, promoted="ann: go", step=10)
    assert state.promoted == "ann: go"


def test_people_take_their_time_and_it_does_not_count() -> None:
    state, _command = step(Phase.PAUSING, now=NOW + 1, **PAUSED)
    state, _command = cases.step(held.state(Phase.PAUSING, started=-5000.0, **PAUSED), at_hold(), plan=CANARY)
    assert state.phase is Phase.PAUSING
    state, _command = step(Phase.PAUSING, **{**PAUSED, "paused": ""})
    assert state.phase is Phase.PROCEEDING
    assert state.excused == 50.0


def test_a_pause_ends_before_the_holds_time_does() -> None:
    now = at_hold()
    assert now.held is not None
    state, command = step(Phase.PAUSING, seen=replace(now, held=replace(now.held, left=8.0)), **PAUSED)
    assert state.phase is Phase.ROLLING_BACK
    assert "nobody promoted it" in command.why


def test_wait_false_leaves_a_pause_to_the_next_run() -> None:
    state, command = step(Phase.PAUSING, plan=held.plan(wait=False), **PAUSED)
    assert isinstance(command, Stop)
    assert command.state == "paused"
    assert state.record.unfinished["left"] == "paused"
