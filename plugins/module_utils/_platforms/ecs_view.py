# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a snapshot means: who serves, what moves, which target is whose. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._engine.finding import Finding
from .._engine.model import Deployment, Movement, Target
from . import aws_rules, ecs_diff, ecs_hold, ecs_release
from .aws_names import SERVICE_TAG, service_key, short
from .ecs_names import readable, task_address
from .ecs_read import Snapshot

Json = dict[str, Any]

MOVEMENTS = {
    "PENDING": Movement.MOVING,
    "IN_PROGRESS": Movement.MOVING,
    "SUCCESSFUL": Movement.MOVED,
    "STOP_REQUESTED": Movement.STOPPED,
    "STOPPED": Movement.STOPPED,
    "ROLLBACK_REQUESTED": Movement.TURNING_BACK,
    "ROLLBACK_IN_PROGRESS": Movement.TURNING_BACK,
    "ROLLBACK_SUCCESSFUL": Movement.TURNED_BACK,
    "ROLLBACK_FAILED": Movement.STOPPED,
}
DONE = ("SUCCESSFUL", "ROLLBACK_SUCCESSFUL")


@dataclass(frozen=True)
class View:
    """A snapshot seen for one release and one set of parameters."""

    snapshot: Snapshot
    params: Mapping[str, Any]
    release: str
    own: bool = True  # the release is what the parameters describe, not an earlier one
    remembered: Mapping[str, Target] = field(default_factory=dict)  # address -> what ran there before

    # ---- the load balancer ----

    def _balancer_entry(self) -> Json:
        return next(iter((self.snapshot.service or {}).get("loadBalancers") or []), {})

    def _rule(self, which: str) -> Json | None:
        known = (self._balancer_entry().get("advancedConfiguration") or {}).get(f"{which}ListenerRule", "")
        rules = self.snapshot.production_rules if which == "production" else self.snapshot.test_rules
        return aws_rules.ours(rules, self.params, known) if self.params.get("load_balancer") else None

    @property
    def production_rule(self) -> Json | None:
        return self._rule("production")

    @property
    def test_rule(self) -> Json | None:
        return self._rule("test")

    def live_group(self) -> str:
        """The target group that serves, as read: by the completed revision, by the service, by the rule; else blue."""
        resolved = self.snapshot.group_of(self._completed_revision().get("serviceRevisionArn", ""))
        if resolved or self._balancer_entry().get("targetGroupArn"):
            return resolved or str(self._balancer_entry()["targetGroupArn"])
        taking = [group for group, weight in aws_rules.weights(self.production_rule).items() if weight > 0]
        balancer = self.params.get("load_balancer") or {}
        return taking[0] if len(taking) == 1 else str(balancer.get("blue_target_group_arn", ""))

    def problem(self) -> str:
        """Parts that disagree about what is live; "" = none do. While a deployment is open, ECS moves the weights."""
        rule = self.production_rule
        if not self.snapshot.active or not rule or self.snapshot.open_deployment():
            return ""
        live, taking = self.live_group(), [g for g, weight in aws_rules.weights(rule).items() if weight > 0]
        if taking != [live]:
            return (
                f"ECS serves through target group {short(live)}, but the production rule sends requests to "
                f"{', '.join(map(short, taking)) or 'none'}. Make the rule's weights agree with ECS first."
            )
        return ""

    def not_ours(self) -> str:
        """Why the service may not be removed; "" = it may."""
        service, mine = self.snapshot.active, service_key(self.params)
        if not service or (service.get("tags") or {}).get(SERVICE_TAG) == mine:
            return ""
        return f"the service does not carry the tag {SERVICE_TAG} = {mine}, so it is not removed"

    def not_a_first_release(self) -> str:
        """Why a service may not be removed as a first release that failed; "" = it may."""
        if self.not_ours():
            return self.not_ours()
        others = self.completed_by_others() if self.snapshot.active else []
        if not others:
            return ""
        return f"the service ran {', '.join(map(short, others[:3]))} before this release, so it is not removed"

    def plain(self) -> str:
        """The task definition ARN of a service that ECS can't shift traffic for yet; "" = it can, or there is none.

        "advancedConfiguration field is required for all loadBalancers when using a non-ROLLING deployment strategy",
        in the revision that serves, too: Amazon ECS Developer Guide, "Troubleshooting … blue/green deployments".
        """
        entries = [self._balancer_entry(), *(self._completed_revision().get("loadBalancers") or [])]
        able = all(entry.get("advancedConfiguration") for entry in entries)
        service = self.snapshot.active
        return str(service["taskDefinition"]) if service and not able and not self.snapshot.open_deployment() else ""

    # ---- releases ----

    def gone(self) -> list[Finding]:
        """An earlier release that cannot be brought back: nothing says any more what it was."""
        if self.own or not self.release or self.snapshot.definition_of(self.release, active=False):
            return []
        problem = "must have a task definition, and none of this service carries this release any more"
        mend = "Roll out what is wanted by target_release: wanted."
        return [Finding("target_release", self.release, problem, mend)]

    def completed_revisions(self) -> list[Json]:
        """The service revisions that ECS completed, newest first; a deployment that was turned back counts for
        the revision it went back to."""
        arns = []
        for deployment in self.snapshot.deployments:
            if deployment.get("status") == "SUCCESSFUL":
                arns.append((deployment.get("targetServiceRevision") or {}).get("arn", ""))
            elif deployment.get("status") == "ROLLBACK_SUCCESSFUL":
                arns.append((deployment.get("rollback") or {}).get("serviceRevisionArn", ""))
        return [self.snapshot.revisions[arn] for arn in arns if arn in self.snapshot.revisions]

    def _completed_revision(self) -> Json:
        return next(iter(self.completed_revisions()), {})

    def fields_of(self, release: str) -> Json:
        """The service fields that belong to a release, beside its task definition; {} = not known.

        Of the release that the parameters describe they come from there, of any other from the service revision
        that ran it.
        """
        if not self.snapshot.service:
            return {}
        if self.own and release == self.release:
            return {**ecs_release.deployment_fields(self.params), "loadBalancers": self.wanted_balancers()}
        ran = [
            r
            for r in self.snapshot.revisions.values()
            if self.snapshot.release_of(str(r.get("taskDefinition", ""))) == release
        ]
        return self.fields_of_revision(max(ran, key=lambda r: r["createdAt"])) if ran else {}

    def fields_of_revision(self, revision: Mapping[str, Any]) -> Json:
        """A revision's platform version is a resolved one, so the service's own stays."""
        return {
            "networkConfiguration": revision.get("networkConfiguration") or {},
            "platformVersion": (self.snapshot.service or {}).get("platformVersion") or "LATEST",
            "loadBalancers": self._entries_of(revision),
        }

    def _entries_of(self, revision: Mapping[str, Any]) -> list[Json]:
        """A revision from before the service could shift traffic doesn't take that away again."""
        entries: list[Json] = revision.get("loadBalancers") or []
        now = self._balancer_entry()
        plain = any(not entry.get("advancedConfiguration") for entry in entries)
        return [now] if plain and now.get("advancedConfiguration") and len(entries) == 1 else entries

    def field_differences(self, release: str) -> list[ecs_diff.Difference]:
        """Where the service's fields that start a deployment are not those of a release."""
        fields = self.fields_of(release)
        if not self.snapshot.active or not fields:
            return []
        return ecs_diff.deployment_differences(self.snapshot.active, fields, fields["loadBalancers"])

    def wanted_balancers(self) -> list[Json]:
        """As the service has them, where its two target groups are the wanted ones: what serves is ECS's business."""
        production, test = (rule["RuleArn"] if rule else "" for rule in (self.production_rule, self.test_rule))
        named = str(self._balancer_entry().get("targetGroupArn", ""))
        balancer = self.params["load_balancer"]
        ours = named in (balancer["blue_target_group_arn"], balancer["green_target_group_arn"])
        return ecs_release.load_balancers(self.params, named if ours else self.live_group(), production, test)

    def _true_release(self, definition_arn: str) -> str:
        """A task definition of the wanted release under other service fields is nobody's release."""
        release = self.snapshot.release_of(definition_arn)
        service = self.snapshot.active or {}
        if release == self.release and service.get("taskDefinition") == definition_arn:
            return "" if self.field_differences(release) else release
        return release

    def serving(self) -> str:
        """The release that ECS last completed; "" = none, or none of ours."""
        service = self.snapshot.active
        if not service:
            return ""
        revision = self._completed_revision()
        if revision:
            return self._true_release(str(revision["taskDefinition"]))
        completed = self._completed_entries()
        return self._true_release(completed[0]["taskDefinition"]) if completed else ""

    def _completed_entries(self) -> list[Json]:
        """The service's own deployments that were completed, newest first.

        They count whatever the history says: it ends after 90 days, and only its newest part is read
        (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html). One without a state
        is completed only when there is no history: else it may be the first deployment, which is not over.
        """
        over = ("COMPLETED",) if self.snapshot.deployments else ("COMPLETED", None)
        return [d for d in (self.snapshot.active or {}).get("deployments", []) if d.get("rolloutState") in over]

    def ever_completed(self) -> bool:
        """ECS completed some deployment of this service, ours or not."""
        return bool(self.snapshot.active and (self._completed_revision() or self._completed_entries()))

    def completed_by_others(self) -> list[str]:
        """ARNs of the task definitions that were completed and are not the release's own."""
        arns = [str(entry["taskDefinition"]) for entry in (*self.completed_revisions(), *self._completed_entries())]
        return [arn for arn in dict.fromkeys(arns) if self.snapshot.release_of(arn) != self.release]

    # ---- deployments ----

    def deployment_to(self, release: str) -> Deployment | None:
        """The newest service deployment that goes to a release."""
        found = self.raw_to(release)
        return self._shown(found, release) if found else None

    def raw_to(self, release: str) -> Json:
        """The newest service deployment that goes to a release, as the API has it; {} = there is none."""
        goes = (d for d in self.snapshot.deployments if self._goes_to(d) == release)
        return next(goes, {})

    def _goes_to(self, deployment: Mapping[str, Any]) -> str:
        return self.snapshot.release_of(self.snapshot.target_definition(deployment))

    def revision_arn_to(self, release: str) -> str:
        """The service revision ARN that the newest deployment to a release goes to; "" = there is none."""
        return str((self.raw_to(release).get("targetServiceRevision") or {}).get("arn", ""))

    def share(self) -> int | None:
        """Percent of production traffic to the release, by the rule and the group that its revision serves through."""
        return ecs_hold.share(self._group(), self.production_rule)

    def test_share(self) -> int | None:
        """The same of the test rule."""
        return ecs_hold.share(self._group(), self.test_rule)

    def _group(self) -> str:
        return self.snapshot.group_of(self.revision_arn_to(self.release))

    def _shown(self, deployment: Mapping[str, Any], release: str) -> Deployment:
        breaker = deployment.get("deploymentCircuitBreaker") or {}
        return Deployment(
            id=str(deployment["serviceDeploymentArn"]),
            release=release,
            movement=MOVEMENTS[deployment["status"]],
            reason=readable(self._why(deployment)),
            failures=max(int(breaker.get("failureCount") or 0), self._failed_tasks(deployment)),
            threshold=0 if breaker.get("status") == "DISABLED" else int(breaker.get("threshold") or 0),
            by="greenlight" if release else "somebody else",
        )

    def _failed_tasks(self, deployment: Mapping[str, Any]) -> int:
        definition = self.snapshot.target_definition(deployment)
        newest = deployment is next(iter(self.snapshot.deployments), None)
        mine = [
            d for d in (self.snapshot.service or {}).get("deployments", []) if d.get("taskDefinition") == definition
        ]
        return max((int(d.get("failedTasks") or 0) for d in mine), default=0) if newest else 0

    def _why(self, deployment: Mapping[str, Any]) -> str:
        """ECS's own words, with why tasks stopped when some did."""
        said = [str((deployment.get("rollback") or {}).get("reason") or ""), str(deployment.get("statusReason") or "")]
        newest = deployment is next(iter(self.snapshot.deployments), None)
        reasons = [*said, *(self.snapshot.stopped[:1] if newest else ())]
        return " ".join(dict.fromkeys(reason.strip() for reason in reasons if reason.strip()))

    def other(self) -> Deployment | None:
        """A deployment in progress to another known release."""
        moving = self.snapshot.open_deployment()
        release = self.snapshot.release_of(self.snapshot.target_definition(moving)) if moving else ""
        return self._shown(moving, release) if moving and release and release != self.release else None

    def foreign(self) -> str:
        moving = self.snapshot.open_deployment()
        if not moving:
            return ""
        definition = self.snapshot.target_definition(moving)
        if self.snapshot.release_of(definition):
            return ""
        what = short(definition) if definition else "a revision that is not known"
        arn = short(moving["serviceDeploymentArn"])
        return f"service deployment {arn} to {what}, status {moving['status']}{ecs_hold.told(moving)}"

    # ---- targets ----

    def targets(self) -> tuple[Target, ...]:
        """Every target of the two groups and every task that is not registered, with whose it is."""
        tasks = {address: task for task in self.snapshot.tasks if (address := task_address(task))}
        found = []
        for description in self._descriptions():
            target, health = description["Target"], description.get("TargetHealth") or {}
            address, port = str(target["Id"]), target.get("Port")
            task = tasks.pop(address, None)
            reason = ": ".join(part for part in (health.get("Reason"), health.get("Description")) if part)
            state = str(health.get("State", "unavailable"))
            found.append(self._target(address, port, task, state, reason, str(target.get("AvailabilityZone", ""))))
        for task in self.snapshot.tasks:
            if task_address(task) in tasks or not task_address(task):
                found.append(
                    self._target(task_address(task), None, task, "unregistered", str(task.get("lastStatus", "")), "")
                )
        return tuple(found)

    def _descriptions(self) -> list[Json]:
        """One for each address: where it is in both groups, the one that is not on its way out."""
        found: dict[tuple[str, Any], Json] = {}
        for description in (one for each in self.snapshot.health.values() for one in each):
            place = description["Target"]["Id"], description["Target"].get("Port")
            if (found.get(place, {}).get("TargetHealth") or {}).get("State", "draining") == "draining":
                found[place] = description
        return list(found.values())

    def _target(self, address: str, port: Any, task: Json | None, state: str, reason: str, zone: str) -> Target:
        before = self.remembered.get(address)
        port = port or self._balancer_entry().get("containerPort", "")
        place = f"{address}:{port}" if address else ""
        if task is None:
            if before:
                return Target(place, before.release, state, reason, zone or before.zone, before.task, place)
            return Target(place, "", state, reason, zone, "", place)
        name = short(str(task["taskArn"]))
        zone = str(task.get("availabilityZone") or zone)
        return Target(place or name, self._task_release(task), state, reason, zone, name, place)

    def _task_release(self, task: Mapping[str, Any]) -> str:
        """By its task definition; a deployment of the same one under other service fields is not the release."""
        started_by = str(task.get("startedBy", "")).rpartition("/")[2]
        for deployment in (self.snapshot.service or {}).get("deployments", []):
            if deployment.get("id") == started_by and deployment.get("status") == "PRIMARY":
                return self._true_release(str(task["taskDefinitionArn"]))
        return self.snapshot.release_of(str(task["taskDefinitionArn"]))

    def labels(self) -> dict[str, str]:
        balancer = self.params.get("load_balancer") or {}
        return {
            d["release"]: ecs_release.label(d, balancer) for d in self.snapshot.definitions.values() if d.get("release")
        }

    def events(self) -> tuple[str, ...]:
        """The service's last messages, oldest first; without its name, with names for ARNs and short task ids."""
        newest_first = (self.snapshot.service or {}).get("events") or []
        return tuple(readable(str(event.get("message", ""))) for event in reversed(newest_first[:20]))
