# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ECS API's mutating calls: requests into the engine. Reads are in `ecs_reads`, refusals in `truth/ecs.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import moto.ecs.urls
from moto.core.responses import ActionResult, EmptyResult
from moto.ecs.responses import EC2ContainerServiceResponse

from tests.lab.aws.api.base import bind, replace
from tests.lab.aws.api.ecs_known import SILENT, TRIGGERS, Known, revision
from tests.lab.aws.api.ecs_reads import Reads
from tests.lab.aws.core import AwsError, Lab
from tests.lab.aws.engine import ecs_deploy, ecs_hooks
from tests.lab.aws.engine.ecs_config import complete_config
from tests.lab.aws.engine.ecs_model import Revision, Service
from tests.lab.aws.truth import ecs as truth

# What CreateService fills in. Source: botocore ecs/2014-11-13, CreateServiceRequest.
DEFAULTS = {
    "schedulingStrategy": "REPLICA",
    "deploymentController": {"type": "ECS"},
    "availabilityZoneRebalancing": "ENABLED",
    "propagateTags": "NONE",
    "enableECSManagedTags": False,
    "enableExecuteCommand": False,
    "placementConstraints": [],
    "placementStrategy": [],
}
KEPT = ("launchType", "schedulingStrategy", "deploymentController", *SILENT)
OWN = ("desiredCount", "deploymentConfiguration", "healthCheckGracePeriodSeconds")  # kept in fields of Service
INVALID = "InvalidParameterException"


