# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of ECS's things, and its service deployments and revisions, in the API's words.

Shapes: botocore ecs/2014-11-13: ServiceDeployment, ServiceDeploymentBrief, ServiceRevision.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.lab.aws.core import Lab
from tests.lab.aws.engine.ecs_model import ContainerSpec, Revision, Service, ServiceDeployment, Task

View = dict[str, Any]
FAMILY, LATEST = "Linux", "1.4.0"  # Fargate's platform family, and the version that LATEST stands for


def present(view: Mapping[str, Any]) -> View:
    """Without what has no value: AWS leaves such members out."""
    return {key: value for key, value in view.items() if value is not None}


class DeploymentViews:
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
                    {**self.revision_counts(service, r, counts[r.id]), **_shares(entry, target=False)}
                    for r in entry.sources
                ],
                "targetServiceRevision": {
                    **self.revision_counts(service, entry.target, counts[entry.target.id]),
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
                **platform(revision),
                "serviceRevisionArn": self.revision_arn(service, revision),
                "serviceArn": self.service_arn(service),
                "clusterArn": self.cluster_arn(service.cluster),
                "launchType": service.params.get("launchType"),
                "capacityProviderStrategy": service.params.get("capacityProviderStrategy"),
                "containerImages": [image(spec) for spec in revision.containers],
                "guardDutyEnabled": False,
                "createdAt": revision.created_at,
                "resolvedConfiguration": {"loadBalancers": resolved} if resolved else None,
            }
        )

    def revision_counts(self, service: Service, revision: Revision, counts: tuple[int, int, int]) -> View:
        wanted, running, pending = counts
        return {
            "arn": self.revision_arn(service, revision),
            "requestedTaskCount": wanted,
            "runningTaskCount": running,
            "pendingTaskCount": pending,
        }


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


def platform(revision: Revision) -> View:
    version = revision.shown.get("platformVersion", "LATEST")
    return {"platformVersion": LATEST if version == "LATEST" else version, "platformFamily": FAMILY}


def image(spec: ContainerSpec) -> View:
    _ignored, _ignored, digest = spec.image.partition("@")
    return present({"containerName": spec.name, "image": spec.image, "imageDigest": digest or None})
