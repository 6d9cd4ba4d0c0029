# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A failing schedule made small: one thing after the other is left out, as long as it still fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

from tests.simulation.faults import Faults
from tests.simulation.play import simulate
from tests.simulation.schedule import SHORT_DRAIN, Schedule


def shrink(made: Schedule) -> tuple[Schedule, str]:
    """The smallest schedule found, and what breaks there; the schedule itself when it does not fail."""
    why = fails(made)
    if not why:
        return made, "it does not fail"
    smaller = True
    while smaller:
        smaller = False
        for candidate in _smaller(made):
            found = fails(candidate)
            if found:
                made, why, smaller = candidate, found, True
                break
    return made, why


def fails(made: Schedule) -> str:
    """What breaks, or ""."""
    try:
        simulate(made)
    except AssertionError as error:
        return str(error) or "an assertion without words"
    return ""


def _smaller(made: Schedule) -> Iterator[Schedule]:
    plain = Faults()
    for number in range(len(made.world)):
        yield replace(made, world=made.world[:number] + made.world[number + 1 :])
    for number in range(len(made.kills)):
        kills, between = made.kills, made.between
        yield replace(
            made, kills=kills[:number] + kills[number + 1 :], between=between[:number] + between[number + 1 :]
        )
    for each in fields(Faults):
        if getattr(made.faults, each.name) != getattr(plain, each.name):
            yield replace(made, faults=replace(made.faults, **{each.name: getattr(plain, each.name)}))
    calm: dict[str, object] = {"second": None, "late": 0.0, "draining": SHORT_DRAIN, "crash_rate": 0.0, "first": False}
    calm |= {"timers": (0.0, False, False), "kept": False}
    for name, value in calm.items():
        if getattr(made, name) != value:
            yield replace(made, **{name: value})
    for number, then in enumerate(made.between):
        if then != "nothing":
            yield replace(made, between=(*made.between[:number], "nothing", *made.between[number + 1 :]))
    if made.strategy != "rolling":
        yield replace(made, strategy="rolling")
