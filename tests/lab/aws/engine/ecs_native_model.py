# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a BLUE_GREEN, LINEAR or CANARY service deployment knows beside what every deployment knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

# In order. Source: botocore ecs/2014-11-13, ServiceDeployment.lifecycleStage, whose text names
# PRE_PRODUCTION_TRAFFIC_SHIFT, too, although the enumeration of its shape lacks it.
STAGES = (
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
    "CLEAN_UP",
)
# Where a PAUSE hook may be. Source: Amazon ECS Developer Guide, "Pause hooks for Amazon ECS service deployments".
PAUSABLE = (
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "POST_SCALE_UP",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
)


@dataclass
class Hook:
    """One execution of a PAUSE hook. `status`: AWAITING_ACTION SUCCEEDED FAILED TIMED_OUT."""

    id: str
    stage: str
    due: float  # AWS seconds
    expires_at: datetime
    on_timeout: str  # ROLLBACK or CONTINUE
    status: str = "AWAITING_ACTION"


@dataclass
class Native:
    """How far traffic and tasks have moved.

    `steps`: percent of production traffic that the target revision has after each step; `keep`: deployments
    that run at the service's desired count (any other is brought to 0).
    """

    steps: tuple[float, ...]
    keep: set[str]
    step: int = 0
    since: float = 0.0  # AWS seconds when the stage was entered
    acted: bool = False  # what the stage does once was done
    production: float = 0.0  # percent of the traffic, to the target revision
    test: float = 0.0
    astray: bool = False  # a superseded deployment's share of the traffic may still be away from blue
    reduced: bool = False  # the blue revision's tasks were already taken away
    back: bool = False  # rolling back
    hooks: list[Hook] = field(default_factory=list)  # of the stage that was entered last


@dataclass
class AlarmWatch:
    """`status`: DISABLED MONITORING TRIGGERED MONITORING_COMPLETE; botocore, ServiceDeploymentAlarms."""

    names: tuple[str, ...] = ()
    rollback: bool = False
    status: str = "DISABLED"
    triggered: tuple[str, ...] = ()
