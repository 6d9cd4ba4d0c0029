# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock in the loop: taken before anything is written, renewed in time, freed at the end. The policy is lease.py's.

A run that would end without a write (nothing to do, refused, check mode) never takes it.
"""

from __future__ import annotations

from . import lease, pace
from .evolve import evolve
from .lease import Lease, Move
from .model import Call, Command, Heard, Observation, Outcome, Plan, ReadLock, Save, Stop, Wait, WriteLock
from .pace import BEFORE, Decision
from .phases import End, Phase
from .state import Lock, State
from .timeline import sentence, tell

FREEING = 3  # attempts to let the lock go; after that its lease runs out by itself
WRITES = (Call, Save)
LOOK = 15.0  # seconds between two looks at somebody else's lock


def begin(plan: Plan) -> Lock | None:
    return None if plan.lock is None or plan.check_mode else Lock(plan.lock)


def held(state: State) -> bool:
    return state.lock is not None and lease.ours(state.lock.grip)


def first(before: State, after: Decision, now: float) -> Decision:
    """The first step that would write takes the lock instead, and everything is read again under it."""
    state, _ignored = after
    if before.phase not in BEFORE or before.lock is None:
        return after
    if held(before) or (state.saving is None and state.phase in BEFORE):
        return after
    return pace.enter(before, Phase.LOCKING, now, "taking the lock: nobody else may move the service meanwhile"), None


def locking(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    """Until the lock is ours; refused when its holder lives."""
    lock = state.lock
    if lock is None:
        raise AssertionError("nothing to lock")
    move = lease.move(lock.grip, now)
    if move is Move.KEEP:
        state = evolve(state, loaded=False, lock=evolve(lock, since=now), pace=evolve(state.pace, looked=pace.NEVER))
        return pace.enter(state, Phase.START, now, "the lock is ours: reading everything again"), None
    if move is Move.LOST or lock.alive:
        what = f"somebody else is at work: {lease.told(lock.grip, now)}"
        return state, pace.stop(End.REFUSED, sentence(plan, state, seen, now, what, "wait, watch or abort as said"))
    if now < lock.after:
        return state, Wait(lock.after - now, "waiting for the lock")
    if move is Move.WAIT:
        reread = evolve(lock, after=now + LOOK, grip=evolve(lock.grip, doubt=True))
        return evolve(state, lock=reread), Wait(LOOK, f"the lock is taken: {lease.told(lock.grip, now)}")
    return ask(state, lock, move, now)


def ask(state: State, lock: Lock, move: Move, now: float) -> tuple[State, Command]:
    """Read the lock, or write what is wanted of it."""
    if move is Move.READ:
        return state, ReadLock()
    return evolve(state, lock=evolve(lock, grip=lease.sending(lock.grip, now))), WriteLock(lease.wanted(lock.grip))


def guard(plan: Plan, state: State, seen: Observation | None, now: float) -> Decision | None:
    """Renewed before it is due; lost, the run ends without another write."""
    lock = state.lock
    if lock is None or lock.since == pace.NEVER or now < lock.due:
        return None
    move = lease.move(lock.grip, now)
    if move is Move.KEEP:
        return None
    if move in (Move.LOST, Move.WAIT):
        what = f"the lock was lost, so this run ends without another change: {lease.told(lock.grip, now)}"
        do = "see what the other run does, and run the same again when it is over"
        ending = pace.stop(End.NEEDS_OPERATOR, sentence(plan, state, seen, now, what, do))
        return evolve(state, saving=None, ending=ending), ending
    return None if now < lock.after else ask(state, lock, move, now)


def allow(state: State, command: Command, now: float) -> Command:
    """The command, or a wait in its place: no write that could outlast the lease, no pause beyond its renewal."""
    lock = state.lock
    if lock is None or lock.grip.end is None:
        return command
    if isinstance(command, WRITES) and not lease.may_write(lock.grip, now):
        return Wait(max(lock.after - now, pace.SHORTEST_WAIT), "the lock could not be renewed: nothing is written")
    if isinstance(command, Wait) and now + command.seconds > (due := max(lock.due, lock.after)) > pace.NEVER:
        return Wait(max(due - now, pace.SHORTEST_WAIT), command.why)
    return command


def hear(plan: Plan, state: State, asked: ReadLock | WriteLock, heard: Heard, now: float) -> State:
    """The state after the lock was read or written."""
    lock = state.lock
    if lock is None:
        return state
    if isinstance(asked, WriteLock) and not asked.lease.owner:
        return evolve(state, lock=_freed(lock, heard))
    if heard.outcome is Outcome.DONE and heard.lease is not None:
        if isinstance(asked, WriteLock):
            grip = lease.written(lock.grip, heard.lease)
        else:
            grip = lease.read(lock.grip, heard.lease, now)
        due = lease.due(grip) if lease.ours(grip) else pace.NEVER
        alive = lock.alive or _renewed(lock, lock.grip.found, heard.lease)
        return evolve(state, lock=evolve(lock, grip=grip, due=due, alive=alive, tries=0, after=pace.NEVER))
    if heard.outcome is Outcome.REFUSED and not lock.tries:
        state = tell(state, now, "greenlight", f"the lock was refused: {heard.message}")
    grip = lock.grip
    if isinstance(asked, WriteLock) and heard.outcome is Outcome.UNKNOWN:
        grip = lease.unanswered(grip)
    elif isinstance(asked, WriteLock) and heard.outcome is Outcome.TAKEN:
        grip = lease.taken(grip)
    tries = lock.tries + 1
    after = pace.NEVER if heard.outcome is Outcome.TAKEN else pace.later(plan, tries, now)
    return evolve(state, lock=evolve(lock, grip=grip, tries=tries, after=after))


def _renewed(lock: Lock, known: Lease | None, found: Lease) -> bool:
    """Somebody else's lock, written anew while we looked: a sign of life."""
    if known is None or not known.owner or lease.mine(known, lock.grip.mine):
        return False
    return found.owner == known.owner and found.version != known.version


def _freed(lock: Lock, heard: Heard) -> Lock:
    """Let go, or tried to. Whoever holds it now, it is not us."""
    over = heard.outcome in (Outcome.DONE, Outcome.TAKEN, Outcome.REFUSED)
    return evolve(lock, freeing=FREEING if over else lock.freeing + 1)


def free(state: State, ending: Stop) -> tuple[State, Command]:
    """The end: first let the lock go."""
    lock = state.lock
    if lock is None or lock.grip.found is None or not lease.ours(lock.grip) or lock.freeing >= FREEING:
        return state, ending
    return evolve(state, ending=ending), WriteLock(lease.freed(lock.grip.found, f"{ending.state}: the run is over"))
