# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong between the parameters of asg_rollout and the account, all of it at once. Reads only."""

from __future__ import annotations

from collections.abc import Iterator

from .._engine.finding import Finding
from .._engine.model import Plan
from .asg_group import COLOURS, FLOATING, group_name
from .asg_release import template_name
from .aws_account import Account, Params
from .aws_calls import Calls

SCHEDULER = "scheduler.amazonaws.com"  # https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html
GROUPS = "template.security_groups"  # the option that names the instances' security groups


def findings(calls: Calls, params: Params, plan: Plan) -> list[Finding]:
    return list(_findings(Account(calls, params, plan)))


def _findings(account: Account) -> Iterator[Finding]:
    params = account.params
    subnets = account.subnets()
    groups = account.security_groups(GROUPS, params["template"]["security_groups"])
    targets = account.target_groups()
    listeners = account.listeners()
    account.read("template.image_id", "ec2", "describe_images", "Images", ImageIds=[params["template"]["image_id"]])
    yield from account.found
    yield from account.places(subnets, groups, targets, GROUPS)
    yield from account.target_type(targets, "instance", "an Auto Scaling group registers its instances by their id")
    yield from account.times(targets)
    yield from account.rules_taken({})
    yield from account.roles((("restore.role_arn", params["restore"].get("role_arn"), SCHEDULER),))
    yield from account.in_front(listeners, targets, subnets, groups, params["load_balancer"]["target_port"], GROUPS)
    yield from _floating(account)


def _floating(account: Account) -> Iterator[Finding]:
    """A group that names a version which is no number can't be rolled back: botocore, RollbackInstanceRefresh."""
    names = [group_name(account.params, colour) for colour in COLOURS]
    for group in account.read(
        "name", "autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", AutoScalingGroupNames=names
    ):
        name, template = group["AutoScalingGroupName"], group.get("LaunchTemplate")
        if not template:
            problem = "has no launch template of its own (a launch configuration, or mixed instances)"
            yield Finding(
                "name", name, problem, f"Give it a numbered version of the template {template_name(account.params)}."
            )
        elif template.get("Version") in FLOATING:
            command = (
                f"aws autoscaling update-auto-scaling-group --auto-scaling-group-name {name} --launch-template "
                f"LaunchTemplateId={template['LaunchTemplateId']},Version=NUMBER"
            )
            problem = f"launches {template['Version']}, from which nothing can be rolled back"
            yield Finding("name", name, problem, f"Name the version that its instances run: {command}")
