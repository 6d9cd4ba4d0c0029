# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One step of one Auto Scaling group, and what a request changes at once. Pure."""

from __future__ import annotations

from tests.lab.aws.engine import asg_balance, asg_capacity, asg_health, asg_lifecycle, asg_refresh, asg_tracking
from tests.lab.aws.engine.asg_actions import Action, Facts
from tests.lab.aws.engine.asg_model import ENDING, Group, Instance, Pace, stamp
from tests.lab.aws.engine.ecs_model import Moment

DELETED = "the group was deleted with its instances."


def step(group: Group, facts: Facts, moment: Moment, pace: Pace) -> list[Action]:
    """Instances first, each on its way; then who is ill, who is replaced, what is missing, what is too much."""
    actions: list[Action] = []
    for instance in list(group.instances.values()):
        actions += asg_lifecycle.advance(group, instance, facts, moment, pace)
    if group.deleting:
        group.gone = not group.instances
        return actions
    asg_health.mark(group, facts, moment)
    asg_tracking.track(group, facts, moment)
    asg_capacity.replace_unhealthy(group, facts, moment)
    before = group.template
    asg_refresh.step(group, facts, moment, pace)
    if group.template != before:  # what `facts` know of it is out of date: launch again at the next step
        return actions
    asg_capacity.fill(group, facts, moment)
    asg_capacity.trim(group, moment)
    asg_balance.rebalance(group, facts, moment)
    return actions


def delete(group: Group, moment: Moment) -> None:
    """With ForceDelete: "deletes any outstanding lifecycle actions"; hooks do not run (user guide)."""
    group.deleting, group.desired = True, 0
    group.hooks = {}
    for instance in list(group.instances.values()):
        if instance.state in ENDING:
            instance.actions = []
        else:
            asg_lifecycle.end(group, instance, DELETED, moment)


def terminate(group: Group, instance: Instance, shrink: bool, moment: Moment) -> None:
    """TerminateInstanceInAutoScalingGroup."""
    cause = f"instance {instance.id} was taken out of service in response to a user request"
    if shrink:
        cause += f", shrinking the capacity from {group.desired} to {group.desired - 1}"
        group.desired -= 1
    asg_lifecycle.end(group, instance, f"{cause}.", moment)


def stand_by(group: Group, instance: Instance, shrink: bool, moment: Moment) -> None:
    cause = f"instance {instance.id} was moved to standby in response to a user request"
    if shrink:
        cause += f", shrinking the capacity from {group.desired} to {group.desired - 1}"
        group.desired -= 1
    asg_lifecycle.end(group, instance, f"{cause}.", moment, after="Standby")


def detach(group: Group, instance: Instance, shrink: bool, moment: Moment) -> None:
    cause = f"instance {instance.id} was detached in response to a user request"
    if shrink:
        cause += f", shrinking the capacity from {group.desired} to {group.desired - 1}"
        group.desired -= 1
    asg_lifecycle.end(group, instance, f"{cause}.", moment, after="Detached")


def return_to_service(group: Group, instance: Instance, moment: Moment) -> None:
    """ExitStandby: "the desired capacity is incremented"; the instance is registered anew."""
    cause = f"instance {instance.id} was moved out of standby in response to a user request"
    cause = f"At {stamp(moment)} {cause}, increasing the capacity from {group.desired} to {group.desired + 1}."
    group.desired += 1
    details = {"Subnet ID": instance.subnet, "Availability Zone": instance.zone}
    description = f"Moving EC2 instance out of Standby: {instance.id}"
    instance.activity = group.begin(moment, description, cause, details)
    instance.hooked = True  # launch hooks do not run for instances that leave standby
    instance.enter("Pending", moment)
