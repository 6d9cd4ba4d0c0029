# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back: wait for the cloud's own, roll back, verify what serves; and removal on request."""

from __future__ import annotations

from . import opening, pace, pulse, records, watch
from .evolve import evolve
from .model import Movement, Observation, Plan, Verb
from .pace import Decision
from .phases import End, Phase
from .state import Cause, State
from .timeline import name, sentence, tell
from .verdict import FAIL, INCONCLUSIVE, PASS, judge

NEVER = float("inf")
REFUSALS = 3  # a way back is worth asking for again: a refusal may come from what has not settled yet


def turning_back(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    """The cloud turns back by itself: not ours any more, until it has."""
    deployment = seen.deployment
    turning = deployment is not None and deployment.movement is Movement.TURNING_BACK
    if turning or (deployment is not None and not watch.ours(state, seen)) or not pace.settled(plan, state, seen):
        return pace.idle(plan, state, now, f"{plan.mover} rolls back")
    return pace.enter(state, Phase.ROLLING_BACK, now, "has turned back", plan.mover), None


def rolling_back(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    """Until the previous release serves alone and in full strength, or a first release is gone."""
    if state.refusals >= REFUSALS and pace.turned_down(plan, state, seen, Verb.ROLL_BACK):
        return needs_operator(plan, state, seen, now, f"the way back is closed: {state.refused}")
    if not state.first and not state.previous and not seen.back_to and seen.serving == state.aim:
        return needs_operator(plan, state, seen, now, f"there is nothing to go back to, and {_cause(state).text}")
    step = pace.act(plan, state, seen, Verb.ROLL_BACK, now, _cause(state).text)
    if step is not None:
        return step
    if not pace.settled(plan, state, seen):
        return pace.idle(plan, state, now, "reading back what serves")
    if state.first:
        state = _count_gone(state, seen)
        if _surely_gone(plan, state, seen):
            return _removed(plan, state, seen, now)
    if not state.first and watch.home(state, seen):
        again = watch.begin(plan, state, now, delay=0.0, forget=True)
        text = f"{name(plan, state, seen, state.previous)} serves alone again: verifying it"
        if state.record.unfinished.get("cause") or state.cause is None:
            return pace.enter(again, Phase.VERIFYING, now, text), None
        # The store was down when we turned: a run after us must not take this for an open rollout.
        record = records.turned(plan, again, state.cause)
        return pace.store(tell(again, now, "greenlight", text), record, Phase.VERIFYING, now, needed=False)
    bad = sum(target.release == state.aim for target in seen.targets)
    what = f"{bad} target(s) of the bad release left" if bad else "waiting until the previous release serves alone"
    return pace.idle(plan, state, now, what)


def verifying(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    """The previous release passes the same gate, or does not: the result says which."""
    verdict = judge(plan.gate, state.watch.samples, now - state.watch.since)
    passed = verdict.outcome == PASS or not plan.probes
    whole = watch.home(state, seen)
    if not whole and seen.todo.get(Verb.ROLL_BACK):
        return pace.enter(state, Phase.ROLLING_BACK, now, "the previous release does not serve alone any more"), None
    there = state.aim != state.previous and any(target.release == state.aim for target in seen.targets)
    if not whole and (there or watch.moving(seen)):
        return pace.idle(plan, state, now, "waiting until the previous release serves alone again")
    younger = seen.at >= state.watch.since  # the snapshot that began it may have missed a target that is left
    if (passed and whole and younger) or verdict.outcome in (FAIL, INCONCLUSIVE):
        found = verdict.reason if plan.probes else "no probes were given, so health alone judged"
        answered = bool(plan.probes) and verdict.outcome != INCONCLUSIVE
        return _rolled_back(plan, state, seen, now, passed, answered, found)
    why = (
        f"verifying the previous release: {verdict.reason}" if whole else "waiting until every target is healthy again"
    )
    step = pace.probe(plan, state, now, "production" if plan.steps else plan.route, state.previous)
    return step or pace.idle(plan, state, now, why, probing=True)


def removing(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    """Removal on request."""
    if state.refusals >= REFUSALS and pace.turned_down(plan, state, seen, Verb.REMOVE):
        return needs_operator(plan, state, seen, now, f"removal stopped: {state.refused}")
    step = pace.act(plan, state, seen, Verb.REMOVE, now, "removal was asked for")
    if step is not None:
        return step
    state = _count_gone(state, seen)
    if not _surely_gone(plan, state, seen) or not pace.settled(plan, state, seen):
        return pace.idle(plan, state, now, f"{len(seen.targets)} target(s) left")
    ending = pace.stop(End.REMOVED, sentence(plan, state, seen, now, "removed as asked for", "nothing"))
    return pace.store(state, records.removed(plan, state), ending, now)


def needs_operator(plan: Plan, state: State, seen: Observation | None, now: float, what: str) -> Decision:
    """A person must look. Nothing is changed; the record keeps what is unfinished for the next run."""
    do = "look at it with rollout_info, mend what is named here, and run the same again"
    return state, pace.stop(End.NEEDS_OPERATOR, sentence(plan, state, seen, now, what, do))


def _count_gone(state: State, seen: Observation) -> State:
    """Since when nothing is seen any more."""
    since = min(state.gone_since, seen.at) if watch.gone(seen) else NEVER
    return state if since == state.gone_since else evolve(state, gone_since=since)


def _surely_gone(plan: Plan, state: State, seen: Observation) -> bool:
    """Another snapshot says so, too: a read that misses targets looks like that."""
    return seen.at >= state.gone_since + plan.timing.settle


def _cause(state: State) -> Cause:
    return state.cause or Cause("asked for")


def _removed(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    cause = _cause(state)
    rejects = cause.rejects == "yes"
    record = records.back(plan, state, rejects)
    if state.homing:
        return opening.afresh(plan, state, record, now, "the unfinished first release is gone")
    what = f"the first release was removed, because {cause.text}"
    do = "name another release" if rejects else "mend the cause, and run the same again"
    ending = pace.stop(End.REMOVED, sentence(plan, state, seen, now, what, do))
    return pulse.close(plan, evolve(state, verified=True), seen, record, ending, now)


def _rolled_back(
    plan: Plan, state: State, seen: Observation, now: float, passed: bool, answered: bool, found: str
) -> Decision:
    cause = _cause(state)
    # The old release answers where the new one was silent, right or not: so the silence was the new one's own.
    against = cause.rejects == "yes" or (cause.rejects == "proof" and answered)
    rejects = against and state.aim != state.previous  # what is live again is not rejected
    state = evolve(state, verified=passed)
    record = records.back(plan, state, rejects)
    if state.homing:
        text = f"the unfinished rollout is taken back ({found})"
        return opening.afresh(plan, state, record, now, text)
    verified = "verified" if passed else "NOT verified"
    by = "" if cause.by == "greenlight" else f" by {cause.by}"
    bad, good = name(plan, state, seen, state.aim), name(plan, state, seen, state.previous)
    what = f"{bad} was rolled back{by} to {good}, {verified} ({found}), because {cause.text}"
    retry = "name another release" if rejects else "mend the cause, and run the same again"
    ending = pace.stop(
        End.ROLLED_BACK, sentence(plan, state, seen, now, what, retry if passed else f"look at it; {retry}")
    )
    return pulse.close(plan, state, seen, record, ending, now)
