# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every refusal of Auto Scaling, with AWS's code, and that a good request passes all rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.lab.aws.engine.asg_model import Bounds, Group, Hook, Instance
from tests.lab.aws.engine.asg_refresh_model import Template
from tests.lab.aws.truth import autoscaling
from tests.lab.aws.truth.base import Refusal, Truth
from tests.unit.lab.aws.engine.asg_world import World, template

ELB = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/"
SPECIFICATION = {"LaunchTemplateId": "lt-1", "Version": "2"}
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
UPDATE = {"AutoScalingGroupName": "g", "LaunchTemplate": SPECIFICATION, "MinSize": 1}
START = {"AutoScalingGroupName": "g", "DesiredConfiguration": {"LaunchTemplate": SPECIFICATION}}
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


@dataclass
class Facts:
    """Stands for api.autoscaling_known.Known: a group `g` of three and a template of versions 1 to 4, 4 with no AMI."""

    alarms: dict[str, str] = field(default_factory=lambda: {"beat": "OK", "rings": "ALARM", "new": "INSUFFICIENT_DATA"})

    def __post_init__(self) -> None:
        self.world = World()
        self.g = self.world.steady(3)
        self.g.low, self.g.high = 2, 5

    def exists(self, name: str) -> bool:
        return name == "g"

    def group(self, name: str) -> Group:
        return self.g

    def instance(self, name: str) -> tuple[Group, Instance]:
        return self.g, self.g.instances[name]

    def zone(self, subnet: str) -> str | None:
        return {"subnet-a": "us-east-1a", "subnet-b": "us-east-1b"}.get(subnet)

    def target_type(self, target_group: str) -> str | None:
        return {"machines": "instance", "addresses": "ip"}.get(target_group.split("/")[1])

    def specification(self, given: Mapping[str, Any]) -> Template | None:
        known = given.get("LaunchTemplateId") == "lt-1" or given.get("LaunchTemplateName") == "model"
        return template(given.get("Version") or "$Default") if known else None

    def version(self, wanted: Template) -> str:
        number = {"$Default": "1", "$Latest": "4"}.get(wanted.version, wanted.version)
        return number if number in ("1", "2", "3", "4") else ""

    def image_of(self, wanted: Template) -> str:
        return {"3": "", "4": "ami-0"}.get(self.version(wanted), "ami-1")

    def image_exists(self, given: str) -> bool:
        return given == "ami-1"

    def alarm(self, name: str) -> str | None:
        return self.alarms.get(name)

    def reversible(self, wanted: Template) -> bool:
        return wanted.numbered


def refusal(operation: str, params: Mapping[str, Any], facts: Facts | None = None) -> Refusal | None:
    truth = Truth()
    truth.add("autoscaling", autoscaling.RULES, facts or Facts())
    return truth.refusal("autoscaling", operation, params)


def refused(operation: str, params: Mapping[str, Any], facts: Facts | None = None) -> Refusal:
    found = refusal(operation, params, facts)
    assert found is not None
    return found


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


# ---- instance refresh


def start(**preferences: Any) -> dict[str, Any]:
    return {**START, "Preferences": preferences}


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({**START, "Strategy": "ReplaceRootVolume"}, "no instance refresh with the strategy ReplaceRootVolume"),
        ({**START, "Strategy": "Sudden"}, "is not Rolling or ReplaceRootVolume"),
        ({**START, "DesiredConfiguration": {"MixedInstancesPolicy": {"x": 1}}}, "no mixed instances"),
        ({**START, "DesiredConfiguration": {"LaunchTemplate": {"LaunchTemplateId": "lt-9"}}}, "does not exist"),
        (start(MaxHealthyPercentage=110), "must also specify MinHealthyPercentage"),
        (start(MinHealthyPercentage=101), "from 0 to 100"),
        (start(MinHealthyPercentage=100, MaxHealthyPercentage=99), "from 100 to 200"),
        (start(MinHealthyPercentage=50, MaxHealthyPercentage=151), "cannot be greater than 100"),
        (start(CheckpointDelay=60), "must also specify CheckpointPercentages"),
        (start(CheckpointPercentages=[50, 50]), "unique, from 1 to 100, in ascending order"),
        (start(CheckpointPercentages=[0, 100]), "unique, from 1 to 100"),
        (start(CheckpointPercentages=[50], CheckpointDelay=172801), "CheckpointDelay must be from 0 to 172800"),
        (start(BakeTime=172801), "BakeTime must be from 0 to 172800"),
        (start(StandbyInstances="Refresh"), "StandbyInstances must be one of Terminate, Ignore, Wait"),
        (start(AlarmSpecification={"Alarms": ["rings"]}), "rings is in the ALARM state"),
        (start(AlarmSpecification={"Alarms": ["beat", "new"]}), "new is in the INSUFFICIENT_DATA state"),
        (start(AlarmSpecification={"Alarms": ["nobody"]}), "nobody does not exist"),
        (start(AlarmSpecification={"Alarms": ["beat"] * 11}), "up to 10"),
        (
            {"AutoScalingGroupName": "g", "Preferences": {"AutoRollback": True}},
            "DesiredConfiguration parameter is empty",
        ),
    ],
)
def test_a_refresh_that_aws_would_not_start(params: dict[str, Any], said: str) -> None:
    found = refused("StartInstanceRefresh", params)
    assert (found.code, said in found.message) == ("ValidationError", True)


def test_an_image_that_does_not_exist_is_found_out_at_the_launch_only() -> None:
    bad = {"LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "4"}}
    assert refusal("StartInstanceRefresh", {**START, "DesiredConfiguration": bad}) is None


@pytest.mark.parametrize("version", ["$Latest", "$Default"])
def test_a_group_without_a_numbered_version_has_no_auto_rollback(version: str) -> None:
    facts = Facts()
    facts.g.template = template(version)
    assert "$Latest or $Default" in refused("StartInstanceRefresh", start(AutoRollback="true"), facts).message
    assert refusal("StartInstanceRefresh", start(AutoRollback="false"), facts) is None


def test_the_groups_own_policy_counts_for_a_bound_that_is_not_given() -> None:
    facts = Facts()
    facts.g.maintenance = Bounds(90, 150)
    assert "greater than 100" in refused("StartInstanceRefresh", start(MinHealthyPercentage=40), facts).message


def test_what_an_active_refresh_forbids() -> None:
    facts = Facts()
    facts.world.refresh(facts.g)
    assert refused("StartInstanceRefresh", START, facts).code == "InstanceRefreshInProgress"
    found = refused("UpdateAutoScalingGroup", UPDATE, facts)
    assert found.message.startswith("An active instance refresh with a desired configuration exists.")
    assert refusal("UpdateAutoScalingGroup", {"AutoScalingGroupName": "g", "MinSize": 1}, facts) is None
    attach = {"AutoScalingGroupName": "g", "TargetGroupARNs": [ELB + "machines/1"]}
    assert refused("AttachLoadBalancerTargetGroups", attach, facts).code == "InstanceRefreshInProgress"


def test_without_a_desired_configuration_the_template_may_be_updated() -> None:
    facts = Facts()
    facts.world.refresh(facts.g, version=None)
    assert refusal("UpdateAutoScalingGroup", UPDATE, facts) is None


def test_every_rule_names_its_source() -> None:
    assert all(rule.source.startswith(("https://docs.aws.amazon.com/", "not AWS: ")) for rule in autoscaling.RULES)
