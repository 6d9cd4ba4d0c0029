# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instance refreshes: what AWS refuses. The words of errors that AWS does not print are inferred."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from tests.lab.aws.truth.autoscaling_common import API, GUIDE, VALIDATION, fully_formed, percentages
from tests.lab.aws.truth.base import Params, Refusal, Rule

ACTIVE = (
    "An active instance refresh with a desired configuration exists. All configuration options derived from the desired"
    " configuration are not available for update while the instance refresh is active."
)
NO_DESIRED = (
    "The AutoRollback parameter cannot be set to true when the DesiredConfiguration parameter is empty. Set"
    " AutoRollback to false or specify a desired configuration and try again."
)
RANGES = {  # botocore autoscaling/2011-01-01, RefreshPreferences and the shapes it names
    "InstanceWarmup": (0, 10**9),
    "CheckpointDelay": (0, 172800),
    "BakeTime": (0, 172800),
}
CHOICES = {
    "ScaleInProtectedInstances": ("Refresh", "Ignore", "Wait"),
    "StandbyInstances": ("Terminate", "Ignore", "Wait"),
}


def running(params: Params, facts: Any) -> Refusal | None:
    group = facts.group(params["AutoScalingGroupName"])
    if group.refresh is None:
        return None
    text = f"An Instance Refresh is already in progress and blocks the execution of this Instance Refresh: {group.name}"
    return Refusal("InstanceRefreshInProgress", text)


def strategy(params: Params, _facts: Any) -> Refusal | None:
    given = params.get("Strategy") or "Rolling"
    if given == "Rolling":
        return None
    if given == "ReplaceRootVolume":
        return Refusal(VALIDATION, "The lab has no instance refresh with the strategy ReplaceRootVolume.")
    return Refusal(VALIDATION, f"The instance refresh strategy {given} is not Rolling or ReplaceRootVolume.")


def configuration(params: Params, facts: Any) -> Refusal | None:
    """A desired configuration has a launch template; its version exists. Its image is looked at when it is launched."""
    given = params.get("DesiredConfiguration")
    if not given:
        return None
    if given.get("MixedInstancesPolicy"):
        return Refusal(VALIDATION, "The lab has no mixed instances policies.")
    if not given.get("LaunchTemplate"):
        return Refusal(VALIDATION, "A desired configuration must specify a LaunchTemplate or a MixedInstancesPolicy.")
    return fully_formed(given["LaunchTemplate"], facts, image=False)


def bounds(params: Params, facts: Any) -> Refusal | None:
    """MaxHealthyPercentage needs MinHealthyPercentage; ranges; no more than 100 apart."""
    given = params.get("Preferences") or {}
    low, high = given.get("MinHealthyPercentage"), given.get("MaxHealthyPercentage")
    if high is not None and low is None:
        return Refusal(VALIDATION, "If you specify MaxHealthyPercentage, you must also specify MinHealthyPercentage.")
    policy = facts.group(params["AutoScalingGroupName"]).maintenance
    if low is None:
        return None
    most = int(high) if high is not None else policy.high if policy else 100
    return percentages(int(low), most)


def ranges(params: Params, _facts: Any) -> Refusal | None:
    given: Mapping[str, Any] = params.get("Preferences") or {}
    for field, (low, high) in RANGES.items():
        value = given.get(field)
        if value is not None and not low <= int(value) <= high:
            return Refusal(VALIDATION, f"{field} must be from {low} to {high}, not {value}.")
    for field, values in CHOICES.items():
        if given.get(field) not in (None, *values):
            return Refusal(VALIDATION, f"{field} must be one of {', '.join(values)}, not {given[field]}.")
    return None


