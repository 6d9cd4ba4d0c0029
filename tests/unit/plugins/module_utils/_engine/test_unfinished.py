# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout that nobody ended: gone on with, taken home, left alone, or found to be over."""

from __future__ import annotations

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine import decide, unfinished
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Call,
    Heartbeat,
    Movement,
    Stop,
    Verb,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import Phase
from ansible_collections.greenlight.serving.plugins.module_utils._engine.records import recall
from tests.unit.plugins.module_utils._engine import cases
from tests.unit.plugins.module_utils._engine.cases import PLAN, UNFINISHED, deployment, moved, record, seen, targets

LIVE = record(live="new", last_good="old")
GOING = seen(deployment=deployment(Movement.MOVING), todo={Verb.ROLL_BACK: ("StopServiceDeployment",)})
SAME = record(unfinished={**UNFINISHED, "to": "new"})


@pytest.mark.parametrize(
    ("policy", "found", "phase"),
    [
        ("resume", {}, Phase.MOVING),
        ("roll_back", {}, Phase.ROLLING_BACK),
        ("roll_back", {"left": "in_progress"}, Phase.MOVING),  # left on purpose
        ("roll_back", {"left": "paused"}, Phase.MOVING),
        ("roll_back", {"baked": "yes"}, Phase.MOVING),  # every gate was passed
        ("fail", {"left": "in_progress"}, Phase.MOVING),
    ],
)
def test_what_becomes_of_a_rollout_that_nobody_ended(policy: str, found: dict[str, str], phase: Phase) -> None:
    known = record(unfinished={**UNFINISHED, "to": "new", **found})
    base = cases.state(Phase.START, record=known)
    base = recall(PLAN, base)
    state, _command = cases.step(base, GOING, plan=cases.plan(on_unfinished=policy))
    assert phase in state.trail
    assert state.homing is (phase is Phase.ROLLING_BACK)


def test_the_platform_is_told_which_rollout_goes_on() -> None:
    base = cases.state(Phase.MOVING, rollout_id="r0")
    assert decide.aimed(PLAN, base).begun == "r0"
    assert decide.aimed(decide.aimed(PLAN, base), base) == decide.aimed(PLAN, base)


def test_fail_leaves_it_alone_and_says_whose_it_is() -> None:
    base = recall(PLAN, cases.state(Phase.START, record=SAME))
    _state, command = cases.step(base, GOING, plan=cases.plan(on_unfinished="fail"))
    assert isinstance(command, Stop)
    assert command.state == "refused"
    assert "is unfinished in phase moving, and on_unfinished is fail" in command.reason


def test_another_release_that_somebody_put_in_place_ends_what_was_unfinished() -> None:
    base = recall(PLAN, cases.state(Phase.START, record=SAME))
    state, _command = cases.step(base, seen(serving="console", targets=targets("console")))
    assert state.record.unfinished == {} or state.record.unfinished["from"] == "console"
    assert "was put in place meanwhile: the unfinished rollout is over" in " ".join(e.text for e in state.events)


def test_an_alarm_that_an_earlier_run_left_armed_is_put_to_rest() -> None:
    plan = cases.plan(heartbeat=Heartbeat(10.0, 60.0))
    now = moved(todo={Verb.DISARM: ("PutMetricAlarm",)})
    state, command = cases.step(cases.state(Phase.START, record=LIVE), now, plan=plan)
    assert command == Call(Verb.DISARM, "the deployment is over")
    assert state.phase is Phase.DISARMING


@pytest.mark.parametrize(
    ("policy", "cause", "homing"),
    [
        ("roll_back", unfinished.UNFINISHED, True),  # killed while it took the rollout home: the release comes after
        ("roll_back", "the new release answers wrongly", False),  # a way back for a reason ends as one
        ("resume", unfinished.UNFINISHED, False),
    ],
)
def test_a_way_back_that_was_only_to_begin_anew_is_followed_by_the_release(
    policy: str, cause: str, homing: bool
) -> None:
    open_end = {**UNFINISHED, "to": "new", "phase": "rolling_back", "cause": cause, "rejects": "no"}
    base = recall(PLAN, cases.state(Phase.START, record=record(unfinished=open_end)))
    state, _command = cases.step(base, GOING, plan=cases.plan(on_unfinished=policy))
    assert (state.homing, Phase.ROLLING_BACK in state.trail) == (homing, True)
