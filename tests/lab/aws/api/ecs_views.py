# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ECS engine's state in the API's words. Nothing here decides anything.

Shapes: botocore ecs/2014-11-13: Service, Deployment, Task, ServiceDeployment, ServiceRevision.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.lab.aws.core import Lab
from tests.lab.aws.engine.ecs_books import requested
from tests.lab.aws.engine.ecs_model import (
    LIVE,
    ContainerSpec,
    Deployment,
    Revision,
    Service,
    ServiceDeployment,
    Task,
)
from tests.lab.aws.engine.ecs_tasks import health_status

View = dict[str, Any]
ROLE = "aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
FAMILY, LATEST = "Linux", "1.4.0"  # Fargate's platform family, and the version that LATEST stands for


def present(view: Mapping[str, Any]) -> View:
    """Without what has no value: AWS leaves such members out."""
    return {key: value for key, value in view.items() if value is not None}


class Views:
    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    # ---- names

    def cluster_arn(self, name: str) -> str:
        return self.lab.arn("ecs", f"cluster/{name}")

    def service_arn(self, service: Service) -> str:
        return self.lab.arn("ecs", f"service/{service.cluster}/{service.name}")

    def task_arn(self, service: Service, task: Task) -> str:
        return self.lab.arn("ecs", f"task/{service.cluster}/{task.id}")

    def deployment_arn(self, service: Service, entry: ServiceDeployment) -> str:
        return self.lab.arn("ecs", f"service-deployment/{service.cluster}/{service.name}/{entry.id}")

    def revision_arn(self, service: Service, revision: Revision) -> str:
        return self.lab.arn("ecs", f"service-revision/{service.cluster}/{service.name}/{revision.id}")

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
                **_platform(deployment.revision),
                "networkConfiguration": shown.get("networkConfiguration"),
                "rolloutState": deployment.rollout,
                "rolloutStateReason": deployment.reason,
            }
        )

    def _current_revisions(self, service: Service) -> list[View]:
        revisions = {d.revision.id: d.revision for d in service.deployments}
        return [
            self._revision_counts(service, revision, _live_counts(service, revision)) for revision in revisions.values()
        ]

    def _revision_counts(self, service: Service, revision: Revision, counts: tuple[int, int, int]) -> View:
        wanted, running, pending = counts
        return {
            "arn": self.revision_arn(service, revision),
            "requestedTaskCount": wanted,
            "runningTaskCount": running,
            "pendingTaskCount": pending,
        }

    # ---- service deployments and revisions

    def brief(self, service: Service, entry: ServiceDeployment) -> View:
        """A row of ListServiceDeployments."""
        return present(
            {
                "serviceDeploymentArn": self.deployment_arn(service, entry),
                "serviceArn": self.service_arn(service),
                "clusterArn": self.cluster_arn(service.cluster),
                "createdAt": entry.created_at,
                "startedAt": entry.started_at,
                "finishedAt": entry.finished_at or entry.stopped_at,
                "targetServiceRevisionArn": self.revision_arn(service, entry.target),
                "status": entry.status,
                "statusReason": entry.reason or None,
            }
        )

    def service_deployment(self, service: Service, entry: ServiceDeployment) -> View:
        view = self.brief(service, entry)
        del view["targetServiceRevisionArn"]
        counts = {**{r.id: (0, 0, 0) for r in (entry.target, *entry.sources)}, **entry.counts}
        return present(
            {
                **view,
                "updatedAt": entry.updated_at,
                "stoppedAt": entry.stopped_at,
                "sourceServiceRevisions": [
                    {**self._revision_counts(service, r, counts[r.id]), **_shares(entry, target=False)}
                    for r in entry.sources
                ],
                "targetServiceRevision": {
                    **self._revision_counts(service, entry.target, counts[entry.target.id]),
                    **_shares(entry, target=True),
                },
                "lifecycleStage": entry.stage or None,
                "lifecycleHookDetails": _hooks(entry),
                "deploymentConfiguration": entry.config,
                "rollback": self._rollback(service, entry),
                "deploymentCircuitBreaker": {
                    "status": entry.breaker,
                    "failureCount": entry.failures,
                    "threshold": entry.threshold,
                },
                "alarms": {
                    "status": entry.watch.status,
                    "alarmNames": list(entry.watch.names),
                    "triggeredAlarmNames": list(entry.watch.triggered),
                },
            }
        )

    def _rollback(self, service: Service, entry: ServiceDeployment) -> View | None:
        if entry.rollback is None:
            return None
        return {
            "reason": entry.rollback_reason,
            "startedAt": entry.rollback_started_at,
            "serviceRevisionArn": self.revision_arn(service, entry.rollback),
        }

    def revision(self, service: Service, revision: Revision) -> View:
        """With the resolved configuration: the target group that serves and the rule that leads to it."""
        resolved = [
            present({"targetGroupArn": lb.group, "productionListenerRule": lb.production or None})
            for lb in revision.load_balancers
        ]
        return present(
            {
                **revision.shown,
                **_platform(revision),
                "serviceRevisionArn": self.revision_arn(service, revision),
                "serviceArn": self.service_arn(service),
                "clusterArn": self.cluster_arn(service.cluster),
                "launchType": service.params.get("launchType"),
                "capacityProviderStrategy": service.params.get("capacityProviderStrategy"),
                "containerImages": [_image(spec) for spec in revision.containers],
                "guardDutyEnabled": False,
                "createdAt": revision.created_at,
                "resolvedConfiguration": {"loadBalancers": resolved} if resolved else None,
            }
        )

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
                **_platform(task.revision),
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
                **{{"containerName": "name"}.get(key, key): value for key, value in _image(spec).items()},
                "lastStatus": last
                or ("STOPPED" if spec.name in task.exit_codes else "PENDING" if task.live else "RUNNING"),
                "exitCode": task.exit_codes.get(spec.name),
                "reason": task.stop_reason if task.stop_code == "TaskFailedToStart" else None,
                "healthStatus": check.verdict if check else "UNKNOWN",
                "networkInterfaces": [address] if task.address else [],
                "networkBindings": [],
            }
        )


