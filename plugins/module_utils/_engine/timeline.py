# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run tells people: lines that name who acts, the plan of check mode, the diff, the reason."""

from __future__ import annotations

import textwrap

from . import capacity as arithmetic
from . import stages
from .evolve import evolve
from .model import Capacity, Observation, Plan, Verb, Wait
from .state import Event, State

WHO_WIDTH = 10
MOVER_PHASES = frozenset({"moving", "turning_back"})


def tell(state: State, now: float, who: str, text: str) -> State:
    """The state with one more line in its timeline."""
    return evolve(state, events=(*state.events, Event(now - state.started, state.phase.value, who, text)))


def lines(event: Event, width: int = 80) -> list[str]:
    """The event as text lines of at most `width` columns: minutes:seconds, who acts, what."""
    minutes, seconds = divmod(int(event.at), 60)
    head = f"{minutes:3d}:{seconds:02d} {event.who[:WHO_WIDTH]:<{WHO_WIDTH}} "
    return textwrap.wrap(event.text, width, initial_indent=head, subsequent_indent=" " * len(head)) or [head.rstrip()]


def waiting(plan: Plan, state: State, command: Wait, now: float) -> Event:
    """The heartbeat line: what is waited for, since when."""
    who = plan.mover if state.phase.value in MOVER_PHASES else "greenlight"
    text = f"{command.why} ({now - state.entered:.0f} s in {state.phase.value})"
    return Event(now - state.started, state.phase.value, who, text)


def name(plan: Plan, state: State, seen: Observation | None, release: str) -> str:
    """A release for people: its label and id, or what little is known of it."""
    if not release:
        return "a release without a name"
    labels = {**state.record.releases, **(seen.labels if seen else {}), plan.release.id: plan.release.label}
    return f"{labels[release]} ({release})" if labels.get(release) else f"release {release}"


def serves(plan: Plan, state: State, seen: Observation | None) -> str:
    """What serves now, in one clause."""
    if seen is None:
        return "what serves now was never seen"
    if not seen.exists:
        return "nothing serves"
    by_release: dict[str, int] = {}
    for target in seen.targets:
        if target.state == "healthy":
            by_release[target.release] = by_release.get(target.release, 0) + 1
    if not by_release:
        return f"no target is healthy, {seen.desired} wanted"
    parts = [f"{name(plan, state, seen, release)} on {n}" for release, n in sorted(by_release.items())]
    closed = ", closed to the public" if seen.closed else ""
    return f"{' and '.join(parts)} of {seen.desired} targets serves{closed}"


def sentence(plan: Plan, state: State, seen: Observation | None, now: float, what: str, do: str) -> str:
    """The reason of a result: where, what, after how long, what serves now, what to do next."""
    spent = f"after {now - state.started:.0f} s" if now - state.started >= 1 else "at once"
    return f"{plan.service}: {what.rstrip('.')} ({spent}); now {serves(plan, state, seen)}; next: {do}."


def diff(plan: Plan, drift: tuple[str, ...], before: str, after: str) -> dict[str, str]:
    """Ansible's diff of a release: each "path: is -> wanted" on one line of either side."""
    sides: tuple[list[str], list[str]] = ([], [])
    for entry in drift:
        path, _ignored, values = entry.partition(": ")
        old, arrow, new = values.partition(" -> ")
        sides[0].append(f"{path}: {old}")
        sides[1].append(f"{path}: {new}" if arrow else entry)
    if before != after:
        sides[0].insert(0, f"release: {before}")
        sides[1].insert(0, f"release: {after}")
    return {
        "before_header": plan.service,
        "after_header": plan.service,
        "before": "".join(f"{line}\n" for line in sides[0]),
        "after": "".join(f"{line}\n" for line in sides[1]),
    }


def itinerary(plan: Plan, first: bool = False) -> str:
    """The way of a release in one sentence, for people who watch; "" where the cloud makes no stops."""
    if first and plan.first_alone:
        return "a first release: closed to the public until all of its targets are healthy and its answers right"
    stops = []
    for step in stages.holds(plan):
        part = "targets" if plan.checkpoints else "traffic"
        where = f"with {step.weight} % of the {part}" if step.weight else "before any user meets it"
        stops.append(f"{where}{', where a person decides' if step.pause else ''}")
    if not stops:
        return ""
    rest = "users meet it meanwhile" if plan.checkpoints else "the old release runs beside it until all of that passed"
    return f"{plan.strategy}: judged {', then '.join(stops)}; {rest}"


