# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refreshes in a storm of losses, shortages, alarms and second thoughts: whatever happens, the group comes to rest."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.lab.aws.engine import asg_capacity, asg_refresh_ends
from tests.lab.aws.engine.asg_model import Bounds, Group
from tests.lab.aws.engine.asg_refresh_model import Refresh
from tests.lab.aws.ports import AlarmState
from tests.unit.lab.aws.engine.asg_world import World, template

SEEDS = 12
BOUNDS = ((100, 150), (100, 100), (90, 120), (50, 200), (0, 100), (90, None))


class Storm:
    """One world, one refresh, and chance."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.world = World(states={"beat": AlarmState("OK")})
        self.group = self.world.steady(
            self.dice.randint(1, 6), maintenance=self.dice.choice((None, Bounds(100, 120), Bounds(50, 100)))
        )
        self.low, self.high = self.dice.choice(BOUNDS)
        self.refresh = self.world.refresh(self.group, self.dice.choice("2223"), **self._wanted())

    def _wanted(self) -> dict[str, Any]:
        wanted: dict[str, Any] = {"low": self.low, "high": self.high, "alarms": ("beat",)}
        wanted["auto_rollback"] = self.dice.random() < 0.7
        wanted["bake"] = self.dice.choice((0.0, 60.0))
        if self.dice.random() < 0.5:
            wanted |= {"checkpoints": self.dice.choice(((50, 100), (10, 40, 100), (30, 60))), "delay": 50.0}
        return wanted

    def blow(self) -> None:
        """Something happens, now and then."""
        world, group = self.world, self.group
        here = [one for one in group.active() if one.id in world.machines]
        what = self.dice.choices(
            ("nothing", "kill", "impair", "shortage", "capacity", "alarm", "resize", "back", "cancel"),
            (90, 2, 2, 2, 2, 0.3, 1, 0.2, 0.2),
        )[0]
        if what == "kill" and here:
            world.terminate(self.dice.choice(here).id)
        elif what == "impair" and here:
            world.machines[self.dice.choice(here).id].impaired = True
        elif what == "shortage":
            world.shortage = set(self.dice.sample(["us-east-1a", "us-east-1b", "us-east-1c"], self.dice.randint(1, 3)))
        elif what == "capacity":
            world.shortage = set()
        elif what == "alarm":
            world.states["beat"] = AlarmState(self.dice.choice(("ALARM", "INSUFFICIENT_DATA")))
        elif what == "resize":
            world.resize(group, self.dice.randint(1, 6))
        elif self.refresh.over or self.refresh.status == "Cancelling":
            return
        elif what == "back" and not self.refresh.back:
            asg_refresh_ends.roll_back(group, self.refresh, asg_refresh_ends.MANUAL, world.fleet.moment())
        elif what == "cancel":
            asg_refresh_ends.cancel(group, self.refresh, self.dice.random() < 0.5, world.fleet.moment())

    def calm(self) -> None:
        self.world.shortage, self.world.states["beat"] = set(), AlarmState("OK")

    def overfull(self) -> bool:
        """More instances than the bounds of refresh and maintenance policy allow together."""
        bounds = [Bounds(self.low, self.high), self.group.maintenance or Bounds(100, 100)]
        most = max(asg_capacity.limits(one, max(6, self.group.desired))[1] for one in bounds)
        return len(self.group.active()) > most + 1


def version_of(group: Group, refresh: Refresh) -> str | None:
    """What all instances must be of in the end; None where a refresh stopped half-way."""
    if refresh.status == "RollbackSuccessful":
        return "1"
    whole = not refresh.preferences.checkpoints or refresh.preferences.checkpoints[-1] == 100
    return group.template.version if refresh.status == "Successful" and whole else None


@pytest.mark.parametrize("seed", range(SEEDS))
def test_after_the_storm(seed: int) -> None:
    storm = Storm(seed)
    world, group, refresh = storm.world, storm.group, storm.refresh
    for _ignored in range(60):
        storm.blow()
        world.run(10)
        assert not storm.overfull()
    storm.calm()
    world.until(lambda: refresh.over, 12000)
    if refresh.status == "Successful":
        assert group.template == refresh.desired
    else:
        assert group.template == template("1")
    world.run(1500)
    assert world.serving(group) == group.desired == len(group.instances)
    assert {one.health for one in group.active()} == {"Healthy"}
    assert not any(one.replaced for one in group.instances.values())
    expected = version_of(group, refresh)
    if expected is not None:
        assert world.versions(group) == {expected: group.desired}
