# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is unhealthy, when, and how that is mended."""

from __future__ import annotations

from tests.lab.aws.engine.asg_model import UNHEALTHY, Bounds
from tests.unit.lab.aws.engine.asg_world import World


def test_the_load_balancers_verdict_counts_after_the_grace_period() -> None:
    world = World()
    group = world.create(1, version="3")
    world.run(60)
    first = world.one(group)
    assert first.state == "InService"
    world.run(15)
    assert first.health == UNHEALTHY
    assert not first.active
    assert any("ELB system health check failure" in one.cause for one in group.activities)


def test_without_elb_health_the_verdict_does_not_count() -> None:
    world = World()
    group = world.create(1, version="3", health_types=("EC2",))
    world.run(200)
    assert world.serving(group) == 1
    assert len(group.activities) == 1


def test_a_short_grace_period_kills_what_only_needs_time() -> None:
    world = World()
    group = world.create(1, version="4", grace=150.0)
    world.run(160)
    assert world.one(group).passed
    hasty = World()
    other = hasty.create(1, version="4", grace=30.0)
    hasty.run(160)
    assert len(other.activities) > 2


def test_a_stopped_machine_is_replaced_even_in_the_grace_period() -> None:
    world = World()
    group = world.create(1, grace=10000.0)
    world.run(20)
    first = world.one(group)
    world.terminate(first.id)
    world.run(30)
    assert first.id not in group.instances
    assert world.serving(group) == 1


def test_failed_status_checks_count_after_the_grace_period() -> None:
    world = World()
    group = world.create(1, grace=100.0)
    world.run(30)
    first = world.one(group)
    world.machines[first.id].impaired = True
    world.run(50)
    assert first.active
    world.run(60)
    assert not first.active
    assert any("EC2 instance status checks failure" in one.cause for one in group.activities)


def test_without_a_policy_the_unhealthy_is_ended_while_another_starts() -> None:
    world = World()
    group = world.steady(3)
    first = world.one(group)
    world.machines[first.id].impaired = True
    world.watch()
    world.run(1)
    assert not first.active
    assert len(group.active()) == 3
    assert world.least == 2


def test_with_a_policy_the_replacement_comes_first() -> None:
    world = World()
    group = world.steady(3, maintenance=Bounds(100, 110))
    first = world.one(group)
    world.machines[first.id].impaired = True
    world.run(3)
    assert first.active
    assert len(group.active()) == 4
    world.until(lambda: not first.active)
    assert world.serving(group) == 3
    world.run(100)
    assert (len(group.active()), world.zones(group)) == (3, [1, 1, 1])


def test_with_a_policy_that_leaves_no_room_it_is_ended_at_once() -> None:
    world = World()
    group = world.steady(4, maintenance=Bounds(50, 100))
    first = world.one(group)
    world.machines[first.id].impaired = True
    world.run(1)
    assert not first.active


def test_a_dead_machine_is_replaced_at_once_whatever_the_policy() -> None:
    world = World()
    group = world.steady(2, maintenance=Bounds(100, 200))
    first = world.one(group)
    world.terminate(first.id)
    world.run(1)
    assert not first.active
    assert len(group.active()) == 2


def test_a_lost_zone_is_replaced_elsewhere() -> None:
    world = World()
    group = world.steady(3)
    world.shortage = {"us-east-1b"}
    for one in group.instances.values():
        if one.zone == "us-east-1b":
            world.machines[one.id].impaired = True
    world.run(100)
    assert {one.zone for one in group.active()} == {"us-east-1a", "us-east-1c"}
    assert world.serving(group) == 3
