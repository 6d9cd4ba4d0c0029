# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every refusal of Auto Scaling, with AWS's code, and that a good request passes all rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.lab.aws.engine.asg_model import Hook
from tests.lab.aws.truth import autoscaling
from tests.unit.lab.aws.truth.autoscaling_facts import ELB, SPECIFICATION, START, UPDATE, Facts, refusal, refused

CREATE = {
    "AutoScalingGroupName": "new",
    "LaunchTemplate": SPECIFICATION,
    "MinSize": 2,
    "MaxSize": 10,
    "DesiredCapacity": 3,
    "VPCZoneIdentifier": "subnet-a,subnet-b",
    "TargetGroupARNs": [ELB + "machines/1"],
    "HealthCheckType": "ELB",
    "HealthCheckGracePeriod": 120,
    "DefaultInstanceWarmup": 60,
    "TerminationPolicies": ["OldestLaunchTemplate"],
    "InstanceMaintenancePolicy": {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 110},
    "LifecycleHookSpecificationList": [
        {"LifecycleHookName": "drain", "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING"}
    ],
}
POLICY = {
    "AutoScalingGroupName": "g",
    "PolicyName": "cpu",
    "PolicyType": "TargetTrackingScaling",
    "TargetTrackingConfiguration": {
        "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"},
        "TargetValue": 50.0,
    },
}
HOOK = {
    "AutoScalingGroupName": "g",
    "LifecycleHookName": "new",
    "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
}


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("CreateAutoScalingGroup", CREATE),
        ("UpdateAutoScalingGroup", UPDATE),
        ("StartInstanceRefresh", START),
        ("PutScalingPolicy", POLICY),
        ("PutLifecycleHook", HOOK),
        ("SetDesiredCapacity", {"AutoScalingGroupName": "g", "DesiredCapacity": 5}),
        ("DeleteAutoScalingGroup", {"AutoScalingGroupName": "g", "ForceDelete": "true"}),
        ("SuspendProcesses", {"AutoScalingGroupName": "g", "ScalingProcesses": ["AlarmNotification"]}),
        ("AttachTrafficSources", {"AutoScalingGroupName": "g", "TrafficSources": [{"Identifier": ELB + "machines/1"}]}),
    ],
)
def test_a_good_request_passes(operation: str, params: Mapping[str, Any]) -> None:
    assert refusal(operation, params) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"AutoScalingGroupName": "a:b"}, "not valid"),
        ({"LaunchTemplate": None}, "must contain either LaunchTemplate"),
        ({"LaunchTemplate": {"LaunchTemplateId": "lt-9"}}, "with template ID lt-9, does not exist"),
        ({"LaunchTemplate": {"LaunchTemplateName": "other"}}, "with template name other, does not exist"),
        ({"LaunchTemplate": {**SPECIFICATION, "LaunchTemplateName": "model"}}, "either launchTemplateId"),
        ({"LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "9"}}, "version does not exist: 9"),
        ({"LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "3"}}, "parameter ImageId"),
        ({"LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "4"}}, "image id '[ami-0]' does not exist"),
        ({"MixedInstancesPolicy": {}, "LaunchConfigurationName": "old"}, "The lab has no LaunchConfigurationName"),
        ({"MixedInstancesPolicy": {"LaunchTemplate": {}}}, "The lab has no MixedInstancesPolicy"),
        ({"DesiredCapacity": 11}, "Desired capacity:11 must be between the specified min size:2 and max size:10"),
        ({"MinSize": 11}, "min size cannot exceed max"),
        ({"MinSize": -1}, "MinSize must be from 0"),
        ({"DefaultInstanceWarmup": 3601}, "DefaultInstanceWarmup must be from -1 to 3600"),
        ({"VPCZoneIdentifier": "subnet-a,subnet-x"}, "The subnet ID 'subnet-x' does not exist"),
        ({"VPCZoneIdentifier": None}, "At least one Availability Zone or VPC Subnet is required."),
        ({"TargetGroupARNs": [ELB + "addresses/1"]}, "Provided Target Groups may not be valid"),
        ({"TrafficSources": [{"Identifier": ELB + "none/1"}]}, "Provided Target Groups may not be valid"),
        ({"HealthCheckType": "ELB,HTTP"}, "Health Check Type HTTP is invalid"),
        ({"HealthCheckType": "EBS"}, "The lab has the health check types EC2 and ELB only."),
        ({"InstanceMaintenancePolicy": {"MinHealthyPercentage": 100}}, "must both be specified"),
        (
            {"InstanceMaintenancePolicy": {"MinHealthyPercentage": 90, "MaxHealthyPercentage": 191}},
            "cannot be greater than 100",
        ),
        ({"TerminationPolicies": ["Youngest"]}, "Termination policy Youngest"),
        ({"LifecycleHookSpecificationList": [{"HeartbeatTimeout": 29}]}, "Heartbeat Timeout"),
    ],
)
def test_a_group_that_aws_would_not_create(change: dict[str, Any], said: str) -> None:
    found = refused("CreateAutoScalingGroup", {**CREATE, **change})
    assert (found.code, said in found.message) == ("ValidationError", True)


def test_a_name_that_is_taken() -> None:
    found = refused("CreateAutoScalingGroup", {**CREATE, "AutoScalingGroupName": "g"})
    assert found.code == "AlreadyExists"


@pytest.mark.parametrize("policy", [{"MinHealthyPercentage": -1, "MaxHealthyPercentage": -1}, None])
def test_a_maintenance_policy_can_be_cleared(policy: dict[str, int] | None) -> None:
    assert refusal("UpdateAutoScalingGroup", {**UPDATE, "InstanceMaintenancePolicy": policy}) is None


@pytest.mark.parametrize(
    ("desired", "said"), [(6, "6 is above max value 5 for the"), (1, "1 is below min value 2 for the")]
)
def test_a_capacity_outside_the_bounds(desired: int, said: str) -> None:
    found = refused("SetDesiredCapacity", {"AutoScalingGroupName": "g", "DesiredCapacity": desired})
    assert said in found.message


def test_an_update_is_held_against_the_groups_own_sizes() -> None:
    assert "must be between" in refused("UpdateAutoScalingGroup", {**UPDATE, "DesiredCapacity": 6}).message


def test_a_group_with_instances_goes_by_force_alone_and_protection_holds() -> None:
    plain = {"AutoScalingGroupName": "g"}
    assert refused("DeleteAutoScalingGroup", plain).code == "ResourceInUse"
    facts = Facts()
    facts.g.params["DeletionProtection"] = "prevent-force-deletion"
    assert "deletion protection" in refused("DeleteAutoScalingGroup", {**plain, "ForceDelete": True}, facts).message
    facts.g.params["DeletionProtection"] = "prevent-all-deletion"
    assert "deletion protection" in refused("DeleteAutoScalingGroup", plain, facts).message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"LifecycleTransition": None}, "LifecycleTransition is required"),
        ({"LifecycleTransition": "autoscaling:EC2_INSTANCE_STOPPING"}, "is invalid"),
        ({"DefaultResult": "STOP"}, "CONTINUE or ABANDON"),
        ({"HeartbeatTimeout": 7201}, "Heartbeat Timeout"),
    ],
)
def test_a_hook_that_aws_would_not_take(change: dict[str, Any], said: str) -> None:
    assert said in refused("PutLifecycleHook", {**HOOK, **change}).message


