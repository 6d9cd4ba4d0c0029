# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping one revision of a native deployment at its count: what is missing is started, what is sick replaced. Pure.

While blue and green run side by side each is kept at the service's full desired count ("The time when the
green service revision scales up to 100%"); replacements start first. Source: Amazon ECS Developer Guide,
"Amazon ECS blue/green service deployments workflow" and "Amazon ECS services: replacing unhealthy tasks".
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.lab.aws.engine.ecs_actions import Action, Facts
from tests.lab.aws.engine.ecs_books import launch, stop_unhealthy
from tests.lab.aws.engine.ecs_model import Deployment, Moment, Service
from tests.lab.aws.engine.ecs_rolling import by_zone, split
from tests.lab.aws.engine.ecs_tasks import stop

ROOM = 2  # times the wanted count, for replacements; maximumPercent "is not used" by these strategies


def keep(
    service: Service, deployment: Deployment, wanted: int, verdicts: Mapping[str, str], facts: Facts, moment: Moment
) -> list[Action]:
    """`verdicts`: task id -> healthy, unhealthy or undecided (ecs_tasks.health)."""
    live = service.live(deployment.id)
    ok, bad, rest = split(live, verdicts)
    missing = max(0, wanted - len(live) + len(bad)) if deployment.rollout != "FAILED" else 0
    room = max(0, ROOM * wanted - len(live))
    number = 0 if moment.now < deployment.retry_at else min(missing, room)
    actions: list[Action] = []
    if number:
        names = " ".join(f"(task {task.id})" for task in launch(service, deployment, number, moment))
        service.say(moment, f"has started {number} tasks: {names}.", task_set=deployment.id)
    surplus = bad[: max(0, len(bad) - max(0, wanted - len(ok)))]
    if missing and not room and not surplus:
        surplus = bad[:1]  # "the scheduler stops the unhealthy tasks one-by-one … to clear up capacity"
    for task in surplus if wanted else ():
        actions += stop_unhealthy(service, task, facts, moment)
    order = [*rest[::-1], *by_zone(ok, service)] if wanted else live
    gone = order[: max(0, len(order) - wanted)]
    for task in gone:
        reason = f"Scaling activity initiated by (deployment {service.primary.id})"
        actions += stop(service, task, "ServiceSchedulerInitiated", reason, moment)
    if gone:
        names = " ".join(f"(task {task.id})" for task in gone)
        service.say(moment, f"has stopped {len(gone)} running tasks: {names}.", task_set=deployment.id)
    return actions
