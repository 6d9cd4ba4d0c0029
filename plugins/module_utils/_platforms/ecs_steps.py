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
from . import ecs_diff, ecs_home, ecs_release, ecs_rules
from .ecs_home import Home
from .ecs_names import short
from .ecs_release import SERVICE_TAG, service_key, tag_list
from .ecs_view import View

Json = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One mutating API call."""

    service: str
    operation: str  # as boto3 names it
    arguments: Mapping[str, Any]
    line: str  # for people


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
        return [*steps, Step("ecs", "create_service", self._creation(definition), f"CreateService: release {release}")]

    def _register(self) -> list[Step]:
        if not self.view.own:
            return self._register_again(self.view.snapshot.definition_of(self.plan.release.id, active=False))
        arguments = ecs_release.registration(self._params, self.plan.release.id)
        line = f"RegisterTaskDefinition: {arguments['family']}, release {self.plan.release.id}"
        return [Step("ecs", "register_task_definition", arguments, line)]

    def _register_again(self, arn: str) -> list[Step]:
        """What was deregistered since; nothing when it is ACTIVE or not there to be read."""
        found = self.view.snapshot.definitions.get(arn, {})
        if not ecs_home.deregistered(found):
            return []
        line = f"RegisterTaskDefinition: {short(arn)} again, it was deregistered"
        return [Step("ecs", "register_task_definition", ecs_home.registered_again(found), line)]

    def _go_to(self, definition: str, release: str) -> Json:
        """UpdateService's input: the release's task definition, and every field of it that differs now."""
        fields = self.view.fields_of(release)
        names = {difference.path.partition(".")[0] for difference in self.view.field_differences(release)}
        changed = {name: fields.get(name, ecs_diff.CLEARED.get(name)) for name in sorted(names)}
        return {**self._place, "taskDefinition": definition, **changed}

    @staticmethod
    def _update_line(arguments: Mapping[str, Any], release: str) -> str:
        fields = [name for name in arguments if name not in ("cluster", "service", "taskDefinition")]
        return f"UpdateService: to release {release}" + (f", {', '.join(fields)}" if fields else "")

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
            "tags": tag_list(self._tags()),
        }

    # ---- ROLL_BACK ----

    def home(self) -> Home | None:
        """Where ROLL_BACK goes: to the plan's previous release, else to what ECS completed before this one."""
        snapshot, view = self.view.snapshot, self.view
        completed = view.completed_revisions()
        named = self.plan.previous
        if named:
            ran = [r for r in completed if snapshot.release_of(r["taskDefinition"]) == named]
            definition = snapshot.definition_of(named) or snapshot.definition_of(named, active=False)
            fields = view.fields_of_revision(ran[0]) if ran else view.fields_of(named)
            return Home(named, definition, fields) if definition else None
        ours = view.revision_arn_to(self.plan.release.id)
        for revision in completed:
            if revision["serviceRevisionArn"] != ours:
                release = snapshot.release_of(revision["taskDefinition"])
                definition = ecs_home.usable(snapshot, revision["taskDefinition"])
                return Home(release, definition, view.fields_of_revision(revision))
        return None

    def roll_back(self) -> list[Step]:
        if self.plan.first:
            return self._undo_creation()
        home, service, snapshot = self.home(), self.view.snapshot.active, self.view.snapshot
        if not service or not home:
            return []
        moving = snapshot.open_deployment()
        if moving:
            status = moving["status"]
            goes_to = (moving.get("targetServiceRevision") or {}).get("arn", "")
            turns_to = (moving.get("rollback") or {}).get("serviceRevisionArn", "")
            if status.startswith("ROLLBACK") and (not turns_to or self._is_home(home, turns_to)):
                return []
            if status in ("PENDING", "IN_PROGRESS"):
                if self._is_home(home, goes_to):
                    return []
                last = next(iter(self.view.completed_revisions()), None)
                if last and moving.get("sourceServiceRevisions") and self._is_home(home, last["serviceRevisionArn"]):
                    arguments = {"serviceDeploymentArn": moving["serviceDeploymentArn"], "stopType": "ROLLBACK"}
                    line = f"StopServiceDeployment: ECS goes back to {home.name}"
                    return [Step("ecs", "stop_service_deployment", arguments, line)]
        elif self._runs(home, service["taskDefinition"]) and not self._differences(service, home):
            return []
        back = Step("ecs", "update_service", self._return_to(service, home), f"UpdateService: back to {home.name}")
        return [*self._register_again(home.definition), back]

    @staticmethod
    def _differences(found: Mapping[str, Any], home: Home) -> list[ecs_diff.Difference]:
        if not home.fields:
            return []
        return ecs_diff.deployment_differences(found, home.fields, home.fields["loadBalancers"])

    def _is_home(self, home: Home, revision_arn: str) -> bool:
        revision = self.view.snapshot.revisions.get(revision_arn, {})
        same_version = {**revision, "platformVersion": home.fields.get("platformVersion")}
        return self._runs(home, revision.get("taskDefinition", "")) and not self._differences(same_version, home)

    def _runs(self, home: Home, definition: str) -> bool:
        """The same task definition, or another one that carries the same release."""
        return definition == home.definition or self.view.snapshot.release_of(definition) == home.release != ""

    def _return_to(self, service: Mapping[str, Any], home: Home) -> Json:
        names = {difference.path.partition(".")[0] for difference in self._differences(service, home)}
        changed = {name: home.fields.get(name, ecs_diff.CLEARED.get(name)) for name in sorted(names)}
        return {**self._place, "taskDefinition": home.definition, **changed}

    def _undo_creation(self) -> list[Step]:
        """A first release that failed: nothing of it stays but its task definition."""
        if self.view.not_a_first_release():
            return []
        steps = []
        if self.view.snapshot.active:
            line = "DeleteService: the first release was never proven"
            steps.append(Step("ecs", "delete_service", {**self._place, "force": True}, line))
        for which, rule in (("test", self.view.test_rule), ("production", self.view.production_rule)):
            if rule:
                steps.append(Step("elbv2", "delete_rule", {"RuleArn": rule["RuleArn"]}, f"DeleteRule: {which} rule"))
        return steps

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
