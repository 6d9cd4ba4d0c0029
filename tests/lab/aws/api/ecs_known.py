# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ECS looks up elsewhere: task definitions, clusters, subnets, target groups, rules, secrets.

moto keeps these; this is the only place where the ECS part reads them. `Known` is also what the rules
of `truth/ecs.py` are handed as facts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from moto.backends import get_backend

from tests.lab.aws.core import AwsError, Lab
from tests.lab.aws.engine.ecs_model import ContainerSpec, HealthCheck, LoadBalancer, Revision, Service
from tests.lab.aws.engine.ecs_scheduler import Scheduler, SecretUnavailableError
from tests.lab.aws.ports import RuleShape, Targets


@dataclass(frozen=True)
class TaskDefinition:
    """What ECS needs of a registered task definition."""

    arn: str
    family: str
    active: bool
    network_mode: str
    compatibilities: tuple[str, ...]
    cpu: str
    memory: str
    containers: tuple[Mapping[str, Any], ...]
    tags: tuple[dict[str, str], ...]

    def container(self, name: str) -> Mapping[str, Any] | None:
        return next((container for container in self.containers if container["name"] == name), None)


class Known:
    def __init__(self, lab: Lab, scheduler: Scheduler, targets: Targets) -> None:
        self.lab, self.scheduler, self.targets = lab, scheduler, targets

    def _backend(self, service: str) -> Any:
        return get_backend(service)[self.lab.account][self.lab.region]

    # ---- ECS's own

    def cluster(self, name: str | None) -> Any:
        """moto's cluster, by name or ARN. Raises AwsError for one that is not there or not ACTIVE."""
        found = self._backend("ecs").clusters.get((name or "default").split("/")[-1])
        if found is None or found.status != "ACTIVE":
            raise AwsError("ClusterNotFoundException", "Cluster not found.")
        return found

    def service(self, name: str, cluster: str | None) -> Service | None:
        """By name or ARN; the newest that had this name."""
        parts = name.split("/")
        owner = parts[-2] if name.startswith("arn:") and len(parts) == 3 else (cluster or "default").split("/")[-1]
        return self.scheduler.services.get((owner, parts[-1]))

    def task_definition(self, reference: str) -> TaskDefinition | None:
        """By ARN, family:revision, or family (its latest ACTIVE revision)."""
        family, _ignored, number = reference.split("/")[-1].partition(":")
        revisions = self._backend("ecs").task_definitions.get(family, {})
        if number:
            found = revisions.get(int(number)) if number.isdigit() else None
        else:
            active = [revision for revision in revisions.values() if revision.status == "ACTIVE"]
            found = max(active, key=lambda revision: revision.revision, default=None)
        if found is None:
            return None
        return TaskDefinition(
            arn=found.arn,
            family=found.family,
            active=found.status == "ACTIVE",
            network_mode=found.network_mode or "bridge",
            compatibilities=tuple(found.compatibilities),
            cpu=str(found.cpu or ""),
            memory=str(found.memory or ""),
            containers=tuple(found.container_definitions),
            tags=tuple(found.tags or ()),
        )

    # ---- other services'

    def zone(self, subnet: str) -> str | None:
        found = self._backend("ec2").describe_subnets(filters={"subnet-id": [subnet]})
        return str(found[0].availability_zone) if found else None

    def security_group(self, group: str) -> bool:
        return self._backend("ec2").get_security_group_from_id(group) is not None

    def default_security_group(self, subnet: str) -> str:
        """The VPC's default group: what a task gets that names none."""
        ec2 = self._backend("ec2")
        vpc = ec2.describe_subnets(filters={"subnet-id": [subnet]})[0].vpc_id
        return str(ec2.get_security_group_from_name("default", vpc).id)

    def target_type(self, group: str) -> str | None:
        """`ip` or `instance`; None for a target group that does not exist."""
        found = self._backend("elbv2").target_groups.get(group)
        return str(found.target_type or "instance") if found else None

    def attached(self, group: str) -> bool:
        """Some load balancer forwards to the group."""
        return self.targets.attached(group)

    def rule(self, arn: str) -> RuleShape | None:
        """The listener rule, if there is one."""
        return self.scheduler.traffic.rule(arn) if self.scheduler.traffic else None

    def read_secret(self, arn: str) -> str:
        """A container's secret; Secrets Manager's `…:json-key:version-stage:version-id` suffix names a key."""
        if ":secretsmanager:" not in arn:
            raise SecretUnavailableError(f"the lab reads secrets from Secrets Manager only, not {arn}")
        base, key = arn, ""
        if len(arn.split(":")) > 7:
            base, key = ":".join(arn.split(":")[:7]), arn.split(":")[7]
        try:
            text = str(self._backend("secretsmanager").get_secret_value(base, "", "")["SecretString"])
        except Exception as error:
            raise SecretUnavailableError(f"execution resource retrieval failed: {error}") from error
        return _member(text, key) if key else text


