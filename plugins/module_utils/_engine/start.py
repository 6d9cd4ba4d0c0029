# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first snapshot: what kind of run is this? A table of rules, the first that fits decides."""

from __future__ import annotations

from collections.abc import Callable

from . import pace, records, unfinished, watch
from .evolve import evolve
from .model import Movement, Observation, Plan, Verb
from .opening import origin, rested, unchanged, would
from .pace import Decision
from .phases import End, Phase
from .state import State
from .timeline import itinerary, name, sentence, tell


def start(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    """Classify: the first rule that fits."""
    if state.trail[-2:] in ((Phase.START,), (Phase.LOCKING, Phase.START)):
        state = evolve(state, drift=seen.drift, serving=seen.serving)
    for rule in RULES:
        step = rule(plan, state, seen, now)
        if step is not None:
            return step
    return _rollout(plan, state, seen, now)


def _suspicious(plan: Plan, state: State, seen: Observation, now: float) -> Decision | None:
    """The record says otherwise, or a run was killed a moment ago: a stale snapshot may lie. Read again."""
    wanted, record = plan.release.id, state.record
    contradiction = record.live == wanted and seen.serving != wanted
    vanished = bool(record.live) and not seen.exists
    if (contradiction or vanished or record.unfinished) and not pace.settled(plan, state, seen):
        return pace.idle(plan, state, now, "reading again: the record and the cloud differ")
    return None


def _remove(plan: Plan, state: State, seen: Observation, now: float) -> Decision | None:
    if not plan.remove:
        return None
    if watch.gone(seen) and not seen.todo.get(Verb.REMOVE):
        if (state.record.unfinished or state.record.live) and not plan.check_mode:
            return pace.store(state, records.removed(plan, state), unchanged(plan, state, seen, now, "is absent"), now)
        return state, unchanged(plan, state, seen, now, "is absent")
    if plan.check_mode:
        for call in seen.todo.get(Verb.REMOVE, ()):
            state = tell(state, now, "greenlight", f"would call {call}")
        return would(plan, state, seen, now, "would be removed")
    return pace.store(state, records.opened(plan, state, Phase.REMOVING), Phase.REMOVING, now)


def _pinned(plan: Plan, state: State, seen: Observation, now: float) -> Decision | None:
    record = state.record
    if plan.pin or plan.unpin or record.pinned in ("", plan.release.id):
        return None
    what = (
        f"{name(plan, state, seen, record.pinned)} is pinned by {record.pinned_by or 'somebody'}, "
        f"while the inventory wants {name(plan, state, seen, plan.release.id)}"
    )
    unwell = pace.await_health(plan, state, seen, now, what, record.pinned)
    if unwell is not None:
        return unwell
    do = "let the inventory name the pinned release, or unpin it"
    return rested(plan, state, seen, pace.stop(End.UNCHANGED, sentence(plan, state, seen, now, what, do)), now)


def _rejected(plan: Plan, state: State, seen: Observation, now: float) -> Decision | None:
    why = state.record.rejected.get(plan.release.id)
    if why is None or plan.retry_rejected or state.record.live == plan.release.id:
        return None
    what = f"{name(plan, state, seen, plan.release.id)} was rejected at {why}"
    do = "name another release, or give retry_rejected: true"
    return rested(plan, state, seen, pace.stop(End.REFUSED, sentence(plan, state, seen, now, what, do)), now)


def _under_way(plan: Plan, state: State, seen: Observation, now: float) -> Decision | None:
    """A deployment to our release is moving, and no record says that it is ours."""
    deployment = seen.deployment
    if deployment is None or deployment.movement not in (Movement.MOVING, Movement.TURNING_BACK):
        return None
    if deployment.by != "greenlight":
        what = f"{deployment.by} moves the service to this release"
        do = "wait until that is over, then run the same again"
        return state, pace.stop(End.NEEDS_OPERATOR, sentence(plan, state, seen, now, what, do))
    if plan.check_mode:
        return would(plan, state, seen, now, "a rollout under way would be gone on with")
    state = origin(plan, state, seen)
    opened = records.opened(plan, state, Phase.MOVING)
    state = tell(state, now, "greenlight", "a deployment of ours is under way without a record: going on with it")
    return pace.store(state, opened, Phase.MOVING, now, needed=False)


def _lagging(plan: Plan, state: State, seen: Observation, now: float) -> Decision | None:
    """The cloud completed our release, but nobody judged it: judge it now."""
    todo = seen.todo.get(Verb.CONFIGURE) or seen.todo.get(Verb.BEGIN)
    if seen.serving != plan.release.id or todo or state.record.live == plan.release.id:
        return None
    if plan.check_mode:
        return would(plan, state, seen, now, "the release serves, and would be judged now")
    if not state.record.unfinished:
        state = origin(plan, state, seen)
    state = watch.begin(plan, state, now)
    text = "the release serves, but no record calls it live: judging it now"
    return pace.enter(state, Phase.JUDGING, now, text), None


def _nothing(plan: Plan, state: State, seen: Observation, now: float) -> Decision | None:
    verbs = (Verb.CONFIGURE, Verb.BEGIN, Verb.FINISH)
    if seen.serving != plan.release.id or state.record.live != plan.release.id or any(map(seen.todo.get, verbs)):
        return None
    what = f"{name(plan, state, seen, plan.release.id)} is live"
    unwell = pace.await_health(plan, state, seen, now, what, plan.release.id)
    if unwell is not None:
        return unwell
    what = f"{name(plan, state, seen, plan.release.id)} is live already"
    if seen.todo.get(Verb.DISARM):
        if plan.check_mode:
            return would(plan, state, seen, now, f"{what}; what an earlier run left armed would be put to rest")
        text = sentence(plan, state, seen, now, f"{what}; what an earlier run left armed is at rest", "nothing")
        return rested(plan, state, seen, pace.stop(End.LIVE, text), now)
    pinned = plan.release.id if plan.pin else ""
    if pinned == state.record.pinned:
        return state, unchanged(plan, state, seen, now, f"{what}, nothing to do")
    if plan.check_mode:
        return would(plan, state, seen, now, "the pin would change")
    what += ", and pinned now" if pinned else ", and not pinned any more"
    ending = pace.stop(End.LIVE, sentence(plan, state, seen, now, what, "nothing"))
    return pace.store(evolve(state, changed=True), records.pinned(plan, state), ending, now)


def _same_unfinished(plan: Plan, state: State, seen: Observation, now: float) -> Decision | None:
    """Gone on with; or begun again, whatever was pinned or rejected since."""
    if not state.record.unfinished:
        return None
    state = evolve(state, rollout_id=state.record.unfinished.get("rollout_id", plan.rollout_id))
    step = unfinished.same(plan, state, seen, now)
    return step or _lagging(plan, state, seen, now) or _rollout(plan, state, seen, now)


RULES: tuple[Callable[[Plan, State, Observation, float], Decision | None], ...] = (
    _suspicious,
    _remove,
    unfinished.replaced,
    unfinished.other,
    _same_unfinished,
    _pinned,
    _rejected,
    _under_way,
    _lagging,
    _nothing,
)


def _rollout(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    """Nothing else: something is to be changed. Only fields that start no deployment, or a rollout."""
    settled = seen.serving == plan.release.id == state.record.live and seen.exists
    verbs = (Verb.BEGIN, Verb.FINISH)
    only = settled and not state.record.unfinished and not any(map(seen.todo.get, verbs))
    if not state.record.unfinished:
        state = origin(plan, state, seen)
    state = evolve(state, only_configure=only)
    for text in (_intent(plan, state, seen), "" if only else itinerary(plan, state.first)):
        if text and all(event.text != text for event in state.events):  # not again under the lock
            state = tell(state, now, "greenlight", text)
    return pace.enter(state, Phase.CHECKING, now), None


def _intent(plan: Plan, state: State, seen: Observation) -> str:
    if state.only_configure:
        return f"{len(seen.drift)} field(s) differ that start no deployment"
    origin = "nothing" if state.first else name(plan, state, seen, state.previous)
    return f"rollout {state.rollout_id}: from {origin} to {name(plan, state, seen, plan.release.id)}"
