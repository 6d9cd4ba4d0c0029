# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the parameters themselves, all of it at once. Pure: no account is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .._engine.finding import Finding
from . import aws_heart, aws_input, aws_limits, ecs_plan, ecs_release
from . import ecs_limits as limits
from .aws_input import between

Params = Mapping[str, Any]


def findings(params: Params) -> list[Finding]:
    """`params`: validated by `_glue.argspec_ecs.ecs_rollout()`, state present."""
    first, then = (_names, _containers, _size, _roles, _network), (_deployment, aws_input.tags)
    found = [finding for check in first for finding in check(params)]
    found += aws_input.balancer(params, ecs_plan.route(params))
    found += [finding for check in then for finding in check(params)]
    return [*found, *ecs_plan.findings(params), *aws_heart.findings(params)]


def _names(params: Params) -> Iterator[Finding]:
    named = {
        "name": params["name"],
        "task_definition.family": params["task_definition"].get("family") or params["name"],
    }
    for number, container in enumerate(params["task_definition"]["containers"]):
        named[f"task_definition.containers[{number}].name"] = container["name"]
    for field, value in named.items():
        if not limits.NAME.match(str(value)):
            problem = "must be 1 to 255 letters, digits, hyphens and underscores"
            yield Finding(field, repr(value)[:60], problem, "Choose another name.")


# ---- containers ----


def _containers(params: Params) -> Iterator[Finding]:
    containers = params["task_definition"]["containers"]
    names = [container["name"] for container in containers]
    yield from aws_input.repeated("task_definition.containers", names)
    if not any(container.get("essential", True) for container in containers):
        yield Finding(
            "task_definition.containers", "none is essential", "one must be essential", "Set essential: true."
        )
    ports = [port["container_port"] for container in containers for port in container.get("port_mappings") or []]
    yield from aws_input.repeated("task_definition.containers.port_mappings", ports)
    volumes = {volume["name"] for volume in params["task_definition"].get("volumes") or []}
    for number, container in enumerate(containers):
        at = f"task_definition.containers[{number}]"
        yield from _image(at, container["image"], bool(params.get("allow_image_tag")))
        yield from _environment(at, container, params.get("allow_plain_environment") or [])
        yield from _container_parts(at, container, names, volumes)
    yield from _behind_balancer(params, containers)


def _image(at: str, image: str, tag_allowed: bool) -> Iterator[Finding]:
    field, shown = f"{at}.image", image[:120]
    name, has_digest, digest = image.partition("@")
    if "://" in image or ("@" in name) or (has_digest and "@" in digest):
        yield Finding(field, "a URL or credentials", "must be a plain image reference", "Write registry/name@sha256:….")
    elif has_digest and not limits.DIGEST.match(digest):
        problem = "has a digest that is not sha256: and 64 hex digits"
        yield Finding(field, shown, problem, "Copy the digest from the registry.")
    elif not has_digest:
        tag = name.rpartition("/")[2].partition(":")[2]
        if not tag_allowed:
            problem = "names no digest, so the same text may mean another model tomorrow"
            yield Finding(field, shown, problem, "Write registry/name@sha256:…, or give allow_image_tag: true.")
        elif tag in ("", "latest"):
            yield Finding(field, shown, "must name a tag other than latest", "Name the tag of this release.")


def _environment(at: str, container: Params, allowed: list[str]) -> Iterator[Finding]:
    for name, value in sorted((container.get("environment") or {}).items()):
        field = f"{at}.environment.{name}"
        if name == ecs_release.RELEASE_VARIABLE:
            yield Finding(field, "set", "is set by greenlight itself", "Remove it.")
        elif value is None or isinstance(value, bool | float | list | dict):
            problem = f"is a YAML {type(value).__name__}, not a text"
            yield Finding(field, type(value).__name__, problem, "Put it in quotes.")
        elif name not in allowed and aws_limits.looks_secret(str(name), str(value)):
            mend = "Move it to Secrets Manager and name its ARN under secrets, or name it in allow_plain_environment."
            yield Finding(field, "a value that is not shown", "looks like a secret in plain text", mend)
    for name, source in sorted((container.get("secrets") or {}).items()):
        if not limits.SECRET_SOURCE.match(str(source)):
            problem = "must be the ARN of a Secrets Manager secret or of a parameter"
            yield Finding(f"{at}.secrets.{name}", "something else", problem, "Give the ARN.")


def _container_parts(at: str, container: Params, names: list[str], volumes: set[str]) -> Iterator[Finding]:
    for number, port in enumerate(container.get("port_mappings") or []):
        yield from between(f"{at}.port_mappings[{number}].container_port", port["container_port"], (1, 65535))
    if container.get("stop_timeout") is not None:
        yield from between(
            f"{at}.stop_timeout", container["stop_timeout"], (0, limits.FARGATE_STOP_TIMEOUT), "s on Fargate"
        )
    for name, bounds in limits.HEALTH_CHECK.items():
        if container.get("health_check"):
            yield from between(f"{at}.health_check.{name}", container["health_check"][name], bounds)
    driver = (container.get("log_configuration") or {}).get("driver")
    if driver and driver not in limits.FARGATE_LOG_DRIVERS:
        allowed = ", ".join(limits.FARGATE_LOG_DRIVERS)
        yield Finding(
            f"{at}.log_configuration.driver", driver, f"must be one of {allowed} on Fargate", "Choose one of them."
        )
    for mount in container.get("mount_points") or []:
        if mount["volume"] not in volumes:
            yield Finding(
                f"{at}.mount_points", mount["volume"], "names a volume that is not defined", "Define it in volumes."
            )
    for needed in container.get("depends_on") or []:
        if needed["container"] not in names or needed["container"] == container["name"]:
            yield Finding(
                f"{at}.depends_on", needed["container"], "must name another container", "Name another container."
            )


