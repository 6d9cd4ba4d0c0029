# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Auto Scaling groups: what AWS refuses. See `autoscaling_instances` and `autoscaling_refresh`, too."""

from __future__ import annotations

import re
from typing import Any

from tests.lab.aws.truth import autoscaling_instances, autoscaling_refresh
from tests.lab.aws.truth.autoscaling_common import API, GUIDE, LATER, VALIDATION, fully_formed, percentages
from tests.lab.aws.truth.base import Params, Refusal, Rule

TERMINATION = (
    "Default",
    "AllocationStrategy",
    "ClosestToNextInstanceHour",
    "NewestInstance",
    "OldestInstance",
    "OldestLaunchConfiguration",
    "OldestLaunchTemplate",
)
RANGES = {  # botocore autoscaling/2011-01-01: CreateAutoScalingGroup, DefaultInstanceWarmup; user guide, enabling it
    "MinSize": (0, 10**6),
    "MaxSize": (0, 10**6),
    "DesiredCapacity": (0, 10**6),
    "HealthCheckGracePeriod": (0, 10**9),
    "DefaultInstanceWarmup": (-1, 3600),
    "DefaultCooldown": (0, 10**9),
}


def duplicate(params: Params, facts: Any) -> Refusal | None:
    name = params["AutoScalingGroupName"]
    if not facts.exists(name):
        return None
    text = f"AutoScalingGroup by this name already exists - A group with the name {name} already exists"
    return Refusal("AlreadyExists", text)


def name(params: Params, _facts: Any) -> Refusal | None:
    """Printable ASCII without a colon, up to 255 characters."""
    given = params["AutoScalingGroupName"]
    if re.fullmatch(r"[!-9;-~]{1,255}", given):
        return None
    return Refusal(
        VALIDATION, f"Group name '{given}' is not valid: up to 255 characters from ASCII 33 to 126, no colon."
    )


def ranges(params: Params, _facts: Any) -> Refusal | None:
    for field, (low, high) in RANGES.items():
        given = params.get(field)
        if given is not None and not low <= int(given) <= high:
            return Refusal(VALIDATION, f"{field} must be from {low} to {high}, not {given}.")
    return None


def sizes(params: Params, facts: Any) -> Refusal | None:
    """Min <= desired <= max, with what the group has where nothing is given."""
    known = facts.group(params["AutoScalingGroupName"]) if facts.exists(params["AutoScalingGroupName"]) else None
    low = int(params.get("MinSize", known.low if known else 0))
    high = int(params.get("MaxSize", known.high if known else 0))
    if low > high:
        return Refusal(VALIDATION, "Max bound, must be greater than or equal to min bound, min size cannot exceed max.")
    desired = params.get("DesiredCapacity")
    if desired is None or low <= int(desired) <= high:
        return None
    text = f"Desired capacity:{desired} must be between the specified min size:{low} and max size:{high}"
    return Refusal(VALIDATION, text)


def capacity(params: Params, facts: Any) -> Refusal | None:
    """SetDesiredCapacity, against the group's bounds."""
    group, desired = facts.group(params["AutoScalingGroupName"]), int(params["DesiredCapacity"])
    if desired > group.high:
        text = f"New SetDesiredCapacity value {desired} is above max value {group.high} for the AutoScalingGroup."
        return Refusal(VALIDATION, text)
    if desired < group.low:
        text = f"New SetDesiredCapacity value {desired} is below min value {group.low} for the AutoScalingGroup."
        return Refusal(VALIDATION, text)
    return None


def launched_how(params: Params, _facts: Any) -> Refusal | None:
    if params.get("LaunchTemplate"):
        return None
    text = "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or"
    return Refusal(VALIDATION, f"{text} MixedInstancesPolicy parameter.")


def template(params: Params, facts: Any) -> Refusal | None:
    given = params.get("LaunchTemplate")
    return fully_formed(given, facts, image=True) if given else None


def subnets(params: Params, facts: Any) -> Refusal | None:
    given = params.get("VPCZoneIdentifier")
    if given is None:
        return None
    for subnet in str(given).split(","):
        if facts.zone(subnet.strip()) is None:
            return Refusal(VALIDATION, f"The subnet ID '{subnet.strip()}' does not exist")
    return None


def somewhere(params: Params, _facts: Any) -> Refusal | None:
    if params.get("VPCZoneIdentifier"):
        return None
    return Refusal(VALIDATION, "At least one Availability Zone or VPC Subnet is required.")


