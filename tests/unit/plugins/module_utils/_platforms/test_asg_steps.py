# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of each verb for a rolling release on EC2, first releases and removal."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Movement

from .asg_world import (
    NEW,
    NOW,
    OLD,
    ROLLOUT,
    group,
    instance,
    operations,
    params,
    refresh,
    rested,
    rule,
    snapshot,
    steps,
    three,
    versions,
    view,
)
from .test_asg_refresh import fits

FROZEN = "AlarmNotification AZRebalance ScheduledActions"
SUSPENDED = [{"ProcessName": name} for name in FROZEN.split()]


def api(operation: str) -> str:
    return "".join(word.capitalize() for word in operation.split("_"))


def frozen(release: str, *instances: dict[str, Any], **more: Any) -> dict[str, Any]:
    tags = {"greenlight:frozen": FROZEN, **more.pop("tags", {})}
    found: dict[str, Any] = group("blue", release, *instances, SuspendedProcesses=SUSPENDED, tags=tags, **more)
    return found


# ---- BEGIN ----


def test_a_release_becomes_a_numbered_version_then_nothing_moves_counts_then_the_refresh_begins() -> None:
    found = steps(rested(versions=versions(OLD))).begin()
    assert operations(found) == [
        "create_launch_template_version",
        "create_or_update_tags",
        "suspend_processes",
        "start_instance_refresh",
    ]
    for step in found[:-1]:
        assert fits(api(step.operation), dict(step.arguments), step.service)
    assert found[0].arguments["VersionDescription"] == f"greenlight:digits:{NEW}"


def test_the_group_itself_is_left_as_it_is_so_that_there_is_somewhere_to_go_back_to() -> None:
    found = steps(rested()).begin()
    assert "update_auto_scaling_group" not in operations(found)
    assert found[-1].arguments["DesiredConfiguration"]["LaunchTemplate"]["Version"] == "2"


def test_what_somebody_else_suspended_is_not_marked_as_ours() -> None:
    theirs = group("blue", OLD, *three(OLD), SuspendedProcesses=SUSPENDED[:1])
    tagging, suspending = steps(snapshot(theirs)).begin()[:2]
    assert tagging.arguments["Tags"][0]["Value"] == "AZRebalance ScheduledActions"
    assert suspending.arguments["ScalingProcesses"] == ["AZRebalance", "ScheduledActions"]


def test_nothing_is_begun_while_a_refresh_is_open_or_when_the_release_is_there() -> None:
    assert steps(rested(refreshes={"blue": (refresh(),)})).begin() == []
    assert steps(rested(NEW)).begin() == []


def test_a_group_whose_instances_do_not_match_is_refreshed_again() -> None:
    mixed = group("blue", NEW, instance("i-1", NEW), instance("i-2", OLD))
    assert operations(steps(snapshot(mixed)).begin())[-1] == "start_instance_refresh"
    leaving = group("blue", NEW, instance("i-1", NEW), instance("i-2", OLD, "Terminating:Wait"))
    assert steps(snapshot(leaving)).begin() == []


def test_a_group_of_somebody_else_is_left_alone_by_every_verb() -> None:
    theirs = group("blue", OLD, *three(OLD))
    theirs["tags"] = {}
    made = steps(snapshot(theirs))
    assert all(not listed for verb, listed in made.todo().items() if verb.value not in ("arm", "disarm"))
    assert "does not carry the tag greenlight:service = digits" in made.view.problem()
    assert steps(snapshot(theirs), remove=True).remove() == []


# ---- a first release ----


