# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task's life: order of states, health, grace, drain before signals, SIGKILL after stopTimeout."""

from __future__ import annotations

import signal

import pytest

from tests.lab.aws.engine.ecs_model import HealthCheck, Service, Task
from tests.unit.lab.aws.engine.ecs_world import World, messages

CHECK = HealthCheck(("CMD-SHELL", "true"), interval=5, timeout=2, retries=3)


def unbalanced(world: World, image: str = "good", desired: int = 1, **container: object) -> Service:
    service = world.create(desired=0)
    world.run(1)
    service.desired = desired
    world.update(service, image, balanced=False, **container)
    return service


def follow(world: World, service: Service, until: str, limit: float = 300.0) -> tuple[Task, list[str]]:
    """The only task, and the states it was seen in until it reached `until`."""
    seen: list[str] = []
    end = world.at + limit
    for _ignored in world.ticks(lambda: world.at < end):
        task = next(iter(service.tasks.values()))
        if task.status not in seen:
            seen.append(task.status)
        if task.status == until:
            return task, seen
    raise AssertionError(f"{until} not reached: {seen}")


def test_the_whole_life_in_order() -> None:
    world = World()
    service = world.create(desired=1)
    _ignored, up = follow(world, service, "RUNNING")
    assert up == ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING"]
    world.until_steady(service)
    world.scheduler.stop_task(service, service.live()[0], "because")
    task, down = follow(world, service, "STOPPED")
    assert down == ["DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"]
    assert (task.stop_code, task.stop_reason, task.exit_codes) == ("UserInitiated", "because", {"app": 0})
    assert service.primary.failed == 0


def test_nobody_is_signalled_while_its_target_is_registered_or_draining() -> None:
    world = World()
    service = world.create(desired=4)
    world.until_steady(service)
    for image in ("good", "sick", "good"):
        world.update(service, image)
        world.run(90)
    assert len(world.signals) > 8
    assert {state for _ignored, _ignored, _ignored, state in world.signals} == {"gone"}


def test_the_drain_lasts_as_long_as_the_load_balancer_says() -> None:
    world = World(deregistration_delay=70)
    service = world.create(desired=1)
    world.until_steady(service)
    asked = world.at
    world.scheduler.stop_task(service, service.live()[0], "")
    world.wait_while(lambda: not world.signals)
    assert 70 <= world.signals[0][0] - asked <= 71


def test_stop_timeout_then_kill() -> None:
    world = World()
    service = unbalanced(world, "deaf", stop_timeout=45.0)
    world.until_steady(service)
    task = service.live()[0]
    world.scheduler.stop_task(service, task, "")
    world.run(60)
    (first, _ignored, term, _ignored), (second, _ignored, kill, _ignored) = world.signals
    assert (term, kill) == (signal.SIGTERM, signal.SIGKILL)
    assert 45 <= second - first <= 46
    assert (task.status, task.exit_codes) == ("STOPPED", {"app": 137})


def test_a_dead_task_is_not_drained_but_its_address_waits_for_its_target() -> None:
    world = World(deregistration_delay=100)
    service = world.create(desired=1)
    world.until_steady(service)
    task = service.live()[0]
    world.signal(task.key("app"), 9)
    world.run(5)
    assert task.status == "STOPPED"
    assert task.address in world.leased
    world.run(100)
    assert task.address not in world.leased


def test_an_image_that_is_not_there() -> None:
    world = World()
    service = world.create("absent", desired=1)
    task, seen = follow(world, service, "STOPPED")
    assert "RUNNING" not in seen
    assert task.stop_code == "TaskFailedToStart"
    assert task.stop_reason == "CannotPullContainerError: failed to resolve ref absent: not found"
    assert any("was unable to place a task. Reason: CannotPullContainerError" in m for m in messages(service))


def test_a_port_that_the_interface_cannot_listen_on() -> None:
    world = World()
    service = world.create("privileged", desired=1)
    task, seen = follow(world, service, "STOPPED")
    assert "RUNNING" not in seen
    assert task.stop_code == "TaskFailedToStart"
    assert task.stop_reason == f"CannotStartContainerError: {task.address}: Permission denied"


