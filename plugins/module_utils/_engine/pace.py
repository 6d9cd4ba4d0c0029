# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking and hearing: how often a command is given again, and what its answer changes.

A mutating call is never repeated blindly. One that took effect, or may have, is read back, and is
made again only when snapshots begun `settle` seconds later still ask for it; then twice as late
each time. One that was turned away waits with exponential backoff and a jitter derived from the
rollout's id (Exponential Backoff And Jitter, AWS Architecture Blog), for the engine knows no chance.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import TypeAlias

from . import answers, records, watch
from .evolve import evolve
from .model import (
    Call,
    Check,
    Command,
    Heard,
    Load,
    Look,
    Observation,
    Outcome,
    Plan,
    Probe,
    Record,
    Save,
    Stop,
    Verb,
    Wait,
)
from .phases import End, Phase
from .state import Made, Saving, State
from .timeline import sentence, tell

LONGEST_BACKOFF = 30.0
LONGEST_LAG = 60.0
SHORTEST_WAIT = 0.05
DENIED_LIMIT = 5  # refused reads in a row, until we believe that they stay refused
NEVER = float("-inf")
READS = (Look, Load)
BEFORE = frozenset({Phase.START, Phase.LOCKING, Phase.CHECKING})  # nothing was changed by this run yet

Decision: TypeAlias = "tuple[State, Command | None]"


# ---- asking --------------------------------------------------------------------------------------


def enter(state: State, phase: Phase, now: float, text: str = "", who: str = "greenlight") -> State:
    """Go to another phase, with a line that says why."""
    pause = now - state.entered if state.phase is Phase.PAUSING else 0.0  # people's time does not count
    there = evolve(state, phase=phase, entered=now, trail=(*state.trail, phase), refused="", refusals=0)
    if pause:
        there = evolve(there, excused=state.excused + pause)
    return tell(there, now, who, text) if text else there


def stop(end: End, reason: str) -> Stop:
    return Stop(end.value, reason)


def idle(
    plan: Plan, state: State, now: float, why: str, *, probing: bool = False, until: Iterable[float] = ()
) -> Decision:
    """Wait for the next snapshot, the next probe or a given instant, whichever comes first."""
    due = [state.pace.looked + plan.timing.poll, *until]
    if probing and plan.probes:
        due.append(state.watch.next_probe)
    return state, Wait(max(min(due) - now, SHORTEST_WAIT), why)


def act(plan: Plan, state: State, seen: Observation, verb: Verb, now: float, why: str) -> Decision | None:
    """The next call of a verb, or a wait before it; None when the snapshot asks for none."""
    todo = seen.todo.get(verb, ())
    if not todo:
        return None
    for made in state.pace.made:
        if (made.verb, made.call) == (verb, todo[0]):
            lag = min(plan.timing.settle * (1 << min(made.times - 1, 10)), LONGEST_LAG)
            if seen.at < made.at + lag:
                if now >= made.at + lag:  # it would be to be seen by now
                    return read(plan, state, seen, now, Look(state.phase.value))
                return idle(plan, state, now, f"{todo[0]} is made, and not to be seen yet", until=(made.at + lag,))
    if now < state.pace.call_after:
        return idle(plan, state, now, f"{todo[0]} was turned away: backing off", until=(state.pace.call_after,))
    return evolve(state, pace=evolve(state.pace, asked_call=todo[0])), Call(verb, why)


def store(state: State, record: Record, then: Phase | Stop | None, now: float, *, needed: bool = True) -> Decision:
    """Write the record, then go to a phase or end. Not `needed`: an answer that fails doesn't hold us up."""
    return evolve(state, saving=Saving(record, then, now, needed)), Save(record)


def settled(plan: Plan, state: State, seen: Observation) -> bool:
    """The snapshot is so much younger than the last change, also one of a run before us, that it shows it."""
    began = state.started if state.lock is None else max(state.started, state.lock.since)
    last = max((made.at for made in state.pace.made), default=began)
    return seen.at >= last + plan.timing.settle