def test_a_first_release_is_closed_to_the_public_before_there_is_a_group() -> None:
    nothing = snapshot(production_rules=(), test_rules=(), versions={}, template="")
    found = steps(nothing, first=True).begin()
    assert operations(found) == ["create_launch_template", "create_rule", "create_rule", "create_auto_scaling_group"]
    assert "closed to the public" in found[1].line
    for step in found[:-1]:
        assert fits(api(step.operation), dict(step.arguments), step.service)
    made = {**found[-1].arguments, "LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "1"}}
    assert fits("CreateAutoScalingGroup", made)
    assert [made[name] for name in ("MinSize", "DesiredCapacity", "MaxSize")] == [2, 3, 6]


def test_it_has_moved_when_every_instance_is_in_service_and_healthy_and_serves_only_then() -> None:
    closed = {"production_rules": (rule("production", proof="x"),)}
    coming = snapshot(group("blue", NEW, instance("i-1", NEW, "Pending"), desired=3), **closed)
    deployment = view(coming).deployment()
    assert deployment is not None
    assert (deployment.movement, view(coming).serving()) == (Movement.MOVING, "")
    there = snapshot(group("blue", NEW, *three(NEW)), **closed)
    loading = replace(there, health={arn: found[:2] for arn, found in there.health.items()})
    deployment = view(loading).deployment()
    assert deployment is not None
    assert (deployment.movement, view(loading).serving()) == (Movement.MOVING, "")
    deployment = view(there).deployment()
    assert deployment is not None
    assert (deployment.movement, view(there).serving()) == (Movement.MOVED, NEW)
    assert "open the production rule" in steps(there).finish()[-1].line


def test_one_that_failed_goes_without_force_and_its_rules_after_it() -> None:
    closed = {"production_rules": (rule("production", proof="x"),)}
    there = snapshot(group("blue", NEW, *three(NEW)), **closed)
    (emptied,) = steps(there, first=True).roll_back()
    assert [emptied.arguments[name] for name in ("MinSize", "MaxSize", "DesiredCapacity")] == [0, 0, 0]
    draining = [instance("i-1", NEW, "Terminating")]
    going = group("blue", NEW, *draining, desired=0)
    assert steps(snapshot(going, **closed), first=True).roll_back() == []
    (deleted,) = steps(snapshot(group("blue", NEW, desired=0), **closed), first=True).roll_back()
    assert deleted.operation == "delete_auto_scaling_group"
    assert "ForceDelete" not in deleted.arguments
    assert operations(steps(snapshot(**closed), first=True).roll_back()) == ["delete_rule", "delete_rule"]


# ---- the way back ----


def test_a_refresh_under_way_is_rolled_back_by_auto_scaling_itself() -> None:
    (turned,) = steps(rested(refreshes={"blue": (refresh(),)})).roll_back()
    assert turned.operation == "rollback_instance_refresh"
    assert fits("RollbackInstanceRefresh", dict(turned.arguments))


@pytest.mark.parametrize("status", ["RollbackInProgress", "Cancelling"])
def test_while_it_turns_back_nothing_is_called(status: str) -> None:
    assert steps(rested(refreshes={"blue": (refresh(status=status),)})).roll_back() == []


def test_a_refresh_of_somebody_else_is_not_rolled_back() -> None:
    theirs = refresh()
    del theirs["Preferences"]["StandbyInstances"]
    assert steps(rested(refreshes={"blue": (theirs,)})).roll_back() == []


def test_a_finished_refresh_is_undone_by_another_one() -> None:
    (back,) = steps(rested(NEW, refreshes={"blue": (refresh(status="Successful"),)})).roll_back()
    assert back.operation == "start_instance_refresh"
    assert back.arguments["DesiredConfiguration"]["LaunchTemplate"]["Version"] == "1"
    assert back.arguments["Preferences"]["SkipMatching"] is True


def test_what_would_lead_elsewhere_is_cancelled_first() -> None:
    elsewhere = rested(NEW, refreshes={"blue": (refresh("third"),)}, versions={**versions(), "9": {"release": "third"}})
    (cancelled,) = steps(elsewhere).roll_back()
    assert cancelled.operation == "cancel_instance_refresh"


def test_once_home_counts_move_again() -> None:
    home = snapshot(frozen(OLD, *three(OLD)), refreshes={"blue": (refresh(status="RollbackSuccessful"),)})
    resumed, untagged = steps(home).roll_back()
    assert resumed.arguments["ScalingProcesses"] == FROZEN.split()
    assert fits("ResumeProcesses", dict(resumed.arguments))
    assert fits("DeleteTags", dict(untagged.arguments))


def test_a_run_that_finds_counts_frozen_lets_them_move_even_when_nothing_is_to_do() -> None:
    left = snapshot(frozen(NEW, *three(NEW)))
    assert operations(steps(left).finish()) == ["resume_processes", "delete_tags"]
    assert operations(steps(left).disarm()) == ["resume_processes", "delete_tags"]
    assert steps(rested(NEW)).finish() == []


# ---- CONFIGURE and drift ----


def test_a_group_as_wanted_is_not_touched() -> None:
    assert steps(rested(NEW)).configure() == []


def test_settings_hook_and_policies_are_mended_apart_from_a_release() -> None:
    given = params(drain_seconds=60, health_check_grace_seconds=111, **{"capacity.min": 3})
    given["scaling"] = [{"name": "cpu", "metric": "cpu", "target": 50.0, "disable_scale_in": False}]
    update, hook, policy = steps(rested(NEW), given).configure()
    assert {name: update.arguments[name] for name in ("MinSize", "HealthCheckGracePeriod")} == {
        "MinSize": 3,
        "HealthCheckGracePeriod": 111,
    }
    assert "DesiredCapacity" not in update.arguments  # the autoscaler's
    for step in (update, hook, policy):
        assert fits(api(step.operation), dict(step.arguments))


def test_what_aws_adds_to_a_policy_is_no_difference() -> None:
    given = params()
    given["scaling"] = [{"name": "rps", "metric": "requests_per_target", "target": 600, "disable_scale_in": False}]
    (wanted,) = steps(rested(NEW), given).configure()
    label = wanted.arguments["TargetTrackingConfiguration"]["PredefinedMetricSpecification"]["ResourceLabel"]
    assert label == "app/digits/aaaa/targetgroup/digits-blue/1111111111111111"
    found = {**wanted.arguments, "PolicyARN": "arn", "Alarms": []}
    assert steps(rested(NEW, policies={wanted.arguments["PolicyName"]: found}), given).configure() == []


def test_counts_that_are_managed_are_kept() -> None:
    given = params(**{"capacity.manage_desired": True, "capacity.desired": 5})
    (update,) = steps(rested(NEW), given).configure()
    assert update.arguments["DesiredCapacity"] == 5


# ---- what is seen ----


def test_new_instances_that_fail_count_and_old_ones_that_die_do_not() -> None:
    bad = "an instance was taken out of service in response to an ELB system health check failure."
    activity = {"StartTime": NOW, "StatusCode": "Successful", "Cause": bad}
    found = tuple(
        {**activity, "Description": f"Terminating EC2 instance: {name}"} for name in ("i-new", "i-old", "i-unknown")
    )
    failed = {"StartTime": NOW, "StatusCode": "Failed", "StatusMessage": "no capacity", "Description": "Launching"}
    seen = rested(refreshes={"blue": (refresh(),)}, activities={"blue": (*found, failed)})
    known = view(snapshot(group("blue", OLD, instance("i-new", NEW), instance("i-old", OLD)))).targets()
    remembered = replace(view(seen), remembered={target.task: target for target in known})
    deployment = remembered.deployment()
    assert deployment is not None
    assert deployment.failures == 2


def test_a_machine_that_ec2_lost_is_no_failure_of_the_release() -> None:
    gone = "an instance was taken out of service in response to an EC2 health check indicating it has been terminated"
    activity = {"StartTime": NOW, "StatusCode": "Successful", "Cause": gone}
    ended = {**activity, "Description": "Terminating EC2 instance: i-new"}
    seen = rested(refreshes={"blue": (refresh(),)}, activities={"blue": (ended,)})
    known = view(snapshot(group("blue", OLD, instance("i-new", NEW)))).targets()
    deployment = replace(view(seen), remembered={target.task: target for target in known}).deployment()
    assert deployment is not None
    assert deployment.failures == 0


@pytest.mark.parametrize(
    ("message", "starved"),
    [
        ("We currently do not have sufficient g5.xlarge capacity in the Availability Zone you requested.", True),
        ("VcpuLimitExceeded: You have requested more vCPU capacity than your current vCPU limit", True),
        ("InvalidAMIID.NotFound: The image id '[ami-0]' does not exist", False),
    ],
)
def test_want_of_room_or_quota_is_no_fault_of_the_release(message: str, starved: bool) -> None:
    failed = {"StartTime": NOW, "StatusCode": "Failed", "StatusMessage": message, "Description": "Launching"}
    seen = rested(refreshes={"blue": (refresh(),)}, activities={"blue": (failed,) * 3})
    deployment = view(seen).deployment()
    assert deployment is not None
    assert (deployment.failures, deployment.starved) == (3, starved)


def test_what_happened_before_the_rollout_is_not_told() -> None:
    started = NOW - timedelta(minutes=10)  # ROLLOUT's id says so, and so does the refresh
    earlier, later = (
        {"StartTime": started + timedelta(seconds=seconds), "Description": text}
        for seconds, text in ((-1, "Launching a new EC2 instance: i-old"), (1, "Terminating EC2 instance: i-old"))
    )
    both = {"blue": (later, earlier)}
    coming = group("green", NEW, tags={"greenlight:rollout": ROLLOUT})
    shifted = snapshot(group("blue", OLD, *three(OLD)), coming, activities=both)
    refreshed = rested(refreshes={"blue": (refresh(),)}, activities=both)
    assert view(shifted).events() == view(refreshed).events() == ("Terminating EC2 instance: i-old",)
    pending = {**refresh(status="Pending"), "StartTime": None}
    assert view(rested(refreshes={"blue": (pending,)}, activities=both)).events() == ()


def test_want_of_room_in_one_zone_is_forgotten_once_another_has_room() -> None:
    message = "We currently do not have sufficient g5.xlarge capacity in the Availability Zone you requested."
    failed = {"StartTime": NOW, "StatusCode": "Failed", "StatusMessage": message, "Description": "Launching"}
    launched = {"StartTime": NOW, "StatusCode": "PreInService", "Description": "Launching a new EC2 instance: i-new"}
    newest_first = (failed, launched, failed, failed)
    deployment = view(rested(refreshes={"blue": (refresh(),)}, activities={"blue": newest_first})).deployment()
    assert deployment is not None
    assert (deployment.failures, deployment.starved) == (1, True)
    broken = {**failed, "StatusMessage": "InvalidAMIID.NotFound"}
    deployment = view(rested(refreshes={"blue": (refresh(),)}, activities={"blue": (launched, broken)})).deployment()
    assert deployment is not None
    assert (deployment.failures, deployment.starved) == (1, False)


def test_every_instance_is_a_target_with_the_release_of_its_version() -> None:
    there = group("blue", OLD, instance("i-1", NEW), instance("i-2", OLD), instance("i-3", OLD, "Pending"))
    found = {target.task: (target.release, target.state) for target in view(snapshot(there)).targets()}
    assert found == {"i-1": (NEW, "healthy"), "i-2": (OLD, "healthy"), "i-3": (OLD, "unregistered")}


def test_an_earlier_release_whose_version_is_gone_is_found_before_anything_moves() -> None:
    (finding,) = view(rested(versions=versions(NEW)), OLD).gone()
    assert finding.field == "target_release"
    assert view(rested(), OLD).gone() == []


def test_removal_goes_backwards_and_takes_only_what_is_ours() -> None:
    assert operations(steps(rested(), remove=True).remove()) == ["update_auto_scaling_group"]
    assert operations(steps(snapshot(group("blue", OLD)), remove=True).remove()) == ["delete_auto_scaling_group"]
    others = {**rule("test"), "tags": {}}
    found = steps(snapshot(test_rules=(others,)), remove=True).remove()
    assert operations(found) == ["delete_rule", "delete_launch_template"]
