# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that is wrong with the plan, at once, before any change; check mode's plan ends here."""

from __future__ import annotations

from . import opening, pace, records, stages
from .capacity import findings
from .evolve import evolve
from .finding import Finding
from .model import Capacity, Check, Observation, Plan, Verb
from .pace import Decision
from .phases import End, Phase
from .state import State
from .timeline import planned, sentence, tell


def checking(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    """Everything that is wrong, at once, before any change; check mode ends here."""
    if state.findings is None:
        return pace.read(plan, state, seen, now, Check())
    found = [*state.findings, *_arithmetic(plan, seen)]
    if found:
        what = (
            f"{len(found)} thing(s) wrong with the plan, nothing was changed: {'; '.join(str(each) for each in found)}"
        )
        ending = pace.stop(End.REFUSED, sentence(plan, state, seen, now, what, "mend them and run the same again"))
        return opening.rested(plan, state, seen, ending, now)
    if plan.check_mode:
        return _plan_told(plan, state, seen, now)
    if state.only_configure:
        return pace.enter(state, Phase.CONFIGURING, now), None
    state = evolve(state, armed=plan.heartbeat is not None)
    return pace.store(state, records.opened(plan, state, Phase.CONFIGURING), Phase.CONFIGURING, now)


def _capacity(plan: Plan, seen: Observation) -> Capacity | None:
    """What is there counts: nobody resets a desired count that an autoscaler moved."""
    if plan.capacity is None or not seen.exists or not seen.desired:
        return plan.capacity
    return evolve(plan.capacity, desired=seen.desired)


def _arithmetic(plan: Plan, seen: Observation) -> list[Finding]:
    room = _capacity(plan, seen)
    return stages.findings(plan) if room is None else findings(plan, room)


def _plan_told(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    if state.only_configure:
        steps = [("greenlight", f"would call {call}") for call in seen.todo.get(Verb.CONFIGURE, ())]
    else:
        steps = planned(plan, seen, _capacity(plan, seen), state.first)
    for who, text in steps:
        state = tell(state, now, who, text)
    return opening.would(plan, state, seen, now, f"{len(steps)} step(s) planned, {len(seen.drift)} field(s) differ")
