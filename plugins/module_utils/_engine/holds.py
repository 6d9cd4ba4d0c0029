# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""At the cloud's hold: judge the release there, bake, ask a person where the plan says so, and let the cloud go on.

The cloud waits for our word and rolls back by itself when none comes in time. Its word is given only while we would
call the release live: targets healthy for min_ready, right answers, the share of traffic that the step names, as read
back from the rule and as seen in the answers; and all of that still at the end of the step's bake.
"""

from __future__ import annotations

from math import isfinite

from . import freeze, pace, records, watch
from .common import BAKE_LOSSES, accident, baked_anew, ended, lost, probing, turn_back, wrong
from .evolve import evolve
from .model import Held, Observation, Plan, Step, Verb, Wait
from .pace import Decision
from .phases import End, Phase
from .standing import hold_of, lacks, patience, step_at, time_left, unanswered
from .state import Cause, Hold, State
from .timeline import name, sentence, tell
from .verdict import INCONCLUSIVE, PASS, Verdict

LOSSES = 3  # confirmed losses before the bake: no accident any more


def enter(plan: Plan, state: State, seen: Observation, held: Held, now: float) -> Decision:
    """A hold that was not seen before: everything is judged afresh, but wrong answers stay known."""
    step = step_at(plan, held, seen.share)
    state = watch.begin(plan, state, now)
    promoted = state.promoted if state.step == step.weight else ""  # a promotion is for one gate
    state = evolve(state, hold=Hold(held.id, step, now, held.last), step=step.weight, promoted=promoted)
    state = tell(state, now, plan.mover, f"holds {_where(plan, step)} ({held.stage}); {unanswered(held)}")
    state = tell(state, now, "greenlight", _task(plan, state, seen, step, held))
    return pace.store(state, records.going(plan, state, Phase.HOLDING), Phase.HOLDING, now, needed=False)


def _where(plan: Plan, step: Step) -> str:
    return f"at {step.weight} % of the {part(plan)}" if step.weight else "before any user meets the release"


def part(plan: Plan) -> str:
    """What the steps are percent of."""
    return "targets" if plan.checkpoints else "traffic"


def _task(plan: Plan, state: State, seen: Observation, step: Step, held: Held) -> str:
    """What has to be true before the cloud may go on, where to, and what happens else: for people who watch."""
    asked = f"{plan.gate.run} right answers in a row, " if plan.probes else ""
    bake = f", then a bake of {step.bake:g} s" if step.bake else ""
    then = "the old release may go" if held.last else f"on to {held.next_weight} % of the {part(plan)}"
    then = "everybody may come" if held.last and state.first else then
    if step.pause or state.paused:
        then = f"a person decides whether {then if held.last else 'it goes ' + then}"
    back = "the release is removed" if state.first else f"back to {name(plan, state, seen, state.previous)}"
    ready = f"{asked}every target healthy for {plan.timing.min_ready:g} s{bake}"
    return f"judging it: {ready}; if all of it holds, {then}; if not, {back}"


def holding(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    """The gate, the share, the bake."""
    step = ended(plan, state, seen, now) or _elsewhere(plan, state, seen, now) or _exposed(plan, state, seen, now)
    if step is not None:
        return step
    state = freeze.follow(plan, state, seen, now)
    hold = hold_of(state)
    step = _late(plan, state, seen, now)
    if step is not None:
        return step
    if hold.frozen:
        return _ask(plan, state, seen, now, f"frozen, nothing moves: {hold.frozen}")
    step = _against(plan, state, seen, now)
    if step is not None:
        return step
    again = accident(plan, state, now) if hold.passed is not None else None
    if again is not None:
        state = evolve(again, hold=evolve(hold, passed=None, lacking=None))
    missing, verdict = lacks(plan, state, seen, now)
    if missing:
        return _undecided(plan, state, seen, now, missing, verdict)
    hold = hold_of(state)
    if hold.lacking is not None:
        hold = evolve(hold, lacking=None)
        state = evolve(state, hold=hold)
    if hold.passed is None:
        bake = f"; baking for {hold.step.bake:g} s" if hold.step.bake else ""
        state = tell(state, now, "greenlight", f"passed {_where(plan, hold.step)}: {verdict.reason}{bake}")
        hold = evolve(hold, passed=now)
        state = baked_anew(evolve(state, hold=hold))
    left = (hold.passed or now) + hold.step.bake - now
    if left > 0:
        end = (now + left,)
        return _ask(plan, state, seen, now, f"baking at {hold.step.weight} %, {left:.0f} s to go", until=end)
    if not state.promoted and (hold.step.pause or state.paused):
        why = state.paused or "the plan asks a person here"
        return pace.enter(state, Phase.PAUSING, now, f"passed, and waiting for a person: {why}"), None
    return _go_on(plan, state, now)


def pausing(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    """A person decides; we keep watching, and go back before the hold's time is over."""
    step = ended(plan, state, seen, now) or _elsewhere(plan, state, seen, now) or _exposed(plan, state, seen, now)
    if step is not None:
        return step
    state = freeze.follow(plan, state, seen, now)
    step = _late(plan, state, seen, now) or (None if hold_of(state).frozen else _against(plan, state, seen, now))
    if step is not None:
        return step
    hold, left = hold_of(state), time_left(seen, now)
    missing = "" if hold.unsure else lacks(plan, state, seen, now)[0]
    if not hold.frozen and (state.promoted or not (hold.step.pause or state.paused or hold.unsure)):
        if not missing:
            return _go_on(plan, state, now)
        return _ask(plan, state, seen, now, f"promoted, and judged once more: {missing}")
    why = hold.unsure or state.paused or "the plan asks a person here"
    if not plan.wait:
        what = f"{name(plan, state, seen, state.aim)} holds at {hold.step.weight} %, {why}"
        within = f" within {left:.0f} s" if isfinite(left) else ""
        otherwise = f"{plan.mover} {'goes on' if plan.chain.goes_on else 'rolls back'} otherwise"
        otherwise = otherwise if seen.held is None or not seen.held.alone else seen.held.alone
        do = f"promote or abort it{within}, then run the same again; {otherwise}"
        ending = pace.stop(End.PAUSED, sentence(plan, state, seen, now, what, do))
        return pace.store(state, records.left(plan, state, Phase.PAUSING, End.PAUSED), ending, now, needed=False)
    left_for_it = f", {left:.0f} s left" if isfinite(left) else ""
    return _ask(plan, state, seen, now, f"waiting for promote or abort{left_for_it}: {hold.frozen or why}")