def _member(text: str, key: str) -> str:
    try:
        return str(json.loads(text)[key])
    except (ValueError, KeyError, TypeError) as error:
        raise SecretUnavailableError(f"retrieved secret did not contain json key {key}") from error


# ---- requests into the engine's words ------------------------------------------------------------

# UpdateService members whose change starts a deployment, and those whose change does not. Source:
# botocore ecs/2014-11-13, UpdateServiceRequest: "This parameter triggers a new service deployment."
# and "This parameter doesn't trigger a new service deployment."
TRIGGERS = (
    "taskDefinition",
    "networkConfiguration",
    "platformVersion",
    "loadBalancers",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
)
SILENT = (
    "desiredCount",
    "capacityProviderStrategy",
    "deploymentConfiguration",
    "availabilityZoneRebalancing",
    "placementConstraints",
    "placementStrategy",
    "healthCheckGracePeriodSeconds",
    "enableExecuteCommand",
    "enableECSManagedTags",
    "propagateTags",
)


def revision(known: Known, service: Service, shown: Mapping[str, Any]) -> Revision:
    """A new revision of the service. `shown`: its TRIGGERS in the API's words, taskDefinition as an ARN."""
    definition = known.task_definition(shown["taskDefinition"])
    if definition is None:
        raise AwsError("ClientException", "TaskDefinition not found.")
    network = (shown.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    subnets = tuple(network.get("subnets") or ())
    groups = tuple(network.get("securityGroups") or ()) or (known.default_security_group(subnets[0]),)
    return Revision(
        id=service.ids.revision(),
        task_definition=definition.arn,
        containers=tuple(container(item) for item in definition.containers),
        subnets=subnets,
        zones={subnet: known.zone(subnet) or "" for subnet in subnets},
        security_groups=groups,
        load_balancers=tuple(balanced(lb) for lb in shown.get("loadBalancers") or ()),
        shown={**shown, "taskDefinition": definition.arn},
        created_at=known.lab.clock.utc(),
    )


def balanced(given: Mapping[str, Any]) -> LoadBalancer:
    """An entry of loadBalancers."""
    advanced = given.get("advancedConfiguration") or {}
    return LoadBalancer(
        given["targetGroupArn"],
        given["containerName"],
        int(given["containerPort"]),
        alternate=advanced.get("alternateTargetGroupArn") or "",
        production=advanced.get("productionListenerRule") or "",
        test=advanced.get("testListenerRule") or "",
        role=advanced.get("roleArn") or "",
    )


def container(given: Mapping[str, Any]) -> ContainerSpec:
    """A containerDefinition as the engine runs it: entryPoint and command together are the command."""
    check = given.get("healthCheck")
    return ContainerSpec(
        name=given["name"],
        image=given["image"],
        command=(*(given.get("entryPoint") or ()), *(given.get("command") or ())),
        environment=_pairs(given.get("environment") or (), "value"),
        secrets=_pairs(given.get("secrets") or (), "valueFrom"),
        ports=tuple(int(mapping["containerPort"]) for mapping in given.get("portMappings") or ()),
        essential=bool(given.get("essential", True)),
        stop_timeout=float(given.get("stopTimeout") or 30),
        health_check=_health_check(check) if check else None,
    )


def _health_check(given: Mapping[str, Any]) -> HealthCheck:
    return HealthCheck(
        tuple(given["command"]),
        float(given.get("interval") or 30),
        float(given.get("timeout") or 5),
        int(given.get("retries") or 3),
        float(given.get("startPeriod") or 0),
    )


def _pairs(items: Iterable[Mapping[str, Any]], value: str) -> dict[str, str]:
    return {item["name"]: item[value] for item in items}
