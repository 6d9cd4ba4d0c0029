# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployment alarms: rollback, stop, both ways to fail open, the bake of a rolling deployment."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.aws.engine.ecs_habits import Habits, parse
from tests.lab.aws.engine.ecs_model import Service
from tests.lab.aws.ports import AlarmState
from tests.unit.lab.aws.engine.ecs_world import World, images

ROLLING: dict[str, Any] = {"strategy": "ROLLING"}
NATIVE: dict[str, Any] = {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0}
STRATEGIES = pytest.mark.parametrize("strategy", [ROLLING, NATIVE], ids=["rolling", "native"])


def live(world: World, strategy: dict[str, Any], rollback: bool = True, window: float = 30.0) -> Service:
    world.states["beat"] = AlarmState("OK", window)
    alarms = {"alarmNames": ["beat", "gone"], "enable": True, "rollback": rollback}
    service = world.create(**strategy, alarms=alarms)
    world.wait_while(lambda: not service.current.over)
    world.until_steady(service)
    return service


def ring(world: World, state: str = "ALARM") -> None:
    world.states["beat"] = AlarmState(state, 30.0)


@STRATEGIES
def test_an_alarm_rolls_back_what_would_hang(strategy: dict[str, Any]) -> None:
    world = World()
    service = live(world, strategy)
    world.update(service, "sick")
    world.run(20)
    watch = service.current.watch
    assert (watch.status, watch.names, watch.triggered) == ("MONITORING", ("beat", "gone"), ())
    ring(world)
    world.wait_while(lambda: not service.current.over)
    assert service.current.status == "ROLLBACK_SUCCESSFUL"
    assert service.current.reason == (
        "Service deployment rolled back because of CloudWatch alarms in ALARM state: beat"
    )
    assert (watch.status, watch.triggered) == ("TRIGGERED", ("beat",))
    assert images(service) == ["good", "good"]


@STRATEGIES
def test_without_the_rollback_option_the_deployment_is_stopped(strategy: dict[str, Any]) -> None:
    world = World()
    service = live(world, strategy, rollback=False)
    world.update(service, "sick")
    world.run(20)
    ring(world)
    world.wait_while(lambda: not service.current.over)
    assert service.current.status == "STOPPED"
    assert service.primary.rollout == "FAILED"


@STRATEGIES
def test_an_alarm_that_rings_at_the_start_is_ignored_for_the_whole_deployment(strategy: dict[str, Any]) -> None:
    world = World()
    service = live(world, strategy)
    ring(world)
    world.update(service, "deaf")
    world.run(5)
    ring(world, "OK")
    world.run(5)
    ring(world)
    world.wait_while(lambda: not service.current.over)
    assert (service.current.status, service.current.watch.status) == ("SUCCESSFUL", "DISABLED")


@STRATEGIES
def test_or_it_fails_the_deployment_at_once_where_a_test_wants_that(strategy: dict[str, Any]) -> None:
    world = World()
    service = live(world, strategy)
    world.scheduler.habits = Habits(alarm_at_start="fails")
    ring(world)
    world.update(service, "deaf")
    world.wait_while(lambda: not service.current.over)
    assert service.current.status == "ROLLBACK_SUCCESSFUL"
    assert images(service) == ["good", "good"]


@STRATEGIES
def test_ecs_misses_the_alarm_while_its_polls_are_throttled(strategy: dict[str, Any]) -> None:
    world = World()
    service = live(world, strategy)
    world.scheduler.habits = Habits(blind=True)
    world.update(service, "deaf")
    world.run(5)
    ring(world)
    world.wait_while(lambda: not service.current.over)
    assert (service.current.status, service.current.watch.status) == ("SUCCESSFUL", "MONITORING_COMPLETE")


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA"])
def test_no_other_state_fails_a_deployment(state: str) -> None:
    world = World()
    service = live(world, ROLLING)
    ring(world, state)
    world.update(service, "deaf")
    world.wait_while(lambda: not service.current.over)
    assert service.current.status == "SUCCESSFUL"


def test_a_rolling_deployment_watches_on_when_it_is_steady() -> None:
    world = World()
    service = live(world, ROLLING, window=300.0)
    world.update(service, "deaf")
    world.wait_while(lambda: service.current.baking is None)
    assert images(service) == ["deaf", "deaf"]
    began = world.at
    world.wait_while(lambda: not service.current.over)
    assert world.at - began >= 300
    world.update(service, "good")
    world.wait_while(lambda: service.current.baking is None)
    ring(world)
    world.wait_while(lambda: not service.current.over)
    assert service.current.status == "ROLLBACK_SUCCESSFUL"
    assert images(service) == ["deaf", "deaf"]


@pytest.mark.parametrize(
    ("habits", "status"), [(Habits(), "SUCCESSFUL"), (Habits(watch_clean_up=True), "ROLLBACK_SUCCESSFUL")]
)
def test_clean_up_is_watched_only_where_a_test_wants_that(habits: Habits, status: str) -> None:
    world = World()
    service = live(world, NATIVE)
    world.scheduler.habits = habits
    world.update(service, "deaf")
    world.wait_while(lambda: service.current.stage != "CLEAN_UP")
    ring(world)
    world.wait_while(lambda: not service.current.over)
    assert service.current.status == status


@pytest.mark.parametrize("document", [None, [], {"x": True}, {"blind": 1}, {"alarm_at_start": "maybe"}])
def test_wrong_habits_are_refused(document: Any) -> None:
    with pytest.raises(ValueError, match=r"no habit|none of its values"):
        parse(document)


def test_habits() -> None:
    assert parse({}) == Habits()
    assert parse({"alarm_at_start": "fails", "blind": True}).shown() == {
        "alarm_at_start": "fails",
        "blind": True,
        "watch_clean_up": False,
        "native_breaker": False,
    }