def probe(plan: Plan, state: State, now: float, route: str, release: str) -> Decision | None:
    """The next round of probes, when it is due."""
    if not plan.probes or now < state.watch.next_probe:
        return None
    return state, Probe(route, release)


def await_health(plan: Plan, state: State, seen: Observation, now: float, what: str, release: str) -> Decision | None:
    """A release that should serve is unwell: look again, with time for targets that start, then ask a person. None:
    it serves in full strength.
    """
    unwell = watch.unwell(seen, release)
    if not unwell:
        return None
    # Targets that start, or are being replaced, get well: they have the time of an undecided gate, and after a
    # change of ours the whole run.
    patience = plan.timing.deadline - plan.timing.settle if state.changed else plan.gate.deadline
    if not settled(plan, state, seen) or (seen.serving == release and seen.at < state.started + patience):
        return idle(plan, state, now, f"looking again: {unwell}")
    do = "mend what is named here, and run the same again"
    return state, stop(End.NEEDS_OPERATOR, sentence(plan, state, seen, now, f"{what}, but {unwell}", do))


def read(
    plan: Plan, state: State, seen: Observation | None, now: float, command: Load | Look | Check
) -> tuple[State, Command]:
    """Read, unless reads fail: then later, or never again once they stay refused."""
    if state.pace.denied >= DENIED_LIMIT:
        what = f"reading is refused again and again: {state.pace.denial}"
        do = "see that the credentials hold and may read, and run the same again"
        end = End.REFUSED if state.phase in BEFORE else End.NEEDS_OPERATOR
        return state, stop(end, sentence(plan, state, seen, now, what, do))
    if now < state.pace.look_after:
        return state, Wait(state.pace.look_after - now, "the cloud can't be read: backing off")
    return state, command


def turned_down(plan: Plan, state: State, seen: Observation, verb: Verb) -> bool | None:
    """Whether a refused call is still wanted: then no means no. None: too early to tell.

    A refusal may also mean that an answer was lost and the call is done: the snapshot knows.
    """
    if not state.refused:
        return False
    if state.pace.made and not settled(plan, state, seen):
        return None
    return state.pace.asked_call in seen.todo.get(verb, ())[:1]


# ---- hearing -------------------------------------------------------------------------------------


def hear(plan: Plan, state: State, seen: Observation | None, heard: Heard, now: float) -> State:
    """The state after the answer to a call, a record, a probe or a check."""
    asked = state.asked
    if isinstance(asked, Call):
        return _hear_call(plan, state, asked, heard, now)
    if isinstance(asked, Save):
        return _hear_save(plan, state, seen, heard, now)
    if isinstance(asked, Probe):
        return answers.hear(plan, state, seen, heard.samples, now)
    if isinstance(asked, Check):
        return _hear_check(plan, state, heard, now)
    return state


def later(plan: Plan, attempt: int, now: float) -> float:
    """When to ask again: exponential backoff, with a jitter."""
    pause = min(LONGEST_BACKOFF, plan.timing.backoff * (1 << min(attempt - 1, 10)))
    jitter = zlib.crc32(f"{plan.rollout_id} {attempt} {now}".encode()) / 2**32
    return now + pause * (0.5 + jitter / 2)


def hear_read(plan: Plan, state: State, seen: Observation | None, heard: Heard, now: float) -> State:
    """The state after the record or a snapshot came in, or did not."""
    if heard.outcome is not Outcome.DONE:
        return _hear_blind(plan, state, heard, now)
    if heard.record is not None:
        pace = evolve(state.pace, blind=0, denied=0)
        return records.recall(plan, evolve(state, record=heard.record, loaded=True, pace=pace))
    state = evolve(state, pace=evolve(state.pace, blind=0, denied=0, looked=now))
    return state if seen is None else watch.see(plan, state, seen, now)


def _hear_blind(plan: Plan, state: State, heard: Heard, now: float) -> State:
    pace = state.pace
    denied = pace.denied + 1 if heard.outcome is Outcome.REFUSED else 0
    if pace.blind == 2:
        state = tell(state, now, "greenlight", f"can't read what happens: {heard.message}")
    pace = evolve(
        pace,
        blind=pace.blind + 1,
        denied=denied,
        denial=heard.message,
        look_after=later(plan, pace.blind + 1, now),
    )
    return evolve(state, pace=pace)


