# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rebalancing of zones, when it happens and when it does not."""

from __future__ import annotations

import pytest

from tests.lab.aws.engine.asg_model import Group
from tests.unit.lab.aws.engine.asg_world import World


def lopsided(world: World) -> Group:
    """Six instances, none of them in zone b, which has come back."""
    world.shortage = {"us-east-1b"}
    group = world.steady(6)
    assert world.zones(group) == [3, 3]
    world.shortage = set()
    return group


def test_a_zone_that_is_back_gets_its_share_and_the_group_never_shrinks() -> None:
    world = World()
    group = lopsided(world)
    world.watch()
    world.run(1000)
    assert world.zones(group) == [2, 2, 2]
    assert (world.least, world.most) == (6, 7)
    assert any("to balance instances in zones us-east-1b" in one.cause for one in group.activities)


def test_a_zone_that_stays_away_is_tried_ever_more_rarely() -> None:
    world = World(shortage={"us-east-1b"})
    group = world.steady(6)
    world.watch()
    world.run(3000)
    failed = [one for one in group.activities if one.status == "Failed"]
    assert 3 < len(failed) < 20
    assert (world.zones(group), world.least, len(group.active())) == ([3, 3], 6, 6)


@pytest.mark.parametrize("process", ["AZRebalance", "Launch", "Terminate"])
def test_it_rests_while_a_process_is_suspended(process: str) -> None:
    world = World()
    group = lopsided(world)
    group.suspended = {process: "for the test"}
    world.run(600)
    assert world.zones(group) == [3, 3]


def test_a_difference_of_one_is_left_alone() -> None:
    world = World()
    group = world.steady(4)
    world.run(600)
    assert len(group.activities) == 4


def test_an_instance_refresh_balances_as_it_goes() -> None:
    world = World()
    group = lopsided(world)
    refresh = world.refresh(group, low=100, high=120)
    assert world.finish(refresh) == "Successful"
    world.run(400)
    assert (world.zones(group), world.versions(group)) == ([2, 2, 2], {"2": 6})
