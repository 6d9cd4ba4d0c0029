# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock in the loop: before any write, renewed in time, lost without another write, freed at the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine import lease, locking
from ansible_collections.greenlight.serving.plugins.module_utils._engine.decide import decide
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Call,
    Check,
    Heard,
    Lease,
    Look,
    Outcome,
    ReadLock,
    Save,
    Stop,
    Verb,
    Wait,
    WriteLock,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.opening import begin
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import Phase
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Lock, State
from tests.unit.plugins.module_utils._engine import cases
from tests.unit.plugins.module_utils._engine.cases import NOW, PLAN, moved, record, seen

MINE = Lease("svc", owner="me", who="ann@host", rollout_id="r1")
THEIRS = Lease("svc", owner="them", who="bob@host", since="2026-01-01", doing="rollout r7", version="v7", seconds=60.0)
TERMS = lease.Terms(seconds=60.0, call=10.0)
LOCKED = replace(PLAN, lock=lease.begin(MINE, TERMS))
TODO = seen(todo={Verb.BEGIN: ("UpdateService",)})


def ours(sent: float = NOW - 1) -> Lock:
    grip = lease.written(lease.sending(lease.begin(MINE, TERMS), sent), replace(MINE, version="v1"))
    return Lock(grip, since=sent, due=lease.due(grip))


def test_nothing_to_do_takes_no_lock() -> None:
    state = cases.state(Phase.START, record=record(live="new"), lock=locking.begin(LOCKED))
    _state, command = cases.step(state, moved(), plan=LOCKED)
    assert isinstance(command, Stop)
    assert command.state == "unchanged"


def test_check_mode_takes_no_lock() -> None:
    assert locking.begin(replace(LOCKED, check_mode=True)) is None
    assert begin(replace(LOCKED, check_mode=True), 0.0).lock is None


def test_the_first_write_takes_the_lock_and_reads_everything_again() -> None:
    state = cases.state(Phase.CHECKING, findings=(), lock=locking.begin(LOCKED))
    state, command = decide(LOCKED, state, TODO, Heard(), NOW)
    assert (state.phase, command) == (Phase.LOCKING, ReadLock())
    state, command = decide(LOCKED, state, TODO, Heard(lease=Lease("svc")), NOW)
    assert isinstance(command, WriteLock)
    assert command.lease.owner == "me"
    assert state.saving is None
    stored = replace(command.lease, version="v1")
    state, command = decide(LOCKED, state, TODO, Heard(lease=stored), NOW + 1)
    assert (state.phase, type(command).__name__) == (Phase.START, "Load")
    state, command = decide(LOCKED, state, TODO, Heard(record=record()), NOW + 1)
    assert isinstance(command, Look)
    state, command = decide(LOCKED, state, replace(TODO, at=NOW + 1), Heard(), NOW + 1)
    assert isinstance(command, Save)


def test_a_lost_answer_of_the_taking_is_read_back() -> None:
    state = cases.state(Phase.LOCKING, lock=Lock(lease.read(lease.begin(MINE, TERMS), Lease("svc"), NOW)))
    state, command = decide(LOCKED, state, TODO, Heard(), NOW)
    assert isinstance(command, WriteLock)
    state, command = decide(LOCKED, state, TODO, Heard(Outcome.UNKNOWN, "lost"), NOW + 1)
    assert isinstance(command, Wait)
    state, command = decide(LOCKED, state, TODO, Heard(), NOW + 3)
    assert command == ReadLock()
    state, command = decide(LOCKED, state, TODO, Heard(lease=replace(MINE, version="v1")), NOW + 4)
    assert state.phase is Phase.START
    assert state.lock is not None
    assert state.lock.grip.end == NOW + 60.0  # from when the first attempt was sent


def waiting(now: float = NOW) -> State:
    return cases.state(Phase.LOCKING, lock=Lock(lease.read(lease.begin(MINE, TERMS), THEIRS, now)))


def test_somebody_elses_lock_is_watched_and_a_sign_of_life_refuses() -> None:
    state, command = decide(LOCKED, waiting(), TODO, Heard(), NOW)
    assert isinstance(command, Wait)
    assert "bob@host has held the lock of svc since 2026-01-01: rollout r7" in command.why
    state, command = decide(LOCKED, state, TODO, Heard(), NOW + 15)
    assert command == ReadLock()
    state, command = decide(LOCKED, state, TODO, Heard(lease=replace(THEIRS, version="v8", beat=2)), NOW + 15)
    assert isinstance(command, Stop)
    assert command.state == "refused"
    assert "somebody else is at work: bob@host has held the lock" in command.reason


