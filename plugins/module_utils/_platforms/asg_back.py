# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of the way back, whatever strategy led away from home, in order. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._engine.model import Plan
from . import asg_group, asg_group_steps, asg_refresh, asg_shift_steps, aws_rule_steps
from .asg_group import COLOURS, group_name
from .asg_view import View
from .aws_names import short
from .aws_step import Step

Json = dict[str, Any]

TURNABLE = ("Pending", "InProgress", "Baking")


@dataclass(frozen=True)
class Back:
    """Makes the list for one view and one plan."""

    view: View
    plan: Plan

    def home(self) -> str:
        """The release that ROLL_BACK leads to: the plan's, else what the group that serves was launching before."""
        return self.plan.previous or self.view.config_release(self.view.live)

    def roll_back(self) -> list[Step]:
        view, live, home = self.view, self.view.live, self.home()
        if view.not_ours():
            return []
        if self.plan.first:
            return self._undo_creation()
        version = view.snapshot.version_of(home)
        if view.group is None or not version:
            return []
        moving = view.snapshot.refresh(live)
        if moving:
            return self._turn(moving, home)
        if view.config_release(live) != home and view.config_release(view.idle) == home:
            return self._swapped()
        steps = self._shifted()
        if not steps and (view.met(view.idle) or asg_shift_steps.waits(view) > 0):
            return []  # the load balancer follows its rule later, or a timer calls: until then both groups stay
        steps += asg_group_steps.emptied(view, view.idle, "its release is taken back")
        if view.config_release(live) != home or view.mixed(live):
            template = {"LaunchTemplateId": view.snapshot.template, "Version": version}
            line = f"StartInstanceRefresh: {group_name(view.params, live)} back to release {home}"
            arguments = asg_refresh.straight(view.params, live, template)
            return [*steps, Step("autoscaling", "start_instance_refresh", arguments, line)]
        return steps + asg_group_steps.thawed(view, live)

    def _shifted(self) -> list[Step]:
        """The group that serves gets all the traffic, at once; then no timer is left."""
        view, live = self.view, self.view.live
        steps = asg_shift_steps.shifted(view, view.production_rule, "production", live, 100, ", back")
        return steps + asg_shift_steps.disarmed(view, view.arrival.timers())

    def _swapped(self) -> list[Step]:
        """The group that served before the shift was completed serves again, once it is whole."""
        view, live, old = self.view, self.view.live, self.view.idle
        there, serves = view.snapshot.groups[old], view.group or {}
        steps = asg_group_steps.frozen(view, live)
        count = asg_shift_steps.sizes(serves)
        if asg_group.differences(there, count):
            name = group_name(view.params, old)
            line = f"UpdateAutoScalingGroup: {name} to {count['DesiredCapacity']} instances again"
            arguments = {"AutoScalingGroupName": name, **count}
            return [*steps, Step("autoscaling", "update_auto_scaling_group", arguments, line)]
        if not view.arrival.healthy():
            return steps
        return [*steps, *asg_shift_steps.shifted(view, view.production_rule, "production", old, 100, ", back")]

    def _turn(self, moving: Json, home: str) -> list[Step]:
        """Turn what is under way, where that leads home; what leads elsewhere is ended first."""
        view, live = self.view, self.view.live
        arguments = {"AutoScalingGroupName": group_name(view.params, live)}
        to = view.snapshot.release_of(asg_refresh.version(moving, view.snapshot.template))
        if moving["Status"] not in TURNABLE or to == home or not asg_refresh.ours(moving):
            return []
        name = short(str(moving["InstanceRefreshId"]))
        if view.config_release(live) == home:
            line = f"RollbackInstanceRefresh {name}: back to release {home}"
            return [Step("autoscaling", "rollback_instance_refresh", arguments, line)]
        line = f"CancelInstanceRefresh {name}: it would not lead back to release {home}"
        return [Step("autoscaling", "cancel_instance_refresh", arguments, line)]

    def _undo_creation(self) -> list[Step]:
        """A first release that failed: nothing of it stays but its template version."""
        view, why = self.view, "the first release was never proven"
        steps = [step for colour in COLOURS for step in asg_group_steps.deleted(view, colour, why)]
        if steps or view.snapshot.groups:
            return steps
        return aws_rule_steps.undone(view.production_rule, view.test_rule)