def checkpoints(params: Params, _facts: Any) -> Refusal | None:
    """Ascending, unique, 1 to 100; a delay needs them."""
    given = params.get("Preferences") or {}
    steps = [int(step) for step in given.get("CheckpointPercentages") or ()]
    if given.get("CheckpointDelay") is not None and not steps:
        return Refusal(VALIDATION, "If you specify CheckpointDelay, you must also specify CheckpointPercentages.")
    if any(not 1 <= step <= 100 for step in steps) or any(a >= b for a, b in itertools.pairwise(steps)):
        return Refusal(VALIDATION, "CheckpointPercentages must be unique, from 1 to 100, in ascending order.")
    return None


def auto_rollback(params: Params, facts: Any) -> Refusal | None:
    """Needs a desired configuration and a group that can be gone back to."""
    if str((params.get("Preferences") or {}).get("AutoRollback", "false")).lower() != "true":
        return None
    if not params.get("DesiredConfiguration"):
        return Refusal(VALIDATION, NO_DESIRED)
    group = facts.group(params["AutoScalingGroupName"])
    if facts.reversible(group.template):
        return None
    text = "The AutoRollback parameter cannot be set to true when the Auto Scaling group uses the $Latest or $Default"
    return Refusal(VALIDATION, f"{text} version of a launch template, or one with an AMI from a parameter.")


def alarms(params: Params, facts: Any) -> Refusal | None:
    """They exist, 10 at most, and are OK: "If the alarm state is INSUFFICIENT_DATA or ALARM, you receive an error"."""
    names = ((params.get("Preferences") or {}).get("AlarmSpecification") or {}).get("Alarms") or ()
    if len(names) > 10:
        return Refusal(VALIDATION, "You can specify up to 10 CloudWatch alarms.")
    for name in names:
        state = facts.alarm(name)
        if state is None:
            return Refusal(VALIDATION, f"The CloudWatch alarm {name} does not exist.")
        if state != "OK":
            return Refusal(VALIDATION, f"The CloudWatch alarm {name} is in the {state} state. It must be OK.")
    return None


def frozen(params: Params, facts: Any) -> Refusal | None:
    """UpdateAutoScalingGroup may not touch what an active refresh with a desired configuration will set."""
    fields = ("LaunchTemplate", "LaunchConfigurationName", "MixedInstancesPolicy")
    group = facts.group(params["AutoScalingGroupName"])
    if group.refresh is None or group.refresh.desired is None or not any(params.get(field) for field in fields):
        return None
    return Refusal(VALIDATION, ACTIVE)


def attached(params: Params, facts: Any) -> Refusal | None:
    """Errors of AttachLoadBalancerTargetGroups and AttachTrafficSources."""
    group = facts.group(params["AutoScalingGroupName"])
    if group.refresh is None:
        return None
    return Refusal("InstanceRefreshInProgress", f"An active instance refresh exists for {group.name}.")


START = "StartInstanceRefresh"
PREFERENCES = API + "RefreshPreferences.html"
RULES = [
    Rule(START, running, API + "StartInstanceRefresh.html (Errors: InstanceRefreshInProgress)"),
    Rule(START, strategy, API + "StartInstanceRefresh.html (Strategy)"),
    Rule(START, configuration, API + "DesiredConfiguration.html"),
    Rule(START, bounds, PREFERENCES + " (MinHealthyPercentage, MaxHealthyPercentage)"),
    Rule(START, ranges, PREFERENCES),
    Rule(START, checkpoints, PREFERENCES + " (CheckpointPercentages, CheckpointDelay)"),
    Rule(START, auto_rollback, GUIDE + "instance-refresh-rollback.html (Considerations)"),
    Rule(START, alarms, GUIDE + "instance-refresh-rollback.html (Start an instance refresh with auto rollback)"),
    Rule("UpdateAutoScalingGroup", frozen, GUIDE + "instance-refresh-overview.html (Limitations: Update restriction)"),
    Rule("AttachLoadBalancerTargetGroups", attached, API + "AttachLoadBalancerTargetGroups.html (Errors)"),
    Rule("AttachTrafficSources", attached, API + "AttachTrafficSources.html (Errors)"),
]
