# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task's life, as a pure step: where it stands, what is asked of the outside next.

PROVISIONING (interface) → PENDING (image, processes) → ACTIVATING (registered at the load balancer)
→ RUNNING → DEACTIVATING (deregistered, draining) → STOPPING (SIGTERM, after stopTimeout SIGKILL)
→ DEPROVISIONING → STOPPED. Source: Amazon ECS Developer Guide, "Amazon ECS task lifecycle".
"""

from __future__ import annotations

import signal
from dataclasses import dataclass

from tests.lab.aws.engine.ecs_actions import (
    Action,
    Attach,
    Deregister,
    Detach,
    Facts,
    Forget,
    Launch,
    Register,
    RunCheck,
    Signal,
)
from tests.lab.aws.engine.ecs_model import Check, ContainerSpec, HealthCheck, Moment, Service, Task

# Without a load balancer or a container health check a task counts as healthy this long after RUNNING.
# Source: botocore ecs/2014-11-13, DeploymentConfiguration.minimumHealthyPercent.
SETTLE = 40.0

HEALTHY, UNHEALTHY, UNDECIDED = "healthy", "unhealthy", "undecided"


@dataclass(frozen=True)
class Pace:
    """AWS seconds that AWS does not promise; short, so that a lab stays quick."""

    provision: float = 2.0
    pull: float = 3.0
    keep_stopped: float = 3600.0  # DescribeTasks: "stopped tasks appear … for at least one hour"


@dataclass(frozen=True)
class Turn:
    """One task's turn in a step."""

    service: Service
    task: Task
    facts: Facts
    moment: Moment
    pace: Pace


def step_task(service: Service, task: Task, facts: Facts, moment: Moment, pace: Pace) -> list[Action]:
    """Move the task on by at most one status. Failures end in `stop()`; who counts them is `ecs_deploy`."""
    if task.live:
        _note_exits(task, facts)
        if task.launched and not task.stop_code and (reason := _broken(task, facts)):
            return stop(service, task, "EssentialContainerExited", reason, moment)
    handler = {
        "PROVISIONING": _provisioning,
        "PENDING": _pending,
        "ACTIVATING": _activating,
        "RUNNING": _running,
        "DEACTIVATING": _deactivating,
        "STOPPING": _stopping,
        "DEPROVISIONING": _deprovisioning,
        "STOPPED": _stopped,
    }[task.status]
    return handler(Turn(service, task, facts, moment, pace))


def stop(service: Service, task: Task, code: str, reason: str, moment: Moment) -> list[Action]:
    """Take a live task out of service: deregister first; signals follow when nothing is registered any more."""
    if not task.live:
        return []
    registered = task.status in ("ACTIVATING", "RUNNING") and bool(task.targets())
    task.stop_code, task.stop_reason, task.stopping_at = code, reason, moment.utc
    _enter(task, "DEACTIVATING", moment)
    if not registered:
        return []
    for group in dict.fromkeys(target[0] for target in task.targets()):
        service.say(moment, f"deregistered 1 targets in (target-group {group})")
    service.say(moment, "has begun draining connections on 1 tasks.", task_set=task.deployment)
    return [Deregister(task)]


def health(task: Task, service: Service, facts: Facts, moment: Moment) -> str:
    """`healthy`, `unhealthy` (grace is over) or `undecided`, as the service scheduler sees the task.

    Load balancer and container checks must both be good. Source: botocore ecs/2014-11-13,
    DeploymentConfiguration.minimumHealthyPercent, healthCheckGracePeriodSeconds.
    """
    if task.status != "RUNNING" or task.running is None:
        return UNDECIDED
    age = moment.now - task.running.now
    states = [_target_verdict(target, facts) for target in task.targets()]
    states += [{"HEALTHY": HEALTHY, "UNHEALTHY": UNHEALTHY}.get(v, UNDECIDED) for v in container_verdicts(task)]
    if not states:
        return HEALTHY if age >= SETTLE else UNDECIDED
    if UNHEALTHY in states:
        return UNHEALTHY if age >= service.grace else UNDECIDED
    return HEALTHY if all(state == HEALTHY for state in states) else UNDECIDED


def why_unhealthy(task: Task, facts: Facts) -> tuple[str, str]:
    """(stoppedReason, event without the leading service) of a task that fails a health check."""
    for target in task.targets():
        seen = facts.targets.get(target)
        if seen is not None and seen.state == "unhealthy":
            return (
                f"Task failed ELB health checks in (target-group {target[0]})",
                f"(task {task.id}) (port {target[2]}) is unhealthy in (target-group {target[0]})"
                f" due to (reason {seen.description or seen.reason})",
            )
    return "Task failed container health checks", f"(task {task.id}) failed container health checks."


def health_status(task: Task) -> str:
    """Task.healthStatus: the worst of its essential containers' checks."""
    verdicts = container_verdicts(task)
    for worst in ("UNHEALTHY", "UNKNOWN"):
        if worst in verdicts:
            return worst
    return "HEALTHY" if verdicts else "UNKNOWN"


def container_verdicts(task: Task) -> list[str]:
    """HEALTHY, UNHEALTHY or UNKNOWN of each essential container that has a check."""
    return [
        task.checks.get(spec.name, Check()).verdict
        for spec in task.revision.containers
        if spec.essential and spec.health_check
    ]


# ---- one status each -----------------------------------------------------------------------------


def _provisioning(turn: Turn) -> list[Action]:
    service, task, moment = turn.service, turn.task, turn.moment
    if task.start_error:
        return stop(service, task, "TaskFailedToStart", task.start_error, moment)
    if task.interface is None:
        return [Attach(task)]
    if moment.now - task.since >= turn.pace.provision:
        task.pull_started_at = moment.utc
        _enter(task, "PENDING", moment)
    return []


