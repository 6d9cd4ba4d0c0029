# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.greenlight.serving.plugins.module_utils._platforms import asg_ground
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.asg_snapshot import Snapshot

PARAMS = {"name": "letters"}
AT = "arn:aws:elasticloadbalancing:eu-central-1:123456789012"
BLUE, GREEN = f"{AT}:targetgroup/letters-blue/1", f"{AT}:targetgroup/letters-green/2"
FRONT = f"{AT}:loadbalancer/app/front/3"
PRODUCTION, TEST = f"{AT}:listener/app/front/3/aaa", f"{AT}:listener/app/front/3/bbb"


class Account:
    """Elastic Load Balancing with one load balancer. `rules`: listener -> (which, service) of its rule."""

    def __init__(self, rules: dict[str, tuple[str, str]]) -> None:
        self.rules = rules

    def read(self, api: str, operation: str, /, **arguments: Any) -> dict[str, Any]:
        if operation == "describe_target_groups":
            return {"TargetGroups": [{"Port": 8080, "LoadBalancerArns": [FRONT]}]}
        assert (api, operation) == ("elbv2", "describe_tags")
        found = [
            {"ResourceArn": arn, "Tags": self._tags(arn.removesuffix("/rule"))} for arn in arguments["ResourceArns"]
        ]
        return {"TagDescriptions": found}

    def _tags(self, listener: str) -> list[dict[str, str]]:
        which, service = self.rules[listener]
        tags = {"greenlight:service": service, "greenlight:rule": which}
        return [{"Key": key, "Value": value} for key, value in tags.items() if value]

    def pages(self, api: str, operation: str, key: str, /, **arguments: Any) -> Iterator[Any]:
        assert api == "elbv2"
        if operation == "describe_listeners":
            yield from ({"ListenerArn": listener} for listener in self.rules)
            return
        assert key == "Rules"
        groups = [{"TargetGroupArn": GREEN, "Weight": 0}, {"TargetGroupArn": BLUE, "Weight": 100}]
        action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
        yield {"RuleArn": f"{arguments['ListenerArn']}/rule", "Actions": [action]}
        yield {"RuleArn": f"{arguments['ListenerArn']}/default", "IsDefault": True, "Actions": []}

    def write(self, api: str, operation: str, /, **arguments: Any) -> dict[str, Any]:
        raise AssertionError(f"{api} {operation} {arguments} would change something")


OURS = {PRODUCTION: ("production", "letters"), TEST: ("test", "letters")}
BALANCER = {
    "target_port": 8080,
    "production_listener_arn": PRODUCTION,
    "test_listener_arn": TEST,
    "blue_target_group_arn": BLUE,
    "green_target_group_arn": GREEN,
}


def balancer(rules: dict[str, tuple[str, str]], **groups: str) -> dict[str, Any]:
    """`groups`: colour -> target group; blue alone when none are given."""
    there = {colour: {"TargetGroupARNs": [arn]} for colour, arn in (groups or {"blue": BLUE}).items()}
    return asg_ground.balancer(Account(rules), PARAMS, Snapshot(at=0.0, groups=there))


def test_the_rules_say_which_listener_is_which() -> None:
    assert balancer(OURS) == BALANCER
    assert balancer(dict(reversed(OURS.items()))) == BALANCER


def test_a_group_says_which_target_group_has_its_colour() -> None:
    assert balancer(OURS, green=GREEN) == BALANCER
    assert balancer(OURS, blue=BLUE, green=GREEN) == BALANCER


def test_without_a_test_listener_there_is_none() -> None:
    assert balancer({PRODUCTION: OURS[PRODUCTION]}) == {**BALANCER, "test_listener_arn": None}


def test_rules_of_others_say_nothing() -> None:
    assert balancer({PRODUCTION: ("production", "digits")}) == {}
    assert balancer({PRODUCTION: ("", "letters")}) == {}


def test_before_there_is_a_group_there_is_no_load_balancer() -> None:
    assert asg_ground.balancer(Account(OURS), PARAMS, Snapshot(at=0.0)) == {}


GROUP = {"VPCZoneIdentifier": "subnet-1,subnet-2", "MinSize": 2, "MaxSize": 10}
VERSION = {
    "LaunchTemplateData": {
        "NetworkInterfaces": [{"Groups": ["sg-1"]}],
        "IamInstanceProfile": {"Arn": "arn:aws:iam::123456789012:instance-profile/letters"},
    }
}
SNAPSHOT = Snapshot(
    at=0.0,
    groups={"blue": {**GROUP, "LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "3"}}},
    versions={"3": VERSION},
    template="lt-1",
)


def test_the_ground_is_named_as_in_the_options() -> None:
    assert asg_ground.ground(SNAPSHOT, "blue", BALANCER) == {
        "network": {"subnets": ["subnet-1", "subnet-2"]},
        "template": {
            "security_groups": ["sg-1"],
            "instance_profile_arn": "arn:aws:iam::123456789012:instance-profile/letters",
        },
        "capacity": {"min": 2, "max": 10},
        "load_balancer": BALANCER,
    }


def test_without_a_service_there_is_no_ground() -> None:
    assert asg_ground.ground(SNAPSHOT, "green", BALANCER) == {}
    assert asg_ground.ground(SNAPSHOT, "blue", {}) == {}