def proceeding(plan: Plan, state: State, seen: Observation, now: float) -> Decision:
    """CONTINUE, until another snapshot shows that the hold is passed."""
    hold, held, given = hold_of(state), seen.held, _given(state)
    step = ended(plan, state, seen, now) or (None if given else _exposed(plan, state, seen, now))
    if step is not None:
        return step
    if held is None or held.id != hold.id:
        if held is None and not pace.settled(plan, state, seen):
            return probing(plan, state, seen, now, f"{plan.mover} is told to go on")
        return pace.enter(evolve(state, went=hold.id, promoted=""), Phase.MOVING, now, "goes on", plan.mover), None
    step = _against(plan, state, seen, now) or (None if plan.chain.goes_on else _late(plan, state, seen, now))
    if step is not None:
        return step
    if pace.turned_down(plan, state, seen, Verb.PROCEED):
        return turn_back(plan, state, Cause(state.refused), now)
    missing = "" if given or hold.unsure else lacks(plan, state, seen, now)[0]
    if missing:
        return pace.enter(state, Phase.HOLDING, now, f"judging again: {missing}"), None
    step = pace.act(plan, state, seen, Verb.PROCEED, now, f"passed at {hold.step.weight} %")
    if step is None and plan.chain.goes_on:
        left = max(0.0, time_left(seen, now))
        return _ask(plan, state, seen, now, f"passed; {plan.mover} makes it wait here for {left:.0f} s more")
    if step is not None and not given and isinstance(step[1], Wait):  # turned away: what passed is asked on meanwhile
        return _ask(plan, state, seen, now, step[1].why, until=(state.pace.call_after,))
    return step or probing(plan, state, seen, now, "waiting for the hold to be offered again")


# ---- what speaks against the release ----------------------------------------


def _undecided(plan: Plan, state: State, seen: Observation, now: float, missing: str, verdict: Verdict) -> Decision:
    """Not yet, not any more, or never."""
    hold = hold_of(state)
    if hold.passed is not None and hold.lacking is None:
        hold = evolve(hold, lacking=now)
        state = evolve(state, hold=hold)
    since = state.watch.since if hold.lacking is None else hold.lacking
    silent = plan.probes and verdict.outcome == INCONCLUSIVE
    if silent or now - since > patience(plan, state):
        return _inconclusive(plan, state, seen, now, verdict.reason if silent else missing, "proof" if silent else "no")
    where = f"at {hold.step.weight} %" if hold.step.weight else "before any user"
    public = plan.probes and verdict.outcome == PASS  # what is missing is to be heard there
    return _ask(plan, state, seen, now, f"judging {where}: {missing}", public=public)


def _inconclusive(plan: Plan, state: State, seen: Observation, now: float, what: str, rejects: str) -> Decision:
    """Old and new silent alike freezes; else the plan's policy: back, or a person."""
    if freeze.alike(state):
        return _ask(plan, freeze.begin(state, now, "nobody answers, old or new"), seen, now, "frozen")
    text = f"the gate is inconclusive: {what}"
    if plan.gate.inconclusive == "pause":
        state = evolve(state, hold=evolve(hold_of(state), unsure=text), promoted="")  # promoted before it was known
        return pace.enter(state, Phase.PAUSING, now, f"{text}; waiting for a person"), None
    return turn_back(plan, state, Cause(text, rejects=rejects), now)


