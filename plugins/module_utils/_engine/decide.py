# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""decide(): the only place with policy. What was read and heard goes in, the next command comes out.

    state = begin(plan, now)
    state, command = decide(plan, state, seen, heard, now)      # and again, with what the command brought

A run is a walk through the phases of `phases.TABLE`. Guards come first (they hold in every phase:
storing, ending, deadlines, fresh snapshots, trouble), then the step of the phase, one small function
each. A step returns a command, or None after it changed the phase.
"""

from __future__ import annotations

from collections.abc import Callable

from . import backward, checking, forward, holds, locking, pace, pulse, records, requests, start
from .common import turn_back
from .evolve import evolve
from .model import (
    Answer,
    Beat,
    Command,
    Heard,
    Load,
    Look,
    Observation,
    Plan,
    ReadLock,
    ReadRequest,
    Save,
    Stop,
    Wait,
    WriteLock,
)
from .opening import begin
from .pace import Decision
from .phases import BACKWARD, End, Phase
from .state import Cause, Saving, State
from .timeline import sentence, tell

__all__ = ["aimed", "begin", "decide"]

PHASES_PER_STEP = 16  # more phases than that without a command is an endless walk
TIMED = frozenset({Phase.CONFIGURING, Phase.ARMING, Phase.BEGINNING, Phase.MOVING, Phase.JUDGING, Phase.BAKING})
TIMED |= {Phase.HOLDING, Phase.PROCEEDING}

LOCKS, REQUESTS = (ReadLock, WriteLock), (ReadRequest, Answer)  # tuples: isinstance is quicker with them than with |

STEPS: dict[Phase, Callable[[Plan, State, Observation, float], Decision]] = {
    Phase.START: start.start,
    Phase.LOCKING: locking.locking,
    Phase.CHECKING: checking.checking,
    Phase.CONFIGURING: forward.configuring,
    Phase.ARMING: forward.arming,
    Phase.BEGINNING: forward.beginning,
    Phase.MOVING: forward.moving,
    Phase.HOLDING: holds.holding,
    Phase.PAUSING: holds.pausing,
    Phase.PROCEEDING: holds.proceeding,
    Phase.JUDGING: forward.judging,
    Phase.BAKING: forward.baking,
    Phase.FINISHING: forward.finishing,
    Phase.PROVING: forward.proving,
    Phase.TURNING_BACK: backward.turning_back,
    Phase.ROLLING_BACK: backward.rolling_back,
    Phase.VERIFYING: backward.verifying,
    Phase.DISARMING: pulse.disarming,
    Phase.REMOVING: backward.removing,
}


def decide(plan: Plan, state: State, seen: Observation | None, heard: Heard, now: float) -> tuple[State, Command]:
    """The next command.

    `seen`: the newest snapshot, None before the first; `heard`: the answer to the command before;
    `now`: seconds on the same monotonic clock as `seen.at`.
    """
    state = _hear(plan, state, seen, heard, now)
    for _ignored in range(PHASES_PER_STEP):
        state, command = _next(plan, state, seen, now)
        if command is not None:
            if isinstance(command, Stop):
                state, command = locking.free(state, command)
            command = locking.allow(state, command, now)
            return evolve(state, asked=command), command
    raise AssertionError(f"no command after {PHASES_PER_STEP} phases: {state.trail}")


def aimed(plan: Plan, state: State) -> Plan:
    """The plan as the platform must see it: with the release to go back to."""
    if (plan.previous, plan.first, plan.begun) == (state.previous, state.first, state.rollout_id):
        return plan
    return evolve(plan, previous=state.previous, first=state.first, begun=state.rollout_id)


def _hear(plan: Plan, state: State, seen: Observation | None, heard: Heard, now: float) -> State:
    """The state after the answer to the command before."""
    if heard.interrupted and not state.interrupted:
        state = tell(evolve(state, interrupted=True), now, "greenlight", "asked to end: no other call begins")
    asked = state.asked
    if asked is None or isinstance(asked, Wait):
        return state
    if isinstance(asked, pace.READS):
        return pace.hear_read(plan, state, seen, heard, now)
    if isinstance(asked, LOCKS):
        return locking.hear(plan, state, asked, heard, now)
    if isinstance(asked, REQUESTS):
        return requests.hear(state, asked, heard)
    if isinstance(asked, Beat):
        return pulse.hear(state, heard)
    return pace.hear(plan, state, seen, heard, now)


def _next(plan: Plan, state: State, seen: Observation | None, now: float) -> Decision:
    step = _guarded(plan, state, seen, now)
    if step is not None:
        return step
    if seen is None:
        return state, Look()
    return locking.first(state, STEPS[state.phase](plan, state, seen, now), now)


# ---- guards: they hold in every phase ------------------------------------------------------------


def _guarded(plan: Plan, state: State, seen: Observation | None, now: float) -> Decision | None:
    """The first guard that has something to say, in this order."""
    if state.ending is not None:
        return state, state.ending
    step = locking.guard(plan, state, seen, now)
    if step is None and state.saving is not None:
        step = _storing(plan, state, state.saving, seen, now)
    if step is None and state.interrupted:
        step = _interrupted(plan, state, seen, now)
    step = step or _overdue(plan, state, seen, now)
    if step is None and not state.loaded:
        step = pace.read(plan, state, seen, now, Load())
    step = step or _looking(plan, state, seen, now) or pulse.guard(plan, state, seen, now)
    if step is None and state.trouble and seen is not None:
        step = _troubled(plan, state, seen, now)
    return step or requests.guard(plan, state, seen, now)


def _storing(plan: Plan, state: State, saving: Saving, seen: Observation | None, now: float) -> Decision:
    """A record on its way goes before everything else."""
    if now - saving.since > (plan.timing.rollback_deadline if saving.needed else pace.LONGEST_BACKOFF):
        return pace.unsaved(plan, state, saving, seen, now), None
    if now < state.pace.call_after:
        return state, Wait(state.pace.call_after - now, "the store turned the record away: backing off")
    return state, Save(saving.record)


def _interrupted(plan: Plan, state: State, seen: Observation | None, now: float) -> Decision:
    """Asked to end: no rollback by us; the cloud's own timer stays armed."""
    unfinished = bool(state.record.unfinished)
    alone = "the cloud goes on by itself, and rolls back when targets fail their health checks, not for wrong answers"
    if plan.heartbeat is not None and plan.chain.goes_on:
        alone = f"{plan.mover} rolls back once it has heard no beat for {plan.heartbeat.window:g} s"
    elif plan.steps and not plan.chain.goes_on:
        held = seen.held if seen is not None else None
        alone = f"{plan.mover} waits at its next hold for {plan.chain.hold:g} s, and rolls back when no word comes"
        if held is not None:
            alone = f"{plan.mover} holds for {held.left:.0f} s more, and rolls back when no word comes"
            alone = held.alone or alone
    left = alone if unfinished else "nothing is under way"
    what = f"interrupted in {state.phase.value}; {left}"
    ending = pace.stop(End.INTERRUPTED, sentence(plan, state, seen, now, what, "run the same again to go on"))
    if not unfinished or plan.check_mode or (state.lock is not None and not locking.held(state)):
        return state, ending
    # Before we changed anything the phase is still the one of the run that died.
    early = state.phase in pace.BEFORE
    record = records.cleared(plan, state) if early else records.going(plan, state, state.phase)
    kept = state.record.unfinished if early else record.unfinished
    record = evolve(record, unfinished={**kept, "interrupted": "yes"})
    return pace.store(state, record, ending, now, needed=False)


