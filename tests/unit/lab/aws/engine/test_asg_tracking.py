# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Target tracking: when a policy scales, how far, and when it does not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.aws.engine.asg_model import Group
from tests.lab.aws.engine.asg_tracking_model import CPU, Policy
from tests.unit.lab.aws.engine.asg_world import World


def follow(group: Group, name: str = "cpu", target: float = 50.0, **changes: Any) -> Policy:
    alarms = tuple({"AlarmName": f"TargetTracking-g-Alarm{kind}-1"} for kind in ("High", "Low"))
    policy = Policy(name, f"arn:{name}", CPU, target, alarms=alarms, **changes)
    group.policies[name] = policy
    return policy


def test_three_minutes_above_the_target_scale_out_in_proportion() -> None:
    world = World(metrics={"cpu": 90.0})
    group = world.steady(2, high=10)
    follow(group).sampled_at = world.at
    world.run(170)
    assert group.desired == 2
    world.run(15)
    assert group.desired == 4  # ceil(2 × 90 / 50)
    assert "alarm TargetTracking-g-AlarmHigh-1 in state ALARM triggered policy cpu" in group.activities[0].cause


def test_fifteen_minutes_well_below_scale_in() -> None:
    world = World(metrics={"cpu": 20.0})
    group = world.steady(5, low=2)
    follow(group).sampled_at = world.at
    world.run(14 * 60 + 30)
    assert group.desired == 5
    world.run(60)
    assert group.desired == 2


@pytest.mark.parametrize("percent", [46.0, 50.0])
def test_near_the_target_nothing_happens(percent: float) -> None:
    world = World(metrics={"cpu": percent})
    group = world.steady(4)
    follow(group)
    world.run(1500)
    assert group.desired == 4


def test_the_groups_bounds_hold() -> None:
    world = World(metrics={"cpu": 100.0})
    group = world.steady(2, high=3)
    follow(group)
    world.run(400)
    assert group.desired == 3
    world.metrics = {"cpu": 0.0}
    group.low = 2
    world.run(1500)
    assert group.desired == 2


def test_one_policy_scales_out_and_all_must_agree_to_scale_in() -> None:
    world = World(metrics={"cpu": 80.0, "requests": 1.0})
    group = world.steady(2, high=10)
    follow(group)
    follow(group, "requests", target=100.0)
    world.until(lambda: group.desired > 2)
    assert group.desired == 4
    world.metrics = {"cpu": 48.0, "requests": 1.0}
    world.run(2000)
    assert group.desired == 4
    world.metrics = {"cpu": 10.0, "requests": 1.0}
    world.run(1200)
    assert group.desired == 1


@pytest.mark.parametrize("how", ["disabled", "no scale-in", "suspended"])
def test_what_switches_scale_in_off(how: str) -> None:
    world = World(metrics={"cpu": 1.0})
    group = world.steady(3)
    follow(group, enabled=how != "disabled", scale_in=how != "no scale-in")
    if how == "suspended":
        group.suspended = {"AlarmNotification": "for the test"}
    world.run(1500)
    assert group.desired == 3


def test_without_data_nothing_happens() -> None:
    world = World()
    group = world.steady(3)
    policy = follow(group)
    world.run(1500)
    assert (group.desired, policy.values) == (3, [])


def test_instances_that_warm_up_are_not_counted_twice() -> None:
    world = World(metrics={"cpu": 100.0})
    group = world.steady(2, high=20, warmup=400.0)
    world.run(400)
    follow(group)
    world.run(400)
    assert group.desired == 4  # still by the two that are warm
