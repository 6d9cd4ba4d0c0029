# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a killed run left armed or held still is put to rest by the next, also by one that begins nothing itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine.decide import decide
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Call,
    Heard,
    Observation,
    Plan,
    Record,
    Stop,
    Verb,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import Phase
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import State
from tests.unit.plugins.module_utils._engine import cases
from tests.unit.plugins.module_utils._engine.cases import NOW, PLAN, moved, plan, record, seen

ARMED = {Verb.DISARM: ("ResumeProcesses",)}
LIVE = record(live="new", last_good="old")
PINNED = record(pinned="old", pinned_by="bob")
REJECTED = record(rejected={"new": "2026-01-01T00:00:00Z: 2 wrong answers"})


def start(now: Observation, known: Record, wanted: Plan = PLAN) -> tuple[State, object]:
    """The first decision on a snapshot."""
    return cases.step(cases.state(Phase.START, record=known), now, plan=wanted)


@pytest.mark.parametrize(
    ("now", "known", "ending", "words"),
    [
        (moved(todo=ARMED), LIVE, "live", "what an earlier run left armed is at rest"),
        (seen(todo=ARMED), PINNED, "unchanged", "is pinned by bob"),
        (seen(todo=ARMED), REJECTED, "refused", "was rejected at"),
    ],
)
def test_it_is_put_to_rest_by_one_call_and_read_back(now: Observation, known: Record, ending: str, words: str) -> None:
    state, command = start(now, known)
    assert state.phase is Phase.DISARMING
    assert isinstance(command, Call)
    assert command.verb is Verb.DISARM
    state, _ignored = decide(PLAN, state, now, Heard(message="ResumeProcesses"), NOW)
    state, command = cases.step(state, replace(now, at=NOW + 1, todo={}), now=NOW + 1)
    assert isinstance(command, Stop)
    assert command.state == ending
    assert words in command.reason
    assert state.changed


@pytest.mark.parametrize(
    ("now", "known", "ending", "words"),
    [
        (moved(todo=ARMED), LIVE, "planned", "left armed would be put to rest"),
        (seen(todo=ARMED), PINNED, "unchanged", "is pinned by bob"),
    ],
)
def test_check_mode_leaves_it_and_says_so(now: Observation, known: Record, ending: str, words: str) -> None:
    state, command = start(now, known, plan(check_mode=True))
    assert isinstance(command, Stop)
    assert command.state == ending
    assert words in command.reason
    assert not state.changed


def test_an_unfinished_rollout_is_classified_first() -> None:
    state, _ignored = start(seen(todo=ARMED), record(unfinished=cases.UNFINISHED, pinned="old", pinned_by="bob"))
    assert state.phase is not Phase.DISARMING