def test_a_dead_holders_lock_is_stolen_after_its_lease_and_more() -> None:
    state = waiting()
    for seconds in (15.0, 45.0, 69.0):
        state, command = decide(LOCKED, state, TODO, Heard(), NOW + seconds)
        state, command = decide(LOCKED, state, TODO, Heard(lease=THEIRS), NOW + seconds)
        assert isinstance(command, Wait), seconds
    state, command = decide(LOCKED, state, TODO, Heard(), NOW + 85)
    assert command == ReadLock()
    state, command = decide(LOCKED, state, TODO, Heard(lease=THEIRS), NOW + 85)
    assert isinstance(command, WriteLock)
    assert (command.lease.owner, command.lease.version) == ("me", "v7")


def test_it_is_renewed_after_a_quarter_and_no_pause_is_longer() -> None:
    state = cases.state(Phase.MOVING, lock=ours(NOW))
    state, command = decide(LOCKED, state, seen(), Heard(), NOW)
    assert isinstance(command, Wait)
    state = cases.state(Phase.MOVING, lock=ours(NOW - 14.5), pace=cases.Pace(looked=NOW))
    state, command = decide(LOCKED, state, seen(), Heard(), NOW)
    assert command == Wait(0.5, command.why)
    state, command = decide(LOCKED, state, seen(), Heard(), NOW + 0.5)
    assert isinstance(command, WriteLock)


def test_no_write_that_could_outlast_the_lease() -> None:
    late = replace(ours(NOW - 46.0), after=NOW + 3.0)
    state = cases.state(Phase.BEGINNING, lock=late)
    _state, command = decide(LOCKED, state, TODO, Heard(), NOW)
    assert isinstance(command, Wait)
    assert "nothing is written" in command.why
    state = cases.state(Phase.BEGINNING, lock=replace(ours(NOW - 44.0), after=NOW + 3.0))
    _state, command = decide(LOCKED, state, TODO, Heard(), NOW)
    assert isinstance(command, Call)


def test_a_lost_lock_ends_the_run_without_another_write() -> None:
    state = cases.state(Phase.BEGINNING, lock=ours(NOW - 20.0))
    state, command = decide(LOCKED, state, TODO, Heard(), NOW)
    assert isinstance(command, WriteLock)
    state, command = decide(LOCKED, state, TODO, Heard(Outcome.TAKEN, "another version"), NOW)
    assert command == ReadLock()
    state, command = decide(LOCKED, state, TODO, Heard(lease=THEIRS), NOW)
    assert isinstance(command, Stop)
    assert command.state == "needs_operator"
    assert "the lock was lost, so this run ends without another change: bob@host" in command.reason


@pytest.mark.parametrize("answers", [[Outcome.DONE], [Outcome.TAKEN], [Outcome.TURNED_AWAY] * 3, [Outcome.UNKNOWN] * 3])
def test_the_end_frees_the_lock_and_does_not_hang_on_it(answers: list[Outcome]) -> None:
    state = cases.state(Phase.START, record=record(live="new"), lock=ours())
    state, command = decide(LOCKED, state, moved(), Heard(), NOW)
    for outcome in answers:
        assert isinstance(command, WriteLock)
        assert (command.lease.owner, command.lease.doing) == ("", "unchanged: the run is over")
        state, command = decide(LOCKED, state, moved(), Heard(outcome, "", lease=command.lease), NOW)
    assert isinstance(command, Stop)
    assert command.state == "unchanged"


def test_an_interrupted_run_that_never_had_the_lock_writes_nothing() -> None:
    unfinished = record(unfinished=cases.UNFINISHED)
    state = cases.state(Phase.START, record=unfinished, lock=locking.begin(LOCKED), interrupted=True)
    _state, command = decide(LOCKED, state, TODO, Heard(), NOW)
    assert isinstance(command, Stop)
    assert command.state == "interrupted"


def test_the_findings_are_not_asked_for_twice() -> None:
    state: Any = cases.state(Phase.LOCKING, findings=(), lock=ours())
    state, _command = decide(LOCKED, state, TODO, Heard(), NOW)
    assert state.findings == ()
    assert not isinstance(_command, Check)