def test_a_known_hook_is_changed_without_its_transition() -> None:
    facts = Facts()
    facts.g.hooks["new"] = Hook("new", "autoscaling:EC2_INSTANCE_LAUNCHING")
    assert refusal("PutLifecycleHook", {**HOOK, "LifecycleTransition": None}, facts) is None


def test_standby_needs_service_and_room_below() -> None:
    facts = Facts()
    one, two, _ignored = facts.g.instances
    shrink = {"AutoScalingGroupName": "g", "InstanceIds": [one, two], "ShouldDecrementDesiredCapacity": "true"}
    assert "cannot shrink by 2" in refused("EnterStandby", shrink, facts).message
    assert refusal("EnterStandby", {**shrink, "ShouldDecrementDesiredCapacity": "false"}, facts) is None
    facts.g.instances[one].state = "Standby"
    assert "not in InService" in refused("DetachInstances", shrink, facts).message
    leave = {"AutoScalingGroupName": "g", "InstanceIds": [two]}
    assert "is not in Standby" in refused("ExitStandby", leave, facts).message


def test_a_termination_may_not_shrink_below_the_minimum() -> None:
    facts = Facts()
    call = {"InstanceId": next(iter(facts.g.instances)), "ShouldDecrementDesiredCapacity": True}
    assert refusal("TerminateInstanceInAutoScalingGroup", call, facts) is None
    facts.g.low = 3
    assert "desiredSize equals minSize (3)" in refused("TerminateInstanceInAutoScalingGroup", call, facts).message


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("SuspendProcesses", {"AutoScalingGroupName": "g", "ScalingProcesses": ["Sleep"]}),
        ("CompleteLifecycleAction", {"AutoScalingGroupName": "g", "LifecycleActionResult": "YES"}),
        ("PutWarmPool", {"AutoScalingGroupName": "g"}),
        ("PutScalingPolicy", {**POLICY, "PolicyType": "StepScaling"}),
    ],
)
def test_other_calls(operation: str, params: dict[str, Any]) -> None:
    assert refused(operation, params).code == "ValidationError"


def test_requests_per_target_need_a_label_and_cpu_has_none() -> None:
    for kind, label in (("ALBRequestCountPerTarget", None), ("ASGAverageCPUUtilization", "app/x/1/targetgroup/y/2")):
        metric = {"PredefinedMetricType": kind, "ResourceLabel": label}
        config = {"PredefinedMetricSpecification": metric, "TargetValue": 1.0}
        assert (
            "Resource label" in refused("PutScalingPolicy", {**POLICY, "TargetTrackingConfiguration": config}).message
        )


def test_every_rule_names_its_source() -> None:
    assert all(rule.source.startswith(("https://docs.aws.amazon.com/", "not AWS: ")) for rule in autoscaling.RULES)
