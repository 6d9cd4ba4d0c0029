# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of the way back, in order. Pure. As in ecs_steps, only the first is ever sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._engine.model import Plan
from . import aws_rule_steps, ecs_diff, ecs_hold, ecs_home, ecs_release
from .aws_names import short
from .aws_step import Step
from .ecs_home import Home
from .ecs_snapshot import Snapshot
from .ecs_view import View

Json = dict[str, Any]


def register_again(snapshot: Snapshot, arn: str) -> list[Step]:
    """What was deregistered since; nothing when it is ACTIVE or not there to be read."""
    found = snapshot.definitions.get(arn, {})
    if not ecs_home.deregistered(found):
        return []
    line = f"RegisterTaskDefinition: {short(arn)} again, it was deregistered"
    return [Step("ecs", "register_task_definition", ecs_home.registered_again(found), line)]


def turn(moving: Mapping[str, Any], name: str) -> Step:
    """ECS goes back to the last completed revision: by an answer to the hook that waits for one, else by a stop."""
    arn, hook = moving["serviceDeploymentArn"], ecs_hold.paused(moving)
    if hook is not None:
        arguments = {"serviceDeploymentArn": arn, "hookId": hook["hookId"], "action": "ROLLBACK"}
        line = f"ContinueServiceDeployment ROLLBACK {hook['hookId'][-8:]}: ECS goes back to {name}"
        return Step("ecs", "continue_service_deployment", arguments, line)
    arguments = {"serviceDeploymentArn": arn, "stopType": "ROLLBACK"}
    return Step("ecs", "stop_service_deployment", arguments, f"StopServiceDeployment: ECS goes back to {name}")


def unattended(service: Mapping[str, Any]) -> Json:
    """UpdateService's deploymentConfiguration for a way back that ends without us: no hook waits for an answer, no
    silent heartbeat turns it round. {} = it needs no change. The whole of it is given, for what is left out may be
    reset; the next rollout puts it back.
    """
    found = dict(service.get("deploymentConfiguration") or {})
    hooks, alarms = found.get("lifecycleHooks") or [], found.get("alarms") or {}
    if not hooks and not alarms.get("enable"):
        return {}
    found["alarms"] = {"alarmNames": [], "enable": False, "rollback": False}
    return {"deploymentConfiguration": found | ({"lifecycleHooks": []} if hooks else {})}


@dataclass(frozen=True)
class Back:
    """Makes the list for one view and one plan."""

    view: View
    plan: Plan

    @property
    def _place(self) -> Json:
        return {"cluster": self.view.params["cluster"], "service": self.view.params["name"]}

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
        """ECS turns back what is on its way, where that leads home; else a deployment goes there."""
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
                    return [turn(moving, home.name)]
        elif self._runs(home, service["taskDefinition"]) and not self._differences(service, home):
            return self._attended(service)
        back = Step("ecs", "update_service", self._return_to(service, home), f"UpdateService: back to {home.name}")
        return [*register_again(snapshot, home.definition), back]

    def _attended(self, service: Mapping[str, Any]) -> list[Step]:
        """Home: what the way back switched off is switched on again, or the next run would find it changed."""
        found = service.get("deploymentConfiguration") or {}
        if found.get("lifecycleHooks") or (found.get("alarms") or {}).get("enable"):
            return []
        wanted = ecs_release.settings(self.view.params)
        if not unattended(wanted):
            return []
        changes = ecs_diff.setting_changes(service, wanted)
        given = {key: value for key, value in changes.items() if key == "deploymentConfiguration"}
        line = "UpdateService: hooks and alarm of the next deployment as before"
        return [Step("ecs", "update_service", {**self._place, **given}, line)] if given else []

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
        return {**self._place, "taskDefinition": home.definition, **changed, **unattended(service)}

    def _undo_creation(self) -> list[Step]:
        """A first release that failed: nothing of it stays but its task definition."""
        if self.view.not_a_first_release(self.plan.begun):
            return []
        steps = []
        if self.view.snapshot.active:
            line = "DeleteService: the first release was never proven"
            steps.append(Step("ecs", "delete_service", {**self._place, "force": True}, line))
        return steps + aws_rule_steps.undone(self.view.production_rule, self.view.test_rule)
