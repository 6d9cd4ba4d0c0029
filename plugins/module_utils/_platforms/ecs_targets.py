# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The targets of both target groups, and whose they are. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._engine.model import Target
from .aws_names import short
from .ecs_names import task_address
from .ecs_snapshot import Snapshot

Json = dict[str, Any]


def targets(
    snapshot: Snapshot, port: Any, remembered: Mapping[str, Target], release_of: Callable[[Mapping[str, Any]], str]
) -> tuple[Target, ...]:
    """Every target of the two groups and every task that is not registered, with whose it is.

    `port`: of a target that names none. `remembered`: address -> what ran there before. `release_of`: of a task.
    """

    def whose(address: str, own: Any, task: Json | None, state: str, reason: str, zone: str) -> Target:
        place = f"{address}:{own or port}" if address else ""
        if task is not None:
            name, zone = short(str(task["taskArn"])), str(task.get("availabilityZone") or zone)
            return Target(place or name, release_of(task), state, reason, zone, name, place)
        before = remembered.get(address)
        if before is not None:
            return Target(place, before.release, state, reason, zone or before.zone, before.task, place)
        return Target(place, "", state, reason, zone, "", place)

    tasks = {address: task for task in snapshot.tasks if (address := task_address(task))}
    found = []
    for description in _descriptions(snapshot):
        target, health = description["Target"], description.get("TargetHealth") or {}
        address, own = str(target["Id"]), target.get("Port")
        task = tasks.pop(address, None)
        reason = ": ".join(part for part in (health.get("Reason"), health.get("Description")) if part)
        state = str(health.get("State", "unavailable"))
        found.append(whose(address, own, task, state, reason, str(target.get("AvailabilityZone", ""))))
    for task in snapshot.tasks:
        if task_address(task) in tasks or not task_address(task):
            found.append(whose(task_address(task), None, task, "unregistered", str(task.get("lastStatus", "")), ""))
    return tuple(found)


def _descriptions(snapshot: Snapshot) -> list[Json]:
    """One for each address: where it is in both groups, the one that is not on its way out."""
    found: dict[tuple[str, Any], Json] = {}
    for description in (one for each in snapshot.health.values() for one in each):
        place = description["Target"]["Id"], description["Target"].get("Port")
        if (found.get(place, {}).get("TargetHealth") or {}).get("State", "draining") == "draining":
            found[place] = description
    return list(found.values())