def target_groups(params: Params, facts: Any) -> Refusal | None:
    """They exist, and take instances."""
    named = [one["Identifier"] for one in params.get("TrafficSources") or ()]
    for arn in [*(params.get("TargetGroupARNs") or ()), *named]:
        if facts.target_type(arn) != "instance":
            text = "Provided Target Groups may not be valid. Please ensure they exist and try again."
            return Refusal(VALIDATION, text)
    return None


def health(params: Params, _facts: Any) -> Refusal | None:
    for given in str(params.get("HealthCheckType") or "EC2").split(","):
        if given.strip() not in ("EC2", "ELB", "EBS", "VPC_LATTICE"):
            return Refusal(VALIDATION, f"Health Check Type {given.strip()} is invalid.")
    return None


def lab_health(params: Params, _facts: Any) -> Refusal | None:
    if {"EBS", "VPC_LATTICE"} & {one.strip() for one in str(params.get("HealthCheckType") or "").split(",")}:
        return Refusal(VALIDATION, "The lab has the health check types EC2 and ELB only.")
    return None


def maintenance(params: Params, _facts: Any) -> Refusal | None:
    """Both or neither; 0-100 and 100-200, no more than 100 apart; -1 clears."""
    given = params.get("InstanceMaintenancePolicy")
    if not given:
        return None
    low, high = given.get("MinHealthyPercentage"), given.get("MaxHealthyPercentage")
    if low is None or high is None:
        return Refusal(VALIDATION, "MinHealthyPercentage and MaxHealthyPercentage must both be specified.")
    if int(low) == int(high) == -1:
        return None
    return percentages(int(low), int(high))


def policies(params: Params, _facts: Any) -> Refusal | None:
    for given in params.get("TerminationPolicies") or ():
        if given not in TERMINATION:
            return Refusal(VALIDATION, f"Termination policy {given} is not supported here.")
    return None


def later(params: Params, _facts: Any) -> Refusal | None:
    """What the lab cannot carry is refused rather than carried wrongly."""
    for field in ("MixedInstancesPolicy", "LaunchConfigurationName", "InstanceId", "LoadBalancerNames", "Operator"):
        if params.get(field):
            return Refusal(VALIDATION, f"The lab has no {field}: groups use one launch template and target groups.")
    return None


def no_warm_pool(_params: Params, _facts: Any) -> Refusal | None:
    return Refusal(VALIDATION, "The lab has no warm pools.")


BOTH = [
    (ranges, "CreateAutoScalingGroup.html (Valid Range)"),
    (later, ""),
    (template, "CreateAutoScalingGroup.html (LaunchTemplate)"),
    (subnets, "CreateAutoScalingGroup.html (VPCZoneIdentifier)"),
    (sizes, "CreateAutoScalingGroup.html (DesiredCapacity)"),
    (health, "CreateAutoScalingGroup.html (HealthCheckType)"),
    (lab_health, ""),
    (maintenance, "InstanceMaintenancePolicy.html"),
    (policies, "CreateAutoScalingGroup.html (TerminationPolicies)"),
]
RULES = [
    Rule("CreateAutoScalingGroup", name, API + "CreateAutoScalingGroup.html (AutoScalingGroupName)"),
    Rule("CreateAutoScalingGroup", duplicate, API + "CreateAutoScalingGroup.html (Errors: AlreadyExists)"),
    *(
        Rule(operation, check, API + where if where else LATER)
        for operation in ("CreateAutoScalingGroup", "UpdateAutoScalingGroup")
        for check, where in BOTH
    ),
    Rule("CreateAutoScalingGroup", launched_how, API + "CreateAutoScalingGroup.html (LaunchTemplate: Conditional)"),
    Rule("CreateAutoScalingGroup", somewhere, API + "CreateAutoScalingGroup.html (VPCZoneIdentifier)"),
    Rule("CreateAutoScalingGroup", target_groups, GUIDE + "getting-started-elastic-load-balancing.html"),
    Rule("CreateAutoScalingGroup", autoscaling_instances.first_hooks, API + "LifecycleHookSpecification.html"),
    Rule("AttachLoadBalancerTargetGroups", target_groups, GUIDE + "getting-started-elastic-load-balancing.html"),
    Rule("AttachTrafficSources", target_groups, GUIDE + "getting-started-elastic-load-balancing.html"),
    Rule("SetDesiredCapacity", capacity, API + "SetDesiredCapacity.html (DesiredCapacity)"),
    Rule("PutWarmPool", no_warm_pool, LATER),
    *autoscaling_instances.RULES,
    *autoscaling_refresh.RULES,
]
