# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service's deployments as a pure step: rolling, circuit breaker, rollback, completion, events.

`step()` moves every task on (ecs_tasks), asks the strategy what may be started and stopped
(ecs_rolling, or ecs_native for the others), and keeps the books (ecs_books).
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.lab.aws.engine import ecs_alarms, ecs_native, ecs_rolling, ecs_traffic
from tests.lab.aws.engine.ecs_actions import Action, Facts
from tests.lab.aws.engine.ecs_books import (
    close,
    complete,
    count,
    fail,
    failed,
    give_up,
    launch,
    leave,
    roll_back,
    stop_unhealthy,
    unique,
)
from tests.lab.aws.engine.ecs_config import ROLLING, threshold
from tests.lab.aws.engine.ecs_habits import Habits
from tests.lab.aws.engine.ecs_model import Deployment, Moment, Revision, Service, ServiceDeployment
from tests.lab.aws.engine.ecs_tasks import HEALTHY, Pace, health, step_task, stop

TRIPPED = "Service deployment rolled back because the circuit breaker threshold was exceeded."


def begin(service: Service, revision: Revision, moment: Moment) -> ServiceDeployment:
    """Start a deployment to `revision`; one that is under way is superseded."""
    for deployment in service.deployments:
        deployment.status = "ACTIVE"
    if service.history and not service.current.over:
        close(
            service, "STOPPED", "Service deployment was stopped because a new service deployment was started.", moment
        )
    revision = ecs_traffic.placed(service, revision, service.config["strategy"])
    deployment = Deployment(service.ids.deployment(), revision, moment.utc, moment.utc)
    deployment.reason = f"ECS deployment {deployment.id} in progress."
    sources = tuple(d.revision for d in service.deployments if service.live(d.id))
    service.deployments.insert(0, deployment)
    service.revisions.insert(0, revision)
    service.steady = False
    entry = ServiceDeployment(
        service.ids.service_deployment(),
        deployment.id,
        revision,
        unique(sources),
        dict(service.config),
        moment.utc,
        moment.utc,
        breaker="MONITORING" if service.config["deploymentCircuitBreaker"]["enable"] else "DISABLED",
        threshold=threshold(service.desired, service.config),
    )
    service.history.insert(0, entry)
    return entry


def request_stop(service: Service, kind: str, moment: Moment) -> None:
    """StopServiceDeployment on the current one; asking again, or during a rollback, changes nothing.

    Source: Amazon ECS Developer Guide, "Stopping Amazon ECS service deployments".
    """
    entry = service.current
    if entry.status in ("PENDING", "IN_PROGRESS"):
        entry.status = "ROLLBACK_REQUESTED" if kind == "ROLLBACK" else "STOP_REQUESTED"
        entry.updated_at = moment.utc


def scale(service: Service, desired: int) -> None:
    """Another desired count starts no deployment: the PRIMARY one just gets there."""
    if desired != service.desired:
        service.desired, service.steady = desired, False


def delete(service: Service, moment: Moment) -> None:
    """ACTIVE -> DRAINING; INACTIVE when no task runs or drains any more. Source: botocore, DeleteService."""
    service.status, service.desired, service.steady = "DRAINING", 0, False
    if not service.current.over:
        close(service, "STOPPED", "Service deployment was stopped because the service was deleted.", moment)


def step(service: Service, facts: Facts, moment: Moment, pace: Pace, habits: Habits | None = None) -> list[Action]:
    """One step of everything a service has. Returns what the outside is asked to do."""
    habits = habits or Habits()
    actions: list[Action] = []
    for task in list(service.tasks.values()):
        was_live = task.live
        actions += step_task(service, task, facts, moment, pace)
        if was_live and not task.live:
            failed(service, task, moment)
        if task.stopped and moment.now - task.stopped.now > pace.keep_stopped and task.released:
            del service.tasks[task.id]
    if service.status == "INACTIVE":
        return actions
    verdicts = {task.id: health(task, service, facts, moment) for task in service.live()}
    _note_healthy(service, verdicts)
    _follow_requests(service, facts, moment, habits)
    _watch_alarms(service, facts, moment, habits)
    if not ecs_native.governs(service) or (habits.native_breaker and service.current.stage == "SCALE_UP"):
        _watch_breaker(service, moment)
    if ecs_native.governs(service):
        return actions + ecs_native.step(service, verdicts, facts, moment)
    actions += _move(service, verdicts, facts, moment)
    _settle(service, verdicts, facts, moment)
    return actions


# ---- the parts of a step -------------------------------------------------------------------------


def _note_healthy(service: Service, verdicts: Mapping[str, str]) -> None:
    reset = service.config["deploymentCircuitBreaker"]["resetOnHealthyTask"]
    for task in service.live(service.primary.id):
        if verdicts[task.id] == HEALTHY and not task.healthy_once:
            task.healthy_once = True
            service.primary.start_failures = 0
            if reset:
                service.primary.failed = 0


