# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way forward: configure, begin, watch the cloud move, judge, bake, finish, prove."""

from __future__ import annotations

from . import holds, pace, pulse, records, watch
from .common import accident, baked_anew, ended, lost, probing, ready_for, turn_back, watched, wrong
from .evolve import evolve
from .model import Movement, Observation, Plan, Verb
from .pace import Decision
from .phases import End, Phase
from .state import Cause, State
from .timeline import name, sentence, tell
from .verdict import INCONCLUSIVE, PASS, judge

LOSSES = 3  # confirmed losses before the bake: no accident any more (as many as ECS's circuit breaker needs at least)
GIVEN_UP = 3  # failed targets, where the cloud itself never gives up


def configuring(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    """Fields that start no deployment. Never while one is open, so: before the deployment."""
    step = _refused(plan, state, seen, Verb.CONFIGURE, now)
    step = step or pace.act(plan, state, seen, Verb.CONFIGURE, now, "before the deployment")
    if step is not None:
        return step
    if not state.only_configure:
        return pace.enter(state, Phase.ARMING if plan.heartbeat else Phase.BEGINNING, now), None
    what = f"{len(state.drift)} field(s) that start no deployment were mended, the release stays"
    unwell = pace.await_health(plan, state, seen, now, what, state.aim)
    if unwell is not None:
        return unwell
    return state, pace.stop(End.LIVE, sentence(plan, state, seen, now, what, "nothing"))


def arming(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    """Before the deployment, so that nobody has to be believed to be alive."""
    if state.pulse.refused >= pulse.REFUSALS and state.record.unfinished:
        what = f"the heartbeat is refused, so nothing was begun: {state.pulse.denial}"
        do = "let this run put metric data, and run the same again"
        ending = pace.stop(End.REFUSED, sentence(plan, state, seen, now, what, do))
        return pulse.close(plan, state, seen, records.cleared(plan, state), ending, now)
    return _refused(plan, state, seen, Verb.ARM, now) or pulse.arming(plan, state, seen, now)


def beginning(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    """Until the snapshot shows a deployment of ours, or that none is needed."""
    if watch.ours(state, seen):
        state = tell(state, now, plan.mover, "moves the targets")
        return pace.store(
            watch.begin(plan, state, now), records.going(plan, state, Phase.MOVING), Phase.MOVING, now, needed=False
        )
    step = _refused(plan, state, seen, Verb.BEGIN, now)
    if step is None and plan.heartbeat and seen.todo.get(Verb.BEGIN) and not pulse.armed(seen):
        return pace.enter(state, Phase.ARMING, now, "the heartbeat alarm is not OK any more"), None
    breaching = seen.heart is not None and seen.heart.breaching
    if step is None and plan.heartbeat is None and breaching and seen.todo.get(Verb.BEGIN):
        # An earlier run's alarm would ring in a deployment that nobody beats for.
        step = pace.act(plan, state, seen, Verb.DISARM, now, "nobody will beat")
    step = step or pace.act(plan, state, seen, Verb.BEGIN, now, "towards the deployment")
    if step is not None:
        return step
    if seen.serving == state.aim:
        state = watch.begin(plan, state, now)
        return pace.enter(state, Phase.JUDGING, now, "the release serves already: judging it"), None
    return pace.idle(plan, state, now, "waiting for the deployment to appear")


def _refused(plan: Plan, state: State, seen: Observation, verb: Verb, now: float) -> Decision | None:
    """The cloud said no on the way to the deployment: go back, when there is anything to go back from."""
    down = pace.turned_down(plan, state, seen, verb)
    if not down:
        return pace.idle(plan, state, now, f"reading back: {state.refused}") if down is None else None
    if seen.todo.get(Verb.ROLL_BACK) and not _untouched(state, seen):
        return turn_back(plan, state, Cause(state.refused), now)
    did = "earlier calls of this run stay" if state.pace.calls else "nothing was changed"
    stays = ", and the release that serves stays" if seen.exists else ""
    what, do = f"{state.refused}; {did}{stays}", "mend what the message names, and run the same again"
    ending = pace.stop(End.REFUSED, sentence(plan, state, seen, now, what, do))
    if not state.record.unfinished:
        return state, ending
    return pulse.close(plan, state, seen, records.cleared(plan, state), ending, now)


def _untouched(state: State, seen: Observation) -> bool:
    """Nothing of ours moved: the service runs what it ran before, so there is nothing to take back."""
    if state.only_configure:
        return True
    same = seen.serving in (state.previous, state.serving)
    return seen.exists and not state.first and same and not watch.ours(state, seen) and not watch.moving(seen)


def moving(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    """The cloud moves. We judge every answer that is proven to come from the new release."""
    step = ended(plan, state, seen, now) or wrong(plan, state, now) or lost(plan, state, now, LOSSES)
    if step is not None:
        return step
    deployment = seen.deployment
    if deployment is None or not watch.ours(state, seen):
        return pace.idle(plan, state, now, "waiting for the deployment to be seen again")
    unwatched = pulse.unwatched(plan, state, seen)
    if unwatched:
        return turn_back(plan, state, Cause(unwatched), now)
    if seen.held is not None and (seen.held.id != state.went or pace.settled(plan, state, seen)):
        return holds.enter(plan, state, seen, seen.held, now)
    if seen.held is None and pace.turned_down(plan, state, seen, Verb.PROCEED):
        return turn_back(plan, state, Cause(state.refused), now)
    step = pace.act(plan, state, seen, Verb.PROCEED, now, "towards the next hold") if seen.held is None else None
    if step is not None:
        return step
    if deployment.movement is Movement.MOVED and state.baked:
        again = watch.begin(plan, state, now, delay=0.0)
        return pace.enter(again, Phase.FINISHING, now, "is done, every gate was passed before", plan.mover), None
    if deployment.movement is Movement.MOVED:
        again = watch.begin(plan, state, now, delay=0.0)
        text = f"{plan.mover} says that it is done: judging"
        return pace.enter(again, Phase.JUDGING, now, text), None
    if not deployment.threshold and deployment.failures >= GIVEN_UP:
        text = f"{deployment.failures} targets failed, and nobody but us gives up: {deployment.reason}"
        return turn_back(plan, state, Cause(text, rejects="no" if deployment.starved else "yes"), now)
    if not plan.wait:
        return _in_progress(plan, state, seen, now)
    return probing(plan, state, seen, now, _progress(plan, state, seen))


def judging(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    """Every target healthy for min_ready without a break, and the gate."""
    step = ended(plan, state, seen, now) or wrong(plan, state, now) or lost(plan, state, now, LOSSES)
    if step is not None:
        return step
    ready = ready_for(state, seen)
    verdict = judge(plan.gate, state.watch.samples, now - state.watch.since)
    if ready >= plan.timing.min_ready and (verdict.outcome == PASS or not plan.probes):
        text = f"ready for {ready:.0f} s, {verdict.reason if plan.probes else 'no probes given'}: baking"
        state = baked_anew(watch.begin(plan, state, now, delay=0.0))
        return pace.enter(state, Phase.BAKING, now, text), None
    if plan.probes and verdict.outcome == INCONCLUSIVE:
        return turn_back(plan, state, Cause(f"the gate is inconclusive: {verdict.reason}", rejects="proof"), now)
    healthy = len(watch.healthy(seen, state.aim))
    why = f"{healthy} of {seen.desired} healthy, ready for {max(ready, 0):.0f} of {plan.timing.min_ready:g} s"
    return probing(plan, state, seen, now, f"{why}, {verdict.reason}" if plan.probes else why)


def baking(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    """No loss and no wrong answer, for the whole bake."""
    step = watched(plan, state, seen, now)
    if step is not None:
        return step
    again = accident(plan, state, now)
    if again is not None:
        return pace.enter(again, Phase.JUDGING, now), None
    left = state.entered + plan.timing.bake - now
    if left > 0:
        return probing(plan, state, seen, now, f"baking, {left:.0f} s to go", until=(state.entered + plan.timing.bake,))
    verdict = judge(plan.gate, state.watch.samples, -left)
    if plan.probes and plan.timing.bake and verdict.outcome != PASS:
        if verdict.outcome == INCONCLUSIVE:
            text = f"the bake ended inconclusive: {verdict.reason}"
            return turn_back(plan, state, Cause(text, rejects="proof"), now)
        return probing(plan, state, seen, now, f"baked, {verdict.reason}")
    if state.watch.ready_since is None:
        return probing(plan, state, seen, now, "baked, waiting until every target is healthy again")
    return pace.enter(state, Phase.FINISHING, now, f"baked for {plan.timing.bake:g} s without a loss"), None


def finishing(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    """Let the public in; old targets drained and gone."""
    step = watched(plan, state, seen, now)
    if step is not None:
        return step
    down = pace.turned_down(plan, state, seen, Verb.FINISH)
    if down is None:
        return probing(plan, state, seen, now, f"reading back: {state.refused}")
    if down:
        what = f"the release is proven, but could not be finished: {state.refused}"
        do = "mend what the message names, and run the same again"
        return state, pace.stop(End.NEEDS_OPERATOR, sentence(plan, state, seen, now, what, do))
    step = pace.act(plan, state, seen, Verb.FINISH, now, "the release is proven")
    if step is not None:
        return step
    if seen.closed or not watch.alone(seen, state.aim):
        left = sum(target.release != state.aim for target in seen.targets)
        why = seen.keeps or (f"{left} old target(s) still drain" if left else "still closed")
        return probing(plan, state, seen, now, why)
    again = watch.begin(plan, state, now, delay=0.0)
    return pace.enter(again, Phase.PROVING, now, "nothing of the old release is left: proving once more"), None


def proving(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    """Everything once more, read and asked after the last change."""
    step = watched(plan, state, seen, now)
    if step is not None:
        return step
    verdict = judge(plan.gate, state.watch.samples, now - state.watch.since)
    if plan.probes and verdict.outcome == INCONCLUSIVE:
        text = f"the last proof through production is inconclusive: {verdict.reason}"
        return turn_back(plan, state, Cause(text, rejects="proof"), now)
    answered = not plan.probes or verdict.outcome == PASS
    whole = watch.complete(state, seen) and watch.alone(seen, state.aim) and not seen.closed
    quiet = not any(seen.todo.get(verb) for verb in (Verb.BEGIN, Verb.FINISH))
    younger = plan.probes is False or state.watch.since <= seen.at
    if answered and whole and quiet and younger and pace.settled(plan, state, seen):
        return _live(plan, state, seen, now)
    return probing(plan, state, seen, now, f"reading back; {verdict.reason}", route="production")


def _live(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    count = len(watch.healthy(seen, state.aim))
    proven = plan.probes and not state.watch.unmarked
    if not plan.probes:
        proof = "no probes were given, so health alone judged"
    else:
        mark = "carry its mark" if proven else "carry no mark, so who answered is unproven"
        proof = f"{state.ledger.passed} of {state.ledger.seen} probes passed, the answers {mark}"
    what = f"{name(plan, state, seen, state.aim)} is live on {count} targets, {proof}"
    ending = pace.stop(End.LIVE, sentence(plan, state, seen, now, what, "nothing"))
    state = evolve(state, proven=proven, changed=True)
    return pulse.close(plan, state, seen, records.live(plan, state), ending, now)


# ---- lines ---------------------------------------------------------------------------------------


def _progress(plan: Plan, state: State, seen: Observation) -> str:
    new = len(watch.healthy(seen, state.aim))
    old = sum(t.state == "healthy" and t.release != state.aim for t in seen.targets)
    failures = seen.deployment.failures if seen.deployment else 0
    failed = f", {failures} failed" if failures else ""
    return f"{plan.mover} moves: {new} of {seen.desired} new targets healthy, {old} old ones{failed}"


def _in_progress(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    what = f"{plan.mover} moves the service to {name(plan, state, seen, state.aim)}, and nobody waits"
    if state.armed and seen.heart is not None and seen.heart.breaching:
        guard = "an earlier run armed the heartbeat alarm, and nobody beats now: the cloud rolls back soon"
    elif plan.chain.goes_on:
        guard = "the cloud goes on by itself, and knows nothing of wrong answers"
    elif plan.steps:
        guard = f"at its next hold the cloud waits for {plan.chain.hold:g} s, then rolls back by itself"
    else:
        guard = "until then the cloud rolls back when targets fail their health checks, and knows nothing of wrong "
        guard += "answers"
    do = f"run the same again to judge it; {guard}"
    ending = pace.stop(End.IN_PROGRESS, sentence(plan, state, seen, now, what, do))
    return pace.store(state, records.left(plan, state, Phase.MOVING, End.IN_PROGRESS), ending, now, needed=False)
