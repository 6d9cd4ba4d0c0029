# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When old and new are sick alike nobody moves: what hits both is no fault of the release.

A shared dependency, a load balancer or a zone that fails takes answers or targets from both. Going on would be
blind, and going back would not help. So the hold is kept, the heart beats on, and both are asked, until the old
release is well again (the new one is then judged afresh) or the hold's own time runs out.
"""

from __future__ import annotations

from . import watch
from .evolve import evolve
from .model import Observation, Plan
from .state import State
from .timeline import tell
from .verdict import FAIL, judge

QUIET = 3  # rounds through production in a row that nobody answered


def alike(state: State) -> bool:
    """The public's answers say that the old release is sick, too: wrong after right ones, or none at all."""
    hold, seen_of = state.hold, state.watch
    if hold is None or hold.step.weight >= 100 or state.previous == state.aim or state.first:
        return False
    return seen_of.old_sick or seen_of.quiet >= QUIET


def unasked(plan: Plan, state: State, seen: Observation) -> bool:
    """A wrong answer came after the public was asked last: ask the old release once, before anybody believes it."""
    hold = state.hold
    if hold is None or hold.step.weight >= 100 or plan.route == "production" or not plan.probes:
        return False
    wrong = watch.failures(state.watch.samples)
    if not wrong or judge(plan.gate, state.watch.samples).outcome != FAIL or not watch.healthy(seen, state.previous):
        return False
    return state.watch.asked < max(sample.at for sample in wrong)


def begin(state: State, now: float, why: str) -> State:
    """Nobody moves."""
    hold = state.hold
    if hold is None or hold.frozen:
        return state
    return tell(evolve(state, hold=evolve(hold, frozen=why)), now, "greenlight", f"frozen: {why}")


def follow(plan: Plan, state: State, seen: Observation, now: float) -> State:
    """Frozen by losses on both sides; thawed when the old release is well again, and the new one is judged afresh."""
    hold = state.hold
    if hold is None:
        return state
    if not hold.frozen:
        return begin(state, now, f"targets are lost on both sides: {state.watch.both}") if state.watch.both else state
    if alike(state) or not watch.whole(seen, state.previous, 1 if plan.checkpoints else max(1, seen.desired)):
        return state
    state = watch.begin(plan, state, now, delay=0.0, forget=True)
    state = evolve(state, hold=evolve(hold, frozen="", passed=None))
    return tell(state, now, "greenlight", "the previous release is well again: judging the new one afresh")
