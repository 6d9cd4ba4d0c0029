# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the release stands at a hold: the step it is at, what it lacks to be called live there, and how long it has."""

from __future__ import annotations

from itertools import pairwise

from . import answers, watch
from .common import ready_for
from .model import Held, Observation, Plan, Step
from .state import Hold, State
from .statistics import SURE, agrees
from .verdict import PASS, Verdict, judge

NEWEST = 12  # answers through production that count when the release has none or all of the traffic


def step_at(plan: Plan, held: Held, share: int | None) -> Step:
    """The step of the plan that the hold stands at: what comes before the weight that the cloud would go to next."""
    if held.weight is not None:
        known = (step for step in plan.steps if step.weight >= held.weight)
        return next(known, Step(held.weight, max((step.bake for step in plan.steps), default=plan.timing.bake)))
    steps = plan.steps if plan.steps and plan.steps[0].weight == 0 else (Step(0), *plan.steps)
    if held.last:
        return steps[-1] if len(steps) > 1 else Step(100, plan.timing.bake)
    for here, following in pairwise(steps):
        if following.weight == held.next_weight:
            return here
    return Step(share or 0, max((step.bake for step in steps), default=0.0))  # begun with another plan


def lacks(plan: Plan, state: State, seen: Observation, now: float) -> tuple[str, Verdict]:
    """What is missing to call the release live here; "" = nothing."""
    hold, seen_of = hold_of(state), state.watch
    elapsed = None if hold.passed is not None else now - seen_of.since  # in the bake nothing is overdue
    verdict = judge(plan.gate, seen_of.samples, elapsed)
    ready = ready_for(state, seen)
    if ready < plan.timing.min_ready or seen_of.short_since is not None:
        healthy = len(watch.healthy(seen, state.aim))
        return f"{healthy} of {watch.wanted(seen)} healthy, ready for {max(ready, 0):.0f} s", verdict
    if hold.right_since is None:
        found = "not known" if seen.share is None else f"{seen.share} %"
        if seen.share == hold.step.weight:
            return f"the rule's share is {found}, and is read once more", verdict
        return f"the rule's share is {found}, and should be {hold.step.weight} %", verdict
    if not answers.follows(plan, hold, seen):
        left = hold.right_since + plan.chain.propagation - seen.at
        return f"the load balancer has {left:.0f} s more to follow its rule", verdict
    if plan.probes and verdict.outcome != PASS:
        return verdict.reason, verdict
    if plan.probes and seen_of.unmarked and plan.route == "test_listener" and seen.test_share not in (None, 100):
        return f"the test listener leads to the release with {seen.test_share} %, and answers carry no mark", verdict
    if plan.probes and not plan.checkpoints and not shares_agree(state):
        found = f"{seen_of.public.count(state.aim)} of {len(seen_of.public)} answers came from the release"
        return f"{found}, though the rule says {hold.step.weight} %", verdict
    if plan.probes and unmet(plan, state, seen, now):
        return f"none of {len(seen_of.public)} answers through production came from the release yet", verdict
    if plan.probes and len(seen_of.public) < (plan.gate.run if hold.step.weight else 0):
        return f"{len(seen_of.public)} of {plan.gate.run} answers through production", verdict
    return "", verdict


def shares_agree(state: State) -> bool:
    """The answers through production show the share that the rule claims.

    Of a release without marks it is only known that it does not have all of the traffic while the one before it,
    which is marked, still answers.
    """
    public, weight = state.watch.public, hold_of(state).step.weight
    if state.previous == state.aim:  # the same release under other service fields: both carry one mark
        return True
    if weight in (0, 100):  # a load balancer that was late is right soon
        public = public[-NEWEST:]
    if state.watch.unmarked or state.first:
        return weight < 100 or state.previous in ("", state.aim) or state.previous not in public
    return agrees(public.count(state.aim), len(public), weight)


def unmet(plan: Plan, state: State, seen: Observation, now: float) -> bool:
    """No answer through production was the release's yet, and waiting for one is worth it.

    At a small share that is luck for a while. It never takes a release back, whose share is read back and agrees: after
    as many rounds as would have told, or half of the hold, the next step shows more.
    """
    weight, watched = hold_of(state).step.weight, state.watch
    if not 0 < weight < 100 or watched.unmarked or state.previous == state.aim or state.aim in watched.public:
        return False
    return now - watched.since < luck(plan, weight) and time_left(seen, now) > plan.chain.hold / 2


def luck(plan: Plan, weight: int) -> float:
    """Seconds until enough answers came through production that none of the release's would be no luck."""
    rounds = SURE * SURE * (100 - weight) / weight if 0 < weight < 100 else 0.0
    return rounds * plan.gate.interval * (1 if plan.route == "production" else 2)  # rounds take turns


def patience(plan: Plan, state: State) -> float:
    """Seconds that a hold has until an undecided gate is inconclusive."""
    weight = hold_of(state).step.weight
    follows = plan.chain.propagation if weight else 0.0
    return max(plan.timing.min_ready, follows) + plan.gate.deadline + luck(plan, weight)


def time_left(seen: Observation, now: float) -> float:
    """Seconds until the cloud rolls back by itself."""
    return seen.held.left - (now - seen.at) if seen.held is not None else 0.0


def unanswered(held: Held) -> str:
    """What the cloud does at a hold without our word, in one clause."""
    return held.alone or f"without our word it goes back by itself in {held.left:.0f} s"


def hold_of(state: State) -> Hold:
    """The hold at hand; a phase without one has no business here."""
    if state.hold is None:
        raise AssertionError("no hold is known")
    return state.hold
