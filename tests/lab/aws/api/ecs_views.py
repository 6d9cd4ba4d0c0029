# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ECS engine's state in the API's words. Nothing here decides anything.

Shapes: botocore ecs/2014-11-13: Service, Deployment, Task; the other half is in `ecs_deployment_views`.
"""

from __future__ import annotations

from typing import Any

from tests.lab.aws.api.ecs_deployment_views import FAMILY, DeploymentViews, View, image, platform, present
from tests.lab.aws.engine.ecs_books import requested
from tests.lab.aws.engine.ecs_model import (
    LIVE,
    ContainerSpec,
    Deployment,
    Revision,
    Service,
    Task,
)
from tests.lab.aws.engine.ecs_tasks import health_status

ROLE = "aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"


class Views(DeploymentViews):
    """With services and tasks, all of it."""

    # ---- services

    def service(self, service: Service, tags: bool = False) -> View:
        primary, params = service.primary, service.params
        counts = _counts(service)
        current = service.current
        return present(
            {
                **params,
                **primary.revision.shown,
                "platformFamily": FAMILY,
                "serviceArn": self.service_arn(service),
                "serviceName": service.name,
                "clusterArn": self.cluster_arn(service.cluster),
                "status": service.status,
                "desiredCount": service.desired,
                "runningCount": counts[0],
                "pendingCount": counts[1],
                "deploymentConfiguration": service.config,
                "healthCheckGracePeriodSeconds": int(service.grace),
                "deployments": [self._deployment(service, d) for d in service.deployments],
                "currentServiceDeployment": None if current.over else self.deployment_arn(service, current),
                "currentServiceRevisions": self._current_revisions(service),
                "events": [
                    {"id": event.id, "createdAt": event.created_at, "message": event.message}
                    for event in service.events
                ],
                "createdAt": service.created_at,
                "roleArn": f"arn:aws:iam::{self.lab.account}:role/{ROLE}",
                "createdBy": f"arn:aws:iam::{self.lab.account}:root",
                "tags": service.tags if tags else None,
            }
        )

    def _deployment(self, service: Service, deployment: Deployment) -> View:
        running, pending = _counts(service, deployment.id)
        shown = deployment.revision.shown
        return present(
            {
                "id": deployment.id,
                "status": deployment.status,
                "taskDefinition": deployment.revision.task_definition,
                "desiredCount": requested(service, deployment.revision),
                "pendingCount": pending,
                "runningCount": running,
                "failedTasks": deployment.failed,
                "createdAt": deployment.created_at,
                "updatedAt": deployment.updated_at,
                "launchType": service.params.get("launchType"),
                "capacityProviderStrategy": service.params.get("capacityProviderStrategy"),
                **platform(deployment.revision),
                "networkConfiguration": shown.get("networkConfiguration"),
                "rolloutState": deployment.rollout,
                "rolloutStateReason": deployment.reason,
            }
        )

    def _current_revisions(self, service: Service) -> list[View]:
        revisions = {d.revision.id: d.revision for d in service.deployments}
        return [
            self.revision_counts(service, revision, _live_counts(service, revision)) for revision in revisions.values()
        ]

    # ---- tasks

    def task(self, service: Service, task: Task, definition: Any, tags: bool = False) -> View:
        """`definition`: its TaskDefinition (cpu, memory), or None when it is gone."""
        interface = task.interface
        stopped = task.stopped
        attachments = [self._attachment(task)] if interface else []
        return present(
            {
                "taskArn": self.task_arn(service, task),
                "clusterArn": self.cluster_arn(service.cluster),
                "taskDefinitionArn": task.revision.task_definition,
                "group": f"service:{service.name}",
                "startedBy": task.started_by,
                "launchType": service.params.get("launchType", "FARGATE"),
                **platform(task.revision),
                "cpu": definition.cpu if definition else None,
                "memory": definition.memory if definition else None,
                "lastStatus": task.status,
                "desiredStatus": "RUNNING" if task.live else "STOPPED",
                "healthStatus": health_status(task),
                "availabilityZone": task.zone or None,
                "connectivity": "CONNECTED" if task.running else None,
                "connectivityAt": task.running.utc if task.running else None,
                "createdAt": task.created.utc,
                "pullStartedAt": task.pull_started_at,
                "pullStoppedAt": task.pull_stopped_at,
                "startedAt": task.running.utc if task.running else None,
                "stoppingAt": task.stopping_at,
                "executionStoppedAt": stopped.utc if stopped else None,
                "stoppedAt": stopped.utc if stopped else None,
                "stopCode": task.stop_code or None,
                "stoppedReason": task.stop_reason or None,
                "version": task.version,
                "enableExecuteCommand": bool(service.params.get("enableExecuteCommand")),
                "attachments": attachments,
                "attributes": [{"name": "ecs.cpu-architecture", "value": "x86_64"}],
                "containers": [self._container(service, task, spec) for spec in task.revision.containers],
                "overrides": {"containerOverrides": [{"name": spec.name} for spec in task.revision.containers]},
                "tags": task.tags if tags else None,
            }
        )

    def _attachment(self, task: Task) -> View:
        assert task.interface is not None
        details = {
            "subnetId": task.interface.subnet,
            "networkInterfaceId": task.interface.id,
            "macAddress": task.interface.mac,
            "privateIPv4Address": task.interface.address,
        }
        return {
            "id": _attachment_id(task),
            "type": "ElasticNetworkInterface",
            "status": "DELETED" if task.status == "STOPPED" else "ATTACHED",
            "details": [{"name": name, "value": value} for name, value in details.items()],
        }

    def _container(self, service: Service, task: Task, spec: ContainerSpec) -> View:
        last = task.status if task.status in ("PENDING", "RUNNING", "STOPPED") else None
        check = task.checks.get(spec.name)
        address = {"attachmentId": _attachment_id(task), "privateIpv4Address": task.address}
        return present(
            {
                "containerArn": self.lab.arn("ecs", f"container/{service.cluster}/{task.id}/{spec.name}"),
                "taskArn": self.task_arn(service, task),
                **{{"containerName": "name"}.get(key, key): value for key, value in image(spec).items()},
                "lastStatus": last
                or ("STOPPED" if spec.name in task.exit_codes else "PENDING" if task.live else "RUNNING"),
                "exitCode": task.exit_codes.get(spec.name),
                "reason": task.stop_reason if task.stop_code == "TaskFailedToStart" else None,
                "healthStatus": check.verdict if check else "UNKNOWN",
                "networkInterfaces": [address] if task.address else [],
                "networkBindings": [],
            }
        )


def _attachment_id(task: Task) -> str:
    text = task.id[::-1]
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _counts(service: Service, deployment: str | None = None) -> tuple[int, int]:
    """(RUNNING, on the way there)."""
    live = service.live(deployment)
    running = sum(task.status == "RUNNING" for task in live)
    return running, len(live) - running


def _live_counts(service: Service, revision: Revision) -> tuple[int, int, int]:
    tasks = [task for task in service.tasks.values() if task.revision.id == revision.id and task.status in LIVE]
    running = sum(task.status == "RUNNING" for task in tasks)
    return requested(service, revision), running, len(tasks) - running
