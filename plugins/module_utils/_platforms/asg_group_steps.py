# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls on one group of the two: made, mended, frozen and thawed, scaled, taken away. Pure: gives the calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from . import asg_group
from .asg_group import FROZEN, FROZEN_TAG, group_name, tag_list
from .asg_view import View
from .aws_step import Step

Json = dict[str, Any]

EMPTY = {"MinSize": 0, "MaxSize": 0, "DesiredCapacity": 0}


def made(view: View, colour: str, version: str, count: Mapping[str, int]) -> Step:
    """The group, launching a numbered version."""
    template = {"LaunchTemplateId": view.snapshot.template, "Version": version}
    arguments = asg_group.creation(view.params, colour, template, dict(count))
    sizes = "/".join(str(count[name]) for name in ("MinSize", "DesiredCapacity", "MaxSize"))
    line = f"CreateAutoScalingGroup: {group_name(view.params, colour)}, version {version}, {sizes}"
    return Step("autoscaling", "create_auto_scaling_group", arguments, line)


def mended(view: View, colour: str, bounds: Mapping[str, Any]) -> list[Step]:
    """Settings, tags, hook and policies as wanted. `bounds`: the sizes that are wanted, as far as they are."""
    params, group = view.params, view.snapshot.groups[colour]
    name = group_name(params, colour)
    steps = []
    changes = asg_group.differences(group, {**asg_group.settings(params), **bounds})
    if changes:
        arguments = {"AutoScalingGroupName": name, **changes}
        line = f"UpdateAutoScalingGroup: {name}, {', '.join(changes)}"
        steps.append(Step("autoscaling", "update_auto_scaling_group", arguments, line))
    target = asg_group.target_group(params, colour)
    if target not in (group.get("TargetGroupARNs") or []):
        arguments = {"AutoScalingGroupName": name, "TargetGroupARNs": [target]}
        line = f"AttachLoadBalancerTargetGroups: {name}"
        steps.append(Step("autoscaling", "attach_load_balancer_target_groups", arguments, line))
    lacking = {key: value for key, value in asg_group.tags(params).items() if group["tags"].get(key) != value}
    if lacking:
        steps.append(tagged(view, colour, lacking))
    return [*steps, *_hooked(view, colour), *scaled_by(view, colour)]


def _hooked(view: View, colour: str) -> list[Step]:
    params, found = view.params, view.snapshot.hooks.get(colour)
    name = group_name(params, colour)
    if asg_group.hook_differs(found, params):
        arguments = {"AutoScalingGroupName": name, **asg_group.hook_wanted(params)}
        return [Step("autoscaling", "put_lifecycle_hook", arguments, f"PutLifecycleHook: {name}, {asg_group.HOOK}")]
    if found and not asg_group.hook_wanted(params):
        arguments = {"AutoScalingGroupName": name, "LifecycleHookName": asg_group.HOOK}
        return [Step("autoscaling", "delete_lifecycle_hook", arguments, f"DeleteLifecycleHook: {name}")]
    return []


def scaled_by(view: View, colour: str) -> list[Step]:
    """Every scaling policy that is wanted and not as wanted."""
    return [
        Step("autoscaling", "put_scaling_policy", wanted, f"PutScalingPolicy: {name}")
        for name, wanted in asg_group.policies(view.params, colour).items()
        if asg_group.policy_differs(view.snapshot.policies.get(name), wanted)
    ]


def tagged(view: View, colour: str, values: Mapping[str, str]) -> Step:
    arguments = {"Tags": tag_list(view.params, colour, values)}
    line = f"CreateOrUpdateTags: {group_name(view.params, colour)}, {', '.join(sorted(values))}"
    return Step("autoscaling", "create_or_update_tags", arguments, line)


# ---- nothing moves counts while a release is judged ----------------------------------------------


def frozen(view: View, colour: str) -> list[Step]:
    """Suspend what moves counts. A tag says first which of it we suspend: what others suspended stays theirs."""
    name, suspended, marked = group_name(view.params, colour), view.suspended(colour), view.frozen(colour)
    steps = []
    if not marked:
        marked = [process for process in FROZEN if process not in suspended]
        tag = tagged(view, colour, {FROZEN_TAG: " ".join(marked)})
        line = f"CreateOrUpdateTags: {name} notes what is suspended for the rollout"
        steps += [replace(tag, line=line)] if marked else []
    lacking = [process for process in marked if process not in suspended]
    if lacking:
        arguments = {"AutoScalingGroupName": name, "ScalingProcesses": lacking}
        line = f"SuspendProcesses: {name}, nothing scales it meanwhile"
        steps.append(Step("autoscaling", "suspend_processes", arguments, line))
    return steps


def thawed(view: View, colour: str) -> list[Step]:
    """Resume what we suspended, and forget that we did."""
    if colour not in view.snapshot.groups or FROZEN_TAG not in view.snapshot.groups[colour]["tags"]:
        return []
    name, marked = group_name(view.params, colour), view.frozen(colour)
    steps = []
    if view.suspended(colour) & set(marked):
        arguments: Json = {"AutoScalingGroupName": name, "ScalingProcesses": marked}
        steps.append(Step("autoscaling", "resume_processes", arguments, f"ResumeProcesses: {name} is scaled again"))
    place = {"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": FROZEN_TAG}
    line = f"DeleteTags: {name}, nothing is suspended any more"
    steps.append(Step("autoscaling", "delete_tags", {"Tags": [place]}, line))
    return steps


# ---- gone ----------------------------------------------------------------------------------------


def emptied(view: View, colour: str, why: str) -> list[Step]:
    """Scaled to nothing: its instances drain as they always do."""
    group = view.snapshot.groups.get(colour)
    if group is None or not asg_group.differences(group, EMPTY):
        return []
    name = group_name(view.params, colour)
    line = f"UpdateAutoScalingGroup: {name} to 0, {why}"
    return [Step("autoscaling", "update_auto_scaling_group", {"AutoScalingGroupName": name, **EMPTY}, line)]


def deleted(view: View, colour: str, why: str) -> list[Step]:
    """Emptied first, and deleted once it is empty: never by force."""
    group = view.snapshot.groups.get(colour)
    if group is None or str(group.get("Status") or "").startswith("Delete"):
        return []
    steps = emptied(view, colour, why)
    if steps or view.snapshot.instances(colour):
        return steps
    name = group_name(view.params, colour)
    line = f"DeleteAutoScalingGroup: {name}"
    return [Step("autoscaling", "delete_auto_scaling_group", {"AutoScalingGroupName": name}, line)]
