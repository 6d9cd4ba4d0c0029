# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody asks from another shell: promote, pause, resume, abort. Done first, then answered.

A request that is done and not answered is found again by the next look, and does nothing a second time.
"""

from __future__ import annotations

from . import locking, pace, records
from .common import turn_back
from .evolve import evolve
from .model import Answer, Heard, Observation, Outcome, Plan, ReadRequest, Request, Wait
from .pace import Decision
from .phases import BACKWARD, HELD, Phase
from .state import Cause, State
from .timeline import tell

ATTEMPTS = 3  # to write the answer
RETRY = 1.0  # seconds until a request that could not be read is read again
DEAF = frozenset({Phase.START, Phase.LOCKING, Phase.CHECKING, Phase.CONFIGURING, Phase.DISARMING, Phase.REMOVING})


def guard(plan: Plan, state: State, seen: Observation | None, now: float) -> Decision | None:
    """Do what is asked, write the answer, or look whether anything is asked."""
    request = state.request
    if request is not None and request.open:
        return _done(plan, state, request, seen, now)
    if request is not None:
        return evolve(state, answering=state.answering + 1), Answer(request)
    if not plan.listen or plan.check_mode or seen is None or state.phase in DEAF or now < state.listened + plan.listen:
        return None
    return evolve(state, listened=now), ReadRequest()


def hear(state: State, asked: ReadRequest | Answer, heard: Heard) -> State:
    """A request for another rollout is none for us."""
    if isinstance(asked, Answer):
        over = heard.outcome in (Outcome.DONE, Outcome.TAKEN, Outcome.REFUSED) or state.answering >= ATTEMPTS
        return evolve(state, request=None, answering=0) if over else state
    if heard.outcome in (Outcome.DONE, Outcome.REFUSED):  # who may not read it will not be able to later
        state = evolve(state, listened_to=state.rollout_id)
    request = heard.request
    if request is None or not request.open or request.rollout_id != state.rollout_id:
        return state
    return evolve(state, request=request)


def unread(plan: Plan, state: State) -> bool:
    """Whether something may have been asked of the rollout at hand while nobody worked at it. Only under the lock."""
    held = state.lock is None or locking.held(state)
    return bool(plan.listen) and held and not plan.check_mode and state.listened_to != state.rollout_id


def last_look(state: State, now: float) -> Decision:
    """Read what was asked of a rollout before its record is cleared."""
    pause = state.listened + RETRY - now
    if pause > 0:
        return state, Wait(pause, "what was asked of the rollout can't be read: trying again")
    return evolve(state, listened=now), ReadRequest()


def _done(plan: Plan, state: State, request: Request, seen: Observation | None, now: float) -> Decision:
    who = f"{request.by or 'somebody'}: {request.reason or 'no reason given'}"
    if request.action == "abort":
        return _abort(plan, state, request, who, now)
    if state.phase is Phase.START:
        return _answer(state, request, "the rollout left nothing behind", now)
    if not plan.steps:
        return _answer(state, request, f"{plan.strategy} has no hold at which it could wait", now)
    if state.phase in BACKWARD:
        return _answer(state, request, "the release is on its way back already", now)
    if request.action == "pause":
        return _keep(plan, evolve(state, paused=f"paused by {who}"), request, "it waits at this or the next hold", now)
    if request.action == "resume":
        text = "it goes on" if state.paused else "nothing was paused"
        return _keep(plan, evolve(state, paused=""), request, text, now)
    if request.action == "promote" and state.phase not in HELD and seen is not None and seen.held is not None:
        return evolve(state, request=None), None  # the hold is about to be entered: it is read again there
    if state.phase not in HELD or request.step != state.record.unfinished.get("step", ""):
        return _answer(state, request, f"it was for another gate: the rollout stands at {state.step} % now", now)
    return _keep(plan, evolve(state, promoted=who, paused=""), request, "it goes on once the gate has passed", now)


def _abort(plan: Plan, state: State, request: Request, who: str, now: float) -> Decision:
    if state.phase in BACKWARD:
        if state.homing and state.aim == plan.release.id:  # nobody wants it begun anew after that
            state = evolve(state, homing=False, cause=Cause(f"aborted by {who}"))
        return _answer(state, request, "the release is on its way back already", now)
    homing = state.homing and state.aim != plan.release.id  # what was aborted is not begun anew
    state = evolve(state, homing=homing, request=evolve(request, answer="the release is taken back"))
    return turn_back(plan, state, Cause(f"aborted by {who}"), now)


def _keep(plan: Plan, state: State, request: Request, text: str, now: float) -> Decision:
    """Remembered in the record: a run after this one knows it, too."""
    state, _ignored = _answer(state, request, text, now)
    return pace.store(state, records.going(plan, state, state.phase), None, now, needed=False)


def _answer(state: State, request: Request, text: str, now: float) -> Decision:
    told = tell(state, now, request.by or "somebody", f"asked to {request.action}: {text}")
    return evolve(told, request=evolve(request, answer=text)), None
