# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployment alarms: which a service deployment watches, and what ECS makes of their states. Pure.

Source: Amazon ECS Developer Guide, "How CloudWatch alarms detect Amazon ECS deployment failures".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.lab.aws.engine.ecs_habits import Habits
from tests.lab.aws.engine.ecs_native_model import AlarmWatch
from tests.lab.aws.ports import AlarmState

ALARM = "ALARM"


def begin(config: Mapping[str, Any], states: Mapping[str, AlarmState], habits: Habits) -> AlarmWatch:
    """The watch of a deployment that begins now. What ECS shows for an ignored configuration is inferred."""
    given = config.get("alarms") or {}
    names = tuple(given.get("alarmNames") or ())
    watch = AlarmWatch(names, bool(given.get("rollback")))
    if not given.get("enable") or not names:
        return watch
    ringing = _ringing(names, states)
    if not ringing or habits.blind or habits.alarm_at_start == "fails":
        watch.status = "MONITORING"
    return watch


def look(watch: AlarmWatch, states: Mapping[str, AlarmState], habits: Habits) -> str:
    """Why the deployment fails now; "" while it does not."""
    if watch.status != "MONITORING" or habits.blind:
        return ""
    watch.triggered = _ringing(watch.names, states)
    if not watch.triggered:
        return ""
    watch.status = "TRIGGERED"
    return f"Service deployment rolled back because of CloudWatch alarms in ALARM state: {','.join(watch.triggered)}"


def end(watch: AlarmWatch) -> None:
    if watch.status == "MONITORING":
        watch.status = "MONITORING_COMPLETE"


def bake(watch: AlarmWatch, states: Mapping[str, AlarmState]) -> float:
    """Seconds a rolling deployment goes on watching when it is steady.

    "Amazon ECS computes this time period based on the alarm configuration": how, it does not say. Here: the
    longest time over which one of the alarms is evaluated.
    """
    if watch.status != "MONITORING":
        return 0.0
    return max((states[name].window for name in watch.names if name in states), default=0.0)


def _ringing(names: tuple[str, ...], states: Mapping[str, AlarmState]) -> tuple[str, ...]:
    return tuple(name for name in names if name in states and states[name].state == ALARM)
