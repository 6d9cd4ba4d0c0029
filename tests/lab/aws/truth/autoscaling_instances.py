# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWS refuses about the instances of groups: processes, hooks, standby, termination, scaling policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.lab.aws.engine.asg_model import PROCESSES
from tests.lab.aws.truth.autoscaling_common import API, LATER, VALIDATION
from tests.lab.aws.truth.base import Params, Refusal, Rule


def processes(params: Params, _facts: Any) -> Refusal | None:
    unknown = sorted(set(params.get("ScalingProcesses") or ()) - set(PROCESSES))
    return Refusal(VALIDATION, f"{unknown[0]} is not a valid Process") if unknown else None


def hook(params: Params, facts: Any) -> Refusal | None:
    """Timeout 30-7200 s, result, and a transition for a new hook."""
    group = facts.group(params["AutoScalingGroupName"])
    if params["LifecycleHookName"] not in group.hooks and not params.get("LifecycleTransition"):
        return Refusal(VALIDATION, "LifecycleTransition is required for a new lifecycle hook.")
    return hook_fields(params)


def hook_fields(given: Mapping[str, Any]) -> Refusal | None:
    transition, result = given.get("LifecycleTransition"), given.get("DefaultResult")
    if transition not in (None, "autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING"):
        return Refusal(VALIDATION, f"Lifecycle transition {transition} is invalid.")
    if result not in (None, "CONTINUE", "ABANDON"):
        return Refusal(VALIDATION, f"Default result {result} is invalid: CONTINUE or ABANDON.")
    timeout = given.get("HeartbeatTimeout")
    if timeout is not None and not 30 <= int(timeout) <= 7200:
        return Refusal(
            VALIDATION, "Heartbeat Timeout must be greater than or equal to 30 and less than or equal to 7200."
        )
    return None


def first_hooks(params: Params, _facts: Any) -> Refusal | None:
    for given in params.get("LifecycleHookSpecificationList") or ():
        refused = hook_fields(given)
        if refused:
            return refused
    return None


def result(params: Params, _facts: Any) -> Refusal | None:
    if params["LifecycleActionResult"] in ("CONTINUE", "ABANDON"):
        return None
    return Refusal(VALIDATION, "The Lifecycle Action Result must be CONTINUE or ABANDON.")


def not_empty(params: Params, facts: Any) -> Refusal | None:
    """Without ForceDelete a group goes only when it has neither instances nor size."""
    group = facts.group(params["AutoScalingGroupName"])
    if group.params.get("DeletionProtection") == "prevent-all-deletion":
        return Refusal(VALIDATION, f"AutoScalingGroup {group.name} has deletion protection.")
    if str(params.get("ForceDelete", "false")).lower() == "true":
        if group.params.get("DeletionProtection") == "prevent-force-deletion":
            return Refusal(VALIDATION, f"AutoScalingGroup {group.name} has deletion protection.")
        return None
    if not group.instances and not group.desired:
        return None
    text = "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s)"
    return Refusal("ResourceInUse", f"{text} still in the group.")


def standby(params: Params, facts: Any) -> Refusal | None:
    """InService instances, and no fewer than the minimum when the desired capacity shrinks."""
    group = facts.group(params["AutoScalingGroupName"])
    named = params.get("InstanceIds") or ()
    for one in named:
        found = group.instances.get(one)
        if found is not None and found.state != "InService":
            text = f"The instance {one} is not in InService. Only InService instances can be moved."
            return Refusal(VALIDATION, text)
    shrinks = str(params["ShouldDecrementDesiredCapacity"]).lower() == "true"
    if shrinks and group.desired - len(named) < group.low:
        text = f"AutoScalingGroup {group.name} has min-size={group.low}, desired-capacity={group.desired}"
        return Refusal(VALIDATION, f"{text}, and cannot shrink by {len(named)}.")
    return None


def leave_standby(params: Params, facts: Any) -> Refusal | None:
    group = facts.group(params["AutoScalingGroupName"])
    for one in params.get("InstanceIds") or ():
        found = group.instances.get(one)
        if found is not None and found.state != "Standby":
            return Refusal(VALIDATION, f"The instance {one} is not in Standby.")
    return None


def shrink(params: Params, facts: Any) -> Refusal | None:
    """TerminateInstanceInAutoScalingGroup may not go below the minimum."""
    if str(params["ShouldDecrementDesiredCapacity"]).lower() != "true":
        return None
    group, _ignored = facts.instance(params.get("InstanceId") or params["InstanceIds"][0])
    if group.desired - 1 >= group.low:
        return None
    text = "Currently, desiredSize equals minSize"
    return Refusal(
        VALIDATION,
        f"{text} ({group.low}). Terminating instance without replacement will violate group's"
        " min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower"
        " group's min size.",
    )


def policy(params: Params, _facts: Any) -> Refusal | None:
    """Target tracking on two predefined metrics; the others are AWS's but not the lab's."""
    config = params.get("TargetTrackingConfiguration") or {}
    metric = config.get("PredefinedMetricSpecification") or {}
    kind = metric.get("PredefinedMetricType")
    known = ("ASGAverageCPUUtilization", "ALBRequestCountPerTarget")
    if params.get("PolicyType") != "TargetTrackingScaling" or kind not in known:
        return Refusal(VALIDATION, f"The lab has policies of type TargetTrackingScaling on {' and '.join(known)} only.")
    if (kind == known[1]) != bool(metric.get("ResourceLabel")):
        text = "Resource label must be specified for ALBRequestCountPerTarget, and for no other metric here."
        return Refusal(VALIDATION, text)
    return None


RULES = [
    Rule("DeleteAutoScalingGroup", not_empty, API + "DeleteAutoScalingGroup.html (Errors: ResourceInUse)"),
    Rule("SuspendProcesses", processes, API + "SuspendProcesses.html (ScalingProcesses)"),
    Rule("ResumeProcesses", processes, API + "ResumeProcesses.html (ScalingProcesses)"),
    Rule("PutLifecycleHook", hook, API + "PutLifecycleHook.html"),
    Rule("CompleteLifecycleAction", result, API + "CompleteLifecycleAction.html (LifecycleActionResult)"),
    Rule("EnterStandby", standby, API + "EnterStandby.html"),
    Rule("ExitStandby", leave_standby, API + "ExitStandby.html"),
    Rule("DetachInstances", standby, API + "DetachInstances.html"),
    Rule("TerminateInstanceInAutoScalingGroup", shrink, API + "TerminateInstanceInAutoScalingGroup.html"),
    Rule("PutScalingPolicy", policy, LATER),
]
