# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every edge of the transition table, one row each: from this phase, with this state and snapshot, it goes there."""

from __future__ import annotations

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Stop, Verb
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import (
    ANYWHERE,
    TABLE,
    End,
    Phase,
    allowed,
    edges,
    mermaid,
)
from tests.unit.plugins.module_utils._engine import cases, held
from tests.unit.plugins.module_utils._engine.cases import NOW, seen
from tests.unit.plugins.module_utils._engine.edges import BACK, EDGES, Edge
from tests.unit.plugins.module_utils._engine.held_edges import HELD_EDGES

P, E = Phase, End
ALL = [*EDGES, *HELD_EDGES]


def _name(edge: Edge) -> str:
    return f"{edge.source.value}-{edge.target.value}"


@pytest.mark.parametrize("edge", ALL, ids=_name)
def test_edge(edge: Edge) -> None:
    make = held.state if edge.plan.steps else cases.state
    state, command = cases.step(make(edge.source, **edge.state), edge.seen, plan=edge.plan)
    if isinstance(edge.target, End):
        assert isinstance(command, Stop)
        assert command.state == edge.target.value
        assert state.trail == (edge.source,)
        assert edge.says in command.reason
    else:
        assert state.trail[:2] == (edge.source, edge.target)
        assert edge.says in " ".join(event.text for event in state.events)


def test_every_edge_has_a_row() -> None:
    walked = {(edge.source, edge.target) for edge in ALL}
    assert set(edges()) <= walked
    assert all(allowed(source, target) for source, target in walked)


def test_the_table_names_every_phase_and_every_phase_can_be_reached() -> None:
    assert set(TABLE) == set(Phase)
    reached = {target for _ignored, target in edges()} | {Phase.START}
    assert set(Phase) <= reached
    assert set(End) == {end for end in reached if isinstance(end, End)} | set(ANYWHERE)


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in (P.START, P.LOCKING, P.CHECKING)])
def test_an_interrupted_run_ends_without_a_call_and_writes_it_down(phase: Phase) -> None:
    state = cases.state(phase, interrupted=True, **BACK)
    state, command = cases.step(state, seen(todo=dict.fromkeys(Verb, ("Something",))))
    assert isinstance(command, Stop)
    assert command.state == "interrupted"
    assert f"interrupted in {phase.value}" in command.reason
    assert state.record.unfinished["interrupted"] == "yes"
    assert state.record.unfinished["phase"] == phase.value


@pytest.mark.parametrize("phase", list(Phase))
def test_somebody_elses_hand_freezes_at_once_and_needs_a_person_when_it_stays(phase: Phase) -> None:
    now = seen(foreign="bob moves the service", todo=dict.fromkeys(Verb, ("Something",)))
    base = cases.state(phase, trouble="bob moves the service", trouble_since=NOW - 2, **BACK)
    state, command = cases.step(base, now)
    assert type(command).__name__ == "Wait"
    state, command = cases.step(cases.state(phase, trouble="bob moves it", trouble_since=NOW - 5, **BACK), now)
    assert isinstance(command, Stop)
    assert command.state == "needs_operator"
    assert "bob moves it" in command.reason
    assert state.changed is False


@pytest.mark.parametrize("phase", list(Phase))
def test_past_its_deadline_no_phase_waits_on(phase: Phase) -> None:
    if phase in (P.PAUSING, P.DISARMING):
        return  # people take their time, and what is proven is not undone: see test_holds.py and test_pulse.py
    base = cases.state(phase, **BACK)
    now = 1000.0
    state, command = cases.step(base, seen(at=now), now=now)
    if phase in (P.CONFIGURING, P.ARMING, P.BEGINNING, P.MOVING, P.HOLDING, P.PROCEEDING, P.JUDGING, P.BAKING):
        assert state.trail[1] is P.ROLLING_BACK
        assert state.cause is not None
        assert state.cause.rejects == "no"
        assert "the deadline of 600 s is over" in state.cause.text
    else:
        assert isinstance(command, Stop)
        assert command.state == ("refused" if phase in (P.START, P.LOCKING, P.CHECKING) else "needs_operator")


def test_the_diagram_shows_every_phase_and_edge() -> None:
    text = mermaid()
    assert text.startswith("stateDiagram-v2\n  [*] --> start\n")
    for source, target in edges():
        assert f"  {source.value} --> {target.value}\n" in text
    for phase, row in TABLE.items():
        assert f"  {phase.value}: {phase.value}<br/>{row.waits_for} ({row.who})\n" in text
    assert "From every phase: refused, needs_operator, interrupted" in text