def _hear_check(plan: Plan, state: State, heard: Heard, now: float) -> State:
    if heard.outcome is Outcome.DONE:
        return evolve(state, findings=heard.findings, pace=evolve(state.pace, blind=0, denied=0))
    return _hear_blind(plan, state, heard, now)


def _hear_call(plan: Plan, state: State, asked: Call, heard: Heard, now: float) -> State:
    pace, call = evolve(state.pace, fence=now, looked=NEVER), state.pace.asked_call  # only what is read now counts
    if heard.outcome is Outcome.TURNED_AWAY:
        if not pace.tries:
            state = tell(state, now, "greenlight", f"{call} was turned away, backing off: {heard.message}")
        return evolve(state, pace=evolve(pace, tries=pace.tries + 1, call_after=later(plan, pace.tries + 1, now)))
    if heard.outcome in (Outcome.REFUSED, Outcome.TAKEN):
        state = tell(state, now, "greenlight", f"{call} was refused: {heard.message}")
        pace = evolve(pace, tries=pace.tries + 1, call_after=later(plan, pace.tries + 1, now))
        return evolve(state, refused=f"{call} was refused: {heard.message}", refusals=state.refusals + 1, pace=pace)
    lost = heard.outcome is Outcome.UNKNOWN
    text = f"{call}: answer lost, reading back ({heard.message})" if lost else heard.message or call
    before = next((made.times for made in pace.made if (made.verb, made.call) == (asked.verb, call)), 0)
    others = tuple(made for made in pace.made if (made.verb, made.call) != (asked.verb, call))
    made = (*others, Made(asked.verb, call, now, before + 1))
    pace = evolve(pace, made=made, calls=pace.calls + 1, tries=0)
    return tell(evolve(state, changed=True, refused="", pace=pace), now, "greenlight", text)


def _hear_save(plan: Plan, state: State, seen: Observation | None, heard: Heard, now: float) -> State:
    saving = state.saving
    if saving is None:
        return state
    if heard.outcome is Outcome.DONE:
        return _saved(evolve(state, record=saving.record, pace=evolve(state.pace, tries=0)), saving, now)
    if heard.outcome is Outcome.TAKEN:
        what = f"somebody else wrote the record meanwhile, so this run ends without another change: {heard.message}"
        return _give_up_saving(plan, state, seen, now, what)
    if not saving.needed:
        state = tell(state, now, "greenlight", f"the record could not be written, going on: {heard.message}")
        return _saved(state, saving, now)
    waited = now - saving.since
    if heard.outcome is Outcome.REFUSED or state.interrupted or waited > plan.timing.rollback_deadline:
        return _give_up_saving(plan, state, seen, now, f"the record could not be written: {heard.message}")
    pace = evolve(state.pace, tries=state.pace.tries + 1, call_after=later(plan, state.pace.tries + 1, now))
    return evolve(state, pace=pace)


def unsaved(plan: Plan, state: State, saving: Saving, seen: Observation | None, now: float) -> State:
    """It takes too long, maybe because the lock can't be renewed: on without it, or the end."""
    if saving.needed:
        return _give_up_saving(plan, state, seen, now, "the record could not be written in time")
    return _saved(tell(state, now, "greenlight", "the record could not be written in time, going on"), saving, now)


def _saved(state: State, saving: Saving, now: float) -> State:
    state = evolve(state, saving=None)
    if saving.then is None:
        return state
    if isinstance(saving.then, Stop):
        return evolve(state, ending=saving.then)
    return enter(state, saving.then, now)


def _give_up_saving(plan: Plan, state: State, seen: Observation | None, now: float, what: str) -> State:
    end = End.NEEDS_OPERATOR if state.changed or state.record.unfinished else End.REFUSED
    do = "read the record with rollout_info, mend the store, and run the same again"
    ending = stop(end, sentence(plan, state, seen, now, what, do))
    return evolve(state, saving=None, ending=ending)
