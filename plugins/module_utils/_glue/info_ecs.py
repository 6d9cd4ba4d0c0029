# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""rollout_info of a service on ECS: what the cloud says. Reads only."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from .._clients.aws import Aws
from .._engine.model import Record
from .._platforms import aws_rules
from .._platforms.aws_names import short
from .._platforms.ecs_ground import ground
from .._platforms.ecs_read import Reader, Snapshot
from .._platforms.ecs_view import View
from .shown import named, with_address

Json = dict[str, Any]


def read(params: Mapping[str, Any], aws: Aws, record: Record | None) -> Json:
    """Everything of one service but its record. Raises PortError."""
    ids = tuple(release for release in (record.live, record.last_good) if release) if record else ()
    reader = Reader(aws, {**params, "load_balancer": None}, time.monotonic)
    snapshot = reader.snapshot(ids)
    view = View(snapshot, {**params, "load_balancer": None}, record.live if record else "", own=False)
    active = snapshot.active or {}
    definition = snapshot.definitions.get(active.get("taskDefinition", ""), {})
    return {
        "exists": snapshot.active is not None,
        "serving": named(view.serving(), view.labels(), record),
        "moving": _moving(snapshot, view),
        "desired": int(active.get("desiredCount", 0)),
        "targets": [asdict(target) for target in view.targets()],
        **_traffic(aws, snapshot),
        "ground": with_address(aws, ground(snapshot.active, definition)),
        "events": list(view.events()),
    }


def _moving(snapshot: Snapshot, view: View) -> Json | None:
    """The deployment in progress, whoever started it."""
    deployment = snapshot.open_deployment()
    if not deployment:
        return None
    definition = snapshot.target_definition(deployment)
    return {
        "id": deployment["serviceDeploymentArn"],
        "status": deployment["status"],
        "release": named(snapshot.release_of(definition), view.labels(), None),
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
