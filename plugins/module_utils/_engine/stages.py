# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a plan as the holds they mean: how long each takes, and whether the cloud's own time at it is enough.

Every figure is seconds. A hold is judged in rounds that take turns between the plan's route and production, so a gate
of n answers in a row takes 2n - 1 intervals at the least (Flagger's interval x steps, and ECS's rule that a bake ends
inside its hook: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentLifecycleHook.html).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from .finding import Finding
from .model import Plan, Step

NATIVE = frozenset({"blue_green", "canary", "linear"})


def holds(plan: Plan) -> tuple[Step, ...]:
    """Where the cloud waits, in order: before any user meets the release, then at each step."""
    if not plan.steps or plan.steps[0].weight == 0 or plan.checkpoints:
        return plan.steps
    return (Step(0), *plan.steps)


def gate_time(plan: Plan) -> float:
    """Seconds until the gate can pass at a hold, at the earliest."""
    if not plan.probes:
        return 0.0
    rounds = 2 * plan.gate.run - 1 if plan.route != "production" else plan.gate.run
    return plan.gate.initial_delay + plan.gate.interval * max(rounds - 1, 0)


def needed(plan: Plan, step: Step) -> float:
    """Seconds that a hold takes when all goes well."""
    follows = plan.chain.propagation if step.weight else 0.0
    return max(plan.timing.min_ready, follows + gate_time(plan)) + step.bake


def margin(plan: Plan) -> float:
    """Seconds before the end of a hold at which we go back ourselves."""
    return plan.timing.settle + 2 * plan.timing.poll


def total(plan: Plan) -> float:
    """Seconds of all holds, and until the old release may go."""
    least = plan.chain.hold if plan.chain.goes_on else 0.0  # a hold that goes on by itself takes all of its time
    return sum(max(least, needed(plan, step)) for step in holds(plan)) + plan.chain.after


def unattended(plan: Plan, step: Step) -> float:
    """Seconds that a hold which goes on by itself must last, so that a controller that dies there is noticed in time:
    the latest beat at it, the alarm's silence, and a margin.
    """
    follows = plan.chain.propagation if step.weight else 0.0
    judged = max(plan.timing.min_ready, follows) + plan.gate.deadline + step.bake
    return judged + (plan.heartbeat.window if plan.heartbeat is not None else 0.0) + margin(plan)


def findings(plan: Plan) -> list[Finding]:
    """What is wrong with the steps, the holds, the heartbeat and the lock."""
    return [*_shape(plan), *_times(plan), *_heartbeat(plan), *_lock(plan)]


def _shape(plan: Plan) -> Iterator[Finding]:
    if plan.gate.inconclusive == "pause" and not plan.steps:
        mend = "Choose canary, linear or blue_green, or roll_back."
        yield Finding("gate.inconclusive", "pause", f"{plan.strategy} has no hold at which a person could decide", mend)
    if plan.strategy not in NATIVE and not plan.checkpoints:
        return
    weights = [step.weight for step in plan.steps]
    rising = all(before < after for before, after in pairwise(weights))
    if not weights or weights[-1] != 100 or weights[0] < (1 if plan.checkpoints else 0) or not rising:
        mend = "Let them rise, each above the one before, and end at 100."
        yield Finding("steps", ", ".join(map(str, weights)) or "none", "must be percentages that rise to 100", mend)
    if plan.probes and plan.route == "production" and not plan.checkpoints:
        mend = "Give route: test_listener, or direct."
        problem = "must be a way to the release that its users do not take, or nothing is proven before they meet it"
        yield Finding("route", plan.route, problem, mend)


def _times(plan: Plan) -> Iterator[Finding]:
    if not plan.steps:
        return
    if plan.chain.goes_on:
        longest = max(holds(plan), key=lambda step: unattended(plan, step))
        enough = unattended(plan, longest)
        if plan.chain.hold < enough:
            why = f"else the cloud would go on from {longest.weight} % before anybody knows that the controller is dead"
            yield _short_hold(plan, enough, why)
        return
    longest = max(holds(plan), key=lambda step: needed(plan, step))
    enough = needed(plan, longest) + margin(plan)
    if plan.chain.hold < enough:
        why = f"the verdict at {longest.weight} % takes that long, and then the cloud would have rolled back"
        yield _short_hold(plan, enough, why)


def _short_hold(plan: Plan, enough: float, why: str) -> Finding:
    """In the words and the unit of the option."""
    unit = plan.chain.hold_unit
    return too_small(plan.chain.hold_option, plan.chain.hold / unit, math.ceil(enough / unit), why)


def _heartbeat(plan: Plan) -> Iterator[Finding]:
    heart = plan.heartbeat
    if heart is None:
        return
    if heart.interval < 2 * plan.timing.poll:
        why = "every beat follows a snapshot, and a snapshot must show the beat before"
        yield too_small("heartbeat.interval", heart.interval, 2 * plan.timing.poll, why)
    if heart.window < 2 * heart.interval:
        yield too_small(
            "heartbeat.window", heart.window, 2 * heart.interval, "one lost beat would roll the release back"
        )


def _lock(plan: Plan) -> Iterator[Finding]:
    if plan.lock is not None and plan.lock.terms.seconds < plan.lock.terms.shortest:
        why = "a lease must outlast the longest call and its own renewal"
        yield too_small("record.lease", plan.lock.terms.seconds, plan.lock.terms.shortest, why)


def too_small(name: str, given: float | str, enough: float, why: str) -> Finding:
    """A finding with the smallest value that would do."""
    shown = given if isinstance(given, str) else f"{given:g}"
    return Finding(name, shown, f"at least {enough:g}: {why}", f"The smallest value that would do: {enough:g}.")
