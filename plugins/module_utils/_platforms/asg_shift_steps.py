# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that bring a release to live behind the weighted rule, in order. Pure.

The next timer is armed before the last is disarmed, and the group that serves keeps its full capacity until no call of
any timer can come any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from . import asg_group_steps, asg_shift, aws_rules
from .asg_arrival import Arrival
from .asg_group import KEEP_TAG, ROLLOUT_TAG, group_name, target_group
from .asg_shift import DONE
from .asg_view import View
from .aws_step import Step

Json = dict[str, Any]

SIZES = ("MinSize", "MaxSize", "DesiredCapacity")


def sizes(group: Mapping[str, Any]) -> Json:
    """Counts as they are: they are carried over."""
    return {name: int(group.get(name, 0)) for name in SIZES}


def shifted(view: View, rule: Json | None, which: str, to: str, weight: int, note: str) -> list[Step]:
    """The rule gives `weight` percent to the target group of a colour, the rest to the other; nothing when it does."""
    wanted = aws_rules.shares(view.params, target_group(view.params, to), weight)
    if not rule or aws_rules.weights(rule) == wanted:
        return []
    arguments = {"RuleArn": rule["RuleArn"], "Actions": aws_rules.actions(wanted)}
    line = f"ModifyRule: {which} rule, {weight} % to {group_name(view.params, to)}{note}"
    return [Step("elbv2", "modify_rule", arguments, line)]


def started(view: View, version: str, rollout: str) -> list[Step]:
    """The incoming group, in the strength of the one that serves, at weight 0 and behind the test rule."""
    coming, group = view.idle, view.snapshot.groups.get(view.idle)
    if group is None:
        return [asg_group_steps.made(view, coming, version, asg_group_steps.EMPTY)]
    if waits(view) > 0:  # of the rollout before: a call of its timer might still give the group the traffic
        return disarmed(view, view.arrival.timers())
    leftover = asg_group_steps.emptied(view, coming, "it runs what nobody asked for")
    if leftover or view.snapshot.instances(coming):
        return leftover
    steps = asg_group_steps.frozen(view, coming)
    if asg_shift.rollout_of(group) != rollout or asg_shift.keep_of(group):
        tag = asg_group_steps.tagged(view, coming, {ROLLOUT_TAG: rollout, KEEP_TAG: ""})
        line = f"CreateOrUpdateTags: {group_name(view.params, coming)} is the one of this rollout"
        steps.append(replace(tag, line=line))
    steps += shifted(view, view.test_rule, "test", coming, 100, "")
    template = {"LaunchTemplateId": view.snapshot.template, "Version": version}
    count, name = sizes(view.group or {}), group_name(view.params, coming)
    arguments = {"AutoScalingGroupName": name, "LaunchTemplate": template, **count}
    line = f"UpdateAutoScalingGroup: {name} to version {version}, {count['DesiredCapacity']} instances"
    return [*steps, Step("autoscaling", "update_auto_scaling_group", arguments, line)]


def proceeded(view: View, arrival: Arrival) -> list[Step]:
    """From one weight to the next; after that, the timer of the last one."""
    held = arrival.held()
    if held is None:
        stale = arrival.stale() if arrival.group is not None and not arrival.fired() else []
        return disarmed(view, stale)
    mark = f" (hold {held.id})"  # which hold it is the word for
    if held.last:
        kept = arrival.kept or arrival.until()
        done = asg_group_steps.tagged(view, arrival.live, {KEEP_TAG: str(replace(kept, weight=DONE))})
        line = f"CreateOrUpdateTags: {group_name(view.params, arrival.colour)} is the one that serves now{mark}"
        return [replace(done, line=line)]
    kept, rule = arrival.until(), view.production_rule
    steps = []
    if arrival.kept != kept:
        tag = asg_group_steps.tagged(view, arrival.live, {KEEP_TAG: str(kept)})
        name = group_name(view.params, arrival.live)
        steps.append(replace(tag, line=f"CreateOrUpdateTags: {name} stays whole for the way back{mark}"))
    if rule and view.params["restore"].get("role_arn"):
        wanted = asg_shift.timer(view.params, kept.rollout, kept.weight, arrival.live, kept.until)
        if not any(each.weight == kept.weight and each.at >= kept.until for each in arrival.timers()):
            arguments = asg_shift.schedule(view.params, wanted, str(rule["RuleArn"]))
            line = f"CreateSchedule: gives the traffic back at {kept.until:%H:%M:%S} UTC, unless deleted{mark}"
            steps.append(Step("scheduler", "create_schedule", arguments, line))
    return steps + shifted(view, rule, "production", arrival.colour, kept.weight, mark)


def disarmed(view: View, timers: list[asg_shift.Timer]) -> list[Step]:
    """No timer is left of these."""
    group = view.params["restore"]["group"]
    return [
        Step(
            "scheduler",
            "delete_schedule",
            {"Name": each.name, "GroupName": group},
            f"DeleteSchedule: the one of {each.weight} %, due at {each.at:%H:%M:%S} UTC",
        )
        for each in timers
    ]


def let_go(view: View) -> list[Step]:
    """The group that does not serve any more goes, once nothing can give it traffic again."""
    idle, snapshot = view.idle, view.snapshot
    if snapshot.groups.get(idle) is None or waits(view) > 0:
        return []
    empty = asg_group_steps.emptied(view, idle, f"{group_name(view.params, view.live)} serves alone")
    return [*(asg_group_steps.frozen(view, idle) if empty else []), *empty]


def waits(view: View) -> float:
    """Seconds that the group which does not serve any more keeps its capacity; 0 = it may go."""
    kept = asg_shift.outgoing(view.snapshot, view.idle)
    if kept is None or not view.snapshot.desired(view.idle):
        return 0.0
    return max(0.0, (asg_shift.safe_at(kept, view.params) - view.snapshot.clock).total_seconds())
