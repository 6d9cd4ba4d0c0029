# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the parameters themselves, all of it at once. Pure: no account is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .._engine.finding import Finding
from . import ecs_heart, ecs_plan, ecs_release
from . import ecs_limits as limits

Params = Mapping[str, Any]


def findings(params: Params) -> list[Finding]:
    """`params`: validated by `_glue.argspec_ecs.ecs_rollout()`, state present."""
    checks = (_names, _containers, _size, _roles, _network, _balancer, _deployment, _tags)
    found = [finding for check in checks for finding in check(params)]
    return [*found, *ecs_plan.findings(params), *ecs_heart.findings(params)]


def _between(field: str, value: int, bounds: tuple[int, int], unit: str = "") -> Iterator[Finding]:
    low, high = bounds
    if not low <= value <= high:
        allowed = f"{low} to {high} {unit}".strip()
        yield Finding(field, str(value), f"must be {allowed}", f"Choose {allowed}.")


def _repeated(field: str, values: list[Any]) -> Iterator[Finding]:
    twice = sorted({str(value) for value in values if values.count(value) > 1})
    if twice:
        yield Finding(field, ", ".join(twice), "must not name a thing twice", "Remove the repetition.")


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
    yield from _repeated("task_definition.containers", names)
    if not any(container.get("essential", True) for container in containers):
        yield Finding(
            "task_definition.containers", "none is essential", "one must be essential", "Set essential: true."
        )
    ports = [port["container_port"] for container in containers for port in container.get("port_mappings") or []]
    yield from _repeated("task_definition.containers.port_mappings", ports)
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
        elif name not in allowed and limits.looks_secret(str(name), str(value)):
            mend = "Move it to Secrets Manager and name its ARN under secrets, or name it in allow_plain_environment."
            yield Finding(field, "a value that is not shown", "looks like a secret in plain text", mend)
    for name, source in sorted((container.get("secrets") or {}).items()):
        if not limits.SECRET_SOURCE.match(str(source)):
            problem = "must be the ARN of a Secrets Manager secret or of a parameter"
            yield Finding(f"{at}.secrets.{name}", "something else", problem, "Give the ARN.")


def _container_parts(at: str, container: Params, names: list[str], volumes: set[str]) -> Iterator[Finding]:
    for number, port in enumerate(container.get("port_mappings") or []):
        yield from _between(f"{at}.port_mappings[{number}].container_port", port["container_port"], (1, 65535))
    if container.get("stop_timeout") is not None:
        yield from _between(
            f"{at}.stop_timeout", container["stop_timeout"], (0, limits.FARGATE_STOP_TIMEOUT), "s on Fargate"
        )
    for name, bounds in limits.HEALTH_CHECK.items():
        if container.get("health_check"):
            yield from _between(f"{at}.health_check.{name}", container["health_check"][name], bounds)
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
        yield from _between(
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
        match = limits.ROLE.match(arn) if arn else None
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
        yield from _repeated(f"network.{name}", network[name])
        yield from _between(f"network.{name}", len(network[name]), (1, most), f"{name.replace('_', ' ')}")


def _balancer(params: Params) -> Iterator[Finding]:
    balancer, rule = params["load_balancer"], params["load_balancer"]["rule"]
    if balancer["blue_target_group_arn"] == balancer["green_target_group_arn"]:
        given = balancer["blue_target_group_arn"]
        yield Finding(
            "load_balancer.green_target_group_arn", given, "must not be the blue one", "Name the other group."
        )
    if balancer.get("test_listener_arn") == balancer["production_listener_arn"]:
        given = str(balancer.get("test_listener_arn"))
        yield Finding("load_balancer.test_listener_arn", given, "must not be the production listener", "Name another.")
    if ecs_plan.route(params) == "test_listener" and not balancer.get("test_listener_arn"):
        yield Finding("route", "test_listener", "needs load_balancer.test_listener_arn", "Name the test listener.")
    yield from _between("load_balancer.rule.priority", rule["priority"], limits.PRIORITY)
    values = [*(rule.get("path_patterns") or []), *(rule.get("host_headers") or [])]
    if not values:
        yield Finding(
            "load_balancer.rule", "no condition", "needs a path pattern or a host header", "Give path_patterns."
        )
    if len(values) > limits.CONDITION_VALUES - 1:
        problem = (
            f"may have {limits.CONDITION_VALUES - 1} values (AWS: {limits.CONDITION_VALUES}; one is the proof header)"
        )
        yield Finding("load_balancer.rule", f"{len(values)} values", problem, "Shorten the lists.")
    for value in values:
        if not 1 <= len(value) <= limits.CONDITION_LENGTH or not value.isprintable() or " " in value:
            problem = f"must be 1 to {limits.CONDITION_LENGTH} characters without spaces"
            yield Finding("load_balancer.rule", repr(value)[:60], problem, "Mend the pattern.")
    for pattern in rule.get("path_patterns") or []:
        if not pattern.startswith(("/", "*")):
            yield Finding(
                "load_balancer.rule.path_patterns", pattern[:60], "must begin with / or *", f"Write /{pattern[:40]}."
            )


def _deployment(params: Params) -> Iterator[Finding]:
    deployment = params["deployment"]
    if params["desired_count"] > limits.TASKS_PER_SERVICE:  # too few: the engine's capacity arithmetic says so
        given, problem = str(params["desired_count"]), f"may be at most {limits.TASKS_PER_SERVICE} tasks a service"
        yield Finding("desired_count", given, problem, "Lower it.")
    yield from _between("deployment.minimum_healthy_percent", deployment["minimum_healthy_percent"], (0, 100), "%")
    yield from _between("deployment.maximum_percent", deployment["maximum_percent"], (100, 200), "%")
    breaker = deployment["circuit_breaker"]
    yield from _between("deployment.circuit_breaker.threshold_value", breaker["threshold_value"], (1, 10000))
    yield from _between("health_check_grace_seconds", params["health_check_grace_seconds"], (0, 2147483647), "s")
    if params["health_check_grace_seconds"] > params["timing"]["deadline"]:
        given = str(params["health_check_grace_seconds"])
        problem = f"is longer than the whole rollout may take ({params['timing']['deadline']:g} s)"
        yield Finding("health_check_grace_seconds", given, problem, "Lower it, or raise timing.deadline.")


def _tags(params: Params) -> Iterator[Finding]:
    tags = params.get("tags") or {}
    if len(tags) > limits.TAGS - 2:
        problem = f"may have {limits.TAGS - 2} (AWS: {limits.TAGS}; two are ours)"
        yield Finding("tags", f"{len(tags)} tags", problem, "Remove some.")
    for key, value in tags.items():
        reserved = str(key).lower().startswith(("aws:", "greenlight:"))
        if reserved or not 1 <= len(str(key)) <= limits.TAG_KEY or len(str(value)) > limits.TAG_VALUE or value is None:
            sizes = f"{limits.TAG_KEY} and {limits.TAG_VALUE} characters"
            problem = f"must have at most {sizes}, and not begin with aws: or greenlight:"
            yield Finding(f"tags.{str(key)[:60]}", str(value)[:60], problem, "Choose another tag.")
