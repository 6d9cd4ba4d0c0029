# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The heartbeat alarm: made, mended, armed, put to rest. Pure: gives the calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import aws_heart
from .aws_step import Step

Json = dict[str, Any]
Params = Mapping[str, Any]


def _put(params: Params, armed: bool, line: str) -> Step:
    arguments = aws_heart.alarm(params, armed)
    return Step("cloudwatch", "put_metric_alarm", arguments, f"PutMetricAlarm: heartbeat alarm, {line}")


def mend(params: Params, found: Json | None) -> list[Step]:
    """It is there, and as wanted, before anything names it."""
    if not aws_heart.wanted(params):
        return []
    if found is None:
        return [_put(params, False, "made, at rest")]
    if aws_heart.differs(found, params):
        return [_put(params, aws_heart.armed(found), "mended")]
    return []


def arm(params: Params, found: Json | None, mover: str) -> list[Step]:
    """Made at rest; then silence is a breach. The engine waits for OK before the second. `mover`: who rolls back."""
    if not aws_heart.wanted(params):
        return []
    first = mend(params, found)
    if first or aws_heart.armed(found):
        return first
    return [_put(params, True, f"silence is a breach from now on: {mover} rolls back when this run dies")]


def disarm(params: Params, found: Json | None, is_open: bool) -> list[Step]:
    """`is_open`: a deployment is under way, which the alarm still guards."""
    return [] if is_open or not aws_heart.armed(found) else [_put(params, False, "at rest")]


def remove(found: Json | None) -> list[Step]:
    if found is None:
        return []
    name = found["AlarmName"]
    return [Step("cloudwatch", "delete_alarms", {"AlarmNames": [name]}, f"DeleteAlarms: {name}")]
