# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop: ask decide() what to do, do it, and tell it how that went. All policy is in the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ._engine.decide import aimed, begin, decide
from ._engine.model import (
    Answer,
    Beat,
    Call,
    Check,
    Command,
    Heard,
    Load,
    Look,
    Observation,
    Plan,
    Probe,
    ReadLock,
    ReadRequest,
    Save,
    Stop,
    Wait,
    WriteLock,
)
from ._engine.state import Ended, Event
from ._engine.timeline import waiting
from ._platforms.base import Clock, Platform, PortError, Prober, Store

DONE = Heard()


def drive(
    plan: Plan,
    platform: Platform,
    prober: Prober,
    store: Store,
    clock: Clock,
    report: Callable[[Event, bool], None],
    interrupted: Callable[[], bool] = lambda: False,
) -> Ended:
    """Run the plan to its end.

    `report(event, waiting)` gets every new line of the timeline, and with `waiting` a heartbeat line
    before each pause. `interrupted()` is asked after every command: the call at hand is finished, no
    other begins. Raises nothing but what the ports raise besides PortError.
    """
    state, seen, heard, told, aim = begin(plan, clock.now()), None, DONE, 0, plan
    while True:
        state, command = decide(plan, state, seen, heard, clock.now())
        if len(state.events) > told:
            for event in state.events[told:]:
                report(event, False)
            told = len(state.events)
        if isinstance(command, Stop):
            return Ended(plan, command, state, seen, clock.now() - state.started)
        if isinstance(command, Wait):
            report(waiting(plan, state, command, clock.now()), True)
        aim = aimed(aim, state)
        try:
            heard, seen = _carry_out(command, aim, seen, platform, prober, store, clock)
        except PortError as error:
            heard = Heard(error.outcome, str(error))
        if interrupted():
            heard = replace(heard, interrupted=True)


def _carry_out(
    command: Command,
    plan: Plan,
    seen: Observation | None,
    platform: Platform,
    prober: Prober,
    store: Store,
    clock: Clock,
) -> tuple[Heard, Observation | None]:
    """One command: at most one mutating call. `plan` is aimed()'s. Gives what was heard, and the newest snapshot."""
    if isinstance(command, Wait):
        clock.sleep(command.seconds)
    elif isinstance(command, Look):
        return DONE, platform.observe(plan)
    elif isinstance(command, Save):
        store.save(command.record)
    elif isinstance(command, Answer):
        store.write_request(command.request)
    elif isinstance(command, Beat):
        platform.beat(plan)
    elif isinstance(command, Load):
        return Heard(record=store.load()), seen
    elif isinstance(command, ReadLock):
        return Heard(lease=store.read_lock()), seen
    elif isinstance(command, WriteLock):
        return Heard(lease=store.write_lock(command.lease)), seen
    elif isinstance(command, ReadRequest):
        return Heard(request=store.read_request()), seen
    elif seen is None:
        return DONE, platform.observe(plan)
    elif isinstance(command, Check):
        return Heard(findings=tuple(platform.preflight(plan))), seen
    elif isinstance(command, Probe):
        return Heard(samples=prober.probe(command.route, command.release, seen)), seen
    elif isinstance(command, Call):
        return Heard(message=platform.perform(command.verb, plan, seen)), seen
    return DONE, seen
