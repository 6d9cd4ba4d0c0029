# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the store is told: pure changes of the record. The engine never invents a time: `started_at` is the plan's."""

from __future__ import annotations

from .evolve import evolve
from .model import Plan, Record
from .phases import End, Phase
from .state import Cause, State

PASSING = frozenset({"interrupted", "left", "armed", "step", "baked", "paused", "promoted"})  # true of one moment only
REJECTED_KEPT = 50  # newest first to stay: the record is read by every run


def recall(plan: Plan, state: State) -> State:
    """What the record says about where to go back to, before the first snapshot."""
    record, unfinished = state.record, state.record.unfinished
    if unfinished and not plan.remove:
        return evolve(
            state,
            previous=unfinished.get("from", ""),
            first=unfinished.get("first") == "yes" and not record.live,  # what was live is never removed
            before=unfinished.get("before", ""),
            armed=unfinished.get("armed") == "yes",
            step=_percent(unfinished.get("step", "")),
            baked=unfinished.get("baked") == "yes",
            paused=unfinished.get("paused", ""),
            promoted=unfinished.get("promoted", ""),
        )
    return evolve(
        state,
        previous=record.live if record.live != plan.release.id else record.last_good,
        first=False,
        armed=False,
        step=0,
        baked=False,
        paused="",
        promoted="",
    )


def _percent(text: str) -> int:
    return min(int(text[:3]), 100) if text.isdecimal() else 0


def opened(plan: Plan, state: State, phase: Phase) -> Record:
    """Before the first mutating call: what is begun, and what to go back to."""
    unfinished = {
        "rollout_id": state.rollout_id,
        "from": state.previous,
        "to": state.aim,
        "phase": phase.value,
        "started_at": plan.started_at,
        "started_by": plan.started_by,
        "before": state.before,
        "first": "yes" if state.first else "no",
        "strategy": plan.strategy,
    }
    unfinished |= {"armed": "yes"} if state.armed else {}
    live = "" if state.first else state.record.live  # somebody removed the service: nothing is live any more
    return _next(plan, state, live=live, unfinished=unfinished)


def going(plan: Plan, state: State, phase: Phase) -> Record:
    """The same rollout, in another phase."""
    if not state.record.unfinished:
        return opened(plan, state, phase)
    kept = {key: value for key, value in state.record.unfinished.items() if key not in PASSING}
    now = {"phase": phase.value}
    now |= {"armed": "yes"} if state.armed else {}
    now |= {"step": str(state.step)} if plan.steps else {}
    now |= {"baked": "yes"} if state.baked else {}
    now |= {"paused": state.paused} if state.paused else {}
    now |= {"promoted": state.promoted} if state.promoted else {}
    return _next(plan, state, unfinished={**kept, **now})


def left(plan: Plan, state: State, phase: Phase, end: End) -> Record:
    """The run ends on purpose, and another goes on, whatever its policy for the unfinished."""
    known = going(plan, state, phase)
    return evolve(known, unfinished={**known.unfinished, "left": end.value})


def turned(plan: Plan, state: State, cause: Cause) -> Record:
    """On its way back: a later run must go on with that, and know why."""
    known = going(plan, state, Phase.ROLLING_BACK)
    why = {"cause": cause.text, "by": cause.by, "rejects": cause.rejects}
    return evolve(known, unfinished={**known.unfinished, **why})


def live(plan: Plan, state: State) -> Record:
    """Proven and serving. `last_good` is the live one before; going back to it doesn't overwrite it."""
    old = state.record
    moved = old.live not in ("", state.aim)
    back = state.aim == old.last_good
    return _next(
        plan,
        state,
        live=state.aim,
        last_good=old.live if moved and not back else old.last_good,
        pinned=state.aim if plan.pin else "",
        pinned_by=plan.started_by if plan.pin else "",
        rejected={key: why for key, why in old.rejected.items() if key != state.aim},
        unfinished={},
    )


def pinned(plan: Plan, state: State) -> Record:
    """Nothing moved, but who decides did."""
    return _next(plan, state, pinned=plan.release.id if plan.pin else "", pinned_by=plan.started_by if plan.pin else "")


def back(plan: Plan, state: State, rejects: bool) -> Record:
    """The previous release serves again, or the first one is gone."""
    rejected = dict(state.record.rejected)
    if rejects and state.cause is not None:
        rejected.pop(state.aim, None)
        rejected[state.aim] = f"{plan.started_at}: {state.cause.text}"
        rejected = dict(list(rejected.items())[-REJECTED_KEPT:])
    live = state.record.live if state.record.live != state.aim or state.aim == state.previous else ""
    if state.first:
        live = ""
    elif state.verified and state.previous:
        live = state.previous
    return _next(plan, state, live=live, rejected=rejected, unfinished={})


def opened_up(plan: Plan, state: State) -> Record:
    """A first release that was proven and opened to the public, by a run that died before it could say so."""
    return _next(plan, state, live=state.aim, unfinished={})


def cleared(plan: Plan, state: State) -> Record:
    """Nothing of the unfinished rollout is left."""
    return _next(plan, state, unfinished={})


def removed(plan: Plan, state: State) -> Record:
    """The service is gone on request; what was rejected stays rejected."""
    return _next(plan, state, live="", last_good="", pinned="", pinned_by="", unfinished={})


def _next(plan: Plan, state: State, **changes: object) -> Record:
    new: Record = evolve(state.record, generation=state.record.generation + 1, **changes)  # type: ignore[arg-type]
    named = {new.live, new.last_good, new.pinned, *new.rejected, *(new.unfinished.get(k, "") for k in ("from", "to"))}
    labels = {**state.record.releases, plan.release.id: plan.release.label}
    return evolve(new, releases={key: labels[key] for key in sorted(named) if labels.get(key)})
