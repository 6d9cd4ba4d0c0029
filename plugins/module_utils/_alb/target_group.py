# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One target group of an Application Load Balancer: what it is, what is wanted, and the calls in between. Pure.

Never its targets: whoever runs them registers them. What community.aws.elb_target_group 10 lacks is check mode, slow
start and minimum-healthy routing. Names and shapes: botocore's elasticloadbalancingv2 2015-12-01 service model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._engine.finding import Finding

Options = Mapping[str, Any]

# Options that only CreateTargetGroup takes (ModifyTargetGroup's input has none of them) -> its members.
FIXED = {"protocol": "Protocol", "port": "Port", "vpc_id": "VpcId", "target_type": "TargetType"}
# Options under health_check -> members of CreateTargetGroup, ModifyTargetGroup and the description.
HEALTH_CHECK = {
    "protocol": "HealthCheckProtocol",
    "port": "HealthCheckPort",
    "path": "HealthCheckPath",
    "interval": "HealthCheckIntervalSeconds",
    "timeout": "HealthCheckTimeoutSeconds",
    "healthy_threshold": "HealthyThresholdCount",
    "unhealthy_threshold": "UnhealthyThresholdCount",
}
# Options -> keys of the API's TargetGroupAttribute.
ATTRIBUTES = {
    "deregistration_delay": "deregistration_delay.timeout_seconds",
    "slow_start": "slow_start.duration_seconds",
    "algorithm": "load_balancing.algorithm.type",
}
_HEALTH = "target_group_health"
MINIMUM_HEALTHY = {
    "dns_failover_count": f"{_HEALTH}.dns_failover.minimum_healthy_targets.count",
    "dns_failover_percentage": f"{_HEALTH}.dns_failover.minimum_healthy_targets.percentage",
    "unhealthy_routing_count": f"{_HEALTH}.unhealthy_state_routing.minimum_healthy_targets.count",
    "unhealthy_routing_percentage": f"{_HEALTH}.unhealthy_state_routing.minimum_healthy_targets.percentage",
}


@dataclass(frozen=True)
class TargetGroup:
    """A target group as the API describes it. An empty ARN: there is none."""

    arn: str = ""
    described: Mapping[str, Any] = field(default_factory=dict)  # an item of DescribeTargetGroups
    attributes: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One mutating call to Elastic Load Balancing."""

    operation: str
    arguments: Mapping[str, Any]


def calls(now: TargetGroup, options: Options) -> list[Call]:
    """The calls that make it so, in order; a later run makes those that an earlier one could not."""
    if options["state"] == "absent":
        return [Call("delete_target_group", {"TargetGroupArn": now.arn})] if now.arn else []
    if not now.arn:
        return [Call("create_target_group", _creation(options))]
    todo = []
    differing = {member: value for member, value in _check(options).items() if now.described.get(member) != value}
    if differing:
        todo.append(Call("modify_target_group", {"TargetGroupArn": now.arn, **differing}))
    attributes = {key: value for key, value in _attributes(options).items() if now.attributes.get(key) != value}
    if attributes:
        pairs = [{"Key": key, "Value": value} for key, value in attributes.items()]
        todo.append(Call("modify_target_group_attributes", {"TargetGroupArn": now.arn, "Attributes": pairs}))
    tags = {key: value for key, value in _tags(options).items() if now.tags.get(key) != value}
    if tags:
        todo.append(Call("add_tags", {"ResourceArns": [now.arn], "Tags": _tag_list(tags)}))
    return todo


def unchangeable(now: TargetGroup, options: Options) -> list[Finding]:
    """What is wanted otherwise than it is, and can't be changed while the target group lives."""
    if not now.arn or options["state"] == "absent":
        return []
    return [
        Finding(
            name,
            str(options[name]),
            f"cannot be changed, target group {options['name']} has {now.described.get(member)}",
            "Give that value, or another name: a new target group, which then takes the old one's place.",
        )
        for name, member in FIXED.items()
        if options[name] is not None and options[name] != now.described.get(member)
    ]


def view(now: TargetGroup) -> dict[str, Any]:
    """The target group in the words of the module's options; empty when there is none."""
    if not now.arn:
        return {}
    health = {name: now.described.get(member) for name, member in HEALTH_CHECK.items()}
    return {
        "arn": now.arn,
        "name": now.described.get("TargetGroupName"),
        **{name: now.described.get(member) for name, member in FIXED.items()},
        "health_check": {**health, "matcher": now.described.get("Matcher", {}).get("HttpCode")},
        **{name: _number(now.attributes.get(key)) for name, key in ATTRIBUTES.items()},
        "minimum_healthy": {name: now.attributes.get(key) for name, key in MINIMUM_HEALTHY.items()},
        "load_balancer_arns": list(now.described.get("LoadBalancerArns", [])),
        "tags": dict(sorted(now.tags.items())),
    }


def after(now: TargetGroup, options: Options, placeholder: str) -> TargetGroup:
    """What the calls would leave behind; `placeholder` is the ARN of one that does not exist yet."""
    if options["state"] == "absent":
        return TargetGroup()
    described = {**now.described, **_check(options)}
    if not now.arn:
        described.update(_creation(options), TargetGroupName=options["name"])
    return TargetGroup(
        arn=now.arn or placeholder,
        described=described,
        attributes={**now.attributes, **_attributes(options)},
        tags={**now.tags, **_tags(options)},
    )


def placeholder_arn(name: str, region: str) -> str:
    """An ARN of the right shape for a target group that check mode doesn't create."""
    partition = {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get("us-gov" if "gov" in region else region[:2], "aws")
    return f"arn:{partition}:elasticloadbalancing:{region}:000000000000:targetgroup/{name}/0000000000000000"


def _creation(options: Options) -> dict[str, Any]:
    given = {member: options[name] for name, member in FIXED.items() if options[name] is not None}
    tags = _tag_list(_tags(options))
    return {"Name": options["name"], **given, **_check(options), **({"Tags": tags} if tags else {})}


def _check(options: Options) -> dict[str, Any]:
    """The health check as far as it is given."""
    health = options["health_check"] or {}
    given = {member: health.get(name) for name, member in HEALTH_CHECK.items()}
    given["Matcher"] = {"HttpCode": health["matcher"]} if health.get("matcher") is not None else None
    return {member: value for member, value in given.items() if value is not None}


def _attributes(options: Options) -> dict[str, str]:
    """The attributes as far as they are given; the API knows only text."""
    minimum = options["minimum_healthy"] or {}
    given = {key: options[name] for name, key in ATTRIBUTES.items()}
    given.update({key: minimum.get(name) for name, key in MINIMUM_HEALTHY.items()})
    return {key: str(value) for key, value in given.items() if value is not None}


def _tags(options: Options) -> dict[str, str]:
    return {str(key): str(value) for key, value in (options["tags"] or {}).items()}


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def _number(text: str | None) -> int | str | None:
    return int(text) if text is not None and text.isdecimal() else text