def _pending(turn: Turn) -> list[Action]:
    service, task, moment = turn.service, turn.task, turn.moment
    if task.start_error:
        return stop(service, task, "TaskFailedToStart", task.start_error, moment)
    if task.launched:
        task.pull_stopped_at = moment.utc
        _enter(task, "ACTIVATING", moment)
        return [Register(task)] if task.targets() else []
    if moment.now - task.since >= turn.pace.pull:
        task.launched = True
        return [Launch(task)]
    return []


def _activating(turn: Turn) -> list[Action]:
    service, task, moment = turn.service, turn.task, turn.moment
    for group in dict.fromkeys(target[0] for target in task.targets()):
        service.say(moment, f"registered 1 targets in (target-group {group})")
    task.running = moment
    _enter(task, "RUNNING", moment)
    return []


def _running(turn: Turn) -> list[Action]:
    task, facts, moment = turn.task, turn.facts, turn.moment
    actions: list[Action] = []
    for spec in task.revision.containers:
        if spec.health_check:
            actions += _container_check(task, spec, spec.health_check, facts, moment)
    return actions


def _deactivating(turn: Turn) -> list[Action]:
    task, facts, moment = turn.task, turn.facts, turn.moment
    gone = not any(target in facts.targets for target in task.targets())
    # An essential container that died takes no more requests: nothing is left to be drained.
    if not gone and task.stop_code != "EssentialContainerExited":
        return []
    _enter(task, "STOPPING", moment)
    task.signalled_at = moment.now
    return [Signal(key, signal.SIGTERM) for key in _running_keys(task, facts)]


def _stopping(turn: Turn) -> list[Action]:
    task, facts, moment = turn.task, turn.facts, turn.moment
    running = _running_keys(task, facts)
    _note_exits(task, facts)
    if not running:
        _enter(task, "DEPROVISIONING", moment)
        return []
    waited = moment.now - (task.signalled_at or moment.now)
    late = {
        spec.name
        for spec in task.revision.containers
        if task.key(spec.name) in running and spec.name not in task.killed and waited >= spec.stop_timeout
    }
    task.killed |= late
    return [Signal(task.key(name), signal.SIGKILL) for name in sorted(late)]


def _deprovisioning(turn: Turn) -> list[Action]:
    task, moment = turn.task, turn.moment
    task.stopped = moment
    _enter(task, "STOPPED", moment)
    return [Forget(task)]


def _stopped(turn: Turn) -> list[Action]:
    """Give the address back only when no load balancer holds it any more: it must not be two targets at once."""
    task, facts = turn.task, turn.facts
    if task.released or any(target in facts.targets for target in task.targets()):
        return []
    task.released = True
    return [Detach(task)] if task.interface else []


# ---- helpers -------------------------------------------------------------------------------------


def _enter(task: Task, status: str, moment: Moment) -> None:
    task.status, task.since, task.version = status, moment.now, task.version + 1


def _running_keys(task: Task, facts: Facts) -> list[str]:
    keys = [task.key(spec.name) for spec in task.revision.containers]
    return [key for key in keys if key in facts.processes and facts.processes[key].running]


def _note_exits(task: Task, facts: Facts) -> None:
    """Exit codes as a container engine shows them: 128 + n for a process that signal n killed."""
    for spec in task.revision.containers:
        seen = facts.processes.get(task.key(spec.name))
        if seen is not None and not seen.running and seen.exit_code is not None:
            task.exit_codes[spec.name] = seen.exit_code if seen.exit_code >= 0 else 128 - seen.exit_code


def _broken(task: Task, facts: Facts) -> str:
    """Why the task cannot go on: an essential container's process is not there any more."""
    if task.start_error or task.status == "PENDING":
        return ""
    for spec in task.revision.containers:
        seen = facts.processes.get(task.key(spec.name))
        if spec.essential and (seen is None or not seen.running):
            return "Essential container in task exited"
    return ""


def _target_verdict(target: tuple[str, str, int], facts: Facts) -> str:
    """`unavailable` is a target whose health checks are switched off: ECS has nothing to object to."""
    seen = facts.targets.get(target)
    if seen is None:
        return UNDECIDED
    return {"healthy": HEALTHY, "unavailable": HEALTHY, "unhealthy": UNHEALTHY}.get(seen.state, UNDECIDED)


def _container_check(task: Task, spec: ContainerSpec, check: HealthCheck, facts: Facts, moment: Moment) -> list[Action]:
    """Run the next check, or judge the one that ran.

    Failures within startPeriod do not count until a check has succeeded. Source: botocore
    ecs/2014-11-13, HealthCheck.startPeriod and retries.
    """
    assert task.running is not None
    state = task.checks.setdefault(spec.name, Check())
    key = task.key(spec.name)
    if state.started_at is None:
        due = task.running.now + check.interval if state.ended_at is None else state.ended_at + check.interval
        if moment.now < due:
            return []
        state.started_at = moment.now
        return [RunCheck(key, check.command, check.timeout)]
    result = facts.checks.get(key)
    if result is None:
        return []
    state.started_at, state.ended_at = None, moment.now
    if result == 0:
        state.failures, state.verdict = 0, "HEALTHY"
        return []
    starting = state.verdict == "UNKNOWN" and moment.now - task.running.now < check.start_period
    state.failures += 0 if starting else 1
    if state.failures >= check.retries:
        state.verdict = "UNHEALTHY"
    return []
