# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout that nobody ended: gone on with, taken home, left alone, or found to be over."""

from __future__ import annotations

from collections.abc import Mapping

from . import pace, records, requests, watch
from .evolve import evolve
from .model import Movement, Observation, Plan
from .opening import afresh, would
from .pace import Decision
from .phases import BACKWARD, End, Phase
from .state import Cause, State
from .timeline import name, sentence

UNFINISHED = "a rollout that nobody ended is taken back first"


def other(plan: Plan, state: State, seen: Observation, now: float) -> Decision | None:
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
        if requests.unread(plan, homing):
            return requests.last_look(homing, now)
        text = f"the unfinished rollout to {name(plan, state, seen, aim)} left nothing behind"
        return afresh(plan, homing, records.cleared(plan, state), now, text)
    if state.first and not unfinished.get("cause") and seen.exists and not seen.closed and seen.serving == aim:
        text = f"the first release {name(plan, state, seen, aim)} was proven and opened: it is live"
        return afresh(plan, homing, records.opened_up(plan, homing), now, text)
    cause = _old_cause(unfinished) or Cause(UNFINISHED)
    return pace.enter(evolve(homing, cause=cause, back_since=now), Phase.ROLLING_BACK, now, UNFINISHED), None


def replaced(plan: Plan, state: State, seen: Observation, now: float) -> Decision | None:
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

    Not when it passed every gate, nor when it is on its way back for a reason of its own: what is left of it is less
    than that. One that an earlier run was taking home by this very policy goes home, and then the release is begun.
    """
    unfinished = state.record.unfinished
    backward = unfinished.get("phase") in {each.value for each in BACKWARD}
    over = state.baked or ((backward or bool(unfinished.get("cause"))) and unfinished.get("cause") != UNFINISHED)
    return plan.on_unfinished == "roll_back" and not unfinished.get("left") and not over


def _left_alone(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    found = state.record.unfinished
    aim = name(plan, state, seen, found.get("to", ""))
    what = f"a rollout to {aim}, begun by {found.get('started_by') or 'somebody'} at {found.get('started_at')}, "
    what += f"is unfinished in phase {found.get('phase')}, and on_unfinished is fail"
    do = "run the same again with on_unfinished: resume or roll_back"
    return state, pace.stop(End.REFUSED, sentence(plan, state, seen, now, what, do))


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


def same(plan: Plan, state: State, seen: Observation, now: float) -> Decision | None:
    """An unfinished rollout to the same release is gone on with, in the direction it went.

    None: there is none, or nothing of it was begun.
    """
    unfinished = state.record.unfinished
    if not unfinished:
        return None
    if plan.on_unfinished == "fail" and not unfinished.get("left"):
        return _left_alone(plan, state, seen, now)
    if plan.check_mode:
        return would(plan, state, seen, now, f"an unfinished rollout, in phase {unfinished.get('phase')}, would go on")
    cause = _old_cause(unfinished) or _went_home(state, seen)
    if cause is not None or unfinished.get("phase") in {phase.value for phase in BACKWARD}:
        state = evolve(state, cause=cause or Cause(UNFINISHED), back_since=now)
        return pace.enter(state, Phase.ROLLING_BACK, now, "an unfinished way back is gone on with"), None
    if watch.ours(state, seen):
        return _move(plan, state, now, "an unfinished rollout is gone on with"), None
    return None


def _move(plan: Plan, state: State, now: float, text: str) -> State:
    return pace.enter(watch.begin(plan, state, now), Phase.MOVING, now, text)
