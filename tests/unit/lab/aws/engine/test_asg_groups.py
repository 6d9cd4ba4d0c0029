# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups: size, spread, scale-in, failing launches, processes, deletion."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.lab.aws.engine import asg_capacity, asg_step
from tests.lab.aws.engine.asg_model import Bounds, Hook
from tests.unit.lab.aws.engine.asg_world import World


def test_instances_are_pending_then_in_service_and_registered_and_spread() -> None:
    world = World()
    group = world.create(4)
    world.run(1)
    assert [one.state for one in group.instances.values()] == ["Pending"] * 4
    world.run(15)
    assert [one.state for one in group.instances.values()] == ["InService"] * 4
    assert world.zones(group) == [1, 1, 2]
    assert {name for _ignored, name, port in world.registered if port == 8080} == set(group.instances)
    assert [one.status for one in group.activities] == ["Successful"] * 4
    assert group.activities[0].description.startswith("Launching a new EC2 instance: i-0")


def test_the_cause_of_a_launch_names_the_request_and_the_difference() -> None:
    world = World()
    group = world.steady(1)
    world.resize(group, 2)
    world.run(2)
    cause = group.activities[0].cause
    assert "a user request changing the desired capacity from 1 to 2." in cause
    assert "an instance was started in response to a difference between desired and actual capacity" in cause
    assert cause.endswith("increasing the capacity from 1 to 2.")


def test_a_smaller_group_ends_in_its_fullest_zone_after_draining() -> None:
    world = World()
    group = world.steady(4)
    world.resize(group, 3)
    world.run(1)
    [leaving] = [one for one in group.instances.values() if not one.active]
    assert leaving.zone == "us-east-1a"
    assert leaving.state == "Terminating"
    assert world.zones(group) == [1, 1, 1]
    world.run(10)
    assert world.machines[leaving.id].ended is None  # it still drains
    assert leaving.ended is not None
    assert leaving.ended.status == "WaitingForELBConnectionDraining"
    world.run(30)
    assert leaving.id not in group.instances
    assert leaving.ended.status == "Successful"
    assert "shrinking the capacity from 4 to 3" in leaving.ended.cause


@pytest.mark.parametrize(
    ("policies", "gone"),
    [
        (("Default",), "old template"),
        (("OldestInstance",), "first"),
        (("NewestInstance",), "last"),
        (("OldestLaunchTemplate",), "old template"),
    ],
)
def test_termination_policies(policies: tuple[str, ...], gone: str) -> None:
    world = World()
    group = world.steady(1, version="2", subnets=("subnet-a",), termination=policies)
    group.template = type(group.template)("lt-1", "model", "1")
    world.resize(group, 2)
    world.run(50)
    group.template = type(group.template)("lt-1", "model", "2")
    world.resize(group, 3)
    world.run(50)
    first, old, last = group.instances.values()
    world.resize(group, 2)
    world.run(1)
    [left] = [one for one in group.instances.values() if not one.active]
    assert left is {"first": first, "old template": old, "last": last}[gone]


def test_protected_instances_stay() -> None:
    world = World()
    group = world.steady(3)
    for one in list(group.instances.values())[:2]:
        one.protected = True
    world.resize(group, 0)
    world.run(60)
    assert [one.protected for one in group.instances.values()] == [True, True]
    group.protect_new = True
    world.resize(group, 3)
    world.run(2)
    assert all(one.protected for one in group.instances.values())


def test_a_zone_without_capacity_is_left_out_and_tried_again() -> None:
    world = World(shortage={"us-east-1a"})
    group = world.create(3)
    world.run(30)
    assert {one.zone for one in group.active()} == {"us-east-1b", "us-east-1c"}
    failed = [one for one in group.activities if one.status == "Failed"]
    assert {one.details["Availability Zone"] for one in failed} == {"us-east-1a"}
    assert failed[0].message == "We currently do not have sufficient capacity. Launching EC2 instance failed."
    world.shortage.clear()
    world.resize(group, 4)
    world.run(60)
    assert len({one.zone for one in group.active()}) == 3


def test_a_launch_that_fails_everywhere_is_repeated_ever_more_slowly() -> None:
    world = World()
    group = world.create(1, version="5")
    world.run(600)
    assert not group.active()
    starts = [one.started for one in reversed(group.activities)]
    assert {one.status for one in group.activities} == {"Failed"}
    assert "does not exist" in group.activities[0].message
    gaps = [(b - a).total_seconds() for a, b in pairwise(starts)]
    assert 6 < len(starts) < 30
    assert max(gaps[-4:]) > max(gaps[:4])


@pytest.mark.parametrize("process", ["Launch", "Terminate", "ReplaceUnhealthy", "HealthCheck"])
def test_suspended_processes_do_not_run(process: str) -> None:
    world = World()
    group = world.steady(2)
    group.suspended = {process: "for the test"}
    if process == "Launch":
        world.resize(group, 3)
    elif process == "Terminate":
        world.resize(group, 1)
    else:
        world.machines[world.one(group).id].impaired = True
    world.run(100)
    assert len(group.active()) == 2
    group.suspended = {}
    world.run(100)
    assert len(group.active()) == {"Launch": 3, "Terminate": 1}.get(process, 2)
    assert not any(machine.impaired and machine.ended is None for machine in world.machines.values())


def test_add_to_load_balancer_suspended_leaves_instances_unregistered() -> None:
    world = World()
    group = world.create(1, suspended={"AddToLoadBalancer": "for the test"})
    world.run(30)
    assert world.serving(group) == 1
    assert world.registered == {}


def test_a_deleted_group_leaves_with_its_instances_and_without_hooks() -> None:
    world = World()
    hook = Hook("drain", "autoscaling:EC2_INSTANCE_TERMINATING")
    group = world.steady(2, hooks={"drain": hook})
    assert len(group.instances) == 2
    asg_step.delete(group, world.fleet.moment())
    world.run(60)
    assert world.gone == ["g"]
    assert world.fleet.groups == {}
    assert {machine.ended is not None for machine in world.machines.values()} == {True}


def test_a_group_of_the_same_name_gets_other_identifiers() -> None:
    world = World()
    first = set(world.steady(2).instances)
    asg_step.delete(world.fleet.groups["g"], world.fleet.moment())
    world.run(60)
    assert not first & set(world.steady(2).instances)


@pytest.mark.parametrize(
    ("low", "high", "desired", "limits"),
    [
        (90, None, 2, (2, 2)),
        (90, None, 10, (9, 10)),
        (100, 100, 4, (4, 5)),
        (90, 100, 2, (2, 3)),
        (90, 100, 10, (9, 10)),
        (90, 120, 100, (90, 120)),
        (0, 100, 3, (0, 3)),
        (50, 150, 3, (2, 4)),
        (100, 200, 3, (3, 6)),
        (100, None, 3, (3, 3)),
    ],
)
def test_bounds_in_instances(low: int, high: int | None, desired: int, limits: tuple[int, int]) -> None:
    assert asg_capacity.limits(Bounds(low, high), desired) == limits