def _overdue(plan: Plan, state: State, seen: Observation | None, now: float) -> Decision | None:
    """Deadlines, also while nothing can be read."""
    spent = now - state.started - state.excused
    if state.phase is Phase.PAUSING:
        return None  # people take their time; the hold's own time bounds it
    if state.phase is Phase.DISARMING:
        return pulse.overdue(state, now)
    if state.phase in BACKWARD:
        if state.back_since is None or now - state.back_since <= plan.timing.rollback_deadline:
            return None
        what = f"the way back took longer than {plan.timing.rollback_deadline:g} s; it began because {_why(state)}"
        return backward.needs_operator(plan, state, seen, now, what)
    if spent <= plan.timing.deadline:
        return None
    what = f"the deadline of {plan.timing.deadline:g} s is over in {state.phase.value}"
    if state.phase in pace.BEFORE:
        do = "see that the cloud and the store answer, and run the same again"
        return state, pace.stop(End.REFUSED, sentence(plan, state, seen, now, f"{what}, nothing was changed", do))
    if state.phase in TIMED and not state.only_configure:
        return turn_back(plan, state, Cause(what), now)
    return backward.needs_operator(plan, state, seen, now, what)


def _looking(plan: Plan, state: State, seen: Observation | None, now: float) -> Decision | None:
    """Nothing is decided on a snapshot older than one poll, or begun before the last change."""
    if state.phase is Phase.LOCKING:
        return None
    fresh = seen is not None and seen.at >= state.pace.fence and now - state.pace.looked < plan.timing.poll
    return None if fresh else pace.read(plan, state, seen, now, Look(state.phase.value))


def _troubled(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    """Somebody else's hand, or parts that disagree: freeze at once, give up when a later snapshot says so, too."""
    if seen.at - state.trouble_since < plan.timing.settle:
        return pace.idle(plan, state, now, f"frozen: {state.trouble}")
    return backward.needs_operator(plan, state, seen, now, state.trouble)


def _why(state: State) -> str:
    return state.cause.text if state.cause else "it was asked for"
