# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The books of a service's deployments: how one fails, goes back, ends; what every strategy shares. Pure."""

from __future__ import annotations

from tests.lab.aws.engine import ecs_alarms, ecs_rolling
from tests.lab.aws.engine.ecs_actions import Action, Facts
from tests.lab.aws.engine.ecs_model import Deployment, Moment, Revision, Service, Task
from tests.lab.aws.engine.ecs_tasks import stop, why_unhealthy

# "tasks that repeatedly fail to start": the pause doubles up to 27 minutes.
# Source: Amazon ECS Developer Guide, "Amazon ECS service throttle logic".
LONGEST_PAUSE = 27 * 60.0

NO_CANDIDATE = "No rollback candidate was found to run the rollback."  # statusReason seen for a first deployment


def failed(service: Service, task: Task, moment: Moment) -> None:
    """Count a task that ended by itself or failed a health check; throttle starts that never ran.

    Source: botocore ecs/2014-11-13, Deployment.failedTasks.
    """
    deployment = next((d for d in service.deployments if d.id == task.deployment), None)
    if deployment is None:
        return
    if deployment is service.primary and deployment.rollout == "IN_PROGRESS":
        deployment.failed += 1
    if task.running is not None:
        return
    deployment.start_failures += 1
    deployment.retry_at = moment.now + min(LONGEST_PAUSE, 2.0**deployment.start_failures)
    service.say(moment, f"was unable to place a task. Reason: {task.stop_reason}.")
    if deployment.start_failures >= 3 and not deployment.warned:
        deployment.warned = True
        service.say(
            moment,
            "is unable to consistently start tasks successfully. For more information, see the Troubleshooting"
            " section of the Amazon ECS Developer Guide.",
        )


def stop_unhealthy(service: Service, task: Task, facts: Facts, moment: Moment) -> list[Action]:
    """Stop a task that fails a health check; it counts as a failure."""
    reason, event = why_unhealthy(task, facts)
    service.say(moment, event)
    actions = stop(service, task, "ServiceSchedulerInitiated", reason, moment)
    failed(service, task, moment)
    return actions


def fail(service: Service, reason: str, by: str, back: bool, moment: Moment) -> None:
    """The open service deployment failed: it is rolled back, or stopped where that was not asked for."""
    give_up(service, f"{by}{reason}", moment)
    if back:
        roll_back(service, reason, by, moment)
    else:
        close(service, "STOPPED", reason.replace("rolled back", "stopped"), moment)


def give_up(service: Service, reason: str, moment: Moment) -> None:
    """The PRIMARY deployment failed: "a deployment in FAILED state doesn't launch any new tasks"."""
    primary = service.primary
    primary.rollout, primary.reason, primary.updated_at = "FAILED", reason, moment.utc


def roll_back(service: Service, reason: str, by: str, moment: Moment) -> None:
    """The last COMPLETED deployment becomes PRIMARY again, with those of its tasks that still run.

    Inferred from service events in the field: "rolling back to deployment X." is followed by
    "(deployment X) deployment completed.", and X has running tasks from the first read on. Without a
    completed deployment nothing can be rolled back to: the deployment is stalled (Amazon ECS Developer
    Guide, "How the Amazon ECS deployment circuit breaker detects failures").
    """
    entry, target = service.current, service.completed
    entry.reason = reason
    if target is None or target is service.primary:
        close(service, "ROLLBACK_FAILED", NO_CANDIDATE, moment)
        return
    service.primary.status = "ACTIVE"
    service.deployments = [target, *(d for d in service.deployments if d is not target)]
    target.status, target.rollout, target.updated_at = "PRIMARY", "IN_PROGRESS", moment.utc
    target.reason = f"{by or 'ECS deployment: '}rolling back to deploymentId {target.id}."
    target.failed = target.start_failures = 0
    target.retry_at, target.warned = 0.0, False
    entry.status, entry.updated_at = "ROLLBACK_IN_PROGRESS", moment.utc
    entry.rollback, entry.rollback_reason, entry.rollback_started_at = target.revision, reason, moment.utc
    ecs_alarms.end(entry.watch)
    service.steady = False
    service.say(moment, f"rolling back to deployment {target.id}.")


def complete(service: Service, moment: Moment) -> None:
    """The PRIMARY deployment has reached its end: it is what a later one rolls back to."""
    primary, entry = service.primary, service.current
    primary.rollout, primary.updated_at = "COMPLETED", moment.utc
    primary.reason = f"ECS deployment {primary.id} completed."
    service.completed = primary
    service.say(moment, f"(deployment {primary.id}) deployment completed.")
    if not entry.over:
        back = entry.status == "ROLLBACK_IN_PROGRESS"
        close(service, "ROLLBACK_SUCCESSFUL" if back else "SUCCESSFUL", entry.reason, moment)


def close(service: Service, status: str, reason: str, moment: Moment) -> None:
    entry = service.current
    entry.status, entry.reason, entry.updated_at = status, reason, moment.utc
    if entry.breaker == "MONITORING":
        entry.breaker = "MONITORING_COMPLETE"
    ecs_alarms.end(entry.watch)
    if entry.native is not None:  # nobody waits for an answer any more
        entry.native.hooks = [hook for hook in entry.native.hooks if hook.status != "AWAITING_ACTION"]
    if status == "STOPPED":
        entry.stopped_at = moment.utc
    else:
        entry.finished_at = moment.utc


def launch(service: Service, deployment: Deployment, count: int, moment: Moment) -> list[Task]:
    revision, started = deployment.revision, []
    for _ignored in range(count):
        subnet = ecs_rolling.subnet_for(service, revision.subnets, deployment=deployment)
        task = Task(service.ids.task(), revision, deployment.id, deployment.id, subnet, moment, since=moment.now)
        task.tags = list(service.task_tags)
        service.tasks[task.id] = task
        started.append(task)
    return started


def leave(service: Service) -> set[str]:
    """Deployments without tasks leave; returns those that still have some, draining ones included."""
    holding = {task.deployment for task in service.tasks.values() if task.live or task.status == "DEACTIVATING"}
    for deployment in service.deployments[1:]:
        if deployment.id not in holding:
            deployment.status = "INACTIVE"
            service.deployments.remove(deployment)
    return holding


def count(service: Service) -> None:
    """Task counts of the open service deployment; a closed one keeps what it ended with."""
    entry = service.current
    if entry.over:
        return
    counts: dict[str, tuple[int, int, int]] = {}
    for revision in unique((entry.target, *entry.sources, service.primary.revision)):
        tasks = [task for task in service.tasks.values() if task.revision.id == revision.id]
        running = sum(task.status == "RUNNING" for task in tasks)
        waiting = sum(task.live and task.status != "RUNNING" for task in tasks)
        counts[revision.id] = (requested(service, revision), running, waiting)
    entry.counts = counts


def requested(service: Service, revision: Revision) -> int:
    """Tasks that ECS wants of a revision: a native deployment runs two of them at full count."""
    native = None if service.current.over else service.current.native
    ids = native.keep if native else {service.primary.id}
    return service.desired if any(d.revision.id == revision.id and d.id in ids for d in service.deployments) else 0


def unique(revisions: tuple[Revision, ...]) -> tuple[Revision, ...]:
    return tuple({revision.id: revision for revision in revisions}.values())
