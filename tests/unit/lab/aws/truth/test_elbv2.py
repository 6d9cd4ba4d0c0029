# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every ELBv2 refusal, with its code and text, and that good requests pass all rules."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from types import SimpleNamespace as Thing
from typing import Any

import pytest

from tests.lab.aws.api.elbv2 import ATTRIBUTES
from tests.lab.aws.api.fill import ATTRIBUTES as BALANCER_ATTRIBUTES
from tests.lab.aws.truth.base import Truth
from tests.lab.aws.truth.elbv2 import RULES

ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:"
LB, OTHER_LB = ARN + "loadbalancer/app/one/1", ARN + "loadbalancer/app/two/2"
BLUE, TAKEN, FOREIGN, GONE = (ARN + f"targetgroup/{name}/1" for name in ("blue", "taken", "foreign", "gone"))
MACHINES = ARN + "targetgroup/machines/1"
LISTENER, SPARE = ARN + "listener/app/one/1/1", ARN + "listener/app/one/1/2"
FIRST, SECOND, DEFAULT = (ARN + f"listener-rule/app/one/1/1/{name}" for name in ("first", "second", "default"))
OK = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}
PATH = {"Field": "path-pattern", "Values": ["/*"]}


class Facts:
    """Stands for api.elbv2_facts.Facts: two zones, a load balancer with two listeners, some target groups."""

    def __init__(self) -> None:
        self.subnets = {
            name: Thing(id=name, availability_zone=zone, vpc_id=vpc, cidr_block=block)
            for name, zone, vpc, block in [
                ("subnet-a", "us-east-1a", "vpc-1", "127.16.64.0/20"),
                ("subnet-b", "us-east-1b", "vpc-1", "127.16.80.0/20"),
                ("subnet-a2", "us-east-1a", "vpc-1", "127.16.0.0/20"),
                ("subnet-x", "us-east-1b", "vpc-2", "127.17.0.0/20"),
            ]
        }
        self.groups = {
            arn: Thing(
                arn=arn,
                name=arn.split("/")[1],
                vpc_id="vpc-2" if arn == FOREIGN else "vpc-1",
                target_type="instance" if arn == MACHINES else "ip",
                protocol="HTTP",
                port=8080,
                health_check_path="/",
                health_check_interval_seconds=30,
                health_check_timeout_seconds=5,
                attributes=ATTRIBUTES
                | {
                    "deregistration_delay.timeout_seconds": 300,
                    "slow_start.duration_seconds": 0,
                    "load_balancing.algorithm.type": "round_robin",
                    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
                },
            )
            for arn in (BLUE, TAKEN, FOREIGN, MACHINES)
        }
        rules = [
            Thing(arn=FIRST, listener_arn=LISTENER, priority=1, is_default=False),
            Thing(arn=SECOND, listener_arn=LISTENER, priority=2, is_default=False),
            Thing(arn=DEFAULT, listener_arn=LISTENER, priority="default", is_default=True),
        ]
        self.all_rules = {rule.arn: rule for rule in rules}
        self.listeners = {
            arn: Thing(
                arn=arn,
                load_balancer_arn=LB,
                port=port,
                protocol="HTTP",
                certificates=[],
                default_actions=[Thing(data=OK)],
                rules=self.all_rules if arn == LISTENER else {},
            )
            for arn, port in ((LISTENER, 8000), (SPARE, 8001))
        }
        self.one = Thing(
            arn=LB,
            name="one",
            vpc_id="vpc-1",
            scheme="internet-facing",
            subnets=[self.subnets["subnet-a"], self.subnets["subnet-b"]],
            security_groups=["sg-1"],
            attrs=BALANCER_ATTRIBUTES | {"deletion_protection.enabled": "true"},
            listeners=self.listeners,
        )

    def subnet(self, name: str) -> Any:
        return self.subnets.get(name)

    def security_group(self, name: str) -> Any:
        return {"sg-1": Thing(vpc_id="vpc-1"), "sg-2": Thing(vpc_id="vpc-2")}.get(name)

    def zone_of(self, vpc: str, address: str) -> str | None:
        for subnet in self.subnets.values():
            if subnet.vpc_id == vpc and ip_address(address) in ip_network(subnet.cidr_block):
                return str(subnet.availability_zone)
        return None

    def balancer(self, arn: str | None) -> Any:
        return self.one if arn == LB else None

    def balancer_named(self, name: str) -> Any:
        return self.one if name == "one" else None

    def listener(self, arn: str | None) -> Any:
        return self.listeners.get(arn or "")

    def rule(self, arn: str | None) -> Any:
        return self.all_rules.get(arn or "")

    def group(self, arn: str | None) -> Any:
        return self.groups.get(arn or "")

    def group_named(self, name: str) -> Any:
        return next((group for group in self.groups.values() if group.name == name), None)

    def users(self, arn: str) -> list[str]:
        return {BLUE: [LB], TAKEN: [OTHER_LB]}.get(arn, [])


