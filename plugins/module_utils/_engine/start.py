# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first snapshot: what kind of run is this? A table of rules, the first that fits decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import locking, pace, records, watch
from .evolve import evolve
from .model import Movement, Observation, Plan, Record, Stop, Verb
from .pace import Decision
from .phases import BACKWARD, End, Phase
from .state import Cause, State, Watch
from .timeline import name, sentence, tell

UNFINISHED = "a rollout that nobody ended is taken back first"


def begin(plan: Plan, now: float) -> State:
    """The state before anything was read."""
    record = Record(service=plan.service)
    return State(
        phase=Phase.START,
        started=now,
        entered=now,
        record=record,
        aim=plan.release.id,
        rollout_id=plan.rollout_id,
        trail=(Phase.START,),
        lock=locking.begin(plan),
        watch=Watch(since=now, next_probe=now),
    )


def afresh(plan: Plan, state: State, record: Record, now: float, text: str) -> Decision:
    """Write the record without the unfinished rollout, and classify again."""
    again = evolve(
        state,
        record=record,
        aim=plan.release.id,
        rollout_id=plan.rollout_id,
        homing=False,
        back_since=None,
        cause=None,
        verified=None,
        watch=Watch(since=now, next_probe=now),  # what the release before it did says nothing about this one
        refused="",
        refusals=0,
        findings=None,
        trouble="",
        pace=evolve(state.pace, looked=float("-inf")),
    )
    again = evolve(records.recall(plan, again), record=state.record)
    return pace.store(tell(again, now, "greenlight", text), record, Phase.START, now)


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
            return pace.store(state, records.removed(plan, state), _unchanged(plan, state, seen, now, "is absent"), now)
        return state, _unchanged(plan, state, seen, now, "is absent")
    if plan.check_mode:
        for call in seen.todo.get(Verb.REMOVE, ()):
            state = tell(state, now, "greenlight", f"would call {call}")
        return would(plan, state, seen, now, "would be removed")
    return pace.store(state, records.opened(plan, state, Phase.REMOVING), Phase.REMOVING, now)


def _other_unfinished(plan: Plan, state: State, seen: Observation, now: float) -> Decision | None:
    """An unfinished rollout to another release goes home before anything new begins."""
    unfinished = state.record.unfinished
    aim = unfinished.get("to", "")
    removing = unfinished.get("phase") == Phase.REMOVING.value or not aim
    if not unfinished or (aim == plan.release.id and not removing and not _take_home(plan, state)):
        return None
    if plan.on_unfinished == "fail" and not removing:
        return _left_alone(plan, state, seen, now)
    if removing and not plan.check_mode:
        record = records.cleared(plan, state) if seen.exists else records.removed(plan, state)
        return afresh(plan, state, record, now, "a removal that nobody ended is not gone on with")
    homing = evolve(state, aim=aim, homing=True, rollout_id=unfinished.get("rollout_id", plan.rollout_id))
    over = watch.gone(seen) if state.first else watch.home(homing, seen)
    if plan.check_mode:
        what = f"an unfinished rollout to {aim} {'is over' if over else 'would be taken back first'}"
        return would(plan, state, seen, now, what)
    if over:
        text = f"the unfinished rollout to {name(plan, state, seen, aim)} left nothing behind"
        return afresh(plan, homing, records.cleared(plan, state), now, text)
    if state.first and not unfinished.get("cause") and seen.exists and not seen.closed and seen.serving == aim:
        text = f"the first release {name(plan, state, seen, aim)} was proven and opened: it is live"
        return afresh(plan, homing, records.opened_up(plan, homing), now, text)
    cause = _old_cause(unfinished) or Cause(UNFINISHED)
    return pace.enter(evolve(homing, cause=cause, back_since=now), Phase.ROLLING_BACK, now, UNFINISHED), None


def _same_unfinished(plan: Plan, state: State, seen: Observation, now: float) -> Decision | None:
    """An unfinished rollout to the same release is gone on with, in the direction it went."""
    unfinished = state.record.unfinished
    if not unfinished:
        return None
    if plan.on_unfinished == "fail" and not unfinished.get("left"):
        return _left_alone(plan, state, seen, now)
    if plan.check_mode:
        return would(plan, state, seen, now, f"an unfinished rollout, in phase {unfinished.get('phase')}, would go on")
    state = evolve(state, rollout_id=unfinished.get("rollout_id", plan.rollout_id))
    cause = _old_cause(unfinished) or _went_home(state, seen)
    if cause is not None or unfinished.get("phase") in {phase.value for phase in BACKWARD}:
        state = evolve(state, cause=cause or Cause(UNFINISHED), back_since=now)
        return pace.enter(state, Phase.ROLLING_BACK, now, "an unfinished way back is gone on with"), None
    if watch.ours(state, seen):
        return _move(plan, state, now, "an unfinished rollout is gone on with"), None
    return _lagging(plan, state, seen, now) or _rollout(plan, state, seen, now)


