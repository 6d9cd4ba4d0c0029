# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""rollout_info: what serves, where requests go, and what the record knows. Reads only."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from .._clients.aws import Aws
from .._clients.aws_errors import AwsError
from .._engine.model import Record
from .._platforms import aws_rules
from .._platforms.aws_names import short
from .._platforms.ecs_ground import ground
from .._platforms.ecs_read import Reader, Snapshot
from .._platforms.ecs_view import View
from . import info_asg, info_parts

Json = dict[str, Any]


def run(params: Mapping[str, Any], _check_mode: bool, aws: Aws) -> Json:
    """Everything about one service. Raises PortError."""
    return {"ecs": _ecs, "asg": info_asg.read}[params["platform"]](params, aws)


def _ecs(params: Mapping[str, Any], aws: Aws) -> Json:
    """Of a service on ECS."""
    store = info_parts.store(aws, params)
    record = store.load() if store else None
    ids = tuple(release for release in (record.live, record.last_good) if release) if record else ()
    reader = Reader(aws, {**params, "load_balancer": None}, time.monotonic)
    snapshot = reader.snapshot(ids)
    view = View(snapshot, {**params, "load_balancer": None}, record.live if record else "", own=False)
    return {
        "changed": False,
        "exists": snapshot.active is not None,
        "serving": _named(view.serving(), view, record),
        "moving": _moving(snapshot, view),
        "desired": int((snapshot.active or {}).get("desiredCount", 0)),
        "targets": [asdict(target) for target in view.targets()],
        **_traffic(aws, snapshot),
        "ground": _ground(aws, snapshot),
        "events": list(view.events()),
        "record": asdict(record) if record else None,
        "unfinished": info_parts.unfinished(record, store),
        **info_parts.held(store),
    }


def _named(release: str, view: View, record: Record | None) -> dict[str, str]:
    labels = {**view.labels(), **(record.releases if record else {})}
    return {"id": release, "label": labels.get(release, "")}


def _moving(snapshot: Snapshot, view: View) -> Json | None:
    """The deployment in progress, whoever started it."""
    deployment = snapshot.open_deployment()
    if not deployment:
        return None
    definition = snapshot.target_definition(deployment)
    return {
        "id": deployment["serviceDeploymentArn"],
        "status": deployment["status"],
        "release": _named(snapshot.release_of(definition), view, None),
        "task_definition": short(definition),
        "reason": str(deployment.get("statusReason") or ""),
        "stage": str(deployment.get("lifecycleStage") or ""),
        "held": _hook(deployment),
    }


def _hook(deployment: Mapping[str, Any]) -> Json | None:
    """The pause hook at which ECS waits for somebody's word, whoever made it; None when it waits for nobody.

    botocore 1.44.5, ECS: DeploymentLifecycleHookDetail.
    """
    for hook in deployment.get("lifecycleHookDetails") or []:
        if hook.get("status") == "AWAITING_ACTION":
            expires = hook.get("expiresAt")
            return {
                "id": str(hook.get("hookId", "")),
                "expires": expires.isoformat(timespec="seconds") if isinstance(expires, datetime) else "",
                "then": str(hook.get("timeoutAction", "")),
            }
    return None


def _traffic(aws: Aws, snapshot: Snapshot) -> Json:
    """Weights by target group, as the rules that ECS knows have them; and whether the public is kept out."""
    entry: Json = next(iter((snapshot.service or {}).get("loadBalancers") or []), {})
    advanced = entry.get("advancedConfiguration") or {}
    found: Json = {"weights": {}, "closed": False}
    for which, arn in (
        ("production", advanced.get("productionListenerRule")),
        ("test", advanced.get("testListenerRule")),
    ):
        rules = aws.read("elbv2", "describe_rules", RuleArns=[arn])["Rules"] if arn else []
        for rule in rules:
            found["weights"][which] = {short(group): weight for group, weight in aws_rules.weights(rule).items()}
            if which == "production":
                found["closed"] = bool(aws_rules.proof_of(rule))
    return found


def _ground(aws: Aws, snapshot: Snapshot) -> Json:
    """What the service stands on, and the address of the load balancer in front of it."""
    active = snapshot.active
    found = ground(active, snapshot.definitions.get((active or {}).get("taskDefinition", ""), {}))
    if not found:
        return {}
    try:
        return {**found, **info_parts.address(aws, found["load_balancer"]["production_listener_arn"])}
    except AwsError as error:
        if not error.not_found:
            raise
        return {**found, "dns_name": "", "url": ""}