class LabECS(Reads):
    """Every mutating call."""

    def create_service(self) -> ActionResult:
        given, known = self.parameters(), self.known
        cluster = known.cluster(given.get("cluster")).name
        found = known.service(given["serviceName"], cluster)
        if found is not None and found.status == "ACTIVE":  # the same clientToken: a rule saw to that
            return ActionResult({"service": self.views.service(found)})
        service = Service(
            name=given["serviceName"],
            cluster=cluster,
            ids=self.lab.ecs.ids(cluster, given["serviceName"]),
            created_at=self.lab.clock.utc(),
            desired=int(given["desiredCount"]),
            config=complete_config(given.get("deploymentConfiguration") or {}),
            grace=float(given.get("healthCheckGracePeriodSeconds") or 0),
            params={**DEFAULTS, **{key: given[key] for key in KEPT if key not in OWN and given.get(key) is not None}},
            tags=list(given.get("tags") or []),
            token=given.get("clientToken") or "",
            request=given,
        )
        if not service.params.get("capacityProviderStrategy"):
            service.params.setdefault("launchType", "FARGATE")
        shown: dict[str, Any] = {"loadBalancers": [], "serviceRegistries": [], "platformVersion": "LATEST"}
        shown |= {key: given[key] for key in TRIGGERS if given.get(key) is not None}
        made = revision(known, service, _resolved(shown))
        self._tag_tasks(service, made)
        ecs_deploy.begin(service, made, self.lab.ecs.moment())
        self.lab.ecs.add(service)
        self.lab.log("service_created", service=service.name, cluster=cluster, task_definition=made.task_definition)
        return ActionResult({"service": self.views.service(service, tags=True)})

    def update_service(self) -> ActionResult:
        given, known = self.parameters(), self.known
        service = self._active(given["service"], given.get("cluster"))
        for key in SILENT:
            if key not in OWN and given.get(key) is not None:
                service.params[key] = given[key]
        service.config = complete_config(given.get("deploymentConfiguration") or {}, service.config)
        if given.get("healthCheckGracePeriodSeconds") is not None:
            service.grace = float(given["healthCheckGracePeriodSeconds"])
        if given.get("desiredCount") is not None:
            ecs_deploy.scale(service, int(given["desiredCount"]))
        before = service.primary.revision.shown
        shown = _resolved({**before, **{key: given[key] for key in TRIGGERS if given.get(key) is not None}})
        definition = known.task_definition(shown["taskDefinition"])
        shown["taskDefinition"] = definition.arn if definition else shown["taskDefinition"]
        made = service.primary.revision
        if shown != before or given.get("forceNewDeployment"):
            made = revision(known, service, shown)
            ecs_deploy.begin(service, made, self.lab.ecs.moment())
            self.lab.log("deployment_started", service=service.name, task_definition=made.task_definition)
        self._tag_tasks(service, made)
        return ActionResult({"service": self.views.service(service, tags=True)})

    def delete_service(self) -> ActionResult:
        given = self.parameters()
        service = self._active(given["service"], given.get("cluster"))
        ecs_deploy.delete(service, self.lab.ecs.moment())
        self.lab.log("service_deleted", service=service.name)
        return ActionResult({"service": self.views.service(service)})

    def stop_task(self) -> ActionResult:
        given, known = self.parameters(), self.known
        cluster = known.cluster(given.get("cluster")).name
        hit = self.lab.ecs.find_task(given["task"].split("/")[-1], cluster)
        if hit is None:
            raise AwsError("InvalidParameterException", "The referenced task was not found.")
        service, task = hit
        self.lab.ecs.stop_task(service, task, given.get("reason") or "Task stopped by user")
        definition = known.task_definition(task.revision.task_definition)
        return ActionResult({"task": self.views.task(service, task, definition)})

    def run_task(self) -> ActionResult:
        raise AwsError("UnsupportedFeatureException", "The lab runs tasks of services only.")

    start_task = run_task

    def stop_service_deployment(self) -> ActionResult:
        """Source: Amazon ECS Developer Guide, "Stopping Amazon ECS service deployments"."""
        given = self.parameters()
        arn = given["serviceDeploymentArn"]
        found = {self.views.deployment_arn(s, entry): (s, entry) for s, entry in self._history()}
        if arn not in found:
            raise AwsError("ServiceDeploymentNotFoundException", "The service deployment was not found.")
        service, entry = found[arn]
        if entry.over or entry is not service.current:
            raise AwsError("ConflictException", f"The service deployment is in the {entry.status} state.")
        ecs_deploy.request_stop(service, given.get("stopType") or "ROLLBACK", self.lab.ecs.moment())
        self.lab.log("deployment_stop_requested", service=service.name, stop=given.get("stopType") or "ROLLBACK")
        return ActionResult({"serviceDeploymentArn": arn})

    def continue_service_deployment(self) -> ActionResult:
        """Texts: Developer Guide, "Troubleshooting Amazon ECS blue/green deployments"; the codes are inferred."""
        given = self.parameters()
        arn, action = given["serviceDeploymentArn"], given.get("action") or "CONTINUE"
        found = {self.views.deployment_arn(s, entry): (s, entry) for s, entry in self._history()}
        if arn not in found:
            raise AwsError("ServiceDeploymentNotFoundException", "The service deployment does not exist.")
        service, entry = found[arn]
        if entry.over:
            message = "Continuing a service deployment is not allowed for service deployment in terminal states."
            raise AwsError(INVALID, message)
        if not re.fullmatch(r"ecs-[a-z]+-[\w-]+", given["hookId"]):
            raise AwsError(INVALID, "Invalid hookId: hookId must follow the format: ecs-{hookType}-{id}")
        hook = ecs_hooks.awaiting(entry.native, given["hookId"]) if entry.native else None
        if hook is None or entry.status != "IN_PROGRESS":
            message = "Provided hookId is either completed, unavailable, or not associated with the given Resource ARN"
            raise AwsError(INVALID, message)
        ecs_hooks.answer(hook, action)
        self.lab.log("deployment_continued", service=service.name, stage=hook.stage, hook=hook.id, action=action)
        return ActionResult({"serviceDeploymentArn": arn})

    # ---- tags of services; moto keeps the others

    def tag_resource(self) -> ActionResult:
        service = self._by_arn()
        if service is None:
            return super().tag_resource()
        given = {tag["key"]: tag.get("value", "") for tag in self.parameters().get("tags") or ()}
        merged = {**{tag["key"]: tag["value"] for tag in service.tags}, **given}
        service.tags = [{"key": key, "value": value} for key, value in merged.items()]
        self._tag_tasks(service, service.primary.revision)
        return EmptyResult()

    def untag_resource(self) -> ActionResult:
        service = self._by_arn()
        if service is None:
            return super().untag_resource()
        service.tags = [tag for tag in service.tags if tag["key"] not in self.parameters()["tagKeys"]]
        self._tag_tasks(service, service.primary.revision)
        return EmptyResult()

    # ---- helper

    def _tag_tasks(self, service: Service, made: Revision) -> None:
        """What tasks launched from now on are tagged with. Source: botocore, CreateServiceRequest.propagateTags."""
        definition = self.known.task_definition(made.task_definition)
        source: Sequence[dict[str, str]] = {
            "SERVICE": service.tags,
            "TASK_DEFINITION": list(definition.tags) if definition else [],
        }.get(service.params["propagateTags"], [])
        managed = {"aws:ecs:clusterName": service.cluster, "aws:ecs:serviceName": service.name}
        own = [{"key": key, "value": value} for key, value in managed.items()]
        service.task_tags = [*source, *(own if service.params["enableECSManagedTags"] else ())]


def _resolved(shown: Mapping[str, Any]) -> dict[str, Any]:
    """As AWS returns it: every member of the network configuration is said."""
    network = (shown.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    full = {"securityGroups": [], "assignPublicIp": "DISABLED", **network}
    return {**shown, "networkConfiguration": {"awsvpcConfiguration": full}}


def install(lab: Lab) -> None:
    """Put the ECS API in moto's place; `lab.ecs` and `lab.targets` are set by then."""
    known = Known(lab, lab.ecs, lab.targets)
    lab.ecs.read_secret = known.read_secret
    lab.truth.add("ecs", truth.RULES, known)
    replace(moto.ecs.urls.url_paths, EC2ContainerServiceResponse, bind(LabECS, lab))