def _follow_requests(service: Service, facts: Facts, moment: Moment, habits: Habits) -> None:
    """What StopServiceDeployment asked for, and the first step of a new service deployment."""
    entry = service.current
    if entry.status == "PENDING":
        entry.status, entry.started_at, entry.updated_at = "IN_PROGRESS", moment.utc, moment.utc
        entry.watch = ecs_alarms.begin(entry.config, facts.alarms, habits)
        if entry.config["strategy"] != ROLLING:
            ecs_native.begin(service, moment)
    elif entry.status == "STOP_REQUESTED":
        give_up(service, "ECS deployment was stopped by a request.", moment)
        close(service, "STOPPED", "Service deployment was stopped by a request.", moment)
    elif entry.status == "ROLLBACK_REQUESTED":
        if entry.native is None and entry.config["strategy"] != ROLLING:  # asked for before the first step
            ecs_native.begin(service, moment)
        give_up(service, "ECS deployment was rolled back by a request.", moment)
        roll_back(service, "Service deployment rolled back because of a request to stop it.", "", moment)


def _watch_alarms(service: Service, facts: Facts, moment: Moment, habits: Habits) -> None:
    entry = service.current
    if entry.status != "IN_PROGRESS" or service.status != "ACTIVE":
        return
    if entry.stage == "CLEAN_UP" and not habits.watch_clean_up:
        ecs_alarms.end(entry.watch)
        return
    reason = ecs_alarms.look(entry.watch, facts.alarms, habits)
    if reason:
        service.say(moment, f"(deployment {service.primary.id}) deployment failed: alarm detected.")
        fail(service, reason, "ECS deployment alarms: ", entry.watch.rollback, moment)


def _watch_breaker(service: Service, moment: Moment) -> None:
    breaker, entry, primary = service.config["deploymentCircuitBreaker"], service.current, service.primary
    if primary.rollout != "IN_PROGRESS" or entry.over or service.status != "ACTIVE":
        return
    entry.threshold = threshold(service.desired, service.config)
    if entry.status != "ROLLBACK_IN_PROGRESS":
        entry.failures = primary.failed
    if not breaker["enable"] or primary.failed < entry.threshold:
        return
    entry.breaker = "TRIGGERED"
    service.say(moment, f"(deployment {primary.id}) deployment failed: tasks failed to start.")
    back = entry.status == "ROLLBACK_IN_PROGRESS"
    give_up(service, "ECS deployment circuit breaker: tasks failed to start.", moment)
    if back:
        close(service, "ROLLBACK_FAILED", TRIPPED, moment)
    elif breaker["rollback"]:
        roll_back(service, TRIPPED, "ECS deployment circuit breaker: ", moment)
    else:
        close(
            service, "STOPPED", "Service deployment stopped because the circuit breaker threshold was exceeded.", moment
        )


def _move(service: Service, verdicts: Mapping[str, str], facts: Facts, moment: Moment) -> list[Action]:
    """Do what the strategy allows: stops first (they free nothing before the next step), then starts."""
    primary = service.primary
    wanted = ecs_rolling.moves(service, verdicts, moment.now)
    actions: list[Action] = []
    pending = [task for task in wanted.scale_in if task.status != "RUNNING"]
    running = [task for task in wanted.scale_in if task.status == "RUNNING"]
    if pending:
        service.say(moment, f"stopped {len(pending)} pending tasks.")
    for task in wanted.unhealthy:
        running.append(task)
        actions += stop_unhealthy(service, task, facts, moment)
    for task in wanted.scale_in:
        reason = f"Scaling activity initiated by (deployment {primary.id})"
        actions += stop(service, task, "ServiceSchedulerInitiated", reason, moment)
    if running:
        names = " ".join(f"(task {task.id})" for task in running)
        service.say(moment, f"has stopped {len(running)} running tasks: {names}.")
    if wanted.launch:
        started = launch(service, primary, wanted.launch, moment)
        service.say(moment, f"has started {len(started)} tasks: {' '.join(f'(task {t.id})' for t in started)}.")
    if wanted.stuck and not primary.warned:
        primary.warned = True
        service.say(
            moment,
            "was unable to stop or start tasks during a deployment because of the service deployment configuration."
            " Update the minimumHealthyPercent or maximumPercent value and try again.",
        )
    return actions


def _settle(service: Service, verdicts: Mapping[str, str], facts: Facts, moment: Moment) -> None:
    """Deployments without tasks leave; a steady state completes the PRIMARY one; a drained service ends."""
    holding = leave(service)
    live, primary = service.live(), service.primary
    healthy = all(verdicts.get(task.id) == HEALTHY for task in live)
    done = len(live) == service.desired and healthy and holding <= {primary.id}
    count(service)
    if service.status == "DRAINING":
        if not holding:
            service.status = "INACTIVE"
        return
    entry = service.current
    if not done:
        service.steady, entry.baking = False, None
        return
    if primary.rollout == "IN_PROGRESS":
        entry.baking = moment.now if entry.baking is None else entry.baking
        if moment.now - entry.baking < ecs_alarms.bake(entry.watch, facts.alarms):
            return
        complete(service, moment)
    if not service.steady and primary.rollout == "COMPLETED":
        service.steady = True
        service.say(moment, "has reached a steady state.")
