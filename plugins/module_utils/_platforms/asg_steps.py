# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that each verb would still make for a rolling release, in order. Pure.

Only the first call of a list is ever sent; the others are there to be shown. After it a new snapshot is taken
and the list is made anew, so a call whose answer was lost drops out by itself once its effect is seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._engine.model import Plan, Verb
from . import asg_group, asg_group_steps, asg_refresh, asg_release, aws_heart_steps, aws_rule_steps
from .asg_group import BLUE, COLOURS, group_name, target_group
from .asg_view import View
from .aws_names import pairs, short
from .aws_step import Step

Json = dict[str, Any]

TURNABLE = ("Pending", "InProgress", "Baking")


@dataclass(frozen=True)
class Steps:
    """Makes the lists for one view and one plan. `proof`: the header value for a rule that is to be closed."""

    view: View
    plan: Plan
    proof: str

    @property
    def _params(self) -> Mapping[str, Any]:
        return self.view.params

    def todo(self) -> dict[Verb, list[Step]]:
        if self.plan.remove:
            return {Verb.REMOVE: self.remove()}
        alarm = self.view.snapshot.alarm
        return {
            Verb.CONFIGURE: self.configure(),
            Verb.ARM: aws_heart_steps.arm(self._params, alarm) if self.plan.heartbeat else [],
            Verb.BEGIN: self.begin(),
            Verb.PROCEED: self.proceed(),
            Verb.ROLL_BACK: self.roll_back(),
            Verb.FINISH: self.finish(),
            Verb.DISARM: self.disarm(),
        }

    # ---- CONFIGURE: what replaces no instance ----

    def configure(self) -> list[Step]:
        """Not while a refresh is open: it has its own idea of the group."""
        view = self.view
        if view.not_ours() or view.group is None or view.snapshot.refreshing():
            return []
        steps = self._rules()
        for colour in view.snapshot.groups:
            bounds = asg_group.sizes(self._params) if colour == view.live() else {}
            steps += asg_group_steps.mended(view, colour, bounds)
        return steps + aws_heart_steps.mend(self._params, view.snapshot.alarm)

    def _rules(self) -> list[Step]:
        """Both rules. Nothing serves yet: whatever comes first stays closed to the public."""
        view = self.view
        proof = self.proof if view.group is None else ""
        live = target_group(self._params, view.live())
        return aws_rule_steps.rules(self._params, view.production_rule, view.test_rule, live, proof)

    # ---- BEGIN ----

    def template(self) -> list[Step]:
        """The release as a numbered version; nothing when there is one, or when nobody knows its content any more."""
        snapshot, release = self.view.snapshot, self.plan.release.id
        if snapshot.version_of(release) or not self.view.own:
            return []
        name = asg_release.template_name(self._params)
        data = asg_release.template_data(self._params, release)
        token = hashlib.sha256(f"{self.plan.rollout_id}/{release}".encode()).hexdigest()[:32]
        arguments: Json = {
            "LaunchTemplateName": name,
            "VersionDescription": asg_release.description(self._params, release),
            "LaunchTemplateData": data,
            "ClientToken": token,
        }
        if snapshot.template:
            line = f"CreateLaunchTemplateVersion: {name}, release {release}"
            return [Step("ec2", "create_launch_template_version", arguments, line)]
        own = pairs(asg_group.tags(self._params), "Key", "Value")
        arguments["TagSpecifications"] = [{"ResourceType": "launch-template", "Tags": own}]
        return [Step("ec2", "create_launch_template", arguments, f"CreateLaunchTemplate: {name}, release {release}")]

    def begin(self) -> list[Step]:
        view, release = self.view, self.plan.release.id
        if view.not_ours():
            return []
        live, version = view.live(), view.snapshot.version_of(release)
        if view.group is not None and self._launches(live, release) and not view.mixed(live):
            return []
        steps = self.template()
        if not steps and not version:
            return []  # an earlier release that no version carries any more: preflight says so
        steps += self._rules()
        if view.group is None:
            capacity = self._params["capacity"]
            count = {"MinSize": capacity["min"], "MaxSize": capacity["max"], "DesiredCapacity": capacity["desired"]}
            return [*steps, asg_group_steps.made(view, BLUE, version, count)]
        if view.snapshot.refreshing():
            return steps
        steps += asg_group_steps.frozen(view, live)
        return [*steps, self._refresh(live, version, release)]

    def _launches(self, colour: str, release: str) -> bool:
        return self.view.config_release(colour) == release

    def _refresh(self, colour: str, version: str, release: str) -> Step:
        template = {"LaunchTemplateId": self.view.snapshot.template, "Version": version}
        arguments = asg_refresh.forward(
            self._params, colour, template, self.view.snapshot.desired(colour), self.plan.heartbeat is not None
        )
        percents = ", ".join(f"{each} %" for each in arguments["Preferences"]["CheckpointPercentages"])
        line = f"StartInstanceRefresh: {group_name(self._params, colour)} to release {release}, checkpoints {percents}"
        return Step("autoscaling", "start_instance_refresh", arguments, line)

    def disarm(self) -> list[Step]:
        """Also after a run that was refused halfway: counts move again."""
        view, moves = self.view, self.view.snapshot.refreshing()
        steps = aws_heart_steps.disarm(self._params, view.snapshot.alarm, moves)
        return steps if moves or not self.plan.heartbeat else steps + asg_group_steps.thawed(view, view.live())

    def proceed(self) -> list[Step]:
        """A refresh goes on by itself."""
        return []

    # ---- the way back ----

    def home(self) -> str:
        """The release that ROLL_BACK leads to: the plan's, else what the group was launching before the refresh."""
        return self.plan.previous or self.view.config_release(self.view.live())

    def roll_back(self) -> list[Step]:
        view, live = self.view, self.view.live()
        if view.not_ours():
            return []
        if self.plan.first:
            return self._undo_creation()
        home = self.home()
        version = view.snapshot.version_of(home)
        if view.group is None or not version:
            return []
        moving = view.snapshot.refresh(live)
        if moving:
            return self._turn(moving, home)
        if not self._launches(live, home) or view.mixed(live):
            template = {"LaunchTemplateId": view.snapshot.template, "Version": version}
            line = f"StartInstanceRefresh: {group_name(self._params, live)} back to release {home}"
            arguments = asg_refresh.straight(self._params, live, template)
            return [Step("autoscaling", "start_instance_refresh", arguments, line)]
        return asg_group_steps.thawed(view, live)

    def _turn(self, moving: Json, home: str) -> list[Step]:
        """Turn what is under way, where that leads home; what leads elsewhere is ended first."""
        live = self.view.live()
        arguments = {"AutoScalingGroupName": group_name(self._params, live)}
        to = self.view.snapshot.release_of(asg_refresh.version(moving, self.view.snapshot.template))
        if moving["Status"] not in TURNABLE or to == home or not asg_refresh.ours(moving):
            return []
        name = short(str(moving["InstanceRefreshId"]))
        if self._launches(live, home):
            line = f"RollbackInstanceRefresh {name}: back to release {home}"
            return [Step("autoscaling", "rollback_instance_refresh", arguments, line)]
        line = f"CancelInstanceRefresh {name}: it would not lead back to release {home}"
        return [Step("autoscaling", "cancel_instance_refresh", arguments, line)]

    def _undo_creation(self) -> list[Step]:
        """A first release that failed: nothing of it stays but its template version."""
        view = self.view
        steps = [
            step
            for colour in COLOURS
            for step in asg_group_steps.deleted(view, colour, "the first release was never proven")
        ]
        if steps or view.snapshot.groups:
            return steps
        return aws_rule_steps.undone(view.production_rule, view.test_rule)

    # ---- FINISH ----

    def finish(self) -> list[Step]:
        """Let counts move again, and the public in."""
        view, live = self.view, self.view.live()
        if view.group is None or view.not_ours() or view.snapshot.refreshing():
            return []
        steps = asg_group_steps.thawed(view, live)
        if view.closed:
            steps += asg_group_steps.scaled_by(view, live)
        return steps + aws_rule_steps.opened(self._params, view.production_rule)

    # ---- REMOVE: in reverse order, and only what carries our tag ----

    def remove(self) -> list[Step]:
        view, snapshot = self.view, self.view.snapshot
        if view.not_ours():
            return []
        steps = [step for colour in COLOURS for step in asg_group_steps.deleted(view, colour, "removal was asked for")]
        if steps or snapshot.groups:
            return steps
        steps = aws_rule_steps.removed(self._params, (*snapshot.test_rules, *snapshot.production_rules))
        steps += aws_heart_steps.remove(snapshot.alarm)
        if any(version.get("release") for version in snapshot.versions.values()):
            name = asg_release.template_name(self._params)
            arguments = {"LaunchTemplateId": snapshot.template}
            steps.append(Step("ec2", "delete_launch_template", arguments, f"DeleteLaunchTemplate: {name}"))
        return steps
