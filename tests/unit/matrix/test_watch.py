# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When no target was left, as the lab's log tells it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.matrix.watch import outages


def event(at: float, name: str, target: str, state: str = "") -> dict[str, Any]:
    fields = {"group": "arn:blue", "target": target, **({"state": state} if state else {})}
    return {"id": 1, "at": datetime.fromtimestamp(at, UTC).isoformat(), "name": name, "fields": fields}


def test_an_outage_lasts_from_the_last_target_that_left_to_the_first_that_is_healthy() -> None:
    log = [
        event(1, "target_registered", "a:1"),
        event(2, "target_state", "a:1", "healthy"),
        event(3, "target_state", "b:1", "healthy"),
        event(4, "target_deregistered", "a:1"),
        event(5, "target_left", "a:1"),
        event(6, "target_state", "b:1", "unhealthy"),
        event(7, "target_deregistered", "b:1"),
        event(9, "target_state", "c:1", "healthy"),
        event(10, "target_deregistered", "c:1"),
        event(12, "target_state", "d:1", "healthy"),
    ]
    assert outages(log) == [(6, 9), (10, 12)]


def test_while_one_is_healthy_there_is_none() -> None:
    log = [
        event(1, "target_state", "a:1", "healthy"),
        event(2, "target_state", "b:1", "healthy"),
        event(3, "target_deregistered", "b:1"),
    ]
    assert outages(log) == []
