# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ecs_rollout: the platform ECS, for the glue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._engine.model import Capacity, Chain
from .._platforms import aws_heart, ecs_input, ecs_plan, ecs_release
from .._platforms.ecs import Ecs
from . import argspec_ecs, rollout
from .judging import Judging
from .kit import Kit, Shape

STOP_TIMEOUT = 30  # seconds from SIGTERM to SIGKILL where none is given; API_ContainerDefinition, stopTimeout


def run(
    params: Mapping[str, Any],
    check_mode: bool = False,
    report: rollout.Report = rollout.silent,
    interrupted: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """The result of DESIGN 6, see `rollout.run`."""
    return rollout.run(KIT, params, check_mode, report, interrupted)


def shape(params: Mapping[str, Any], judged: Judging, zones: int | None) -> Shape:
    """The parts of the plan that are ECS's. Without having read them: as many zones as subnets."""
    route = ecs_plan.route(params)
    if params["state"] != "present":
        return Shape(route, heartbeat=aws_heart.heartbeat(params))
    capacity = Capacity(
        desired=params["desired_count"],
        minimum_percent=params["deployment"]["minimum_healthy_percent"],
        maximum_percent=params["deployment"]["maximum_percent"],
        zones=zones or len(params["network"]["subnets"]),
    )
    return Shape(route, capacity, _chain(params, judged), ecs_plan.steps(params), aws_heart.heartbeat(params))


def _chain(params: Mapping[str, Any], judged: Judging) -> Chain:
    """ECS's own times, as far as the parameters name them."""
    containers = params["task_definition"]["containers"]
    return Chain(
        stop=float(max((each.get("stop_timeout") or STOP_TIMEOUT for each in containers), default=STOP_TIMEOUT)),
        propagation=judged.propagation if ecs_plan.native(params) else 0.0,
        hold=60.0 * params["hold_timeout"] if ecs_plan.native(params) else 0.0,
        hold_option="hold_timeout",
        hold_unit=60.0,
    )


KIT = Kit(
    name="ecs",
    mover="ECS",
    spec=argspec_ecs.ecs_rollout,
    findings=ecs_input.findings,
    route=ecs_plan.route,
    release=ecs_release.release,
    shape=shape,
    service=Ecs,
)
