# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the two groups are to be, and where they differ: settings, lifecycle hook, scaling policies. Pure.

None of it replaces an instance. Shapes: botocore autoscaling/2011-01-01, CreateAutoScalingGroupType,
UpdateAutoScalingGroupType, PutScalingPolicyType.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .asg_release import own_tags
from .aws_names import text

Json = dict[str, Any]
Params = Mapping[str, Any]

BLUE, GREEN = "blue", "green"
COLOURS = (BLUE, GREEN)
FLOATING = ("$Latest", "$Default")  # versions that are no number
HOOK = "greenlight-drain"
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"
# What may not move counts or instances while a release is judged, and never in the group that is idle.
FROZEN = ("AlarmNotification", "AZRebalance", "ScheduledActions")
FROZEN_TAG, ROLLOUT_TAG, KEEP_TAG = "greenlight:frozen", "greenlight:rollout", "greenlight:keep"
METRICS = {
    "cpu": "ASGAverageCPUUtilization",
    "network_in": "ASGAverageNetworkIn",
    "network_out": "ASGAverageNetworkOut",
    "requests_per_target": "ALBRequestCountPerTarget",
}


def group_name(params: Params, colour: str) -> str:
    return f"{params['name']}-{colour}"


def other(colour: str) -> str:
    return GREEN if colour == BLUE else BLUE


def target_group(params: Params, colour: str) -> str:
    """ARN of the target group that the group of this colour registers its instances in."""
    return str(params["load_balancer"][f"{colour}_target_group_arn"])


def settings(params: Params) -> Json:
    """UpdateAutoScalingGroup's input without names, sizes and template."""
    maintenance = params["maintenance"]
    return {
        "VPCZoneIdentifier": ",".join(sorted(params["network"]["subnets"])),
        "HealthCheckType": "ELB",
        "HealthCheckGracePeriod": params["health_check_grace_seconds"],
        "DefaultInstanceWarmup": params["warmup_seconds"],
        "InstanceMaintenancePolicy": {
            "MinHealthyPercentage": maintenance["minimum_healthy_percent"],
            "MaxHealthyPercentage": maintenance["maximum_healthy_percent"],
        },
        "TerminationPolicies": list(params["termination_policies"]),
        "NewInstancesProtectedFromScaleIn": False,
        "CapacityRebalance": False,
    }


def sizes(params: Params) -> Json:
    """The live group's bounds; its desired count is the autoscaler's, unless it is managed here."""
    capacity = params["capacity"]
    bounds = {"MinSize": capacity["min"], "MaxSize": capacity["max"]}
    return bounds | ({"DesiredCapacity": capacity["desired"]} if capacity["manage_desired"] else {})


def differences(group: Params, wanted: Params) -> Json:
    """The members of `wanted` that the described group has not."""
    return {name: value for name, value in wanted.items() if _normal(name, group.get(name)) != _normal(name, value)}


def _normal(name: str, value: Any) -> Any:
    if name == "VPCZoneIdentifier":
        return sorted(str(value or "").replace(" ", "").split(","))
    if name in ("NewInstancesProtectedFromScaleIn", "CapacityRebalance"):
        return bool(value)
    if name == "TerminationPolicies":
        return list(value or ["Default"])
    return value


def creation(params: Params, colour: str, template: Json, count: Json) -> Json:
    """CreateAutoScalingGroup's input. `template`: LaunchTemplateId and Version; `count`: the three sizes."""
    wanted = {
        "AutoScalingGroupName": group_name(params, colour),
        "LaunchTemplate": template,
        "TargetGroupARNs": [target_group(params, colour)],
        **count,
        **settings(params),
        "Tags": tag_list(params, colour, tags(params)),
    }
    hook = hook_wanted(params)
    return {**wanted, "LifecycleHookSpecificationList": [hook]} if hook else wanted


def tags(params: Params) -> dict[str, str]:
    own = {key: text(value) for key, value in (params.get("tags") or {}).items()}
    return {**own, **own_tags(params)}


def tag_list(params: Params, colour: str, values: Mapping[str, str]) -> list[Json]:
    """As CreateOrUpdateTags and DeleteTags take them. Instances have theirs from the template."""
    place = {"ResourceId": group_name(params, colour), "ResourceType": "auto-scaling-group"}
    return [{**place, "Key": key, "Value": values[key], "PropagateAtLaunch": False} for key in sorted(values)]


# ---- the lifecycle hook --------------------------------------------------------------------------


def hook_wanted(params: Params) -> Json:
    """The hook at which an instance on its way out drains; {} = there is to be none."""
    if not params["drain_seconds"]:
        return {}
    return {
        "LifecycleHookName": HOOK,
        "LifecycleTransition": TERMINATING,
        "HeartbeatTimeout": params["drain_seconds"],
        "DefaultResult": "CONTINUE",
    }


def hook_differs(found: Params | None, params: Params) -> bool:
    """Whether it must be put. One that is not wanted any more is taken away, see `asg_steps`."""
    wanted = hook_wanted(params)
    return bool(wanted) and any((found or {}).get(name) != value for name, value in wanted.items())


# ---- scaling policies ----------------------------------------------------------------------------


def policies(params: Params, colour: str) -> dict[str, Json]:
    """Name -> PutScalingPolicy's input, for a group of this colour."""
    found = {}
    for each in params.get("scaling") or []:
        name = f"{group_name(params, colour)}-{each['name']}"
        metric: Json = {"PredefinedMetricType": METRICS[each["metric"]]}
        if each["metric"] == "requests_per_target":
            metric["ResourceLabel"] = resource_label(params, colour)
        found[name] = {
            "AutoScalingGroupName": group_name(params, colour),
            "PolicyName": name,
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingConfiguration": {
                "PredefinedMetricSpecification": metric,
                "TargetValue": float(each["target"]),
                "DisableScaleIn": bool(each["disable_scale_in"]),
            },
        }
    return found


def resource_label(params: Params, colour: str) -> str:
    """app/NAME/ID/targetgroup/NAME/ID: the ends of the two ARNs (botocore, PredefinedMetricSpecification)."""
    listener = str(params["load_balancer"]["production_listener_arn"])
    balancer = listener.partition(":listener/")[2].rpartition("/")[0]
    return f"{balancer}/{target_group(params, colour).rpartition(':')[2]}"


def policy_differs(found: Params | None, wanted: Params) -> bool:
    """AWS adds members of its own to what was put."""
    if found is None or found.get("PolicyType") != wanted["PolicyType"]:
        return True
    is_now, goal = found.get("TargetTrackingConfiguration") or {}, wanted["TargetTrackingConfiguration"]
    metric = is_now.get("PredefinedMetricSpecification") or {}
    same = all(metric.get(name) == value for name, value in goal["PredefinedMetricSpecification"].items())
    same_target = float(is_now.get("TargetValue") or 0) == goal["TargetValue"]
    return not (same and same_target and bool(is_now.get("DisableScaleIn")) == goal["DisableScaleIn"])