def _shares(entry: ServiceDeployment, target: bool) -> View:
    """Percent of the traffic, of the revision on its way in (`target`) or of the one that serves."""
    native = entry.native
    if native is None:
        return {}
    test, production = (share if target else 100.0 - share for share in (native.test, native.production))
    return {"requestedTestTrafficWeight": test, "requestedProductionTrafficWeight": production}


def _hooks(entry: ServiceDeployment) -> list[View] | None:
    """Those of the stage that was entered last. Shape: botocore, DeploymentLifecycleHookDetail."""
    if entry.native is None:
        return None
    return [
        {
            "hookId": hook.id,
            "targetType": "PAUSE",
            "status": hook.status,
            "expiresAt": hook.expires_at,
            "timeoutAction": hook.on_timeout,
        }
        for hook in entry.native.hooks
    ]


def _attachment_id(task: Task) -> str:
    text = task.id[::-1]
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _platform(revision: Revision) -> View:
    version = revision.shown.get("platformVersion", "LATEST")
    return {"platformVersion": LATEST if version == "LATEST" else version, "platformFamily": FAMILY}


def _image(spec: ContainerSpec) -> View:
    _ignored, _ignored, digest = spec.image.partition("@")
    return present({"containerName": spec.name, "image": spec.image, "imageDigest": digest or None})


def _counts(service: Service, deployment: str | None = None) -> tuple[int, int]:
    """(RUNNING, on the way there)."""
    live = service.live(deployment)
    running = sum(task.status == "RUNNING" for task in live)
    return running, len(live) - running


def _live_counts(service: Service, revision: Revision) -> tuple[int, int, int]:
    tasks = [task for task in service.tasks.values() if task.revision.id == revision.id and task.status in LIVE]
    running = sum(task.status == "RUNNING" for task in tasks)
    return requested(service, revision), running, len(tasks) - running