GOOD: dict[str, dict[str, Any]] = {
    "CreateLoadBalancer": {"Name": "new", "Subnets": ["subnet-a", "subnet-b"], "SecurityGroups": ["sg-1"]},
    "SetSubnets": {"LoadBalancerArn": LB, "Subnets": ["subnet-a2", "subnet-b"]},
    "SetSecurityGroups": {"LoadBalancerArn": LB, "SecurityGroups": ["sg-1"]},
    "DeleteLoadBalancer": {"LoadBalancerArn": OTHER_LB},
    "ModifyLoadBalancerAttributes": {"LoadBalancerArn": LB, "Attributes": []},
    "CreateTargetGroup": {"Name": "new", "Protocol": "HTTP", "Port": 80, "VpcId": "vpc-1", "TargetType": "ip"},
    "ModifyTargetGroup": {"TargetGroupArn": BLUE, "HealthCheckPath": "/v2/health/ready"},
    "ModifyTargetGroupAttributes": {"TargetGroupArn": BLUE, "Attributes": []},
    "DeleteTargetGroup": {"TargetGroupArn": MACHINES},
    "RegisterTargets": {"TargetGroupArn": BLUE, "Targets": [{"Id": "127.16.0.4"}]},
    "CreateListener": {"LoadBalancerArn": LB, "Protocol": "HTTP", "Port": 9000, "DefaultActions": [OK]},
    "ModifyListener": {"ListenerArn": SPARE, "Port": 9000},
    "CreateRule": {"ListenerArn": LISTENER, "Priority": 10, "Conditions": [PATH], "Actions": [OK]},
    "ModifyRule": {"RuleArn": FIRST, "Actions": [OK]},
    "SetRulePriorities": {"RulePriorities": [{"RuleArn": FIRST, "Priority": 2}, {"RuleArn": SECOND, "Priority": 1}]},
    "DeleteRule": {"RuleArn": FIRST},
}


def refused(operation: str, changes: Mapping[str, Any]) -> tuple[str, str] | None:
    truth = Truth()
    truth.add("elbv2", RULES, Facts())
    found = truth.refusal("elbv2", operation, {**GOOD[operation], **changes})
    return (found.code, found.message) if found else None


def attributes(**given: str) -> dict[str, Any]:
    return {"Attributes": [{"Key": key.replace("__", "."), "Value": value} for key, value in given.items()]}


def forward(*groups: tuple[str, int]) -> dict[str, Any]:
    shares = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in groups]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": shares}}


def target(given: str, **rest: Any) -> dict[str, Any]:
    return {"Targets": [{"Id": given, **rest}]}


V, C, P = "ValidationError", "InvalidConfigurationRequest", "OperationNotPermitted"
NO_ZONES = "At least two subnets in two different Availability Zones must be specified"
ONE_ZONE = "A load balancer cannot be attached to multiple subnets in the same Availability Zone"
RANGE = "1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: Member must have value {} {}"
MOST, LEAST = "less than or equal to", "greater than or equal to"
WEIGHT = "The weight for each target group must be between 0 and 999, inclusive"
DELAY = "deregistration_delay.timeout_seconds"
ROUTING = "target_group_health__unhealthy_state_routing__minimum_healthy_targets__"
TWO_LBS = f"The following target groups cannot be associated with more than one load balancer: {TAKEN}"
OTHER_VPC = f"The following target groups are in a different VPC than load balancer '{LB}': '{FOREIGN}'"

CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("CreateLoadBalancer", {"Name": "n" * 33}, V, "cannot be longer than '32' characters"),
    ("CreateLoadBalancer", {"Name": "under_score"}, V, "can only contain characters that are alphanumeric"),
    ("CreateLoadBalancer", {"Name": "-dash"}, V, "cannot begin or end with a hyphen(-)"),
    ("CreateLoadBalancer", {"Name": "internal-x"}, V, "cannot begin with 'internal-'"),
    ("CreateLoadBalancer", {"Type": "network"}, C, "The lab has application load balancers only"),
    ("CreateLoadBalancer", {"Subnets": []}, V, NO_ZONES),
    ("CreateLoadBalancer", {"Subnets": ["subnet-a"]}, V, NO_ZONES),
    ("CreateLoadBalancer", {"Subnets": ["subnet-a", "subnet-a2"]}, C, ONE_ZONE),
    ("CreateLoadBalancer", {"Subnets": ["subnet-a", "subnet-x"]}, C, "All subnets must belong to the same VPC"),
    ("CreateLoadBalancer", {"Subnets": ["subnet-a", "subnet-z"]}, "SubnetNotFound", "'subnet-z' does not exist"),
    ("CreateLoadBalancer", {"SecurityGroups": ["sg-2"]}, C, "One or more security groups are invalid"),
    ("CreateLoadBalancer", {"SecurityGroups": ["sg-9"]}, "InvalidSecurityGroup", "'sg-9' does not exist"),
    (
        "CreateLoadBalancer",
        {"Name": "one", "Subnets": ["subnet-a2", "subnet-b"]},
        "DuplicateLoadBalancerName",
        "A load balancer with the same name 'one' exists, but with different settings",
    ),
    ("SetSubnets", {"Subnets": ["subnet-a"]}, V, NO_ZONES),
    ("SetSubnets", {"Subnets": [], "SubnetMappings": [{"SubnetId": "subnet-a"}]}, V, NO_ZONES),
    ("SetSecurityGroups", {"SecurityGroups": ["sg-2"]}, C, "One or more security groups are invalid"),
    ("DeleteLoadBalancer", {"LoadBalancerArn": LB}, P, f"'{LB}' cannot be deleted because deletion protection"),
    ("ModifyLoadBalancerAttributes", attributes(idle__timeout="1"), V, "key 'idle.timeout' is not recognized"),
    ("ModifyLoadBalancerAttributes", attributes(idle_timeout__timeout_seconds="4001"), V, "between '1-4000' inclusive"),
    ("ModifyLoadBalancerAttributes", attributes(idle_timeout__timeout_seconds="soon"), V, "between '1-4000' inclusive"),
    ("ModifyLoadBalancerAttributes", attributes(client_keep_alive__seconds="59"), V, "between '60-604800' inclusive"),
    ("ModifyLoadBalancerAttributes", attributes(routing__http2__enabled="yes"), V, "must be one of [true, false]"),
    ("ModifyLoadBalancerAttributes", attributes(load_balancing__cross_zone__enabled="false"), V, "one of [true]"),
    ("CreateTargetGroup", {"Port": 0}, V, RANGE.format(0, "port", LEAST, 1)),
    ("CreateTargetGroup", {"Port": 65536}, V, RANGE.format(65536, "port", MOST, 65535)),
    ("CreateTargetGroup", {"TargetType": "lambda"}, C, "The lab has target types 'ip' and 'instance', not 'lambda'"),
    ("CreateTargetGroup", {"Protocol": "HTTPS"}, "UnsupportedProtocol", "speak HTTP only"),
    ("CreateTargetGroup", {"HealthCheckProtocol": "HTTPS"}, "UnsupportedProtocol", "speak HTTP only"),
    ("CreateTargetGroup", {"ProtocolVersion": "GRPC"}, "UnsupportedProtocol", "HTTP/1.1 only"),
    (
        "CreateTargetGroup",
        {"HealthCheckEnabled": "false"},
        V,
        "Health check enabled must be true for target groups with target type 'ip'",
    ),
    (
        "CreateTargetGroup",
        {"Name": "blue", "Port": 9},
        "DuplicateTargetGroupName",
        "A target group with the same name 'blue' exists, but with different settings",
    ),
    *(
        (operation, {field: value}, V, RANGE.format(value, field[0].lower() + field[1:], bound, limit))
        for operation in ("CreateTargetGroup", "ModifyTargetGroup")
        for field, value, bound, limit in [
            ("HealthCheckIntervalSeconds", 4, LEAST, 5),
            ("HealthCheckIntervalSeconds", 301, MOST, 300),
            ("HealthCheckTimeoutSeconds", 1, LEAST, 2),
            ("HealthCheckTimeoutSeconds", 121, MOST, 120),
            ("HealthyThresholdCount", 1, LEAST, 2),
            ("HealthyThresholdCount", 11, MOST, 10),
            ("UnhealthyThresholdCount", 0, LEAST, 2),
            ("UnhealthyThresholdCount", 11, MOST, 10),
        ]
    ),
    (
        "CreateTargetGroup",
        {"HealthCheckIntervalSeconds": 10, "HealthCheckTimeoutSeconds": 10},
        V,
        "Health check interval must be greater than the timeout.",
    ),
    ("CreateTargetGroup", {"HealthCheckIntervalSeconds": 5}, V, "Health check interval must be greater than"),
    (
        "ModifyTargetGroup",
        {"HealthCheckTimeoutSeconds": 30},
        V,
        "Health check timeout '30' must be smaller than the interval '30'",
    ),
    ("ModifyTargetGroup", {"HealthCheckEnabled": False}, V, "Health check enabled must be true"),
    ("CreateTargetGroup", {"HealthCheckPath": "health"}, V, "'health' must begin with a '/' character"),
    ("CreateTargetGroup", {"HealthCheckPath": "/a b"}, V, "without spaces"),
    ("CreateTargetGroup", {"HealthCheckPath": "/a\r\nX: y"}, V, "printable ASCII characters"),
    ("ModifyTargetGroup", {"HealthCheckPath": "/" + "a" * 1024}, V, "cannot be longer than '1024' characters"),
    ("CreateTargetGroup", {"HealthCheckPort": "0"}, V, "Health check port '0'"),
    ("ModifyTargetGroup", {"HealthCheckPort": "http"}, V, "Health check port 'http'"),
    ("CreateTargetGroup", {"Matcher": {"HttpCode": "600"}}, V, "must be within '200-499' inclusive"),
    ("CreateTargetGroup", {"Matcher": {"HttpCode": "200-"}}, V, "must be within '200-499' inclusive"),
    ("ModifyTargetGroup", {"Matcher": {"HttpCode": "300-200"}}, V, "must be within '200-499' inclusive"),
    (
        "DeleteTargetGroup",
        {"TargetGroupArn": BLUE},
        "ResourceInUse",
        f"Target group '{BLUE}' is currently in use by a listener or a rule",
    ),
    (
        "ModifyTargetGroupAttributes",
        attributes(deregistration_delay__timeout_seconds="3601"),
        V,
        f"'{DELAY}' value '3601' must be between '0-3600' inclusive",
    ),
    ("ModifyTargetGroupAttributes", attributes(slow_start__duration_seconds="29"), V, "between '30-900' inclusive"),
    ("ModifyTargetGroupAttributes", attributes(slow_start__duration_seconds="901"), V, "between '30-900' inclusive"),
    (
        "ModifyTargetGroupAttributes",
        attributes(slow_start__duration_seconds="30", load_balancing__algorithm__type="least_outstanding_requests"),
        C,
        "You cannot enable slow start when the algorithm type is 'least_outstanding_requests'",
    ),
    (
        "ModifyTargetGroupAttributes",
        attributes(load_balancing__algorithm__type="best"),
        V,
        "must be one of [round_robin",
    ),
    ("ModifyTargetGroupAttributes", attributes(no__such="1"), V, "attribute key 'no.such' is not recognized"),
    ("ModifyTargetGroupAttributes", attributes(**{ROUTING + "count": "0"}), V, "must be between '1-1000' inclusive"),
    ("ModifyTargetGroupAttributes", attributes(**{ROUTING + "percentage": "101"}), V, "between '1-100' inclusive"),
    ("RegisterTargets", target("127.16.0.4", Port=65536), V, "less than or equal to 65535"),
    ("RegisterTargets", target("i-0123456789abcdef0"), V, "'i-0123456789abcdef0' is not a valid IPv4 address"),
    ("RegisterTargets", target("127.99.0.4"), V, "'127.99.0.4' is not in the subnets of the VPC 'vpc-1'"),
    (
        "RegisterTargets",
        target("127.16.0.4", AvailabilityZone="all"),
        V,
        "is within the VPC, and cannot have its Availability Zone overridden to 'all' from 'us-east-1a'",
    ),
    ("RegisterTargets", {"TargetGroupArn": MACHINES}, V, "Instance ID '127.16.0.4' is not valid"),
    ("CreateListener", {"Port": 65536}, V, RANGE.format(65536, "port", MOST, 65535)),
    ("ModifyListener", {"Port": 0}, V, RANGE.format(0, "port", LEAST, 1)),
    ("CreateListener", {"Protocol": "HTTPS"}, V, "A certificate must be specified for HTTPS listeners"),
    ("ModifyListener", {"Protocol": "HTTPS"}, V, "A certificate must be specified for HTTPS listeners"),
    (
        "CreateListener",
        {"Certificates": [{"CertificateArn": "arn"}]},
        V,
        "A certificate cannot be specified for HTTP listeners",
    ),
    (
        "CreateListener",
        {"Protocol": "HTTPS", "Certificates": [{"CertificateArn": "arn"}]},
        "UnsupportedProtocol",
        "The lab's listeners speak HTTP only",
    ),
    (
        "ModifyListener",
        {"Protocol": "HTTPS", "Certificates": [{"CertificateArn": "arn"}]},
        "UnsupportedProtocol",
        "The lab's listeners speak HTTP only",
    ),
    (
        "CreateListener",
        {"Port": 8000, "DefaultActions": [forward((BLUE, 1))]},
        "DuplicateListener",
        f"A listener already exists on this port for this load balancer '{LB}'",
    ),
    ("ModifyListener", {"Port": 8000}, "DuplicateListener", "A listener already exists on this port"),
    ("CreateListener", {"DefaultActions": [forward((BLUE, 1000))]}, V, WEIGHT),
    ("ModifyListener", {"DefaultActions": [forward((BLUE, -1))]}, V, WEIGHT),
    ("CreateRule", {"Actions": [forward((BLUE, 1000))]}, V, WEIGHT),
    ("ModifyRule", {"Actions": [forward((BLUE, 1000))]}, V, WEIGHT),
    ("CreateRule", {"Actions": [{"Type": "forward"}]}, V, "A target group must be specified"),
    ("CreateRule", {"Actions": [forward((BLUE, 1), (BLUE, 2))]}, V, "only once"),
    ("CreateRule", {"Actions": [forward(*((f"{BLUE}{n}", 1) for n in range(6)))]}, "InvalidLoadBalancerAction", "'5'"),
    (
        "CreateRule",
        {"Actions": [forward((BLUE, 1)) | {"TargetGroupArn": GONE}]},
        "InvalidLoadBalancerAction",
        "must name the same target group",
    ),
    ("ModifyRule", {"Actions": [forward((GONE, 1))]}, "TargetGroupNotFound", "One or more target groups not found"),
    ("ModifyListener", {"DefaultActions": [forward((GONE, 1))]}, "TargetGroupNotFound", "not found"),
    ("CreateRule", {"Actions": [forward((TAKEN, 1))]}, "TargetGroupAssociationLimit", TWO_LBS),
    ("CreateListener", {"DefaultActions": [forward((FOREIGN, 1))]}, C, OTHER_VPC),
    ("CreateRule", {"Actions": [{"Type": "authenticate-oidc"}]}, "InvalidLoadBalancerAction", "only on HTTPS"),
    (
        "ModifyListener",
        {"DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "302"}}]},
        V,
        "Value '302' at 'actions.1.member.fixedResponseConfig.statusCode'",
    ),
    (
        "CreateRule",
        {
            "Actions": [
                {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", "MessageBody": "x" * 1025}}
            ]
        },
        V,
        "cannot be longer than '1024' characters",
    ),
    (
        "CreateRule",
        {"Actions": [{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_303"}}]},
        V,
        "HTTP_301 or HTTP_302",
    ),
    (
        "CreateRule",
        {"Actions": [{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}}]},
        "InvalidLoadBalancerAction",
        "redirect loop",
    ),
    ("CreateRule", {"Priority": 50001}, V, RANGE.format(50001, "priority", MOST, 50000)),
    ("CreateRule", {"Priority": 2}, "PriorityInUse", "Priority '2' is currently in use"),
    ("CreateRule", {"Transforms": [{"Type": "url-rewrite"}]}, C, "The lab's rules have no transforms"),
    ("ModifyRule", {"Transforms": [{"Type": "url-rewrite"}]}, C, "The lab's rules have no transforms"),
    ("CreateRule", {"Conditions": []}, V, "A condition must be specified"),
    (
        "CreateRule",
        {"Conditions": [PATH, {"Field": "host-header", "HostHeaderConfig": {"Values": list("abcde")}}]},
        V,
        "A rule can only have '5' condition values",
    ),
    (
        "ModifyRule",
        {"Conditions": [{"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "Host", "Values": ["a"]}}]},
        V,
        "condition of type 'host-header'",
    ),
    ("ModifyRule", {"RuleArn": "arn:none"}, "RuleNotFound", "One or more rules not found"),
    ("ModifyRule", {"RuleArn": DEFAULT}, P, f"Default rule '{DEFAULT}' cannot be modified"),
    ("DeleteRule", {"RuleArn": "arn:none"}, "RuleNotFound", "One or more rules not found"),
    ("DeleteRule", {"RuleArn": DEFAULT}, P, f"Default rule '{DEFAULT}' cannot be deleted"),
    (
        "SetRulePriorities",
        {"RulePriorities": [{"RuleArn": FIRST, "Priority": 2}]},
        "PriorityInUse",
        "Priority '2' is currently in use",
    ),
    (
        "SetRulePriorities",
        {"RulePriorities": [{"RuleArn": FIRST, "Priority": 7}, {"RuleArn": SECOND, "Priority": 7}]},
        "PriorityInUse",
        "Priority '7' is currently in use",
    ),
    ("SetRulePriorities", {"RulePriorities": [{"RuleArn": "arn:none", "Priority": 7}]}, "RuleNotFound", "not found"),
    ("SetRulePriorities", {"RulePriorities": [{"RuleArn": DEFAULT, "Priority": 7}]}, P, "cannot be modified"),
]


@pytest.mark.parametrize(("operation", "changes", "code", "text"), CASES)
def test_what_aws_refuses(operation: str, changes: dict[str, Any], code: str, text: str) -> None:
    found = refused(operation, changes)

    assert found is not None
    assert found[0] == code
    assert text in found[1]


@pytest.mark.parametrize("operation", sorted(GOOD))
def test_good_requests_pass(operation: str) -> None:
    assert refused(operation, {}) is None


@pytest.mark.parametrize(
    ("operation", "changes"),
    [
        ("CreateLoadBalancer", {"Name": "one"}),
        ("CreateLoadBalancer", {"SecurityGroups": []}),
        ("CreateTargetGroup", {"Name": "blue", "Port": 8080}),
        ("CreateTargetGroup", {"HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 2}),
        ("CreateTargetGroup", {"Matcher": {"HttpCode": "200,202-299"}, "HealthCheckPort": "traffic-port"}),
        ("CreateListener", {"Port": 8000}),
        ("CreateListener", {"DefaultActions": [forward((BLUE, 0), (MACHINES, 999))]}),
        ("ModifyListener", {"Port": 8001}),
        (
            "CreateRule",
            {"Actions": [{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301", "Port": "443"}}]},
        ),
        ("ModifyTargetGroupAttributes", attributes(deregistration_delay__timeout_seconds="3600")),
        ("ModifyTargetGroupAttributes", attributes(slow_start__duration_seconds="0")),
        ("ModifyTargetGroupAttributes", attributes(slow_start__duration_seconds="900")),
        ("ModifyTargetGroupAttributes", attributes(**{ROUTING + "percentage": "off"})),
        ("ModifyLoadBalancerAttributes", attributes(idle_timeout__timeout_seconds="4000")),
        ("RegisterTargets", target("127.16.0.4", AvailabilityZone="us-east-1a", Port=1)),
        ("RegisterTargets", {"TargetGroupArn": MACHINES, **target("i-0123456789abcdef0")}),
    ],
)
def test_requests_at_the_edge_pass(operation: str, changes: dict[str, Any]) -> None:
    assert refused(operation, changes) is None


def test_every_rule_refuses_something_and_names_its_source() -> None:
    facts = Facts()
    idle = [
        (rule.operation, rule.check)
        for rule in RULES
        if not any(
            operation == rule.operation and rule.check({**GOOD[operation], **changes}, facts)
            for operation, changes, _ignored, _ignored in CASES
        )
    ]

    assert idle == []
    assert all(rule.source.startswith(("https://docs.aws.amazon.com/", "not AWS: ")) for rule in RULES)
