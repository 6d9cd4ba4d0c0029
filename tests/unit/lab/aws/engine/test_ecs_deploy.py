# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Circuit breaker, rollback, stopped service deployments, deletion, events."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.aws.engine import ecs_deploy
from tests.lab.aws.engine.ecs_config import complete_config, threshold
from tests.unit.lab.aws.engine.ecs_world import GROUP, World, images, messages

BREAKER = {"enable": True, "rollback": True}


def config(kind: str, value: int) -> dict[str, Any]:
    return complete_config({"deploymentCircuitBreaker": {"thresholdConfiguration": {"type": kind, "value": value}}})


@pytest.mark.parametrize(
    ("kind", "value", "desired", "expected"),
    [
        ("BOUNDED_PERCENT", 50, 1, 3),
        ("BOUNDED_PERCENT", 50, 6, 3),
        ("BOUNDED_PERCENT", 50, 7, 4),
        ("BOUNDED_PERCENT", 50, 25, 13),
        ("BOUNDED_PERCENT", 50, 100, 50),
        ("BOUNDED_PERCENT", 50, 400, 200),
        ("BOUNDED_PERCENT", 50, 900, 200),
        ("UNBOUNDED_PERCENT", 50, 2, 1),
        ("UNBOUNDED_PERCENT", 50, 800, 400),
        ("COUNT", 5, 800, 5),
        ("COUNT", 1, 1, 1),
    ],
)
def test_threshold(kind: str, value: int, desired: int, expected: int) -> None:
    assert threshold(desired, config(kind, value)) == expected


def test_defaults_are_completed_member_by_member() -> None:
    full = complete_config({"deploymentCircuitBreaker": BREAKER, "minimumHealthyPercent": 50})
    assert full["deploymentCircuitBreaker"] == {
        "enable": True,
        "rollback": True,
        "resetOnHealthyTask": True,
        "thresholdConfiguration": {"type": "BOUNDED_PERCENT", "value": 50},
    }
    assert (full["minimumHealthyPercent"], full["maximumPercent"], full["strategy"]) == (50, 200, "ROLLING")
    again = complete_config({"deploymentCircuitBreaker": {"rollback": False}}, full)
    assert again["deploymentCircuitBreaker"]["enable"] is True
    assert again["deploymentCircuitBreaker"]["rollback"] is False


@pytest.mark.parametrize("bad", ["sick", "crash", "absent"])
def test_a_bad_release_is_rolled_back_and_never_costs_a_healthy_task(bad: str) -> None:
    world = World()
    service = world.create(desired=2, deploymentCircuitBreaker=BREAKER)
    world.until_steady(service)
    good, kept = service.primary, {task.id for task in service.live()}
    world.update(service, bad)
    wrong = service.primary
    for _ignored in world.ticks(lambda: not service.current.over):
        assert world.healthy(service) == 2
    entry = service.current
    assert (entry.status, entry.breaker) == ("ROLLBACK_SUCCESSFUL", "TRIGGERED")
    assert entry.failures >= entry.threshold == 3
    assert entry.reason == "Service deployment rolled back because the circuit breaker threshold was exceeded."
    assert entry.rollback is good.revision
    assert (wrong.rollout, wrong.reason) == ("FAILED", "ECS deployment circuit breaker: tasks failed to start.")
    assert wrong.failed >= 3
    assert service.primary is good
    assert good.rollout == "COMPLETED"
    assert {task.id for task in service.live()} == kept
    assert service.deployments == [good]
    said = messages(service)
    for earlier, later in [
        (f"(service web) (deployment {wrong.id}) deployment failed: tasks failed to start.", "rolling back to"),
        (f"(service web) rolling back to deployment {good.id}.", f"(deployment {good.id}) deployment completed."),
    ]:
        assert next(i for i, m in enumerate(said) if m == earlier) < max(i for i, m in enumerate(said) if later in m)


def test_while_it_rolls_back_the_deployments_say_so() -> None:
    world = World()
    service = world.create(desired=2, deploymentCircuitBreaker=BREAKER)
    world.until_steady(service)
    world.update(service, "sick")
    world.wait_while(lambda: service.current.status != "ROLLBACK_IN_PROGRESS")
    first, second = service.deployments
    assert (first.status, first.rollout) == ("PRIMARY", "IN_PROGRESS")
    assert first.reason == f"ECS deployment circuit breaker: rolling back to deploymentId {first.id}."
    assert (second.status, second.rollout) == ("ACTIVE", "FAILED")