def _replaced(plan: Plan, state: State, seen: Observation, now: float) -> Decision | None:
    """Somebody completed another release meanwhile: what nobody ended is over, and its record is not to be believed."""
    unfinished = state.record.unfinished
    known = {"", unfinished.get("to", ""), unfinished.get("from", ""), state.previous}
    if not unfinished or plan.remove or plan.check_mode or not seen.exists or seen.serving in known:
        return None
    if watch.moving(seen) or plan.on_unfinished == "fail":
        return None
    text = f"{name(plan, state, seen, seen.serving)} was put in place meanwhile: the unfinished rollout is over"
    return afresh(plan, state, records.cleared(plan, state), now, text)


def _take_home(plan: Plan, state: State) -> bool:
    """An unfinished rollout to the wanted release goes home first, too: by policy, unless it was left on purpose.

    Not when it passed every gate, nor when it is on its way back already: what is left of it is less than that.
    """
    unfinished = state.record.unfinished
    over = state.baked or bool(unfinished.get("cause")) or unfinished.get("phase") in {each.value for each in BACKWARD}
    return plan.on_unfinished == "roll_back" and not unfinished.get("left") and not over


def _left_alone(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    found = state.record.unfinished
    aim = name(plan, state, seen, found.get("to", ""))
    what = f"a rollout to {aim}, begun by {found.get('started_by') or 'somebody'} at {found.get('started_at')}, "
    what += f"is unfinished in phase {found.get('phase')}, and on_unfinished is fail"
    do = "run the same again with on_unfinished: resume or roll_back"
    return state, pace.stop(End.REFUSED, sentence(plan, state, seen, now, what, do))


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
    return state, pace.stop(End.UNCHANGED, sentence(plan, state, seen, now, what, do))


def _rejected(plan: Plan, state: State, seen: Observation, now: float) -> Decision | None:
    why = state.record.rejected.get(plan.release.id)
    if why is None or plan.retry_rejected or state.record.live == plan.release.id:
        return None
    what = f"{name(plan, state, seen, plan.release.id)} was rejected at {why}"
    do = "name another release, or give retry_rejected: true"
    return state, pace.stop(End.REFUSED, sentence(plan, state, seen, now, what, do))


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
    state = _origin(plan, state, seen)
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
        state = _origin(plan, state, seen)
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
    pinned = plan.release.id if plan.pin else ""
    if pinned == state.record.pinned:
        return state, _unchanged(plan, state, seen, now, f"{what}, nothing to do")
    if plan.check_mode:
        return would(plan, state, seen, now, "the pin would change")
    what += ", and pinned now" if pinned else ", and not pinned any more"
    ending = pace.stop(End.LIVE, sentence(plan, state, seen, now, what, "nothing"))
    return pace.store(evolve(state, changed=True), records.pinned(plan, state), ending, now)


RULES: tuple[Callable[[Plan, State, Observation, float], Decision | None], ...] = (
    _suspicious,
    _remove,
    _replaced,
    _other_unfinished,
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
        state = _origin(plan, state, seen)
    state = evolve(state, only_configure=only)
    return pace.enter(state, Phase.CHECKING, now, _intent(plan, state, seen)), None


def _origin(plan: Plan, state: State, seen: Observation) -> State:
    """Where to go back to: what serves now, unless that is our own release or one that was rejected."""
    record, wanted = state.record, plan.release.id
    # The wanted release is live: its own last completed state is the way back, never an older release.
    recorded = wanted if record.live == wanted else state.previous
    known = seen.serving if seen.serving not in ("", wanted, *record.rejected) else recorded
    first = not seen.exists
    before = seen.deployment.id if seen.deployment is not None and not watch.moving(seen) else ""
    if known != state.previous or first != state.first:  # the platform must see the plan anew
        state = evolve(state, pace=evolve(state.pace, looked=float("-inf")))
    return evolve(state, previous="" if first else known, first=first, before=before)


def _intent(plan: Plan, state: State, seen: Observation) -> str:
    if state.only_configure:
        return f"{len(seen.drift)} field(s) differ that start no deployment"
    origin = "nothing" if state.first else name(plan, state, seen, state.previous)
    return f"rollout {state.rollout_id}: from {origin} to {name(plan, state, seen, plan.release.id)}"


def _move(plan: Plan, state: State, now: float, text: str) -> State:
    return pace.enter(watch.begin(plan, state, now), Phase.MOVING, now, text)


def _old_cause(unfinished: Mapping[str, str]) -> Cause | None:
    if not unfinished.get("cause"):
        return None
    return Cause(unfinished["cause"], unfinished.get("by", "greenlight"), unfinished.get("rejects", "no"))


def _went_home(state: State, seen: Observation) -> Cause | None:
    """The release was taken back already, or is being taken back, and nobody could write down why."""
    if state.previous in ("", state.aim) or seen.deployment is None or not watch.ours(state, seen):
        return None
    under_way = seen.other is not None and seen.other.release == state.previous
    over = seen.deployment.movement is Movement.MOVED and seen.serving == state.previous
    return Cause("an earlier run took it back") if under_way or over else None


def _unchanged(plan: Plan, state: State, seen: Observation, now: float, what: str) -> Stop:
    return pace.stop(End.UNCHANGED, sentence(plan, state, seen, now, what, "nothing"))


def would(plan: Plan, state: State, seen: Observation, now: float, what: str) -> Decision:
    """Check mode's end."""
    return state, pace.stop(End.PLANNED, sentence(plan, state, seen, now, what, "run without check mode"))
