# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The heartbeat: armed in order, read back, beaten only after a snapshot and never past a gate's deadline, disarmed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine import lease
from ansible_collections.greenlight.serving.plugins.module_utils._engine.decide import decide
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Beat,
    Call,
    Heard,
    Heart,
    Lease,
    Movement,
    Observation,
    Outcome,
    Stop,
    Verb,
    Wait,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import Phase
from ansible_collections.greenlight.serving.plugins.module_utils._engine.pulse import until
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Lock, Pulse, Saving, State
from tests.unit.plugins.module_utils._engine import cases, held
from tests.unit.plugins.module_utils._engine.cases import NOW, deployment, moved, record, seen
from tests.unit.plugins.module_utils._engine.held import CANARY, OK, at_hold, hold, judged

BEATEN = Pulse(beat=95.0, tried=95.0, first=60.0, beats=3)
ARM = {Verb.ARM: ("PutMetricAlarm breaching",), Verb.BEGIN: ("UpdateService",)}


def step(phase: Phase, now: Observation, plan: Any = CANARY, at: float = NOW, **changes: Any) -> tuple[State, Any]:
    return cases.step(held.state(phase, **changes), now, plan=plan, now=at)


def test_an_alarm_that_is_not_there_is_made_first() -> None:
    state, command = step(Phase.ARMING, seen(todo={Verb.ARM: ("PutMetricAlarm rest",)}), pulse=Pulse(tried=NOW))
    assert command == Call(Verb.ARM, "silence is to be a breach")
    assert state.pace.asked_call == "PutMetricAlarm rest"


@pytest.mark.parametrize("heart", [Heart("unknown", False), Heart("alarm", False)])
def test_it_is_armed_only_once_it_is_ok(heart: Heart) -> None:
    state, command = step(Phase.ARMING, seen(todo=ARM, heart=heart), pulse=BEATEN)
    assert (state.phase, type(command)) == (Phase.ARMING, Wait)
    assert "at rest: beating until it is OK" in command.why


def test_it_is_armed_only_after_a_beat_of_our_own_was_seen() -> None:
    resting = seen(todo=ARM, heart=Heart("ok", False))
    _state, command = step(Phase.ARMING, resting, pulse=Pulse(tried=NOW))
    assert isinstance(command, Wait)
    _state, command = step(Phase.ARMING, resting, pulse=BEATEN)
    assert command == Call(Verb.ARM, "silence is to be a breach")


def test_armed_means_ok_again_and_settled() -> None:
    made = cases.Pace(looked=NOW, made=(cases_made(97.0),))
    state, _command = step(Phase.ARMING, seen(heart=OK), pulse=BEATEN, pace=made)
    assert state.phase is Phase.ARMING
    made = cases.Pace(looked=NOW, made=(cases_made(95.0),))
    state, _command = step(Phase.ARMING, seen(heart=OK), pulse=BEATEN, pace=made)
    assert state.phase is Phase.BEGINNING
    state, _command = step(Phase.ARMING, seen(heart=Heart("alarm", True)), pulse=BEATEN)
    assert state.phase is Phase.ARMING


def cases_made(at: float) -> Any:
    from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Made

    return Made(Verb.ARM, "PutMetricAlarm breaching", at)


def test_nothing_begins_while_the_alarm_is_not_ok() -> None:
    state, command = step(Phase.BEGINNING, seen(todo=ARM, heart=Heart("alarm", True)), pulse=BEATEN)
    assert state.phase is Phase.ARMING
    state, command = step(Phase.BEGINNING, seen(todo=ARM, heart=OK), pulse=BEATEN)
    assert command == Call(Verb.BEGIN, "towards the deployment")