def test_a_rollback_counts_its_own_failures_only() -> None:
    world = World()
    service = world.create(deploymentCircuitBreaker={**BREAKER, "resetOnHealthyTask": False})
    world.until_steady(service)
    service.primary.failed = 5  # what it took to get it live
    world.update(service, "sick")
    world.wait_while(lambda: not service.current.over)
    assert service.current.status == "ROLLBACK_SUCCESSFUL"


def test_rollback_starts_what_is_missing() -> None:
    world = World()
    service = world.create(desired=2, minimumHealthyPercent=0, deploymentCircuitBreaker=BREAKER)
    world.until_steady(service)
    world.update(service, "crash")
    world.wait_while(lambda: not service.current.over)
    assert service.current.status == "ROLLBACK_SUCCESSFUL"
    assert images(service) == ["good", "good"]


def test_a_first_deployment_cannot_be_rolled_back() -> None:
    world = World()
    service = world.create("sick", deploymentCircuitBreaker=BREAKER)
    world.wait_while(lambda: not service.current.over)
    assert (service.current.status, service.current.reason) == (
        "ROLLBACK_FAILED",
        "No rollback candidate was found to run the rollback.",
    )
    assert service.primary.rollout == "FAILED"
    started = len(service.tasks)
    world.run(120)
    assert len(service.tasks) == started  # stalled: nothing is started any more
    assert not service.steady


@pytest.mark.parametrize("way", ["delete", "scale"])
@pytest.mark.parametrize("bad", ["sick", "late", "crash"])
def test_a_stalled_service_can_be_emptied(way: str, bad: str) -> None:
    world = World()
    service = world.create(bad, grace=40, deploymentCircuitBreaker=BREAKER)
    world.run(5)
    ecs_deploy.request_stop(service, "ROLLBACK", world.moment())
    world.tick()
    assert service.current.status == "ROLLBACK_FAILED"
    if way == "delete":
        ecs_deploy.delete(service, world.moment())
    else:
        ecs_deploy.scale(service, 0)
    world.run(60)
    assert not service.live()
    assert (service.status == "INACTIVE") is (way == "delete")
    assert not world.leased


def test_without_rollback_the_deployment_stops_and_the_old_tasks_stay() -> None:
    world = World()
    service = world.create(deploymentCircuitBreaker={"enable": True, "rollback": False})
    world.until_steady(service)
    world.update(service, "sick")
    world.wait_while(lambda: not service.current.over)
    assert service.current.status == "STOPPED"
    assert service.current.stopped_at is not None
    world.run(120)
    assert images(service) == ["good", "good"]
    assert [d.rollout for d in service.deployments] == ["FAILED", "COMPLETED"]


def test_without_a_breaker_a_bad_release_is_tried_for_ever() -> None:
    world = World()
    service = world.create()
    world.until_steady(service)
    world.update(service, "sick")
    world.run(300)
    assert service.current.status == "IN_PROGRESS"
    assert service.current.breaker == "DISABLED"
    assert service.primary.failed > 6
    assert world.healthy(service) == 2


def test_a_failed_rollback_is_final() -> None:
    world = World()
    service = world.create(desired=2, minimumHealthyPercent=0, deploymentCircuitBreaker=BREAKER)
    world.until_steady(service)
    world.update(service, "crash")
    world.wait_while(lambda: service.current.status != "ROLLBACK_IN_PROGRESS")
    for task in service.live():
        world.signal(task.key("app"), 9) if task.launched else None
    service.primary.failed = 3
    world.tick()
    assert service.current.status == "ROLLBACK_FAILED"
    assert service.primary.rollout == "FAILED"


@pytest.mark.parametrize(("reset", "expected"), [(True, "IN_PROGRESS"), (False, "ROLLBACK_SUCCESSFUL")])
def test_a_crash_after_healthy_loop_needs_a_cumulative_count(reset: bool, expected: str) -> None:
    """aws/containers-roadmap#1206: each healthy task sets the count to 0, so the loop never ends."""
    world = World()
    service = world.create(desired=1, deploymentCircuitBreaker={**BREAKER, "resetOnHealthyTask": reset})
    world.until_steady(service)
    world.deregistration_delay = 1000.0  # the old task drains while the new ones come and go
    world.update(service, "flap")
    world.run(400)
    assert service.current.status == expected


