# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that each verb would still make, in order. Pure.

Only the first call of a list is ever sent; the others are there to be shown. After it a new snapshot is taken
and the list is made anew, so a call whose answer was lost drops out by itself once its effect is seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._engine.model import Plan
from . import aws_heart_steps, aws_rule_steps, aws_rules, ecs_back, ecs_diff, ecs_hold, ecs_release
from .aws_names import short, tag_list
from .aws_step import Step
from .ecs_home import Home
from .ecs_release import ROLLOUT_TAG
from .ecs_view import View

__all__ = ["Step", "Steps"]

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
    def _place(self) -> Json:
        return {"cluster": self._params["cluster"], "service": self._params["name"]}

    @property
    def _made_by(self) -> str:
        return self.plan.begun or self.plan.rollout_id

    # ---- CONFIGURE: what starts no deployment ----

    def configure(self) -> list[Step]:
        service = self.view.snapshot.active
        if not service:
            return []
        steps = self._rules(closed=self._unproven())
        wanted = ecs_release.settings(self._params)
        changes = ecs_diff.setting_changes(service, wanted)
        steps += self._mend_alarm()
        if changes:
            lines = "; ".join(map(str, ecs_diff.setting_differences(service, wanted)))
            steps.append(Step("ecs", "update_service", {**self._place, **changes}, f"UpdateService: {lines}"))
        tags = ecs_diff.tag_changes(service.get("tags") or {}, aws_rule_steps.tags(self._params))
        if tags:
            arguments = {"resourceArn": service["serviceArn"], "tags": tag_list(tags)}
            steps.append(Step("ecs", "tag_resource", arguments, f"TagResource: {', '.join(sorted(tags))}"))
        return steps

    def _unproven(self) -> bool:
        """Nothing was ever completed: whatever comes first stays closed to the public.

        An open rule in front of a service that is there serves somebody, whatever the history tells.
        """
        rule = self.view.production_rule
        serves = bool(self.view.snapshot.active and rule and not aws_rules.proof_of(rule))
        return not serves and not self.view.ever_completed()

    def _rules(self, closed: bool) -> list[Step]:
        """Make and mend both rules. An open rule is closed only when nothing was ever completed."""
        view = self.view
        proof = self.proof if closed else ""
        return aws_rule_steps.rules(self._params, view.production_rule, view.test_rule, view.live_group(), proof)

    # ---- BEGIN ----

    def begin(self) -> list[Step]:
        service, release = self.view.snapshot.active, self.plan.release.id
        definition = self.view.snapshot.definition_of(release)
        runs = self.view.snapshot.release_of(service["taskDefinition"]) if service else ""
        if runs == release and not self.view.field_differences(release):
            return []
        steps = [] if definition else self._register()
        if not steps and not definition:
            return []  # an earlier release whose task definition is gone: preflight says so
        definition = definition or self.view.snapshot.definition_of(release, active=False)
        steps += self._rules(closed=self._unproven())
        if service:
            arguments = self._go_to(definition, release)
            return [*steps, Step("ecs", "update_service", arguments, self._update_line(arguments, release))]
        steps += self._mend_alarm() if self.plan.heartbeat is None else []  # else it was armed before
        return [*steps, Step("ecs", "create_service", self._creation(definition), f"CreateService: release {release}")]

    def _register(self) -> list[Step]:
        snapshot = self.view.snapshot
        if not self.view.own:
            return ecs_back.register_again(snapshot, snapshot.definition_of(self.plan.release.id, active=False))
        arguments = ecs_release.registration(self._params, self.plan.release.id)
        line = f"RegisterTaskDefinition: {arguments['family']}, release {self.plan.release.id}"
        return [Step("ecs", "register_task_definition", arguments, line)]

    def _go_to(self, definition: str, release: str) -> Json:
        """UpdateService's input: the release's task definition, and every field of it that differs now."""
        fields = self.view.fields_of(release)
        names = {difference.path.partition(".")[0] for difference in self.view.field_differences(release)}
        changed = {name: fields.get(name, ecs_diff.CLEARED.get(name)) for name in sorted(names)}
        return {**self._place, "taskDefinition": definition, **changed}

    def _update_line(self, arguments: Mapping[str, Any], release: str) -> str:
        fields = [name for name in arguments if name not in ("cluster", "service", "taskDefinition")]
        how = f" ({self.plan.strategy})" if self.plan.steps else ""
        return f"UpdateService: to release {release}{how}" + (f", {', '.join(fields)}" if fields else "")

    def _creation(self, definition: str) -> Json:
        token = hashlib.sha256(f"{self.plan.rollout_id}/create".encode()).hexdigest()[:32]
        return {
            "cluster": self._params["cluster"],
            "serviceName": self._params["name"],
            "taskDefinition": definition,
            "launchType": "FARGATE",
            "schedulingStrategy": "REPLICA",
            "deploymentController": {"type": "ECS"},
            "clientToken": token,
            **ecs_release.deployment_fields(self._params),
            "loadBalancers": self.view.wanted_balancers(),
            **ecs_release.settings(self._params),
            "desiredCount": self._params["desired_count"],
            "tags": tag_list(
                {**aws_rule_steps.tags(self._params), ROLLOUT_TAG: self.plan.begun or self.plan.rollout_id}
            ),
        }

    def proceed(self) -> list[Step]:
        """Let ECS go on from the pause at hand, the action named: left out, it would be CONTINUE, too."""
        moving = self.view.snapshot.open_deployment()
        hook = ecs_hold.paused(moving)
        if moving is None or hook is None or moving is not self.view.raw_to(self.plan.release.id):
            return []
        arn, hook_id = moving["serviceDeploymentArn"], hook["hookId"]
        arguments = {"serviceDeploymentArn": arn, "hookId": hook_id, "action": "CONTINUE"}
        line = f"ContinueServiceDeployment CONTINUE {hook_id[-8:]}"
        return [Step("ecs", "continue_service_deployment", arguments, line)]

    # ---- the heartbeat alarm ----

    def _mend_alarm(self) -> list[Step]:
        return aws_heart_steps.mend(self._params, self.view.snapshot.alarm)

    def arm(self) -> list[Step]:
        return aws_heart_steps.arm(self._params, self.view.snapshot.alarm, "ECS") if self.plan.heartbeat else []

    def disarm(self) -> list[Step]:
        snapshot = self.view.snapshot
        return aws_heart_steps.disarm(self._params, snapshot.alarm, snapshot.open_deployment() is not None)

    # ---- the way back ----

    def home(self) -> Home | None:
        return ecs_back.Back(self.view, self.plan).home()

    def roll_back(self) -> list[Step]:
        return ecs_back.Back(self.view, self.plan).roll_back()

    # ---- FINISH ----

    def finish(self) -> list[Step]:
        """Let the public in."""
        return aws_rule_steps.opened(self._params, self.view.production_rule)

    # ---- REMOVE: in reverse order, and only what carries our tag ----

    def remove(self) -> list[Step]:
        snapshot, steps = self.view.snapshot, []
        if self.view.not_ours():
            return []
        if snapshot.active:
            line = f"DeleteService: {self._params['name']} with its tasks"
            steps.append(Step("ecs", "delete_service", {**self._place, "force": True}, line))
        steps += aws_rule_steps.removed(self._params, (*snapshot.test_rules, *snapshot.production_rules))
        steps += aws_heart_steps.remove(snapshot.alarm)
        for arn, definition in snapshot.definitions.items():
            if definition.get("release") and definition.get("status") == "ACTIVE":
                steps.append(
                    Step(
                        "ecs",
                        "deregister_task_definition",
                        {"taskDefinition": arn},
                        f"DeregisterTaskDefinition: {short(arn)}",
                    )
                )
        return steps
