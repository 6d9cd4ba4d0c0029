# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""asg_rollout: the platform EC2 Auto Scaling, for the glue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._engine.model import Capacity
from .._platforms import asg_input, asg_plan, asg_release, aws_heart
from .._platforms.asg import Asg
from . import argspec_asg, rollout
from .judging import Judging
from .kit import Kit, Shape


def run(
    params: Mapping[str, Any],
    check_mode: bool = False,
    report: rollout.Report = rollout.silent,
    interrupted: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """The result of DESIGN 6, see `rollout.run`."""
    return rollout.run(KIT, params, check_mode, report, interrupted)


def shape(params: Mapping[str, Any], judged: Judging, zones: int | None) -> Shape:
    """The parts of the plan that are Auto Scaling's. Without having read them: as many zones as subnets."""
    route, rolling = asg_plan.route(params), asg_plan.rolling(params)
    if params["state"] != "present":
        return Shape(route)
    heartbeat = aws_heart.heartbeat(params) if rolling else None
    capacity = Capacity(
        desired=params["capacity"]["desired"],
        minimum_percent=params["maintenance"]["minimum_healthy_percent"],
        maximum_percent=params["maintenance"]["maximum_healthy_percent"],
        zones=zones or len(params["network"]["subnets"]),
    )
    chain = asg_plan.chain(params, judged.propagation)
    return Shape(route, capacity, chain, asg_plan.steps(params), heartbeat, checkpoints=rolling, first_alone=True)


KIT = Kit(
    name="asg",
    mover="ASG",
    spec=argspec_asg.asg_rollout,
    findings=asg_input.findings,
    route=asg_plan.route,
    release=asg_release.release,
    shape=shape,
    service=Asg,
)
