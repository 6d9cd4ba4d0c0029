# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a native deployment stands: its stage, the pause that waits for our word, the share of the traffic. Pure.

Shapes: botocore ecs/2014-11-13, ServiceDeployment, DeploymentLifecycleHookDetail, ServiceRevisionSummary.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .._engine.model import Held
from . import aws_rules, ecs_plan

Json = dict[str, Any]

AWAITING = "AWAITING_ACTION"
# How the deployment shows that ECS watches an alarm, watched it to the end, or acted.
WATCHED = frozenset({"MONITORING", "MONITORING_COMPLETE", "TRIGGERED"})
TIMEOUT = 1440  # minutes, where none is given; botocore, DeploymentLifecycleHookTimeoutConfiguration
OPEN = frozenset({"PENDING", "IN_PROGRESS"})


def paused(deployment: Mapping[str, Any] | None) -> Json | None:
    """The execution of a PAUSE hook that waits for its answer; None = there is none."""
    if deployment is None or deployment.get("status") not in OPEN:
        return None
    for hook in deployment.get("lifecycleHookDetails") or ():
        if hook.get("status") == AWAITING and hook.get("targetType", "PAUSE") == "PAUSE":
            return dict(hook)
    return None


def held(deployment: Mapping[str, Any] | None, now: datetime) -> Held | None:
    """`now`: by AWS's own clock, as `expiresAt` is."""
    hook = paused(deployment)
    if deployment is None or hook is None:
        return None
    stage = str(deployment.get("lifecycleStage") or "")
    last = stage == ecs_plan.LAST_HOLD
    return Held(
        stage=stage,
        id=str(hook["hookId"]),
        left=_left(deployment, hook, now),
        next_weight=100 if last else _next(deployment),
        last=last,
    )


def _left(deployment: Mapping[str, Any], hook: Mapping[str, Any], now: datetime) -> float:
    """Seconds until ECS acts. It may not say when: then what was configured, from the deployment's last change on."""
    if hook.get("expiresAt"):
        return float((hook["expiresAt"] - now).total_seconds())
    hooks = (deployment.get("deploymentConfiguration") or {}).get("lifecycleHooks") or []
    minutes = [(one.get("timeoutConfiguration") or {}).get("timeoutInMinutes") or TIMEOUT for one in hooks]
    since = deployment.get("updatedAt") or now
    return 60.0 * min(minutes, default=TIMEOUT) - float((now - since).total_seconds())


def _next(deployment: Mapping[str, Any]) -> int:
    """ECS's own count says which shift is next: the rule may lag behind it."""
    target = deployment.get("targetServiceRevision") or {}
    has = float(target.get("requestedProductionTrafficWeight") or 0.0)
    shifts = ecs_plan.shifts(deployment.get("deploymentConfiguration") or {})
    return next((weight for weight in shifts if weight > has + 0.05), 100)


def share(group: str, rule: Mapping[str, Any] | None) -> int | None:
    """Percent of production traffic that the rule gives to a target group; None = nobody knows."""
    weights = aws_rules.weights(rule)
    whole = sum(weights.values())
    return round(100 * weights.get(group, 0) / whole) if group and whole else None


def told(deployment: Mapping[str, Any]) -> str:
    """Stage and pause of somebody's deployment, for people."""
    stage, hook = deployment.get("lifecycleStage"), paused(deployment)
    said = f", stage {stage}" if stage else ""
    if hook is None:
        return said
    action = "rolls back" if hook.get("timeoutAction", "ROLLBACK") == "ROLLBACK" else "goes on"
    until = (
        f"until {hook['expiresAt']:%Y-%m-%dT%H:%M:%S%z}" if hook.get("expiresAt") else "for a time that it does not say"
    )
    return f"{said}, paused {until}, then ECS {action} by itself"


def monitored(deployment: Mapping[str, Any] | None, name: str) -> bool | None:
    """Whether ECS watches the alarm. A PENDING deployment does not yet: until it begins its configuration counts."""
    if deployment is None:
        return None
    watch = deployment.get("alarms") or {}
    if deployment.get("status") == "PENDING":
        configured = (deployment.get("deploymentConfiguration") or {}).get("alarms") or {}
        return bool(configured.get("enable")) and name in (configured.get("alarmNames") or [])
    return watch.get("status") in WATCHED and name in (watch.get("alarmNames") or [])