def test_a_subnet_that_is_not_there() -> None:
    world = World()
    service = world.create(desired=0)
    world.run(1)
    service.desired = 1
    world.update(service, "good")
    for revision in service.revisions:
        object.__setattr__(revision, "subnets", ("subnet-x",))
    task, _ignored = follow(world, service, "STOPPED")
    assert task.stop_reason.startswith("ResourceInitializationError: ")


def test_secrets_are_read_at_the_start_and_a_missing_one_fails_the_task() -> None:
    world = World()
    world.scheduler.read_secret = {"arn:one": "s3cret"}.__getitem__
    service = unbalanced(world, secrets={"KEY": "arn:one"}, environment={"A": "1"})
    task, _ignored = follow(world, service, "RUNNING")
    assert world.processes[task.key("app")].environment == {"A": "1", "KEY": "s3cret"}
    other = World()
    service = unbalanced(other, secrets={"KEY": "arn:two"})
    task, _ignored = follow(other, service, "STOPPED")
    assert task.stop_reason.startswith("ResourceInitializationError: unable to pull secrets or registry auth: ")


def test_without_load_balancer_and_check_a_task_is_healthy_after_40_seconds() -> None:
    world = World()
    service = unbalanced(world)
    task, _ignored = follow(world, service, "RUNNING")
    world.run(39)
    assert service.primary.rollout == "IN_PROGRESS"
    world.run(2)
    assert service.primary.rollout == "COMPLETED"
    assert task.healthy_once


def test_a_container_check_decides_instead_of_the_40_seconds() -> None:
    world = World()
    service = unbalanced(world, health_check=CHECK)
    task, _ignored = follow(world, service, "RUNNING")
    world.run(8)
    assert task.checks["app"].verdict == "HEALTHY"
    assert service.primary.rollout == "COMPLETED"


def test_a_failing_container_check_replaces_the_task() -> None:
    world = World()
    service = unbalanced(world, "sick", health_check=CHECK)
    task, _ignored = follow(world, service, "STOPPED")
    assert task.stop_reason == "Task failed container health checks"
    assert f"(service web) (task {task.id}) failed container health checks." in messages(service)
    assert service.primary.failed >= 1


def test_load_balancer_and_container_check_must_both_pass() -> None:
    world = World()
    service = world.create(desired=1)
    world.until_steady(service)
    world.update(service, "late", health_check=HealthCheck(("CMD", "x"), 5, 2, 3, start_period=200))
    world.wait_while(lambda: not any(t.checks for t in service.live(service.primary.id)))
    world.run(20)
    assert service.primary.rollout == "IN_PROGRESS"


@pytest.mark.parametrize(("start_period", "survives"), [(0, False), (60, True)])
def test_failures_within_the_start_period_do_not_count(start_period: float, survives: bool) -> None:
    world = World()
    check = HealthCheck(("CMD", "x"), interval=5, timeout=2, retries=3, start_period=start_period)
    service = unbalanced(world, "late", health_check=check)
    task, _ignored = follow(world, service, "RUNNING")
    world.run(75)
    assert task.live is survives
    assert (task.checks["app"].verdict == "HEALTHY") is survives


@pytest.mark.parametrize(("grace", "survives"), [(0, False), (60, True)])
def test_grace_shields_a_slow_start(grace: float, survives: bool) -> None:
    world = World()
    service = world.create("late", desired=1, grace=grace)
    task, _ignored = follow(world, service, "RUNNING")
    world.run(58)
    assert task.live is survives
    assert (service.primary.rollout == "COMPLETED") is survives


def test_stopped_tasks_are_remembered_for_an_hour() -> None:
    world = World()
    service = world.create(desired=1)
    world.until_steady(service)
    task = service.live()[0]
    world.scheduler.stop_task(service, task, "")
    world.run(60)
    stopped = task.stopped
    assert stopped is not None
    world.at = stopped.now + 3599
    world.tick()
    assert task.id in service.tasks
    world.tick(2)
    assert task.id not in service.tasks


def test_one_services_error_does_not_stop_the_others() -> None:
    world = World()
    broken = world.create(desired=1)
    broken.config = {}
    fine = world.create(desired=1)
    for _ignored in range(60):
        with pytest.raises(ExceptionGroup):
            world.tick()
    assert fine.primary.rollout == "COMPLETED"
