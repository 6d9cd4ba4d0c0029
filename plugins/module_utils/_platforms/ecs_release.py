# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ECS release: its canonical content, its id, and the API inputs rendered from it. Pure.

Parameters are those of `_glue.argspec_ecs.ecs_rollout()`, validated. Everything rendered is in the API's own
shape (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html and
API_CreateService.html), without the members that were not given.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .._engine.model import Release
from . import ecs_diff, ecs_plan
from .aws_names import ID_LENGTH, RELEASE_TAG, SERVICE_TAG, alarm_name, given, pairs, service_key, tag_list, text

ROLLOUT_TAG = "greenlight:made-by"  # on a service: id of the rollout that created it
RELEASE_VARIABLE = "GREENLIGHT_RELEASE"

Json = dict[str, Any]


def _container(container: Mapping[str, Any]) -> Json:
    check, log, linux = (
        container.get(name) or {} for name in ("health_check", "log_configuration", "linux_parameters")
    )
    rendered = given(
        {
            "name": container["name"],
            "image": container["image"],
            "command": container.get("command"),
            "entryPoint": container.get("entry_point"),
            "workingDirectory": container.get("working_directory"),
            "memory": container.get("memory"),
            "memoryReservation": container.get("memory_reservation"),
            "portMappings": [_port(port) for port in container.get("port_mappings") or []],
            "environment": pairs(container.get("environment")),
            "secrets": pairs(container.get("secrets"), value="valueFrom"),
            "user": container.get("user"),
            "stopTimeout": container.get("stop_timeout"),
            "healthCheck": _health_check(check) if check else None,
            "logConfiguration": given(
                {
                    "logDriver": log.get("driver"),
                    "options": {key: text(value) for key, value in (log.get("options") or {}).items()},
                    "secretOptions": pairs(log.get("secrets"), value="valueFrom"),
                }
            ),
            "mountPoints": [
                {"sourceVolume": m["volume"], "containerPath": m["path"], "readOnly": bool(m.get("read_only"))}
                for m in container.get("mount_points") or []
            ],
            "dependsOn": [
                {"containerName": d["container"], "condition": d.get("condition", "HEALTHY")}
                for d in container.get("depends_on") or []
            ],
            "dockerLabels": {key: text(value) for key, value in (container.get("docker_labels") or {}).items()},
        }
    )
    if linux:
        drop = sorted(linux.get("drop_capabilities") or [])
        rendered["linuxParameters"] = given(
            {"initProcessEnabled": bool(linux.get("init_process_enabled")), "capabilities": given({"drop": drop})}
        )
    rendered["cpu"] = container.get("cpu") or 0
    rendered["essential"] = container.get("essential", True)
    rendered["readonlyRootFilesystem"] = container.get("readonly_root_filesystem", True)
    return rendered


def _port(port: Mapping[str, Any]) -> Json:
    """In awsvpc mode the host port is the container port."""
    number = port["container_port"]
    return given(
        {"containerPort": number, "hostPort": number, "protocol": port.get("protocol", "tcp"), "name": port.get("name")}
    )


def _health_check(check: Mapping[str, Any]) -> Json:
    rendered = {"command": list(check["command"]), "interval": check["interval"], "timeout": check["timeout"]}
    rendered |= {"retries": check["retries"]}
    return rendered | given({"startPeriod": check.get("start_period") or None})


def _volume(volume: Mapping[str, Any]) -> Json:
    efs = volume.get("efs")
    if not efs:
        return {"name": volume["name"]}
    return {
        "name": volume["name"],
        "efsVolumeConfiguration": given(
            {
                "fileSystemId": efs["file_system_id"],
                "rootDirectory": efs.get("root_directory"),
                "transitEncryption": "ENABLED",
                "authorizationConfig": given(
                    {"accessPointId": efs.get("access_point_id"), "iam": "ENABLED" if efs.get("iam") else "DISABLED"}
                ),
            }
        ),
    }


def task_definition(params: Mapping[str, Any]) -> Json:
    """The task definition as wanted, without the release's own mark and without tags.

    `params["adopted"]`: a described one, of a service that is taken over as it is.
    """
    if params.get("adopted"):
        return _unmarked(params["adopted"])
    wanted = params["task_definition"]
    storage = wanted.get("ephemeral_storage_gib")
    return given(
        {
            "family": wanted.get("family") or params["name"],
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": str(wanted["cpu"]),
            "memory": str(wanted["memory"]),
            "runtimePlatform": {
                "cpuArchitecture": wanted.get("architecture", "X86_64"),
                "operatingSystemFamily": "LINUX",
            },
            "executionRoleArn": wanted.get("execution_role_arn"),
            "taskRoleArn": wanted.get("task_role_arn"),
            "ephemeralStorage": {"sizeInGiB": storage} if storage else None,
            "containerDefinitions": [_container(container) for container in wanted["containers"]],
            "volumes": [_volume(volume) for volume in wanted.get("volumes") or []],
        }
    )