@pytest.mark.parametrize("times", [1, 3])
def test_stop_with_rollback_works_without_a_breaker(times: int) -> None:
    world = World()
    service = world.create()
    world.until_steady(service)
    good = service.primary
    world.update(service, "good", environment={"RELEASE": "2"})
    world.run(4)
    for _ignored in range(times):
        ecs_deploy.request_stop(service, "ROLLBACK", world.moment())
    assert service.current.status == "ROLLBACK_REQUESTED"
    world.tick()
    assert service.current.status == "ROLLBACK_IN_PROGRESS"
    ecs_deploy.request_stop(service, "ROLLBACK", world.moment())
    world.until_steady(service)
    assert service.current.status == "ROLLBACK_SUCCESSFUL"
    assert service.primary is good
    assert {task.revision.id for task in service.live()} == {good.revision.id}


def test_stop_with_abort_leaves_what_runs() -> None:
    world = World()
    service = world.create(desired=4, maximumPercent=125)
    world.until_steady(service)
    world.update(service, "good", environment={"RELEASE": "2"})
    world.wait_while(lambda: not any(t.healthy_once for t in service.live(service.primary.id)))
    ecs_deploy.request_stop(service, "ABORT", world.moment())
    assert service.current.status == "STOP_REQUESTED"
    world.run(60)
    assert (service.current.status, service.primary.rollout) == ("STOPPED", "FAILED")
    assert len({task.deployment for task in service.live()}) == 2


def test_a_first_deployment_that_is_stopped_has_no_candidate() -> None:
    world = World()
    service = world.create("sick")
    world.run(4)
    ecs_deploy.request_stop(service, "ROLLBACK", world.moment())
    world.tick()
    assert service.current.status == "ROLLBACK_FAILED"


def test_delete_drains_and_then_is_inactive() -> None:
    world = World()
    service = world.create(desired=3)
    world.until_steady(service)
    ecs_deploy.delete(service, world.moment())
    world.tick()
    assert service.status == "DRAINING"
    assert not service.live()
    world.run(world.deregistration_delay - 2)
    assert service.status == "DRAINING"
    world.run(10)
    assert service.status == "INACTIVE"
    assert {task.status for task in service.tasks.values()} == {"STOPPED"}
    assert not world.leased
    assert not world.processes


def test_delete_during_a_rollout_closes_the_service_deployment() -> None:
    world = World()
    service = world.create()
    world.run(3)
    ecs_deploy.delete(service, world.moment())
    world.run(60)
    assert (service.status, service.current.status) == ("INACTIVE", "STOPPED")


def test_a_service_of_zero_tasks_is_complete_at_once() -> None:
    world = World()
    service = world.create(desired=0)
    world.run(1)
    assert service.primary.rollout == "COMPLETED"
    assert service.current.status == "SUCCESSFUL"


def test_a_rollout_reads_as_it_does_at_aws() -> None:
    world = World()
    service = world.create(desired=1)
    world.until_steady(service)
    (old,) = service.live()
    before = len(service.events)
    world.update(service, "good")
    world.until_steady(service)
    (new,) = service.live()
    assert messages(service)[before:] == [
        f"(service web) has started 1 tasks: (task {new.id}).",
        f"(service web) registered 1 targets in (target-group {GROUP})",
        f"(service web) deregistered 1 targets in (target-group {GROUP})",
        f"(service web, taskSet {old.deployment}) has begun draining connections on 1 tasks.",
        f"(service web) has stopped 1 running tasks: (task {old.id}).",
        f"(service web) (deployment {new.deployment}) deployment completed.",
        "(service web) has reached a steady state.",
    ]
    assert service.history[0].counts[new.revision.id] == (1, 1, 0)


def test_events_are_newest_first_and_at_most_100() -> None:
    world = World()
    service = world.create("sick", desired=4)
    world.run(400)
    assert len(service.events) == 100
    assert service.events[0].created_at > service.events[-1].created_at
    assert len({event.id for event in service.events}) == 100


def test_starts_that_fail_are_throttled() -> None:
    world = World()
    service = world.create("absent", desired=1)
    world.run(600)
    assert service.primary.failed == service.primary.start_failures
    assert 5 <= service.primary.failed <= 10  # pauses 2, 4, 8, … s; without them it would be about 100
    assert sum("is unable to consistently start tasks successfully" in m for m in messages(service)) == 1


def test_identifiers_depend_on_the_seed_and_differ_in_a_second_life() -> None:
    first, again = World(), World()
    one, other = first.create(), again.create()
    first.until_steady(one)
    again.until_steady(other)
    assert list(one.tasks) == list(other.tasks)
    ecs_deploy.delete(one, first.moment())
    first.run(60)
    second = first.create()
    first.until_steady(second)
    assert not set(second.tasks) & set(one.tasks)
