# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the phases have in common: how a release is taken back, what speaks against it, and the next probe."""

from __future__ import annotations

from . import pace, records, watch
from .evolve import evolve
from .model import Movement, Observation, Plan
from .pace import Decision
from .phases import Phase
from .state import Cause, State
from .timeline import tell
from .verdict import FAIL, INCONCLUSIVE, judge

BAKE_LOSSES = 2  # confirmed losses once the gate has passed: the first may be a machine's fault, see accident()


def turn_back(plan: Plan, state: State, cause: Cause, now: float) -> Decision:
    """Take the release back. The record learns why first, but a store that is down doesn't keep it alive."""
    state = tell(evolve(state, cause=cause, back_since=now, refused=""), now, cause.by, f"rolling back: {cause.text}")
    return pace.store(state, records.turned(plan, state, cause), Phase.ROLLING_BACK, now, needed=False)


def ended(plan: Plan, state: State, seen: Observation, now: float) -> Decision | None:
    """The deployment turned back, or ended, without us."""
    deployment = seen.deployment
    if deployment is None or not watch.ours(state, seen):
        return None
    if deployment.movement not in (Movement.TURNING_BACK, Movement.TURNED_BACK, Movement.STOPPED):
        return None
    if deployment.movement is Movement.STOPPED and not state.stopped_since <= seen.at - plan.timing.settle:
        # Somebody may have put another deployment in its place, which the next snapshot shows.
        since = min(state.stopped_since, seen.at)
        return pace.idle(plan, evolve(state, stopped_since=since), now, "the deployment is stopped: reading again")
    failed = f"{deployment.failures} failed targets" if deployment.failures else "no failed target"
    text = f"{plan.mover} ended the deployment ({failed}): {deployment.reason or 'no reason given'}"
    cause = Cause(text, plan.mover, "yes" if deployment.failures and not deployment.starved else "no")
    if deployment.movement is not Movement.TURNING_BACK:
        return turn_back(plan, state, cause, now)
    state = tell(evolve(state, cause=cause, back_since=now), now, plan.mover, f"rolls back by itself: {text}")
    record = records.turned(plan, state, cause)
    return pace.store(state, record, Phase.TURNING_BACK, now, needed=False)


def wrong(plan: Plan, state: State, now: float) -> Decision | None:
    """More wrong answers of the new release than the gate forgives."""
    if not plan.probes or not watch.failures(state.watch.samples):
        return None
    verdict = judge(plan.gate, state.watch.samples)
    if verdict.outcome != FAIL:
        return None
    return turn_back(plan, state, Cause(f"the new release answers wrongly: {verdict.reason}", rejects="yes"), now)


def lost(plan: Plan, state: State, now: float, limit: int) -> Decision | None:
    if state.watch.losses < limit:
        return None
    text = f"{state.watch.losses} loss(es) of healthy targets in {state.phase.value}: {state.watch.lost}"
    return turn_back(plan, state, Cause(text, rejects="yes"), now)


def accident(plan: Plan, state: State, now: float) -> State | None:
    """The first loss after the gate passed, told and forgiven once a run, for machines die; the gate is asked anew.

    None = there is nothing to forgive.
    """
    if state.watch.losses != 1 or state.forgiven:
        return None
    text = f"lost a healthy target: {state.watch.lost}; forgiven once: judging and baking anew"
    state = tell(evolve(state, forgiven=True), now, "greenlight", text)
    return watch.begin(plan, state, now, delay=0.0)


def baked_anew(state: State) -> State:
    """A bake begins: losses before it don't count in it, but the one that was forgiven does."""
    return evolve(state, watch=evolve(state.watch, losses=int(state.forgiven)))


def watched(plan: Plan, state: State, seen: Observation, now: float) -> Decision | None:
    """What ends the bake and all that follows it: a second loss, one wrong answer too many, or silence."""
    step = ended(plan, state, seen, now) or wrong(plan, state, now) or lost(plan, state, now, BAKE_LOSSES)
    if step is not None or not plan.probes:
        return step
    verdict = judge(plan.gate, state.watch.samples)
    if verdict.outcome != INCONCLUSIVE:
        return None
    return turn_back(plan, state, Cause(f"the release stopped answering: {verdict.reason}", rejects="proof"), now)


def probing(
    plan: Plan,
    state: State,
    seen: Observation,
    now: float,
    why: str,
    *,
    until: tuple[float, ...] = (),
    route: str = "",
) -> Decision:
    """Probe as soon as a target of the release takes traffic; else wait."""
    if not watch.healthy(seen, state.aim):
        return pace.idle(plan, state, now, why, until=until)
    step = pace.probe(plan, state, now, route or plan.route, state.aim)
    return step or pace.idle(plan, state, now, why, probing=True, until=until)


def ready_for(state: State, seen: Observation) -> float:
    """Seconds of readiness without a break, by the snapshots' own clock; -1 = not ready."""
    since = state.watch.ready_since
    return -1.0 if since is None else seen.at - since
