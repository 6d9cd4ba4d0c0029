# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service's deployments as a pure step: rolling, circuit breaker, rollback, completion, events.

`step()` moves every task on (ecs_tasks), asks the strategy what may be started and stopped
(ecs_rolling; blue/green strategies get a module of their own beside it), and keeps the books.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.lab.aws.engine import ecs_rolling
from tests.lab.aws.engine.ecs_actions import Action, Facts
from tests.lab.aws.engine.ecs_config import threshold
from tests.lab.aws.engine.ecs_model import Deployment, Moment, Revision, Service, ServiceDeployment, Task
from tests.lab.aws.engine.ecs_tasks import HEALTHY, Pace, health, step_task, stop, why_unhealthy

# "tasks that repeatedly fail to start": the pause doubles up to 27 minutes.
# Source: Amazon ECS Developer Guide, "Amazon ECS service throttle logic".
LONGEST_PAUSE = 27 * 60.0
TRIPPED = "Service deployment rolled back because the circuit breaker threshold was exceeded."
NO_CANDIDATE = "No rollback candidate was found to run the rollback."  # statusReason seen for a first deployment


def begin(service: Service, revision: Revision, moment: Moment) -> ServiceDeployment:
    """Start a deployment to `revision`; one that is under way is superseded."""
    for deployment in service.deployments:
        deployment.status = "ACTIVE"
    if service.history and not service.current.over:
        _close(
            service, "STOPPED", "Service deployment was stopped because a new service deployment was started.", moment
        )
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
        _unique(sources),
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
        _close(service, "STOPPED", "Service deployment was stopped because the service was deleted.", moment)


def step(service: Service, facts: Facts, moment: Moment, pace: Pace) -> list[Action]:
    """One step of everything a service has. Returns what the outside is asked to do."""
    actions: list[Action] = []
    for task in list(service.tasks.values()):
        was_live = task.live
        actions += step_task(service, task, facts, moment, pace)
        if was_live and not task.live:
            _failed(service, task, moment)
        if task.stopped and moment.now - task.stopped.now > pace.keep_stopped and task.released:
            del service.tasks[task.id]
    if service.status == "INACTIVE":
        return actions
    verdicts = {task.id: health(task, service, facts, moment) for task in service.live()}
    _note_healthy(service, verdicts)
    _follow_requests(service, moment)
    _watch_breaker(service, moment)
    actions += _move(service, verdicts, facts, moment)
    _settle(service, verdicts, moment)
    return actions


# ---- the parts of a step -------------------------------------------------------------------------


def _failed(service: Service, task: Task, moment: Moment) -> None:
    """Count a task that ended by itself or failed a health check; throttle starts that never ran.

    Source: botocore ecs/2014-11-13, Deployment.failedTasks.
    """
    deployment = next((d for d in service.deployments if d.id == task.deployment), None)
    if deployment is None or deployment is not service.primary:
        return
    if deployment.rollout == "IN_PROGRESS":
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


def _note_healthy(service: Service, verdicts: Mapping[str, str]) -> None:
    reset = service.config["deploymentCircuitBreaker"]["resetOnHealthyTask"]
    for task in service.live(service.primary.id):
        if verdicts[task.id] == HEALTHY and not task.healthy_once:
            task.healthy_once = True
            service.primary.start_failures = 0
            if reset:
                service.primary.failed = 0


def _follow_requests(service: Service, moment: Moment) -> None:
    """What StopServiceDeployment asked for, and the first step of a new service deployment."""
    entry = service.current
    if entry.status == "PENDING":
        entry.status, entry.started_at, entry.updated_at = "IN_PROGRESS", moment.utc, moment.utc
    elif entry.status == "STOP_REQUESTED":
        _give_up(service, "ECS deployment was stopped by a request.", moment)
        _close(service, "STOPPED", "Service deployment was stopped by a request.", moment)
    elif entry.status == "ROLLBACK_REQUESTED":
        _give_up(service, "ECS deployment was rolled back by a request.", moment)
        _roll_back(service, "Service deployment rolled back because of a request to stop it.", "", moment)


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
    _give_up(service, "ECS deployment circuit breaker: tasks failed to start.", moment)
    if entry.status == "ROLLBACK_IN_PROGRESS":
        _close(service, "ROLLBACK_FAILED", TRIPPED, moment)
    elif breaker["rollback"]:
        _roll_back(service, TRIPPED, "ECS deployment circuit breaker: ", moment)
    else:
        _close(
            service, "STOPPED", "Service deployment stopped because the circuit breaker threshold was exceeded.", moment
        )


def _give_up(service: Service, reason: str, moment: Moment) -> None:
    primary = service.primary
    primary.rollout, primary.reason, primary.updated_at = "FAILED", reason, moment.utc


