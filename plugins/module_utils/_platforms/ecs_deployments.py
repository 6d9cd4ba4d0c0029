# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service deployments in the engine's words: where they go, how far they are, why they ended. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._engine.model import Deployment, Movement
from . import ecs_hold
from .aws_names import short
from .ecs_names import readable
from .ecs_snapshot import Snapshot

MOVEMENTS = {
    "PENDING": Movement.MOVING,
    "IN_PROGRESS": Movement.MOVING,
    "SUCCESSFUL": Movement.MOVED,
    "STOP_REQUESTED": Movement.STOPPED,
    "STOPPED": Movement.STOPPED,
    "ROLLBACK_REQUESTED": Movement.TURNING_BACK,
    "ROLLBACK_IN_PROGRESS": Movement.TURNING_BACK,
    "ROLLBACK_SUCCESSFUL": Movement.TURNED_BACK,
    "ROLLBACK_FAILED": Movement.STOPPED,
}


def shown(snapshot: Snapshot, deployment: Mapping[str, Any], release: str) -> Deployment:
    """A service deployment in the engine's words."""
    breaker = deployment.get("deploymentCircuitBreaker") or {}
    return Deployment(
        id=str(deployment["serviceDeploymentArn"]),
        release=release,
        movement=MOVEMENTS[deployment["status"]],
        reason=readable(_why(snapshot, deployment)),
        failures=max(int(breaker.get("failureCount") or 0), _failed_tasks(snapshot, deployment)),
        threshold=0 if breaker.get("status") == "DISABLED" else int(breaker.get("threshold") or 0),
        by="greenlight" if release else "somebody else",
    )


def _failed_tasks(snapshot: Snapshot, deployment: Mapping[str, Any]) -> int:
    definition = snapshot.target_definition(deployment)
    newest = deployment is next(iter(snapshot.deployments), None)
    mine = [d for d in (snapshot.service or {}).get("deployments", []) if d.get("taskDefinition") == definition]
    return max((int(d.get("failedTasks") or 0) for d in mine), default=0) if newest else 0


def _why(snapshot: Snapshot, deployment: Mapping[str, Any]) -> str:
    """ECS's own words, with why tasks stopped when some did."""
    said = [str((deployment.get("rollback") or {}).get("reason") or ""), str(deployment.get("statusReason") or "")]
    newest = deployment is next(iter(snapshot.deployments), None)
    reasons = [*said, *(snapshot.stopped[:1] if newest else ())]
    return " ".join(dict.fromkeys(reason.strip() for reason in reasons if reason.strip()))


def foreign(snapshot: Snapshot) -> str:
    """A deployment in progress to no release that is known; "" = there is none."""
    moving = snapshot.open_deployment()
    if not moving:
        return ""
    definition = snapshot.target_definition(moving)
    if snapshot.release_of(definition):
        return ""
    what = short(definition) if definition else "a revision that is not known"
    arn = short(moving["serviceDeploymentArn"])
    return f"service deployment {arn} to {what}, status {moving['status']}{ecs_hold.told(moving)}"
