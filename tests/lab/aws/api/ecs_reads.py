# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ECS API's reads: the engine's state out, in pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from moto.core.responses import ActionResult
from moto.ecs.exceptions import ECSException
from moto.ecs.responses import EC2ContainerServiceResponse

from tests.lab.aws.api.base import Strict
from tests.lab.aws.api.ecs_deployment_views import present
from tests.lab.aws.api.ecs_known import Known
from tests.lab.aws.api.ecs_views import Views
from tests.lab.aws.core import AwsError
from tests.lab.aws.engine.ecs_model import Revision, Service, ServiceDeployment, Task


class Reads(Strict, EC2ContainerServiceResponse):  # type: ignore[misc]
    service = "ecs"
    errors = ECSException

    @property
    def known(self) -> Known:
        return Known(self.lab, self.lab.ecs, self.lab.targets)

    @property
    def views(self) -> Views:
        return Views(self.lab)

    # ---- services

    def describe_services(self) -> ActionResult:
        given = self.parameters()
        cluster = self.known.cluster(given.get("cluster")).name
        found, failures = [], []
        for name in given["services"]:
            service = self.known.service(name, cluster)
            if service is None:
                arn = self.lab.arn("ecs", f"service/{cluster}/{name.split('/')[-1]}")
                failures.append({"arn": arn, "reason": "MISSING"})
            else:
                found.append(self.views.service(service, tags="TAGS" in (given.get("include") or ())))
        return ActionResult({"services": found, "failures": failures})

    def list_services(self) -> ActionResult:
        given = self.parameters()
        cluster = self.known.cluster(given.get("cluster")).name
        arns = [
            self.views.service_arn(service)
            for service in self.lab.ecs.services.values()
            if service.cluster == cluster
            and service.status == "ACTIVE"
            and given.get("launchType") in (None, service.params.get("launchType"))
            and given.get("schedulingStrategy") in (None, service.params["schedulingStrategy"])
        ]
        return ActionResult(_page(given, "serviceArns", sorted(arns), 10))

    # ---- tasks

    def list_tasks(self) -> ActionResult:
        given, known = self.parameters(), self.known
        cluster = known.cluster(given.get("cluster")).name
        if given.get("serviceName"):
            self._any(given["serviceName"], cluster)
        live = (given.get("desiredStatus") or "RUNNING") == "RUNNING"
        pending = given.get("desiredStatus") == "PENDING"  # "this doesn't return any results"
        family = given.get("family")
        arns = [
            self.views.task_arn(service, task)
            for service, task in self._tasks(cluster)
            if task.live is live
            and not pending
            and given.get("serviceName", service.name).split("/")[-1] == service.name
            and family in (None, task.revision.task_definition.split("/")[-1].split(":")[0])
            and given.get("startedBy") in (None, task.started_by)
            and given.get("launchType") in (None, service.params.get("launchType"))
            and not given.get("containerInstance")
        ]
        return ActionResult(_page(given, "taskArns", arns, 100))

    def describe_tasks(self) -> ActionResult:
        given, known = self.parameters(), self.known
        cluster = known.cluster(given.get("cluster")).name
        tags = "TAGS" in (given.get("include") or ())
        found, failures = [], []
        for name in given["tasks"]:
            hit = self.lab.ecs.find_task(name.split("/")[-1], cluster)
            if hit is None:
                arn = self.lab.arn("ecs", f"task/{cluster}/{name.split('/')[-1]}")
                failures.append({"arn": arn, "reason": "MISSING"})
                continue
            service, task = hit
            found.append(self.views.task(service, task, known.task_definition(task.revision.task_definition), tags))
        return ActionResult({"tasks": found, "failures": failures})

    # ---- service deployments and revisions

    def list_service_deployments(self) -> ActionResult:
        given = self.parameters()
        service = self._any(given["service"], given.get("cluster"))
        created = given.get("createdAt") or {}
        rows = [
            self.views.brief(service, entry)
            for entry in service.history
            if entry.status in (given.get("status") or [entry.status])
            and (not created.get("after") or entry.created_at >= created["after"])
            and (not created.get("before") or entry.created_at <= created["before"])
        ]
        return ActionResult(_page(given, "serviceDeployments", rows, 20))

    def describe_service_deployments(self) -> ActionResult:
        arns = self.parameters()["serviceDeploymentArns"]
        found = {self.views.deployment_arn(s, entry): (s, entry) for s, entry in self._history()}
        return ActionResult(_described("serviceDeployments", arns, found, self.views.service_deployment))

    def describe_service_revisions(self) -> ActionResult:
        arns = self.parameters()["serviceRevisionArns"]
        found: dict[str, tuple[Service, Revision]] = {
            self.views.revision_arn(s, made): (s, made) for s in self.lab.ecs.everything for made in s.revisions
        }
        return ActionResult(_described("serviceRevisions", arns, found, self.views.revision))

    # ---- what moto keeps, with our counts and services

    def describe_clusters(self) -> ActionResult:
        for cluster in self.ecs_backend.clusters.values():
            services = [s for s in self.lab.ecs.services.values() if s.cluster == cluster.name]
            live = [task for _ignored, task in self._tasks(cluster.name) if task.live]
            cluster.active_services_count = sum(s.status == "ACTIVE" for s in services)
            cluster.running_tasks_count = sum(task.status == "RUNNING" for task in live)
            cluster.pending_tasks_count = len(live) - cluster.running_tasks_count
        return super().describe_clusters()

    def describe_task_definition(self) -> ActionResult:
        """By family alone: the latest ACTIVE revision (moto answers with the latest)."""
        given = self.parameters()
        found = self.known.task_definition(given["taskDefinition"])
        if found is None:
            raise AwsError("ClientException", "Unable to describe task definition.")
        view: dict[str, Any] = {"taskDefinition": self.ecs_backend.describe_task_definition(found.arn)}
        if "TAGS" in (given.get("include") or ()):
            view["tags"] = list(found.tags)
        return ActionResult(view)

    def list_tags_for_resource(self) -> ActionResult:
        service = self._by_arn()
        return super().list_tags_for_resource() if service is None else ActionResult({"tags": service.tags})

    # ---- helpers

    def _any(self, name: str, cluster: str | None) -> Service:
        """Raises ServiceNotFoundException."""
        self.known.cluster(cluster)
        found = self.known.service(name, cluster)
        if found is None:
            raise AwsError("ServiceNotFoundException", "Service not found.")
        return found

    def _active(self, name: str, cluster: str | None) -> Service:
        """Raises ServiceNotFoundException or ServiceNotActiveException."""
        found = self._any(name, cluster)
        if found.status != "ACTIVE":
            raise AwsError("ServiceNotActiveException", "Service was not ACTIVE.")
        return found

    def _tasks(self, cluster: str) -> list[tuple[Service, Task]]:
        services = [s for s in self.lab.ecs.everything if s.cluster == cluster]
        return [(service, task) for service in services for task in service.tasks.values()]

    def _history(self) -> list[tuple[Service, ServiceDeployment]]:
        return [(service, entry) for service in self.lab.ecs.everything for entry in service.history]

    def _by_arn(self) -> Service | None:
        """The service that `resourceArn` names; None for a resource of another kind."""
        arn = self.parameters()["resourceArn"]
        if ":service/" not in arn:
            return None
        return self._any(arn, arn.split("/")[-2])


def _page(given: Mapping[str, Any], name: str, items: Sequence[Any], size: int) -> dict[str, Any]:
    """One page; the token is the place where the next one starts."""
    start, size = int(given.get("nextToken") or 0), int(given.get("maxResults") or size)
    more = str(start + size) if start + size < len(items) else None
    return present({name: list(items[start : start + size]), "nextToken": more})


def _described(
    name: str, arns: Sequence[str], found: Mapping[str, tuple[Service, Any]], view: Callable[[Service, Any], Any]
) -> dict[str, Any]:
    return {
        name: [view(*found[arn]) for arn in arns if arn in found],
        "failures": [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in found],
    }