def planned(plan: Plan, seen: Observation, room: Capacity | None, first: bool = False) -> list[tuple[str, str]]:
    """What a run would do, as (who, what), in order: check mode's whole plan."""
    alone = first and plan.first_alone
    plan = evolve(plan, steps=()) if alone else plan
    room = None if room is None else arithmetic.in_force(plan, room)
    view = None if room is None else arithmetic.outlook(plan, room)
    steps = [("greenlight", f"would call {call}") for call in _calls(seen, Verb.CONFIGURE)]
    if plan.heartbeat is not None:
        text = f"would arm the heartbeat alarm: {plan.mover} rolls back after {plan.heartbeat.window:g} s of silence"
        steps.append(("greenlight", text))
    steps += [("greenlight", f"would call {call}") for call in _calls(seen, Verb.BEGIN)]
    if room is not None and view is not None:
        lost = f"{view.left} serve if the fullest of {room.zones} zone(s) is lost meanwhile"
        moves = f"move {room.desired} targets in {view.batches} batch(es): {view.least} to {view.most} run at any time"
        if plan.steps and not plan.checkpoints:
            moves = f"run {room.desired} new targets beside {view.least} old ones"
        steps.append((plan.mover, f"would {moves}, {lost}"))
    steps += _holds_told(plan) if plan.steps else _rolling_told(plan)
    steps += [("greenlight", f"would call {call}") for call in _calls(seen, Verb.FINISH)]
    closed = "would stay closed to the public when nobody runs any more"
    steps.append((plan.mover, closed if alone else _timer(plan)))
    if view is not None:
        steps.append(("greenlight", f"would take {view.shortest:g} s at the least and {view.longest:g} s at the most"))
    return steps


def _rolling_told(plan: Plan) -> list[tuple[str, str]]:
    gate = f"{plan.gate.run} right answers in a row by {plan.route}" if plan.probes else "no probes are given"
    return [
        ("greenlight", f"would judge: every target healthy for {plan.timing.min_ready:g} s, {gate}"),
        ("greenlight", f"would bake for {plan.timing.bake:g} s: a loss or a wrong answer rolls back"),
    ]


def _holds_told(plan: Plan) -> list[tuple[str, str]]:
    """Each hold: where, how it is judged, how long, who goes on."""
    gate = f"{plan.gate.run} right answers in a row" if plan.probes else "no probes are given"
    told = []
    for step in stages.holds(plan):
        part = "targets" if plan.checkpoints else "traffic"
        where = f"with {step.weight} % of the {part} on the new release" if step.weight else "before any user meets it"
        route = f"by {plan.route} and through production" if plan.probes else "by the targets' health alone"
        length = f"for {plan.chain.hold:g} s{'' if plan.chain.goes_on else ' at the most'}"
        told.append((plan.mover, f"would hold {where}, {length}"))
        bake = f", then bake for {step.bake:g} s" if step.bake else ""
        person = ", then wait for a person to promote it" if step.pause else ""
        ready = f"every target healthy for {plan.timing.min_ready:g} s, {gate} {route}"
        told.append(("greenlight", f"would judge there: {ready}{bake}{person}"))
    return told


def _timer(plan: Plan) -> str:
    if plan.chain.goes_on and plan.heartbeat is None:
        return "would roll back by itself when targets fail, and NOT for wrong answers when nobody runs any more"
    if plan.chain.goes_on:
        return "would roll back by itself when the heartbeat falls silent, also when nobody runs any more"
    if plan.steps:
        return "would roll back by itself when a hold's time is over without our word, also when nobody runs any more"
    return "would roll back by itself when it gives up on the deployment, also without us"


def _calls(seen: Observation, *verbs: Verb) -> list[str]:
    return [call for verb in verbs for call in seen.todo.get(verb, ())]
