# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that each verb would still make in order. Pure.

Only the first call of a list is ever sent; the others are there to be shown. After it a new snapshot is taken
and the list is made anew, so a call whose answer was lost drops out by itself once its effect is seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._engine.model import Plan, Verb
from . import (
    asg_group,
    asg_group_steps,
    asg_plan,
    asg_refresh,
    asg_release,
    asg_shift,
    asg_shift_steps,
    aws_heart_steps,
    aws_rule_steps,
)
from .asg_back import Back
from .asg_group import BLUE, COLOURS, group_name, target_group
from .asg_view import View
from .aws_names import pairs
from .aws_step import Step

Json = dict[str, Any]


@dataclass(frozen=True)
class Steps:
    """Makes the lists for one view and one plan. `proof`: the header value for a rule that is to be closed."""

    view: View
    plan: Plan
    proof: str

    @property
    def _params(self) -> Mapping[str, Any]:
        return self.view.params

    @property
    def _rolling(self) -> bool:
        return asg_plan.rolling(self._params)

    def todo(self) -> dict[Verb, list[Step]]:
        if self.plan.remove:
            return {Verb.REMOVE: self.remove()}
        alarm = self.view.snapshot.alarm
        return {
            Verb.CONFIGURE: self.configure(),
            Verb.ARM: aws_heart_steps.arm(self._params, alarm, "Auto Scaling") if self.plan.heartbeat else [],
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
        if view.not_ours() or view.group is None or view.snapshot.refreshing() or view.arrival.group:
            return []
        steps = self._rules()
        for colour in view.snapshot.groups:
            bounds = asg_group.sizes(self._params) if colour == view.live else {}
            steps += asg_group_steps.mended(view, colour, bounds)
        alarm = view.snapshot.alarm  # made when a refresh is to be watched first
        return steps + (aws_heart_steps.mend(self._params, alarm) if alarm else [])

    def _rules(self) -> list[Step]:
        """Both rules. Nothing serves yet: whatever comes first stays closed to the public."""
        view = self.view
        proof = self.proof if view.group is None else ""
        live = target_group(self._params, view.live)
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
        live, version = view.live, view.snapshot.version_of(release)
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
        if view.snapshot.refreshing() or view.arrival.release == release:
            return steps
        steps += asg_group_steps.frozen(view, live)
        if self._rolling or self._launches(live, release):
            return [*steps, self._refresh(live, version, release)]
        return steps + asg_shift_steps.started(view, version, self.plan.begun or self.plan.rollout_id)

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
        """Also after a run that was refused halfway, whatever its strategy: counts move again."""
        view, moves = self.view, self.view.snapshot.refreshing()
        steps = aws_heart_steps.disarm(self._params, view.snapshot.alarm, moves)
        shifts = view.arrival.group is not None or view.not_ours()
        return steps if moves or shifts else steps + asg_group_steps.thawed(view, view.live)

    def proceed(self) -> list[Step]:
        """A refresh goes on by itself; a rule does not."""
        if self._rolling or self.view.not_ours() or self.view.arrival.release != self.plan.release.id:
            return []
        return asg_shift_steps.proceeded(self.view, self.view.arrival)

    # ---- the way back ----

    def home(self) -> str:
        return Back(self.view, self.plan).home()

    def roll_back(self) -> list[Step]:
        return Back(self.view, self.plan).roll_back()

    # ---- FINISH ----

    def finish(self) -> list[Step]:
        """No timer is left; counts move again; the public is let in; what does not serve any more goes."""
        view, live = self.view, self.view.live
        if view.group is None or view.not_ours() or view.snapshot.refreshing() or view.arrival.group:
            return []
        steps = asg_shift_steps.disarmed(view, view.arrival.timers())
        if view.met(view.idle):
            return steps  # whose load is measured before all of it comes would be scaled in
        steps += asg_group_steps.thawed(view, live)
        if view.closed or asg_shift.outgoing(view.snapshot, view.idle):
            steps += asg_group_steps.scaled_by(view, live)
        steps += aws_rule_steps.opened(self._params, view.production_rule)
        return steps + asg_shift_steps.let_go(view)

    def keeps(self) -> str:
        """Why the end takes its time, in words."""
        view = self.view
        left, name = asg_shift_steps.waits(view), group_name(self._params, view.idle)
        if left > 0:
            return f"{name} keeps its capacity for {left:.0f} s more: a call of the timer might still come"
        return f"{name} keeps its capacity until the load balancer follows its rule" if view.met(view.idle) else ""

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
