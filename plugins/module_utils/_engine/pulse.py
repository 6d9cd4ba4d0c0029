# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The heartbeat: an alarm that the cloud rolls back on when it hears nothing from us.

An alarm that is in ALARM when a deployment begins is ignored for that deployment, or fails it at once; and silence
between two rollouts *is* an alarm, once it counts as a breach. Hence the protocol: at rest silence means nothing; to
arm, beat until the alarm is OK, let silence be a breach, read OK again, begin, and read back that the cloud watches
it; beat only after a snapshot, never past the deadline of the gate at hand, until the deployment is over; disarm.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
"""

from __future__ import annotations

from . import lease, pace, watch
from .evolve import evolve
from .model import Beat, Heard, Movement, Observation, Outcome, Plan, Record, Stop, Verb
from .pace import Decision
from .phases import BACKWARD, Phase
from .state import Saving, State
from .timeline import tell

REFUSALS, PATIENCE = 3, 120.0  # times, seconds: an alarm that can't be put to rest doesn't undo what is proven
SILENT = frozenset({Phase.START, Phase.LOCKING, Phase.CHECKING, Phase.CONFIGURING, Phase.DISARMING, Phase.REMOVING})


def armed(seen: Observation) -> bool:
    """Armed and well."""
    return seen.heart is not None and seen.heart.breaching and seen.heart.state == "ok"


def arming(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    """Made at rest, OK, armed, and OK again. What is refused here ends the run before anything moved."""
    first = state.pulse.first
    heard = first is not None and seen.at > first  # what we read is younger than a beat of our own
    if heard and armed(seen) and pace.settled(plan, state, seen):
        return pace.enter(state, Phase.BEGINNING, now, "the heartbeat alarm is OK and armed"), None
    heart = seen.heart
    if heart is None or (heard and not heart.breaching and heart.state == "ok"):
        step = pace.act(plan, state, seen, Verb.ARM, now, "silence is to be a breach")
        if step is not None:
            return step
    found = "is not there yet" if heart is None else f"is {heart.state}, {'armed' if heart.breaching else 'at rest'}"
    return pace.idle(plan, state, now, f"the heartbeat alarm {found}: beating until it is OK")


def unwatched(plan: Plan, state: State, seen: Observation) -> str:
    """Why the cloud would not notice our death, though it was told to; "" = it would, or was never told."""
    deployment = seen.deployment
    if not state.armed or plan.heartbeat is None or deployment is None or not watch.ours(state, seen):
        return ""
    if deployment.movement is not Movement.MOVING or not pace.settled(plan, state, seen):
        return ""
    if seen.heart is not None and seen.heart.monitored:
        return ""
    return f"{plan.mover} does not watch the heartbeat alarm for this deployment"


# ---- beating -------------------------------------------------------------------------------------


def guard(plan: Plan, state: State, seen: Observation | None, now: float) -> Decision | None:
    """One beat, when it is due and a snapshot came in since the last one."""
    pulse, beat = state.pulse, plan.heartbeat
    if beat is None or seen is None or plan.check_mode or state.phase in SILENT:
        return None
    if now < pulse.beat + beat.interval or state.pace.looked <= pulse.tried or now > until(plan, state):
        return None
    if state.lock is not None and not (lease.ours(state.lock.grip) and now < (state.lock.grip.end or now)):
        return None  # another run may be at work already: the cloud is to decide
    return evolve(state, pulse=evolve(pulse, tried=now)), Beat()


def until(plan: Plan, state: State) -> float:
    """The deadline of what is going on, in seconds on the same clock: no beat keeps a stuck run alive past it."""
    if state.phase in BACKWARD:
        return (state.entered if state.back_since is None else state.back_since) + plan.timing.rollback_deadline
    whole = state.started + state.excused + plan.timing.deadline
    hold = state.hold
    if plan.chain.goes_on and state.phase is Phase.PROCEEDING:
        return whole  # it passed, and every snapshot shows that it still does: the cloud takes its time
    if hold is None or state.phase not in (Phase.HOLDING, Phase.PROCEEDING) or hold.frozen:
        return whole if state.phase is not Phase.PAUSING else float("inf")  # the hold's own time bounds a pause
    begun = (
        hold.passed + hold.step.bake
        if hold.passed is not None
        else state.watch.since + max(plan.timing.min_ready, plan.chain.propagation)
    )
    return min(whole, begun + plan.gate.deadline + 2 * plan.timing.poll)


def hear(state: State, heard: Heard) -> State:
    """A beat that was lost is sent again after the next snapshot."""
    if heard.outcome is not Outcome.DONE:
        refused = state.pulse.refused + 1 if heard.outcome is Outcome.REFUSED else 0
        return evolve(state, pulse=evolve(state.pulse, refused=refused, denial=heard.message))
    pulse = state.pulse
    first = pulse.tried if pulse.first is None else pulse.first
    return evolve(state, pulse=evolve(pulse, beat=pulse.tried, first=first, beats=pulse.beats + 1, refused=0))


# ---- disarming -----------------------------------------------------------------------------------


def close(plan: Plan, state: State, seen: Observation, record: Record, then: Phase | Stop, now: float) -> Decision:
    """The rollout is over: what it armed or held still goes to rest, then the record says so."""
    if plan.heartbeat is None and not state.armed and not seen.todo.get(Verb.DISARM):
        return pace.store(state, record, then, now)
    return pace.enter(evolve(state, closing=Saving(record, then, now)), Phase.DISARMING, now), None


def disarming(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    """At rest again, or given up; then the end that was found."""
    if state.refusals >= REFUSALS:
        return closed(state, now, f"the heartbeat alarm stays armed: {state.refused}")
    step = pace.act(plan, state, seen, Verb.DISARM, now, "the deployment is over")
    if step is not None:
        return step
    if seen.heart is not None and seen.heart.breaching:
        return pace.idle(plan, state, now, "waiting until the heartbeat alarm may be put to rest")
    return closed(state, now, "the heartbeat alarm is at rest")


def overdue(state: State, now: float) -> Decision | None:
    """It takes too long, maybe because nothing can be read."""
    late = now - state.entered > PATIENCE
    return closed(state, now, "the heartbeat alarm could not be seen at rest") if late else None


def closed(state: State, now: float, text: str) -> Decision:
    """What the rollout came to, written down."""
    closing = state.closing
    if closing is None:
        raise AssertionError("nothing to close")
    state = tell(evolve(state, closing=None), now, "greenlight", text)
    return pace.store(state, closing.record, closing.then, now)
