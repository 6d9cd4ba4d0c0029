# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Target groups and targets: what AWS refuses and moto lets through."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from tests.lab.aws.truth.base import Params, Refusal, Rule
from tests.lab.aws.truth.elbv2_common import (
    API,
    CONFIGURATION,
    GUIDE,
    VALIDATION,
    attributes,
    constrained,
    first,
    number_between,
    one_of,
    out_of_range,
)

TIMEOUT, INTERVAL = 5, 30  # defaults: user guide, "Health check settings"
ALGORITHMS = ("round_robin", "least_outstanding_requests", "weighted_random")
SWITCHES = {
    "stickiness.enabled": ("true", "false"),
    "load_balancing.cross_zone.enabled": ("true", "false", "use_load_balancer_configuration"),
    "load_balancing.algorithm.type": ALGORITHMS,
    "load_balancing.algorithm.anomaly_mitigation": ("on", "off"),
}
MINIMUM = "minimum_healthy_targets"


def duplicate(params: Params, facts: Any) -> Refusal | None:
    """The same name with the same settings is the same call once more, and succeeds."""
    known = facts.group_named(params["Name"])
    if known is None:
        return None
    asked = (params.get("Protocol"), int(params.get("Port") or 0), params.get("VpcId"), params.get("TargetType"))
    same = asked == (known.protocol, int(known.port or 0), known.vpc_id, known.target_type)
    path = params.get("HealthCheckPath")
    if same and (path is None or path == known.health_check_path):
        return None
    text = f"A target group with the same name '{params['Name']}' exists, but with different settings"
    return Refusal("DuplicateTargetGroupName", text)


def spoken(params: Params, _facts: Any) -> Refusal | None:
    """What the lab's data plane can't carry is refused rather than carried wrongly."""
    kind, protocol = params.get("TargetType") or "instance", params.get("Protocol")
    if kind not in ("ip", "instance"):
        return Refusal(CONFIGURATION, f"The lab has target types 'ip' and 'instance', not '{kind}'")
    if protocol not in (None, "HTTP") or params.get("HealthCheckProtocol") not in (None, "HTTP"):
        return Refusal("UnsupportedProtocol", "The lab's targets and health checks speak HTTP only")
    if params.get("ProtocolVersion") not in (None, "HTTP1"):
        return Refusal("UnsupportedProtocol", "The lab's targets speak HTTP/1.1 only")
    return None


def enabled(params: Params, facts: Any) -> Refusal | None:
    group = facts.group(params.get("TargetGroupArn"))
    kind = group.target_type if group else params.get("TargetType") or "instance"
    if str(params.get("HealthCheckEnabled", "true")).lower() == "true":
        return None
    return Refusal(VALIDATION, f"Health check enabled must be true for target groups with target type '{kind}'")


def interval(params: Params, facts: Any) -> Refusal | None:
    """Timeout below interval, given or as it stands."""
    group = facts.group(params.get("TargetGroupArn"))
    between = params.get("HealthCheckIntervalSeconds")
    within = params.get("HealthCheckTimeoutSeconds")
    if between is None and within is None:
        return None
    between = int(between or (group.health_check_interval_seconds if group else INTERVAL))
    within = int(within or (group.health_check_timeout_seconds if group else TIMEOUT))
    if within < between:
        return None
    if group:
        message = f"Health check timeout '{within}' must be smaller than the interval '{between}'"
        return Refusal(VALIDATION, message)
    return Refusal(VALIDATION, "Health check interval must be greater than the timeout.")


def path(params: Params, _facts: Any) -> Refusal | None:
    given = params.get("HealthCheckPath")
    if given is None or (re.fullmatch(r"/[!-~]*", given) and len(given) <= 1024):
        return None
    if len(given) > 1024:
        return Refusal(VALIDATION, f"Health check path '{given}' cannot be longer than '1024' characters")
    return Refusal(
        VALIDATION,
        f"Health check path '{given}' must begin with a '/' character, "
        "and can only contain printable ASCII characters, without spaces",
    )


def check_port(params: Params, _facts: Any) -> Refusal | None:
    given = params.get("HealthCheckPort")
    if given in (None, "traffic-port") or (str(given).isdigit() and 1 <= int(given) <= 65535):
        return None
    return Refusal(VALIDATION, f"Health check port '{given}' must be 'traffic-port' or a number from 1 to 65535")


def matcher(params: Params, _facts: Any) -> Refusal | None:
    """Codes 200-499 for HTTP target groups."""
    codes = (params.get("Matcher") or {}).get("HttpCode")
    if codes is None:
        return None
    for part in codes.split(","):
        found = re.fullmatch(r"(\d{3})(?:-(\d{3}))?", part.strip())
        if not found or not 200 <= int(found[1]) <= int(found[2] or found[1]) <= 499:
            return Refusal(VALIDATION, f"Health check matcher HTTP code '{codes}' must be within '200-499' inclusive")
    return None


