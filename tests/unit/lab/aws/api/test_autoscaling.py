# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests about Auto Scaling in the engine's words, and the engine's words in answers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.aws.api import autoscaling_views as views
from tests.lab.aws.api.autoscaling import preferences
from tests.lab.aws.api.autoscaling_known import flag, health_types, hook, maintenance, page, sources
from tests.lab.aws.api.scheduler import instant
from tests.lab.aws.core import AwsError
from tests.lab.aws.engine import asg_refresh_ends
from tests.lab.aws.engine.asg_model import TERMINATING_HOOK, Bounds, Hook
from tests.unit.lab.aws.engine.asg_world import World


def test_a_refreshs_defaults_are_those_of_the_api() -> None:
    group = World().create(2, grace=300.0, warmup=None)
    found = preferences({}, group)
    assert (found.low, found.high, found.warmup) == (90, None, 300)  # no warm-up defined: the grace period
    assert (found.checkpoints, found.delay, found.bake) == ((), 3600, 0)
    assert (found.protected, found.standby) == ("Wait", "Wait")
    assert (found.skip_matching, found.auto_rollback, found.alarms) == (False, False, ())
    assert found.given["MinHealthyPercentage"] == 90
    assert "MaxHealthyPercentage" not in found.given


def test_the_groups_policy_and_warm_up_stand_in_for_what_is_not_given() -> None:
    group = World().create(2, maintenance=Bounds(80, 120), warmup=60.0)
    assert (preferences({}, group).low, preferences({}, group).high) == (80, 120)
    given: dict[str, Any] = {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 110, "InstanceWarmup": 0}
    found = preferences(given, group)
    assert (found.low, found.high, found.warmup) == (100, 110, 0)


def test_checkpoints_have_a_delay_of_an_hour_unless_said_otherwise() -> None:
    group = World().create(2)
    assert preferences({"CheckpointPercentages": [50, 100]}, group).given["CheckpointDelay"] == 3600
    found = preferences(
        {"CheckpointPercentages": ["50", "100"], "CheckpointDelay": "30", "AutoRollback": "true"}, group
    )
    assert (found.checkpoints, found.delay, found.auto_rollback) == ((50, 100), 30, True)
    assert found.given["AutoRollback"] is True


def test_a_refresh_as_it_is_shown() -> None:
    world = World()
    group = world.steady(2)
    refresh = world.refresh(group, low=100, high=150)
    pending = views.refresh(group, refresh)
    assert (pending["Status"], "PercentageComplete" in pending, "StartTime" in pending) == ("Pending", False, False)
    assert pending["DesiredConfiguration"]["LaunchTemplate"]["Version"] == "2"
    world.until(lambda: refresh.percent == 50)
    asg_refresh_ends.roll_back(group, refresh, "why", world.fleet.moment())
    shown = views.refresh(group, refresh)
    assert (shown["Status"], shown["RollbackDetails"]["RollbackReason"]) == ("RollbackInProgress", "why")
    assert shown["RollbackDetails"]["PercentageCompleteOnRollback"] == 50


def test_a_group_as_it_is_shown() -> None:
    world = World()
    group = world.steady(2, maintenance=Bounds(100, 110), suspended={"AZRebalance": "why"})
    group.tags = [{"Key": "a", "Value": "b", "PropagateAtLaunch": True}]
    shown = views.group(group)
    assert (shown["HealthCheckType"], shown["DefaultInstanceWarmup"]) == ("ELB", 20)
    assert shown["InstanceMaintenancePolicy"] == {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 110}
    assert shown["SuspendedProcesses"] == [{"ProcessName": "AZRebalance", "SuspensionReason": "why"}]
    assert shown["Tags"][0]["ResourceId"] == "g"
    assert {one["LifecycleState"] for one in shown["Instances"]} == {"InService"}
    assert views.detailed(group, world.one(group))["HealthStatus"] == "HEALTHY"
    assert "Status" not in shown
    group.deleting = True
    assert views.group(group)["Status"] == "Delete in progress"


def test_launches_that_ec2_refused_are_no_instances() -> None:
    world = World(shortage={"us-east-1a", "us-east-1b", "us-east-1c"})
    group = world.create(1)
    world.run(1)
    assert views.group(group)["Instances"] == []


def test_pages_follow_each_other() -> None:
    items = list(range(120))
    first, token = page(items, {})
    assert (first, token) == (items[:50], "50")
    second, token = page(items, {"NextToken": token, "MaxRecords": "70"})
    assert (second, token) == (items[50:], None)
    assert len(page(items, {"MaxRecords": 1000})[0]) == 100
    with pytest.raises(AwsError, match="InvalidNextToken"):
        page(items, {"NextToken": "x"})


@pytest.mark.parametrize(("given", "types"), [("EC2", ("EC2",)), ("ELB", ("EC2", "ELB")), ("EC2, ELB", ("EC2", "ELB"))])
def test_health_check_types(given: str, types: tuple[str, ...]) -> None:
    assert health_types(given) == types


def test_a_hook_keeps_what_an_update_does_not_name() -> None:
    made = hook({"LifecycleHookName": "drain", "LifecycleTransition": TERMINATING_HOOK})
    assert made == Hook("drain", TERMINATING_HOOK, 3600.0, "ABANDON")
    changed = hook({"LifecycleHookName": "drain", "HeartbeatTimeout": "60"}, made)
    assert changed == Hook("drain", TERMINATING_HOOK, 60.0, "ABANDON")
    assert (made.longest, changed.longest) == (172800, 6000)


def test_small_words() -> None:
    assert maintenance({"MinHealthyPercentage": 90, "MaxHealthyPercentage": "110"}) == Bounds(90, 110)
    assert maintenance({"MinHealthyPercentage": -1, "MaxHealthyPercentage": -1}) is None
    assert maintenance(None) is None
    assert sources({"TargetGroupARNs": ["a"], "TrafficSources": [{"Identifier": "a"}, {"Identifier": "b"}]}) == [
        "a",
        "b",
    ]
    assert [flag(value) for value in (True, "true", "false", None)] == [True, True, False, False]


@pytest.mark.parametrize(
    ("zone", "utc"), [(None, "2026-07-01T12:00:00+00:00"), ("Europe/Berlin", "2026-07-01T10:00:00+00:00")]
)
def test_a_schedules_time_is_of_its_zone(zone: str | None, utc: str) -> None:
    given = {"ScheduleExpression": "at(2026-07-01T12:00:00)", "ScheduleExpressionTimezone": zone}
    assert instant(given).isoformat() == utc
