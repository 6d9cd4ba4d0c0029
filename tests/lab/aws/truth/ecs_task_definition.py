# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWS refuses in RegisterTaskDefinition: above all what Fargate cannot run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.lab.aws.truth.base import Params, Refusal, Rule

PARAMETERS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html"
ERRORS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html"
FARGATE = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html"

# cpu units -> MiB. Source: the table of ERRORS; botocore ecs/2014-11-13, RegisterTaskDefinitionRequest.memory.
SIZES: Mapping[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
}


def client(message: str) -> Refusal:
    return Refusal("ClientException", message)


def _fargate(params: Params) -> bool:
    return "FARGATE" in (params.get("requiresCompatibilities") or ())


def _containers(params: Params) -> list[Mapping[str, Any]]:
    return list(params.get("containerDefinitions") or ())


def amount(text: object, unit: str, factor: int) -> int | None:
    """`"512"`, `".5 vCPU"`, `"1 GB"` in cpu units or MiB; None for anything else."""
    words = str(text).lower().removesuffix(unit).strip()
    try:
        return int(words) if words == str(text).strip() else round(float(words) * factor)
    except ValueError:
        return None


def network_mode(params: Params, _known: object) -> Refusal | None:
    if _fargate(params) and params.get("networkMode") != "awsvpc":
        return client("Fargate only supports network mode ‘awsvpc’.")
    return None


def size(params: Params, _known: object) -> Refusal | None:
    if not _fargate(params):
        return None
    for name in ("cpu", "memory"):
        if not params.get(name):
            return client(f"Fargate requires that '{name}' be defined at the task level.")
    memory = amount(params["memory"], "gb", 1024)
    if memory not in SIZES.get(amount(params["cpu"], "vcpu", 1024) or 0, ()):
        return client("No Fargate configuration exists for given values.")
    return None


def privileged(params: Params, _known: object) -> Refusal | None:
    if _fargate(params) and any(container.get("privileged") for container in _containers(params)):
        return client("Fargate compatible task definitions do not support privileged.")
    return None


def host_ports(params: Params, _known: object) -> Refusal | None:
    if params.get("networkMode") not in ("awsvpc", "host"):
        return None
    for container in _containers(params):
        for mapping in container.get("portMappings") or ():
            if mapping.get("hostPort") not in (None, mapping.get("containerPort")):
                mode = params["networkMode"]
                return client(
                    f"When networkMode={mode}, the host ports and container ports in port mappings must match."
                )
    return None


def execution_role(params: Params, _known: object) -> Refusal | None:
    if params.get("executionRoleArn"):
        return None
    for container in _containers(params):
        if container.get("secrets"):
            return client(
                "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
            )
        driver = (container.get("logConfiguration") or {}).get("logDriver")
        if _fargate(params) and driver == "awslogs":
            return client("Fargate requires task definition to have execution role ARN to support log driver awslogs.")
    return None


def stop_timeout(params: Params, _known: object) -> Refusal | None:
    for container in _containers(params):
        if _fargate(params) and (container.get("stopTimeout") or 0) > 120:
            return client(f"Container {container.get('name')}: the maximum stopTimeout on Fargate is 120 seconds.")
    return None


def essential(params: Params, _known: object) -> Refusal | None:
    containers = _containers(params)
    if containers and not any(container.get("essential", True) for container in containers):
        return client("Task definition does not have any essential container.")
    return None


def empty_tags(params: Params, _known: object) -> Refusal | None:
    return client("Tags can not be empty.") if params.get("tags") == [] else None


def placement(params: Params, _known: object) -> Refusal | None:
    if _fargate(params) and params.get("placementConstraints"):
        return client("Fargate compatible task definitions do not support constraints.")
    return None


RULES = [
    Rule("RegisterTaskDefinition", network_mode, FARGATE + " (network mode)"),
    Rule("RegisterTaskDefinition", size, ERRORS),
    Rule("RegisterTaskDefinition", privileged, PARAMETERS + " (privileged: not on Fargate)"),
    Rule("RegisterTaskDefinition", host_ports, PARAMETERS + " (hostPort)"),
    Rule("RegisterTaskDefinition", execution_role, PARAMETERS + " (executionRoleArn); log driver awslogs, secrets"),
    Rule("RegisterTaskDefinition", stop_timeout, PARAMETERS + " (stopTimeout)"),
    Rule("RegisterTaskDefinition", essential, PARAMETERS + " (essential)"),
    Rule("RegisterTaskDefinition", placement, FARGATE + " (placement constraints)"),
    Rule(
        "RegisterTaskDefinition", empty_tags, "seen in a real account: RegisterTaskDefinition with an empty tags list"
    ),
]
