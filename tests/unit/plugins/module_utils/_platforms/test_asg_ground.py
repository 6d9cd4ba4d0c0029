# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.greenlight.serving.plugins.module_utils._platforms import asg_ground

PARAMS = {"name": "letters"}
AT = "arn:aws:elasticloadbalancing:eu-central-1:123456789012"
BLUE, GREEN = f"{AT}:targetgroup/letters-blue/1", f"{AT}:targetgroup/letters-green/2"


def rule(listener: str, which: str, service: str = "letters", own: bool = True) -> dict[str, Any]:
    """As DescribeRules answers, with tags; everything goes to blue."""
    groups = [{"TargetGroupArn": GREEN, "Weight": 0}, {"TargetGroupArn": BLUE, "Weight": 100}]
    return {
        "RuleArn": f"{AT}:listener-rule/app/front/3/{listener}/5",
        "Priority": "100",
        "Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}],
        "tags": {"greenlight:service": service, **({"greenlight:rule": which} if own else {})},
    }


RULES = (rule("aaa", "production"), rule("bbb", "test"), {"RuleArn": "x", "IsDefault": True, "Priority": "default"})
GROUPS = {"blue": {"TargetGroupARNs": [BLUE]}}
BALANCER = {
    "production_listener_arn": f"{AT}:listener/app/front/3/aaa",
    "test_listener_arn": f"{AT}:listener/app/front/3/bbb",
    "blue_target_group_arn": BLUE,
    "green_target_group_arn": GREEN,
    "rule": {"priority": 100},
}


def test_the_rules_say_which_listener_is_which() -> None:
    assert asg_ground.load_balancer(PARAMS, RULES, GROUPS) == BALANCER


def test_a_group_says_which_target_group_has_its_colour() -> None:
    assert asg_ground.load_balancer(PARAMS, RULES, {"green": {"TargetGroupARNs": [GREEN]}}) == BALANCER


def test_without_a_test_listener_there_is_none() -> None:
    found = asg_ground.load_balancer(PARAMS, RULES[:1], GROUPS)
    assert found == {**BALANCER, "test_listener_arn": None}


def test_rules_of_others_say_nothing() -> None:
    others = (rule("aaa", "production", service="digits"), rule("aaa", "production", own=False))
    assert asg_ground.load_balancer(PARAMS, others, GROUPS) is None


GROUP = {"VPCZoneIdentifier": "subnet-1,subnet-2", "MinSize": 2, "MaxSize": 10}
VERSION = {
    "LaunchTemplateData": {
        "NetworkInterfaces": [{"Groups": ["sg-1"]}],
        "IamInstanceProfile": {"Arn": "arn:aws:iam::123456789012:instance-profile/letters"},
    }
}


def test_the_ground_is_named_as_in_the_options() -> None:
    assert asg_ground.ground(BALANCER, GROUP, VERSION) == {
        "network": {"subnets": ["subnet-1", "subnet-2"]},
        "template": {
            "security_groups": ["sg-1"],
            "instance_profile_arn": "arn:aws:iam::123456789012:instance-profile/letters",
        },
        "capacity": {"min": 2, "max": 10},
        "load_balancer": {name: value for name, value in BALANCER.items() if name != "rule"},
    }


def test_without_a_service_there_is_no_ground() -> None:
    assert asg_ground.ground(None, GROUP, VERSION) == {}
    assert asg_ground.ground(BALANCER, None, VERSION) == {}
