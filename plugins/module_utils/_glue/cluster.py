# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One ECS cluster: Container Insights, tags, and who owns it. What community.aws.ecs_cluster leaves out.

Source of names and shapes: Amazon ECS API reference, CreateCluster, UpdateClusterSettings, DescribeClusters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from . import argspec_common
from .argspec_common import Spec

OWNER = "greenlight:owner"


def spec() -> Spec:
    return {
        **argspec_common.connection(),
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
        "owner": {"type": "str", "required": True},
        "container_insights": {"type": "str", "default": "enhanced", "choices": ["enhanced", "enabled", "disabled"]},
        "tags": {"type": "dict", "default": {}},
    }


class Cloud(Protocol):
    """Reads are retried, writes are sent once; both raise PortError. `_clients.aws.Aws` is one."""

    def read(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]: ...

    def write(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Cluster:
    """A cluster as it is. An empty ARN: there is none."""

    arn: str = ""
    insights: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    services: int = 0
    tasks: int = 0

    def owned_by(self, owner: str) -> bool:
        return self.tags.get(OWNER) == owner


@dataclass(frozen=True)
class Call:
    """One mutating call to ECS."""

    operation: str
    arguments: Mapping[str, Any]


def wanted(params: Mapping[str, Any]) -> dict[str, Any]:
    """What a cluster of ours looks like, as far as we say."""
    return {
        "container_insights": params["container_insights"],
        "tags": {**{key: str(value) for key, value in params["tags"].items()}, OWNER: params["owner"]},
    }


def calls(now: Cluster, params: Mapping[str, Any]) -> list[Call]:
    """The calls that make it so. None for what is somebody else's or, to be removed, still in use."""
    if params["state"] == "absent":
        return [] if kept(now, params) or not now.arn else [Call("delete_cluster", {"cluster": now.arn})]
    goal = wanted(params)
    settings = [{"name": "containerInsights", "value": goal["container_insights"]}]
    if not now.arn:
        created = {"clusterName": params["name"], "settings": settings, "tags": _tags(goal["tags"])}
        return [Call("create_cluster", created)]
    if not now.owned_by(params["owner"]):
        return []
    todo = []
    if now.insights != goal["container_insights"]:
        todo.append(Call("update_cluster_settings", {"cluster": now.arn, "settings": settings}))
    missing = {key: value for key, value in goal["tags"].items() if now.tags.get(key) != value}
    if missing:
        todo.append(Call("tag_resource", {"resourceArn": now.arn, "tags": _tags(missing)}))
    return todo


def kept(now: Cluster, params: Mapping[str, Any]) -> str:
    """Why a cluster is left as it is; empty when nothing speaks against changing or removing it."""
    if not now.arn:
        return ""
    if not now.owned_by(params["owner"]):
        return f"it does not carry the tag {OWNER}={params['owner']}"
    if params["state"] == "absent" and now.services:
        return f"{now.services} other service{'s' if now.services > 1 else ''} in it"
    if params["state"] == "absent" and now.tasks:
        return f"{now.tasks} task{'s' if now.tasks > 1 else ''} in it"
    return ""


def run(params: Mapping[str, Any], check_mode: bool, cloud: Cloud) -> dict[str, Any]:
    """Look, change what differs unless in check mode, and say it. Raises PortError."""
    now = look(cloud, params["name"])
    todo = calls(now, params)
    arn = now.arn
    for call in () if check_mode else todo:
        answer = cloud.write("ecs", call.operation, **call.arguments)
        arn = arn or answer["cluster"]["clusterArn"]  # only the first call of all, CreateCluster, has none to go by
    before: dict[str, Any] = {"container_insights": now.insights, "tags": dict(now.tags)} if now.arn else {}
    after = before
    if todo:
        merged = {**now.tags, **wanted(params)["tags"]}
        after = {} if params["state"] == "absent" else {**wanted(params), "tags": merged}
    return {
        "changed": bool(todo),
        "cluster": {"name": params["name"], "arn": arn, **after},
        "kept": kept(now, params),
        "diff": {"before": before, "after": after},
    }


def look(cloud: Cloud, name: str) -> Cluster:
    """The cluster of that name. An INACTIVE one is a deleted one (API reference, Cluster: status)."""
    answer = cloud.read("ecs", "describe_clusters", clusters=[name], include=["SETTINGS", "TAGS"])
    active = [item for item in answer.get("clusters", []) if item.get("status") != "INACTIVE"]
    if not active:
        return Cluster()
    item = active[0]
    settings = {setting["name"]: setting["value"] for setting in item.get("settings", [])}
    return Cluster(
        arn=item["clusterArn"],
        insights=settings.get("containerInsights", ""),
        tags={tag["key"]: tag.get("value", "") for tag in item.get("tags", [])},
        services=item.get("activeServicesCount", 0),
        tasks=item.get("runningTasksCount", 0) + item.get("pendingTasksCount", 0),
    )


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in sorted(tags.items())]
