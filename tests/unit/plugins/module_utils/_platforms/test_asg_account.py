# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong between the options of asg_rollout and the account."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from ansible_collections.greenlight.serving.plugins.module_utils._engine.finding import Finding
from ansible_collections.greenlight.serving.plugins.module_utils._platforms import asg_account

from .asg_world import OLD, PARAMS, TEMPLATE, group, plan, rule, three
from .ecs_params import PRODUCTION, TEST

BALANCER = "arn:balancer"
RIGHT: dict[str, Any] = {
    "describe_subnets": {
        "Subnets": [{"SubnetId": f"subnet-{zone}", "AvailabilityZone": zone, "VpcId": "vpc-1"} for zone in ("a", "b")]
    },
    "describe_security_groups": {
        "SecurityGroups": [
            {
                "GroupId": "sg-1",
                "VpcId": "vpc-1",
                "IpPermissions": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "::"}]}],
            }
        ]
    },
    "describe_target_groups": {
        "TargetGroups": [
            {"TargetGroupName": name, "TargetType": "instance", "VpcId": "vpc-1", "TargetGroupArn": f"arn:{name}"}
            for name in ("blue", "green")
        ]
    },
    "describe_target_group_attributes": {"Attributes": []},
    "describe_images": {"Images": [{"ImageId": "ami-0123456789abcdef0"}]},
    "describe_load_balancers": {"LoadBalancers": [{"AvailabilityZones": [{"ZoneName": "a"}, {"ZoneName": "b"}]}]},
    "describe_tags": {"TagDescriptions": [{"ResourceArn": rule("production")["RuleArn"], "Tags": []}]},
    "describe_rules": {"Rules": []},
    "get_role": {"Role": {"AssumeRolePolicyDocument": {"Principal": {"Service": "scheduler.amazonaws.com"}}}},
    "describe_auto_scaling_groups": {"AutoScalingGroups": [group("blue", OLD, *three(OLD))]},
}


class Account:
    """Answers as if everything were right, but for what is changed."""

    def __init__(self, **changed: Any) -> None:
        self._answers = {**copy.deepcopy(RIGHT), **changed}

    def read(self, _api: str, operation: str, /, **arguments: Any) -> dict[str, Any]:
        if operation == "describe_listeners":
            port = {PRODUCTION: 80, TEST: 8080}[arguments["ListenerArns"][0]]
            return {"Listeners": [{"LoadBalancerArn": BALANCER, "Port": port}]}
        answer: dict[str, Any] = self._answers[operation]
        return answer

    write = read

    def pages(self, api: str, operation: str, key: str, /, **arguments: Any) -> Iterator[Any]:
        yield from self.read(api, operation, **arguments)[key]


def found(**changed: Any) -> list[Finding]:
    return asg_account.findings(Account(**changed), PARAMS, plan())


def of_the_group(described: dict[str, Any]) -> list[Finding]:
    answers = {"AutoScalingGroups": [described]}
    return [each for each in found(describe_auto_scaling_groups=answers) if each.field == "name"]


def test_an_account_as_it_should_be_has_nothing_wrong() -> None:
    assert [str(each) for each in found() if not each.field.startswith(("timing", "gate"))] == []


def test_a_group_that_names_a_floating_version_is_refused_with_the_command_that_mends_it() -> None:
    there = group("blue", OLD, *three(OLD), LaunchTemplate={"LaunchTemplateId": TEMPLATE, "Version": "$Latest"})
    (finding,) = of_the_group(there)
    assert "launches $Latest, from which nothing can be rolled back" in str(finding)
    assert f"--auto-scaling-group-name digits-blue --launch-template LaunchTemplateId={TEMPLATE},Version=" in str(
        finding
    )


def test_a_group_without_a_template_of_its_own_is_refused() -> None:
    mixed = {**group("blue", OLD), "LaunchTemplate": None}
    (finding,) = of_the_group(mixed)
    assert "mixed instances" in str(finding)


def test_targets_must_be_instances_and_the_schedulers_role_must_trust_it() -> None:
    groups = [{**each, "TargetType": "ip"} for each in RIGHT["describe_target_groups"]["TargetGroups"]]
    assert "load_balancer" in [each.field for each in found(describe_target_groups={"TargetGroups": groups})]
    role = {"Role": {"AssumeRolePolicyDocument": {"Principal": {"Service": "ecs.amazonaws.com"}}}}
    (finding,) = [each for each in found(get_role=role) if each.field == "restore.role_arn"]
    assert "scheduler.amazonaws.com may not assume it" in str(finding)