def _unmarked(described: Mapping[str, Any]) -> Json:
    """RegisterTaskDefinition's input for a described task definition, without our mark in its environment."""
    left_out = {*ecs_diff.READ_ONLY, *ecs_diff.OURS}
    containers = [
        {
            **container,
            "environment": [one for one in container.get("environment") or [] if one["name"] != RELEASE_VARIABLE],
        }
        for container in described.get("containerDefinitions", [])
    ]
    content = {key: value for key, value in described.items() if key not in left_out}
    return {**content, "containerDefinitions": containers}


def deployment_fields(params: Mapping[str, Any]) -> Json:
    """Service fields whose change starts a deployment by itself (but for the load balancers, see below)."""
    network = params["network"]
    return {
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": sorted(network["subnets"]),
                "securityGroups": sorted(network["security_groups"]),
                "assignPublicIp": "ENABLED" if network.get("assign_public_ip") else "DISABLED",
            }
        },
        "platformVersion": params.get("platform_version", "LATEST"),
    }


def load_balancers(params: Mapping[str, Any], live: str, production_rule: str, test_rule: str) -> list[Json]:
    """`live`: the target group ARN that serves; the other one is the alternate. Rules are ARNs, "" = none.

    advancedConfiguration is there from the service's first day (with an infrastructure role), so that every
    strategy may follow every other.
    """
    wanted = params["load_balancer"]
    groups = [wanted["blue_target_group_arn"], wanted["green_target_group_arn"]]
    other = groups[1] if live == groups[0] else groups[0]
    entry: Json = {
        "targetGroupArn": live,
        "containerName": wanted["container_name"],
        "containerPort": wanted["container_port"],
    }
    if wanted.get("role_arn"):
        entry["advancedConfiguration"] = given(
            {
                "alternateTargetGroupArn": other,
                "productionListenerRule": production_rule,
                "testListenerRule": test_rule,
                "roleArn": wanted["role_arn"],
            }
        )
    return [entry]


def release(params: Mapping[str, Any]) -> Release:
    """The release that the parameters describe: id = first 12 hex digits of the SHA-256 over canonical JSON.

    The load balancer enters by its parameters, not by its rules' ARNs: those do not exist yet on a first run; and
    its two target groups as a pair, for which of them serves changes with every rollout.
    """
    balancer = {key: value for key, value in params["load_balancer"].items() if key != "rule"}
    pair = sorted((balancer.pop("blue_target_group_arn"), balancer.pop("green_target_group_arn")))
    content = {
        "task_definition": task_definition(params),
        "service": deployment_fields(params) | {"load_balancer": given({**balancer, "target_groups": pair})},
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return Release(
        hashlib.sha256(canonical.encode()).hexdigest()[:ID_LENGTH], label(content["task_definition"], balancer)
    )


def label(definition: Mapping[str, Any], balancer: Mapping[str, Any]) -> str:
    """The image behind the load balancer, its digest shortened: what a person knows a release by."""
    for container in definition.get("containerDefinitions", []):
        if container.get("name") == balancer.get("container_name"):
            image, at, digest = str(container.get("image", "")).partition("@")
            return image + (at + digest[:19] if at else "")
    return str(definition.get("family", ""))


def registration(params: Mapping[str, Any], release_id: str) -> Json:
    """RegisterTaskDefinition's input: the definition with the release's mark, and tags to find it again."""
    definition = task_definition(params)
    for container in definition["containerDefinitions"]:
        if container["name"] == params["load_balancer"]["container_name"]:
            marked = [*container.get("environment", []), {"name": RELEASE_VARIABLE, "value": release_id}]
            container["environment"] = sorted(marked, key=lambda item: str(item["name"]))
    tags = {**(params.get("tags") or {}), RELEASE_TAG: release_id, SERVICE_TAG: service_key(params)}
    return {**definition, "tags": tag_list(tags)}


def settings(params: Mapping[str, Any]) -> Json:
    """Service fields that start no deployment by themselves, and are mended apart from one."""
    alarm = alarm_name(params) if (params.get("heartbeat") or {}).get("enable") else ""
    wanted: Json = {
        "deploymentConfiguration": ecs_plan.configuration(params, alarm),
        "healthCheckGracePeriodSeconds": params["health_check_grace_seconds"],
        "availabilityZoneRebalancing": params["availability_zone_rebalancing"],
        "enableExecuteCommand": params["enable_execute_command"],
        "enableECSManagedTags": True,
        "propagateTags": params["propagate_tags"],
    }
    if params.get("manage_desired_count"):
        wanted["desiredCount"] = params["desired_count"]
    return wanted
