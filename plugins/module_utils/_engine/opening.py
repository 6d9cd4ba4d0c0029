# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every kind of run begins with: the first state, a fresh start after another rollout's end, the way back."""

from __future__ import annotations

from . import locking, pace, records, watch
from .evolve import evolve
from .model import Observation, Plan, Record, Stop, Verb
from .pace import Decision
from .phases import End, Phase
from .state import Saving, State, Watch
from .timeline import sentence, tell


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


def would(plan: Plan, state: State, seen: Observation, now: float, what: str) -> Decision:
    """Check mode's end."""
    return state, pace.stop(End.PLANNED, sentence(plan, state, seen, now, what, "run without check mode"))


def rested(plan: Plan, state: State, seen: Observation, ending: Stop, now: float) -> Decision:
    """An end before anything began; what an earlier run left armed, or held still, is put to rest first."""
    if plan.check_mode or state.record.unfinished or not seen.todo.get(Verb.DISARM):
        return state, ending
    state = evolve(state, closing=Saving(records.cleared(plan, state), ending, now))
    return pace.enter(state, Phase.DISARMING, now, "what an earlier run left armed is to be put to rest"), None


def origin(plan: Plan, state: State, seen: Observation) -> State:
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


def unchanged(plan: Plan, state: State, seen: Observation, now: float, what: str) -> Stop:
    """Nothing to do."""
    return pace.stop(End.UNCHANGED, sentence(plan, state, seen, now, what, "nothing"))