def _roll_back(service: Service, reason: str, by: str, moment: Moment) -> None:
    """The last COMPLETED deployment becomes PRIMARY again, with those of its tasks that still run.

    Inferred from service events in the field: "rolling back to deployment X." is followed by
    "(deployment X) deployment completed.", and X has running tasks from the first read on. Without a
    completed deployment nothing can be rolled back to: the deployment is stalled (Amazon ECS Developer
    Guide, "How the Amazon ECS deployment circuit breaker detects failures").
    """
    entry, target = service.current, service.completed
    entry.reason = reason
    if target is None or target is service.primary:
        _close(service, "ROLLBACK_FAILED", NO_CANDIDATE, moment)
        return
    service.primary.status = "ACTIVE"
    service.deployments = [target, *(d for d in service.deployments if d is not target)]
    target.status, target.rollout, target.updated_at = "PRIMARY", "IN_PROGRESS", moment.utc
    target.reason = f"{by or 'ECS deployment: '}rolling back to deploymentId {target.id}."
    target.failed = target.start_failures = 0
    target.retry_at, target.warned = 0.0, False
    entry.status, entry.updated_at = "ROLLBACK_IN_PROGRESS", moment.utc
    entry.rollback, entry.rollback_reason, entry.rollback_started_at = target.revision, reason, moment.utc
    service.steady = False
    service.say(moment, f"rolling back to deployment {target.id}.")


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
        reason, event = why_unhealthy(task, facts)
        service.say(moment, event)
        running.append(task)
        actions += stop(service, task, "ServiceSchedulerInitiated", reason, moment)
        _failed(service, task, moment)
    for task in wanted.scale_in:
        reason = f"Scaling activity initiated by (deployment {primary.id})"
        actions += stop(service, task, "ServiceSchedulerInitiated", reason, moment)
    if running:
        names = " ".join(f"(task {task.id})" for task in running)
        service.say(moment, f"has stopped {len(running)} running tasks: {names}.")
    if wanted.launch:
        started = _launch(service, wanted.launch, moment)
        service.say(moment, f"has started {len(started)} tasks: {' '.join(f'(task {t.id})' for t in started)}.")
    if wanted.stuck and not primary.warned:
        primary.warned = True
        service.say(
            moment,
            "was unable to stop or start tasks during a deployment because of the service deployment configuration."
            " Update the minimumHealthyPercent or maximumPercent value and try again.",
        )
    return actions


def _launch(service: Service, count: int, moment: Moment) -> list[Task]:
    revision, started = service.primary.revision, []
    for _ignored in range(count):
        subnet = ecs_rolling.subnet_for(service, revision.subnets)
        owner = service.primary.id
        task = Task(service.ids.task(), revision, owner, owner, subnet, moment, since=moment.now)
        task.tags = list(service.task_tags)
        service.tasks[task.id] = task
        started.append(task)
    return started


def _settle(service: Service, verdicts: Mapping[str, str], moment: Moment) -> None:
    """Deployments without tasks leave; a steady state completes the PRIMARY one; a drained service ends."""
    holding = {task.deployment for task in service.tasks.values() if task.live or task.status == "DEACTIVATING"}
    for deployment in service.deployments[1:]:
        if deployment.id not in holding:
            deployment.status = "INACTIVE"
            service.deployments.remove(deployment)
    live, primary = service.live(), service.primary
    healthy = all(verdicts.get(task.id) == HEALTHY for task in live)
    done = len(live) == service.desired and healthy and holding <= {primary.id}
    _count(service)
    if service.status == "DRAINING":
        if not holding:
            service.status = "INACTIVE"
        return
    if not done:
        service.steady = False
        return
    if primary.rollout == "IN_PROGRESS":
        primary.rollout, primary.updated_at = "COMPLETED", moment.utc
        primary.reason = f"ECS deployment {primary.id} completed."
        service.completed = primary
        service.say(moment, f"(deployment {primary.id}) deployment completed.")
        entry = service.current
        if not entry.over:
            back = entry.status == "ROLLBACK_IN_PROGRESS"
            _close(service, "ROLLBACK_SUCCESSFUL" if back else "SUCCESSFUL", entry.reason, moment)
    if not service.steady and primary.rollout == "COMPLETED":
        service.steady = True
        service.say(moment, "has reached a steady state.")


def _count(service: Service) -> None:
    """Task counts of the open service deployment; a closed one keeps what it ended with."""
    entry = service.current
    if entry.over:
        return
    counts: dict[str, tuple[int, int, int]] = {}
    wanted = service.primary.revision.id
    for revision in _unique((entry.target, *entry.sources, service.primary.revision)):
        tasks = [task for task in service.tasks.values() if task.revision.id == revision.id]
        running = sum(task.status == "RUNNING" for task in tasks)
        waiting = sum(task.live and task.status != "RUNNING" for task in tasks)
        counts[revision.id] = (service.desired if revision.id == wanted else 0, running, waiting)
    entry.counts = counts


def _close(service: Service, status: str, reason: str, moment: Moment) -> None:
    entry = service.current
    entry.status, entry.reason, entry.updated_at = status, reason, moment.utc
    if entry.breaker == "MONITORING":
        entry.breaker = "MONITORING_COMPLETE"
    if status == "STOPPED":
        entry.stopped_at = moment.utc
    else:
        entry.finished_at = moment.utc


def _unique(revisions: tuple[Revision, ...]) -> tuple[Revision, ...]:
    return tuple({revision.id: revision for revision in revisions}.values())