@pytest.mark.parametrize("heart", [None, Heart("ok", True, False), Heart("ok", True, None)])
def test_a_deployment_that_the_cloud_does_not_watch_is_rolled_back_at_once(heart: Heart | None) -> None:
    going = seen(deployment=deployment(Movement.MOVING), heart=heart, todo={Verb.ROLL_BACK: ("Stop",)})
    state, command = step(Phase.MOVING, going)
    assert command == Call(Verb.ROLL_BACK, "ECS does not watch the heartbeat alarm for this deployment")
    assert state.cause is not None
    assert state.cause.rejects == "no"
    state, command = step(Phase.MOVING, going, armed=False)  # begun by a run that armed nothing
    assert state.phase is Phase.MOVING


# ---- beating -------------------------------------------------------------------------------------

DUE = Pulse(beat=90.0, tried=90.0, first=60.0, beats=3)
BEATING = [Phase.ARMING, Phase.BEGINNING, Phase.MOVING, Phase.HOLDING, Phase.PAUSING, Phase.PROCEEDING]
BEATING += [Phase.JUDGING, Phase.BAKING, Phase.FINISHING, Phase.PROVING]
BEATING += [Phase.TURNING_BACK, Phase.ROLLING_BACK, Phase.VERIFYING]


@pytest.mark.parametrize("phase", list(Phase))
def test_it_beats_in_every_phase_in_which_the_cloud_may_wait_for_us(phase: Phase) -> None:
    closing = Saving(record(), Stop("live", "done"), NOW)
    grip = lease.begin(Lease("svc", owner="me"), lease.Terms())
    of_phase: dict[Phase, dict[str, Any]] = {Phase.DISARMING: {"closing": closing}, Phase.LOCKING: {"lock": Lock(grip)}}
    state = held.state(phase, pulse=DUE, findings=(), **of_phase.get(phase, {}))
    _state, command = decide(CANARY, state, at_hold(), Heard(), NOW)
    walked = phase in (Phase.START, Phase.CONFIGURING)  # these go on to another phase at once
    assert walked or (command == Beat()) == (phase in BEATING)


def test_a_beat_needs_a_snapshot_since_the_last_one() -> None:
    stale = cases.Pace(looked=89.0, fence=float("-inf"))
    plan = held.plan(timing=replace(CANARY.timing, poll=60.0))
    _state, command = step(Phase.HOLDING, at_hold(), plan, pulse=DUE, pace=stale)
    assert not isinstance(command, Beat)
    _state, command = step(Phase.HOLDING, at_hold(), plan, pulse=DUE, pace=replace(stale, looked=91.0))
    assert isinstance(command, Beat)


def test_a_lost_beat_is_sent_again_after_the_next_snapshot() -> None:
    state, command = step(Phase.HOLDING, at_hold(), pulse=DUE, watch=judged(samples=()))
    assert command == Beat()
    state, command = decide(CANARY, state, at_hold(), Heard(Outcome.TURNED_AWAY, "Throttling"), NOW + 0.1)
    assert not isinstance(command, Beat)
    assert (state.pulse.beat, state.pulse.tried) == (90.0, NOW)
    state = replace(state, pace=replace(state.pace, looked=NOW + 1), asked=None)
    state, command = decide(CANARY, state, at_hold(), Heard(), NOW + 1)
    assert command == Beat()
    state, command = decide(CANARY, state, at_hold(), Heard(), NOW + 1.1)
    assert (state.pulse.beat, state.pulse.beats) == (NOW + 1, 4)


def test_no_beat_past_the_deadline_of_the_gate_at_hand() -> None:
    state = held.state(Phase.HOLDING)
    assert until(CANARY, state) == 50.0 + 10.0 + 60.0 + 4.0  # since + min_ready + the gate's deadline + two polls
    baking = replace(state, hold=hold(10, passed=80.0))
    assert until(CANARY, baking) == 80.0 + 20.0 + 60.0 + 4.0
    assert until(CANARY, replace(state, hold=hold(frozen="sick"))) == 600.0
    assert until(CANARY, held.state(Phase.PAUSING)) == float("inf")
    assert until(CANARY, held.state(Phase.ROLLING_BACK)) == 60.0 + 300.0
    late = replace(state, pulse=Pulse(beat=110.0, tried=110.0, first=60.0), pace=replace(state.pace, looked=125.0))
    _state, command = decide(CANARY, late, at_hold(at=125.0), Heard(), 125.0)
    assert not isinstance(command, Beat)