def _behind_balancer(params: Params, containers: list[Params]) -> Iterator[Finding]:
    balancer = params["load_balancer"]
    behind = [container for container in containers if container["name"] == balancer["container_name"]]
    if not behind:
        problem = "names no container of the task definition"
        yield Finding("load_balancer.container_name", balancer["container_name"], problem, "Name one of them.")
        return
    ports = [port["container_port"] for port in behind[0].get("port_mappings") or []]
    if balancer["container_port"] not in ports:
        problem = (
            f"is not a port of container {balancer['container_name']} (it has {', '.join(map(str, ports)) or 'none'})"
        )
        yield Finding(
            "load_balancer.container_port", str(balancer["container_port"]), problem, "Add it to port_mappings."
        )


# ---- the task ----


def _size(params: Params) -> Iterator[Finding]:
    wanted = params["task_definition"]
    cpu, memory = wanted["cpu"], wanted["memory"]
    if cpu not in limits.FARGATE_MEMORY:
        allowed = ", ".join(map(str, limits.FARGATE_MEMORY))
        yield Finding("task_definition.cpu", str(cpu), f"must be one of {allowed} CPU units", "Choose one of them.")
    elif memory not in limits.FARGATE_MEMORY[cpu]:
        sizes = limits.FARGATE_MEMORY[cpu]
        nearest = min(sizes, key=lambda size: (abs(size - memory), size))
        problem = f"is no Fargate size with {cpu} CPU units ({sizes[0]} to {sizes[-1]} MiB)"
        yield Finding("task_definition.memory", str(memory), problem, f"The nearest is {nearest}.")
    taken = sum(
        container.get("memory") or container.get("memory_reservation") or 0 for container in wanted["containers"]
    )
    if taken > memory:
        problem = f"is less than its containers ask for together ({taken} MiB)"
        yield Finding("task_definition.memory", str(memory), problem, "Raise it, or lower theirs.")
    if wanted.get("ephemeral_storage_gib") is not None:
        storage = wanted["ephemeral_storage_gib"]
        yield from between(
            "task_definition.ephemeral_storage_gib", storage, limits.FARGATE_EPHEMERAL_GIB, "GiB on Fargate"
        )
    size = len(json.dumps(ecs_release.task_definition(params)))
    if size > limits.DEFINITION_BYTES:
        problem = f"must fit in {limits.DEFINITION_BYTES} bytes"
        yield Finding("task_definition", f"{size} bytes", problem, "Move texts out of the environment.")


def _roles(params: Params) -> Iterator[Finding]:
    wanted = params["task_definition"]
    home = str(params["load_balancer"]["production_listener_arn"]).split(":")
    for field, arn in (
        ("task_definition.execution_role_arn", wanted.get("execution_role_arn")),
        ("task_definition.task_role_arn", wanted.get("task_role_arn")),
        ("load_balancer.role_arn", params["load_balancer"].get("role_arn")),
    ):
        match = aws_limits.ROLE.match(arn) if arn else None
        if arn and not match:
            yield Finding(
                field, str(arn)[:120], "must be the ARN of an IAM role", "Give arn:aws:iam::ACCOUNT:role/NAME."
            )
        elif match and len(home) > 5 and (match["partition"], match["account"]) != (home[1], home[4]):
            problem = f"is a role of another account or partition than the load balancer's ({home[1]}, {home[4]})"
            yield Finding(field, str(arn), problem, "Name a role of the same account.")
    needs = [
        container["name"]
        for container in wanted["containers"]
        if container.get("secrets") or (container.get("log_configuration") or {}).get("driver") == "awslogs"
    ]
    if needs and not wanted.get("execution_role_arn"):
        problem = f"is needed for the secrets or the awslogs driver of {', '.join(needs)}"
        yield Finding("task_definition.execution_role_arn", "nothing", problem, "Name a task execution role.")


# ---- the service ----


def _network(params: Params) -> Iterator[Finding]:
    network = params["network"]
    for name, most in (("subnets", limits.SUBNETS), ("security_groups", limits.SECURITY_GROUPS)):
        yield from aws_input.repeated(f"network.{name}", network[name])
        yield from between(f"network.{name}", len(network[name]), (1, most), f"{name.replace('_', ' ')}")


def _deployment(params: Params) -> Iterator[Finding]:
    deployment = params["deployment"]
    if params["desired_count"] > limits.TASKS_PER_SERVICE:  # too few: the engine's capacity arithmetic says so
        given, problem = str(params["desired_count"]), f"may be at most {limits.TASKS_PER_SERVICE} tasks a service"
        yield Finding("desired_count", given, problem, "Lower it.")
    yield from between("deployment.minimum_healthy_percent", deployment["minimum_healthy_percent"], (0, 100), "%")
    yield from between("deployment.maximum_percent", deployment["maximum_percent"], (100, 200), "%")
    breaker = deployment["circuit_breaker"]
    yield from between("deployment.circuit_breaker.threshold_value", breaker["threshold_value"], (1, 10000))
    yield from between("health_check_grace_seconds", params["health_check_grace_seconds"], (0, 2147483647), "s")
    if params["health_check_grace_seconds"] > params["timing"]["deadline"]:
        given = str(params["health_check_grace_seconds"])
        problem = f"is longer than the whole rollout may take ({params['timing']['deadline']:g} s)"
        yield Finding("health_check_grace_seconds", given, problem, "Lower it, or raise timing.deadline.")