def in_use(params: Params, facts: Any) -> Refusal | None:
    arn = params["TargetGroupArn"]
    if not facts.users(arn):
        return None
    return Refusal("ResourceInUse", f"Target group '{arn}' is currently in use by a listener or a rule")


def attribute_values(params: Params, facts: Any) -> Refusal | None:
    group = facts.group(params["TargetGroupArn"])
    if group is None:
        return None
    given = attributes(params)
    after = {**group.attributes, **given}
    return first(_attribute(key, value, group.attributes) for key, value in given.items()) or _slow(after)


def _slow(after: dict[str, Any]) -> Refusal | None:
    algorithm = after["load_balancing.algorithm.type"]
    if int(after["slow_start.duration_seconds"]) == 0 or algorithm == "round_robin":
        return None
    return Refusal(CONFIGURATION, f"You cannot enable slow start when the algorithm type is '{algorithm}'")


def _attribute(key: str, value: str, known: dict[str, Any]) -> Refusal | None:
    if key not in known and not key.startswith("stickiness."):
        return Refusal(VALIDATION, f"Target group attribute key '{key}' is not recognized")
    if key == "deregistration_delay.timeout_seconds":
        return number_between(key, value, 0, 3600)
    if key == "slow_start.duration_seconds":
        return None if value == "0" else number_between(key, value, 30, 900)
    if key in SWITCHES:
        return one_of(key, value, SWITCHES[key])
    if key.endswith(f"unhealthy_state_routing.{MINIMUM}.count"):
        return number_between(key, value, 1, 1000)
    if key.endswith(f"{MINIMUM}.percentage") and value != "off":
        return number_between(key, value, 1, 100)
    return None


def targets(params: Params, facts: Any) -> Refusal | None:
    group = facts.group(params["TargetGroupArn"])
    return group and first(_target(one, group, facts) for one in params.get("Targets") or ())


def _target(target: dict[str, Any], group: Any, facts: Any) -> Refusal | None:
    given = target["Id"]
    refused = out_of_range(target.get("Port"), "targets.1.member.port", 1, 65535)
    if refused:
        return refused
    if group.target_type == "instance":
        if not re.fullmatch("i-[0-9a-f]{8,17}", given):
            return Refusal(VALIDATION, f"Instance ID '{given}' is not valid")
        return None
    try:
        ipaddress.IPv4Address(given)
    except ValueError:
        return Refusal(VALIDATION, f"The IP address '{given}' is not a valid IPv4 address")
    zone = facts.zone_of(group.vpc_id, given)
    if zone is None:
        return Refusal(VALIDATION, f"The IP address '{given}' is not in the subnets of the VPC '{group.vpc_id}'")
    if target.get("AvailabilityZone") not in (None, zone):
        other = target["AvailabilityZone"]
        message = "is within the VPC, and cannot have its Availability Zone overridden to"
        return Refusal(VALIDATION, f"The IP address '{given}' {message} '{other}' from '{zone}'")
    return None


HEALTH_CHECK = [
    (enabled, "(HealthCheckEnabled: always enabled for instance and ip)"),
    (constrained("HealthCheckIntervalSeconds", 5, 300), "(HealthCheckIntervalSeconds)"),
    (constrained("HealthCheckTimeoutSeconds", 2, 120), "(HealthCheckTimeoutSeconds)"),
    (constrained("HealthyThresholdCount", 2, 10), "(HealthyThresholdCount)"),
    (constrained("UnhealthyThresholdCount", 2, 10), "(UnhealthyThresholdCount)"),
    (interval, "(HealthCheckTimeoutSeconds, HealthCheckIntervalSeconds)"),
    (path, "(HealthCheckPath)"),
    (check_port, "(HealthCheckPort)"),
    (matcher, "(Matcher)"),
]
RULES = [
    Rule("CreateTargetGroup", constrained("Port", 1, 65535), API + "CreateTargetGroup.html (Port)"),
    Rule("CreateTargetGroup", spoken, "not AWS: the README of the lab, what it leaves out"),
    *(Rule("CreateTargetGroup", check, f"{API}CreateTargetGroup.html {where}") for check, where in HEALTH_CHECK),
    *(Rule("ModifyTargetGroup", check, f"{API}ModifyTargetGroup.html {where}") for check, where in HEALTH_CHECK),
    Rule("CreateTargetGroup", duplicate, API + "CreateTargetGroup.html (Errors: DuplicateTargetGroupName)"),
    Rule("DeleteTargetGroup", in_use, API + "DeleteTargetGroup.html (Errors: ResourceInUse)"),
    Rule("ModifyTargetGroupAttributes", attribute_values, API + "TargetGroupAttribute.html"),
    Rule("RegisterTargets", targets, GUIDE + "load-balancer-target-groups.html#target-type"),
]
