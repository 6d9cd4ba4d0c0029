# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a snapshot means: who serves, what moves, which target is whose. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._engine.finding import Finding
from .._engine.model import Deployment, Target
from . import aws_rules, ecs_deployments, ecs_diff, ecs_hold, ecs_release, ecs_targets
from .aws_names import SERVICE_TAG, service_key, short
from .ecs_names import readable
from .ecs_read import Snapshot

Json = dict[str, Any]


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

    def not_a_first_release(self, rollout: str) -> str:
        """Why a service may not be removed as a first release that failed; "" = it may.

        The record alone is not believed: what the public reaches must carry the mark of the very rollout that failed.
        """
        service = self.snapshot.active
        if not service or self.not_ours():
            return self.not_ours()
        others = self.completed_by_others()
        if others:
            return f"the service ran {', '.join(map(short, others[:3]))} before this release, so it is not removed"
        made = (service.get("tags") or {}).get(ecs_release.ROLLOUT_TAG, "")
        rule = self.production_rule
        if rule and not aws_rules.proof_of(rule) and (not made or made != rollout):
            by = f"rollout {readable(made)}" if made else "no rollout that is known"
            return f"the service is open to the public, and was made by {by}, not by {rollout}: it is not removed"
        return ""

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
        return ecs_deployments.shown(self.snapshot, found, release) if found else None

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

    def other(self) -> Deployment | None:
        """A deployment in progress to another known release."""
        moving = self.snapshot.open_deployment()
        release = self.snapshot.release_of(self.snapshot.target_definition(moving)) if moving else ""
        return (
            ecs_deployments.shown(self.snapshot, moving, release)
            if moving and release and release != self.release
            else None
        )

    def foreign(self) -> str:
        """A deployment in progress to no release that is known; "" = there is none."""
        return ecs_deployments.foreign(self.snapshot)

    # ---- targets ----

    def targets(self) -> tuple[Target, ...]:
        """Every target of the two groups and every task that is not registered, with whose it is."""
        port = self._balancer_entry().get("containerPort", "")
        return ecs_targets.targets(self.snapshot, port, self.remembered, self._task_release)

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
