# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolling deployments: bounds, order of starts and stops, zones, scaling."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.lab.aws.engine import ecs_deploy
from tests.lab.aws.engine.ecs_rolling import bounds
from tests.unit.lab.aws.engine.ecs_world import ZONES, World, images, messages


@pytest.mark.parametrize(
    ("desired", "minimum", "maximum", "expected"),
    [
        (1, 100, 200, (1, 2)),
        (1, 100, 150, (1, 1)),
        (2, 100, 150, (2, 3)),
        (3, 100, 133, (3, 3)),
        (3, 100, 134, (3, 4)),
        (10, 90, 110, (9, 11)),
        (4, 50, 200, (2, 8)),
        (3, 50, 200, (2, 6)),
        (0, 100, 200, (0, 0)),
    ],
)
def test_minimum_is_rounded_up_and_maximum_down(
    desired: int, minimum: int, maximum: int, expected: tuple[int, int]
) -> None:
    assert bounds(desired, {"minimumHealthyPercent": minimum, "maximumPercent": maximum}) == expected


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(desired=st.integers(1, 6), minimum=st.integers(0, 100), extra=st.integers(0, 150))
def test_a_good_rollout_stays_within_its_bounds_at_every_step(desired: int, minimum: int, extra: int) -> None:
    maximum = 100 + extra
    lower, upper = bounds(desired, {"minimumHealthyPercent": minimum, "maximumPercent": maximum})
    if lower == upper:
        return  # AWS cannot move either; test_no_room_is_said_once covers it
    world = World()
    service = world.create(desired=desired, minimumHealthyPercent=minimum, maximumPercent=maximum)
    world.until_steady(service)
    world.update(service, "good", environment={"RELEASE": "2"})
    for _ignored in world.ticks(lambda: not service.steady):
        assert world.healthy(service) >= lower
        assert len(service.live()) <= upper
    assert {task.revision.id for task in service.live()} == {service.primary.revision.id}
    assert len(world.running(service)) == desired
    assert service.primary.rollout == "COMPLETED"


def test_minimum_zero_stops_all_old_tasks_at_once() -> None:
    world = World()
    service = world.create(desired=2, minimumHealthyPercent=0, maximumPercent=200)
    world.until_steady(service)
    world.update(service, "good")
    world.run(1)
    assert not [task for task in service.live() if task.deployment != service.primary.id]
    assert len(service.live()) == 2


def test_maximum_100_stops_half_before_it_starts() -> None:
    world = World()
    service = world.create(desired=4, minimumHealthyPercent=50, maximumPercent=100)
    world.until_steady(service)
    world.update(service, "good")
    world.tick()
    assert len(service.live()) == 2  # two stopped, none started yet
    world.tick()
    assert len(service.live()) == 4
    world.until_steady(service)
    assert len(world.running(service)) == 4


def test_no_room_is_said_once() -> None:
    world = World()
    service = world.create(desired=1, minimumHealthyPercent=100, maximumPercent=150)
    world.until_steady(service)
    world.update(service, "good")
    world.run(120)
    said = [m for m in messages(service) if "was unable to stop or start tasks during a deployment" in m]
    assert len(said) == 1
    assert service.primary.rollout == "IN_PROGRESS"
    assert world.healthy(service) == 1


def test_tasks_are_spread_over_zones_and_stay_so_after_a_rollout() -> None:
    world = World()
    service = world.create(desired=6)
    world.until_steady(service)
    assert set(Counter(task.zone for task in service.live()).values()) == {2}
    world.update(service, "good")
    world.until_steady(service)
    assert set(Counter(task.zone for task in service.live()).values()) == {2}


def test_a_new_release_is_spread_by_itself_wherever_the_old_one_is() -> None:
    world = World()
    service = world.create(desired=0)
    service.desired = 3
    world.update(service, "good", subnets=("subnet-a",))
    world.until_steady(service)
    assert {task.zone for task in service.live()} == {"us-east-1a"}
    world.update(service, "good")
    world.until_steady(service)
    assert {task.zone for task in service.live()} == set(ZONES.values())


def test_scaling_starts_no_deployment() -> None:
    world = World()
    service = world.create(desired=2)
    world.until_steady(service)
    first = service.primary.id
    for desired in (5, 3):
        ecs_deploy.scale(service, desired)
        world.until_steady(service)
        assert len(world.running(service)) == desired
        assert len({task.zone for task in service.live()}) == 3
    assert [d.id for d in service.deployments] == [first]
    assert len(service.history) == 1
    assert len([m for m in messages(service) if m.endswith("has reached a steady state.")]) == 3


def test_scaling_in_keeps_the_healthy_ones() -> None:
    world = World()
    service = world.create(desired=2)
    world.until_steady(service)
    ecs_deploy.scale(service, 4)
    world.run(1)
    kept = {task.id for task in world.running(service)}
    ecs_deploy.scale(service, 2)
    world.until_steady(service)
    assert {task.id for task in service.live()} == kept


def test_a_killed_task_is_replaced_without_a_new_deployment() -> None:
    world = World()
    service = world.create(desired=2)
    world.until_steady(service)
    victim = service.live()[0]
    world.signal(victim.key("app"), 9)
    world.tick()
    assert (victim.stop_code, victim.stop_reason) == ("EssentialContainerExited", "Essential container in task exited")
    assert victim.exit_codes == {"app": 137}
    world.until_steady(service)
    assert len(world.running(service)) == 2
    assert service.primary.failed == 0
    assert len(service.history) == 1


def test_an_unhealthy_task_is_replaced_start_first() -> None:
    world = World()
    service = world.create(desired=2)
    world.until_steady(service)
    victim = service.live()[0]
    world.processes[victim.key("app")].image = "sick"
    world.tick()
    assert victim.live
    assert len(service.live()) == 3
    for _ignored in world.ticks(lambda: victim.live):
        assert world.healthy(service) >= 1
    assert world.healthy(service) == 2
    assert victim.stop_reason == f"Task failed ELB health checks in (target-group {victim.targets()[0][0]})"
    assert any("is unhealthy in (target-group" in m and "[503]" in m for m in messages(service))


def test_with_maximum_100_an_unhealthy_task_is_stopped_first_one_by_one() -> None:
    world = World()
    service = world.create(desired=4, minimumHealthyPercent=50, maximumPercent=100)
    world.until_steady(service)
    victims = service.live()[:2]
    for victim in victims:
        world.processes[victim.key("app")].image = "sick"
    world.tick()
    assert sorted(victim.live for victim in victims) == [False, True]
    world.until_steady(service)
    assert images(service) == ["good"] * 4


def test_old_tasks_that_never_ran_are_stopped_at_once() -> None:
    world = World()
    service = world.create(desired=2)
    world.until_steady(service)
    world.update(service, "late")
    world.run(2)
    world.update(service, "good", environment={"RELEASE": "3"})
    world.tick()
    assert "(service web) stopped 2 pending tasks." in messages(service)
    world.until_steady(service)
    assert images(service) == ["good", "good"]
    assert [entry.status for entry in service.history] == ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"]