def test_without_a_heartbeat_nobody_beats() -> None:
    _state, command = step(Phase.HOLDING, at_hold(), held.plan(heartbeat=None), pulse=Pulse())
    assert not isinstance(command, Beat)


# ---- disarming -----------------------------------------------------------------------------------

CLOSING = {"closing": Saving(record(live="new"), Stop("live", "done"), NOW)}
DISARM = {Verb.DISARM: ("PutMetricAlarm silent",)}


def test_the_record_says_live_only_once_the_alarm_is_at_rest() -> None:
    state, command = step(Phase.DISARMING, moved(todo=DISARM, heart=OK), **CLOSING)
    assert command == Call(Verb.DISARM, "the deployment is over")
    state, command = step(Phase.DISARMING, moved(heart=OK), **CLOSING)
    assert isinstance(command, Wait)  # not offered, and still armed: the snapshot may be old
    state, command = step(Phase.DISARMING, moved(heart=Heart("ok", False)), **CLOSING)
    assert command == Stop("live", "done")
    assert state.record.live == "new"


@pytest.mark.parametrize("changes", [{"entered": -21.0}, {"refusals": 3, "refused": "PutMetricAlarm was refused"}])
def test_an_alarm_that_stays_armed_undoes_nothing(changes: dict[str, Any]) -> None:
    state, command = step(Phase.DISARMING, moved(todo=DISARM, heart=OK), **CLOSING, **changes)
    assert command == Stop("live", "done")
    assert "the heartbeat alarm" in state.events[-1].text


def test_proven_goes_through_disarming() -> None:
    state, command = step(Phase.PROVING, moved(todo=DISARM, heart=OK), watch=judged())
    assert (state.phase, command) == (Phase.DISARMING, Call(Verb.DISARM, "the deployment is over"))


def test_what_was_held_still_is_let_go_also_where_nobody_beats() -> None:
    now = moved(todo={Verb.DISARM: ("ResumeProcesses",)}, heart=None)
    state, command = step(Phase.PROVING, now, held.plan(heartbeat=None), armed=False, watch=judged())
    assert (state.phase, command) == (Phase.DISARMING, Call(Verb.DISARM, "the deployment is over"))


def test_what_is_held_still_for_a_rollout_is_not_let_go_at_its_begin() -> None:
    now = seen(todo={Verb.BEGIN: ("UpdateAutoScalingGroup",), Verb.DISARM: ("ResumeProcesses",)}, heart=None)
    _state, command = step(Phase.BEGINNING, now, held.plan(heartbeat=None), armed=False)
    assert isinstance(command, Call)
    assert command.verb is Verb.BEGIN


def test_a_heartbeat_that_may_not_be_sent_ends_the_run_before_anything_began() -> None:
    denied = replace(BEATEN, refused=3, denial="AccessDenied: cloudwatch:PutMetricData")
    _state, command = step(Phase.ARMING, seen(heart=Heart("ok", False)), pulse=denied)
    assert isinstance(command, Stop)
    assert command.state == "refused"
    assert "the heartbeat is refused, so nothing was begun: AccessDenied" in command.reason


def test_nobody_beats_so_an_armed_alarm_rests_before_the_deployment() -> None:
    now = seen(todo={Verb.BEGIN: ("UpdateService",), Verb.DISARM: ("PutMetricAlarm silent",)}, heart=OK)
    _state, command = step(Phase.BEGINNING, now, held.plan(heartbeat=None), armed=False)
    assert command == Call(Verb.DISARM, "nobody will beat")
