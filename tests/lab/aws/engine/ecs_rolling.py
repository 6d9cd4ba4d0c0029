# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic of a rolling deployment: how many tasks may be started, which may be stopped, now.

Source of all rules: botocore ecs/2014-11-13, DeploymentConfiguration.minimumHealthyPercent and
maximumPercent, and Amazon ECS Developer Guide, "Amazon ECS services: replacing unhealthy tasks".
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.lab.aws.engine.ecs_model import STARTING, Deployment, Service, Task
from tests.lab.aws.engine.ecs_tasks import HEALTHY, UNHEALTHY


@dataclass(frozen=True)
class Moves:
    launch: int = 0
    scale_in: tuple[Task, ...] = ()  # replaced, or more than desired
    unhealthy: tuple[Task, ...] = ()  # fail a health check
    stuck: bool = False  # the bounds allow neither a start nor a stop


def bounds(desired: int, config: Mapping[str, Any]) -> tuple[int, int]:
    """(healthy tasks that must stay, tasks that may run): min % rounded up, max % rounded down."""
    return (
        math.ceil(desired * config["minimumHealthyPercent"] / 100),
        math.floor(desired * config["maximumPercent"] / 100),
    )


def moves(service: Service, verdicts: Mapping[str, str], now: float) -> Moves:
    """`verdicts`: task id -> healthy, unhealthy or undecided (ecs_tasks.health) of all live tasks."""
    desired, primary = service.desired, service.primary
    lower, upper = bounds(desired, service.config)
    live = service.live()
    new = [task for task in live if task.deployment == primary.id]
    old = [task for task in live if task.deployment != primary.id]
    new_ok, new_bad, new_rest = split(new, verdicts)
    old_ok, old_bad, old_rest = split(old, verdicts)
    spare = max(0, len(new_ok) + len(old_ok) - lower)

    # A replacement for an unhealthy task is started first, as far as maximumPercent allows.
    failed = primary.rollout == "FAILED"  # "a deployment in FAILED state doesn't launch any new tasks"
    missing = 0 if failed or service.status != "ACTIVE" else max(0, desired - len(new) + len(new_bad))
    room = max(0, upper - len(live))
    launch = 0 if now < primary.retry_at else min(missing, room)
    blocked = missing > 0 and room == 0

    scale_in: list[Task] = []
    unhealthy: list[Task] = []
    if failed:  # stalled: nothing is replaced, but nobody keeps more tasks than desired
        order = [*new_rest[::-1], *old_rest, *old_bad, *by_zone(new_ok, service), *by_zone(old_ok, service)]
        scale_in += order[: max(0, len(order) - desired)]
    else:
        scale_in += _replaced(old_ok, old_bad + old_rest, desired - len(new_ok), spare, service)
        spare -= sum(task in old_ok for task in scale_in)
        excess = len(new_ok) + len(new_rest) - desired
        idle = new_rest[::-1][: max(0, excess)]
        scale_in += idle
        scale_in += by_zone(new_ok, service)[: max(0, min(excess - len(idle), spare))]
    # An unhealthy task goes when its replacement is healthy, or when there are more than enough of them.
    unhealthy += new_bad[: max(0, len(new_bad) - (0 if failed else max(0, desired - len(new_ok))))]
    if blocked and not scale_in and not unhealthy:
        # "… the scheduler stops the unhealthy tasks one-by-one … to clear up capacity"
        unhealthy += (old_bad + new_bad)[:1]
    stuck = blocked and not scale_in and not unhealthy and not new_rest and not old_rest and upper - lower < 1
    return Moves(launch, tuple(scale_in), tuple(unhealthy), stuck)


def subnet_for(
    service: Service, subnets: Sequence[str], planned: Sequence[str] = (), deployment: Deployment | None = None
) -> str:
    """The subnet whose zone has the fewest tasks: of the deployment (PRIMARY) first, then of the service.

    `planned`: subnets chosen in this step already. Source: botocore ecs/2014-11-13, UpdateService:
    "the service scheduler attempts to balance tasks across Availability Zones".
    """
    deployment = deployment or service.primary
    zones = deployment.revision.zones
    everywhere = Counter(task.zone for task in service.live())
    fresh = Counter(task.zone for task in service.live(deployment.id))
    used = Counter(task.subnet for task in service.live())
    for subnet in planned:
        fresh[zones.get(subnet, "")] += 1
        used[subnet] += 1
    return min(
        subnets, key=lambda s: (fresh[zones.get(s, "")], everywhere[zones.get(s, "")], used[s], subnets.index(s))
    )


def _replaced(ok: Sequence[Task], rest: Sequence[Task], keep: int, spare: int, service: Service) -> list[Task]:
    """Which tasks of older deployments may go: those that never got to run at once, then one for each new one.

    `keep`: how many new healthy tasks are still missing; `spare`: healthy tasks above the lower bound.
    """
    waiting = [task for task in rest if task.status in STARTING]
    running = [task for task in rest if task.status not in STARTING]
    enough = max(0, len(ok) + len(running) - max(0, keep))
    return [*waiting, *running[:enough], *by_zone(ok, service)[:spare]]


def split(tasks: Sequence[Task], verdicts: Mapping[str, str]) -> tuple[list[Task], list[Task], list[Task]]:
    """(healthy, unhealthy, undecided)."""
    kinds: dict[str, list[Task]] = {HEALTHY: [], UNHEALTHY: []}
    rest: list[Task] = []
    for task in tasks:
        kinds.get(verdicts.get(task.id, ""), rest).append(task)
    return kinds[HEALTHY], kinds[UNHEALTHY], rest


def by_zone(tasks: Sequence[Task], service: Service) -> list[Task]:
    """In the order to stop them: always from the zone that has most of these tasks, the youngest first."""
    left = list(tasks)
    order: list[Task] = []
    crowd = Counter(task.zone for task in service.live())
    while left:
        chosen = max(enumerate(left), key=lambda item: (crowd[item[1].zone], item[0]))[1]
        crowd[chosen.zone] -= 1
        left.remove(chosen)
        order.append(chosen)
    return order
