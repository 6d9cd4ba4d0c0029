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
from . import ecs_back, ecs_diff, ecs_heart, ecs_hold, ecs_release, ecs_rules
from .ecs_home import Home
from .ecs_names import short
from .ecs_release import ROLLOUT_TAG, SERVICE_TAG, service_key, tag_list
from .ecs_step import Step
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
        tags = ecs_diff.tag_changes(service.get("tags") or {}, self._tags())
        if tags:
            arguments = {"resourceArn": service["serviceArn"], "tags": tag_list(tags)}
            steps.append(Step("ecs", "tag_resource", arguments, f"TagResource: {', '.join(sorted(tags))}"))
        return steps

    def _tags(self) -> dict[str, str]:
        own = {key: ecs_release.text(value) for key, value in (self._params.get("tags") or {}).items()}
        return {**own, SERVICE_TAG: service_key(self._params)}

    def _unproven(self) -> bool:
        """Nothing was ever completed: whatever comes first stays closed to the public.

        An open rule in front of a service that is there serves somebody, whatever the history tells.
        """
        rule = self.view.production_rule
        serves = bool(self.view.snapshot.active and rule and not ecs_rules.proof_of(rule))
        return not serves and not self.view.ever_completed()

    def _rules(self, closed: bool) -> list[Step]:
        """Make and mend both rules. An open rule is closed only when nothing was ever completed."""
        balancer = self._params["load_balancer"]
        steps = []
        for which, listener, rule, proof in (
            (
                "production",
                balancer["production_listener_arn"],
                self.view.production_rule,
                self.proof if closed else "",
            ),
            ("test", balancer.get("test_listener_arn"), self.view.test_rule, ""),
        ):
            if rule:
                steps += self._mend_rule(which, rule, proof)
            elif listener:
                tags = tag_list(self._tags(), "Key", "Value")
                arguments = ecs_rules.creation(self._params, listener, self.view.live_group(), proof, tags)
                note = ", closed to the public until the release is proven" if proof else ""
                steps.append(Step("elbv2", "create_rule", arguments, f"CreateRule: {which} rule{note}"))
        return steps

    def _mend_rule(self, which: str, rule: Json, proof: str) -> list[Step]:
        steps = []
        conditions = ecs_rules.conditions(self._params, proof or ecs_rules.proof_of(rule))
        if not ecs_rules.same_conditions(rule, conditions):
            closing = bool(proof) and not ecs_rules.proof_of(rule)
            what = "close it until the release is proven" if closing else "conditions"
            arguments: Json = {"RuleArn": rule["RuleArn"], "Conditions": conditions}
            steps.append(Step("elbv2", "modify_rule", arguments, f"ModifyRule: {which} rule, {what}"))
        priority = self._params["load_balancer"]["rule"]["priority"]
        if str(rule.get("Priority")) != str(priority):
            arguments = {"RulePriorities": [{"RuleArn": rule["RuleArn"], "Priority": priority}]}
            line = f"SetRulePriorities: {which} rule, {rule.get('Priority')} -> {priority}"
            steps.append(Step("elbv2", "set_rule_priorities", arguments, line))
        return steps

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
            "tags": tag_list({**self._tags(), ROLLOUT_TAG: self.plan.begun or self.plan.rollout_id}),
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

    def _alarm(self, armed: bool, line: str) -> Step:
        arguments = ecs_heart.alarm(self._params, armed)
        return Step("cloudwatch", "put_metric_alarm", arguments, f"PutMetricAlarm: heartbeat alarm, {line}")

    def _mend_alarm(self) -> list[Step]:
        """It is there, and as wanted, before the service names it."""
        if not ecs_heart.wanted(self._params):
            return []
        found = self.view.snapshot.alarm
        if found is None:
            return [self._alarm(False, "made, at rest")]
        if ecs_heart.differs(found, self._params):
            return [self._alarm(ecs_heart.armed(found), "mended")]
        return []

    def arm(self) -> list[Step]:
        """Made at rest; then silence is a breach. The engine waits for OK before the second."""
        if self.plan.heartbeat is None or not ecs_heart.wanted(self._params):
            return []
        mend = self._mend_alarm()
        if mend or ecs_heart.armed(self.view.snapshot.alarm):
            return mend
        return [self._alarm(True, "silence is a breach from now on: ECS rolls back when this run dies")]

    def disarm(self) -> list[Step]:
        armed = ecs_heart.armed(self.view.snapshot.alarm)
        if not armed or self.view.snapshot.open_deployment():
            return []
        return [self._alarm(False, "at rest")]

    # ---- the way back ----

    def home(self) -> Home | None:
        return ecs_back.Back(self.view, self.plan).home()

    def roll_back(self) -> list[Step]:
        return ecs_back.Back(self.view, self.plan).roll_back()

    # ---- FINISH ----

    def finish(self) -> list[Step]:
        """Let the public in."""
        rule = self.view.production_rule
        if not rule or not ecs_rules.proof_of(rule):
            return []
        arguments = {"RuleArn": rule["RuleArn"], "Conditions": ecs_rules.conditions(self._params)}
        return [Step("elbv2", "modify_rule", arguments, "ModifyRule: open the production rule to the public")]

    # ---- REMOVE: in reverse order, and only what carries our tag ----

    def remove(self, tagged_rules: frozenset[str]) -> list[Step]:
        """`tagged_rules`: ARNs of rules that carry this service's tag."""
        snapshot, steps = self.view.snapshot, []
        if self.view.not_ours():
            return []
        if snapshot.active:
            line = f"DeleteService: {self._params['name']} with its tasks"
            steps.append(Step("ecs", "delete_service", {**self._place, "force": True}, line))
        for rule in (*snapshot.test_rules, *snapshot.production_rules):
            if rule["RuleArn"] in tagged_rules:
                steps.append(
                    Step("elbv2", "delete_rule", {"RuleArn": rule["RuleArn"]}, f"DeleteRule: {short(rule['RuleArn'])}")
                )
        if snapshot.alarm is not None:
            name = snapshot.alarm["AlarmName"]
            steps.append(Step("cloudwatch", "delete_alarms", {"AlarmNames": [name]}, f"DeleteAlarms: {name}"))
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