def _against(plan: Plan, state: State, seen: Observation, now: float) -> Decision | None:
    """A wrong answer too many, or too many losses. The old release is asked once more before we believe it."""
    hold = hold_of(state)
    if freeze.unasked(plan, state, seen):
        step = pace.probe(plan, evolve(state, watch=evolve(state.watch, next_probe=now)), now, "production", state.aim)
        if step is not None:
            return step
    if freeze.alike(state) and wrong(plan, state, now) is not None:
        return _ask(plan, freeze.begin(state, now, "old and new answer wrongly alike"), seen, now, "frozen")
    return wrong(plan, state, now) or lost(plan, state, now, LOSSES if hold.passed is None else BAKE_LOSSES)


def _exposed(plan: Plan, state: State, seen: Observation, now: float) -> Decision | None:
    """More users meet the release than the step says: by its answers, or by the rule as read twice."""
    hold = hold_of(state)
    if state.watch.exposed and not hold.step.weight and not state.first:
        text = "the release answered the public though no traffic was given to it"
        return turn_back(plan, state, Cause(text), now)
    if hold.over_since is None or seen.at - hold.over_since < plan.timing.settle:
        return None
    text = f"the rule gives the release {seen.share} % of the traffic, and the step is {hold.step.weight} %"
    return turn_back(plan, state, Cause(text), now)


def _late(plan: Plan, state: State, seen: Observation, now: float) -> Decision | None:
    """The verdict can't come before the cloud's own time is over: back while we can still say why."""
    hold, gate = hold_of(state), plan.gate
    to_come = hold.step.bake + gate.interval * (gate.run - 1)
    if hold.passed is not None:
        to_come = max(0.0, hold.passed + hold.step.bake - now)
    if state.phase is not Phase.HOLDING or hold.frozen:
        to_come = 0.0
    left = time_left(seen, now)
    if left >= to_come + plan.timing.settle + 2 * plan.timing.poll:
        return None
    text = f"{left:.0f} s of the hold are left, and the verdict takes {to_come:.0f} s"
    if hold.frozen or state.phase is Phase.PAUSING:
        text = f"the hold's time is over, {hold.frozen or 'and nobody promoted it'}"
    return turn_back(plan, state, Cause(text), now)


# ---- small ---------------------------------------------------------------------------------------


def _go_on(plan: Plan, state: State, now: float) -> Decision:
    state = evolve(state, baked=state.baked or hold_of(state).last)
    return pace.store(state, records.going(plan, state, Phase.PROCEEDING), Phase.PROCEEDING, now, needed=False)


def _elsewhere(plan: Plan, state: State, seen: Observation, now: float) -> Decision | None:
    """The hold is gone without our word, or it is another one."""
    hold = hold_of(state)
    if seen.held is not None and seen.held.id == hold.id:
        return None
    if not watch.moved(seen) and seen.at < (seen.at if hold.gone is None else hold.gone) + plan.timing.settle:
        hold = evolve(hold, gone=seen.at if hold.gone is None else hold.gone)
        return pace.idle(plan, evolve(state, hold=hold), now, "the hold is not to be seen: reading again")
    if plan.chain.goes_on and _baked(state, now):
        # It passed, and was judged again when the time was over: the next gate asks for what was missing.
        return pace.enter(evolve(state, went=hold.id, promoted=""), Phase.MOVING, now, "goes on", plan.mover), None
    if plan.chain.goes_on:
        text = f"{plan.mover} went on before the release had passed at {hold.step.weight} %"
        return turn_back(plan, state, Cause(text), now)
    return pace.enter(state, Phase.MOVING, now, "the hold is over, and not by us"), None


def _baked(state: State, now: float) -> bool:
    """The hold was passed and its bake is over, and nobody is to be asked."""
    hold = hold_of(state)
    asks = bool(hold.step.pause or state.paused or hold.unsure) and not state.promoted
    return hold.passed is not None and hold.passed + hold.step.bake <= now and not hold.frozen and not asks


def _ask(
    plan: Plan,
    state: State,
    seen: Observation,
    now: float,
    why: str,
    *,
    until: tuple[float, ...] = (),
    public: bool = False,
) -> Decision:
    """Rounds by the plan's route and through production take turns: the public's view is part of the proof."""
    route = plan.route if state.watch.rounds % 2 == 0 and not public else "production"
    return probing(plan, state, seen, now, why, until=until, route=route)


def _given(state: State) -> bool:
    """Our word for this hold was given, or may have been: what a snapshot says of the hold may be of before."""
    return any(made.verb is Verb.PROCEED and hold_of(state).id in made.call for made in state.pace.made)
