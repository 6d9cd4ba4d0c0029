# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Native deployments that go back, get stuck, are stopped or superseded, or have nothing to go back to."""

from __future__ import annotations

import pytest

from tests.lab.aws.engine import ecs_deploy, ecs_hooks
from tests.lab.aws.engine.ecs_config import complete_config
from tests.lab.aws.engine.ecs_habits import Habits
from tests.lab.aws.engine.ecs_native_model import PAUSABLE, STAGES
from tests.lab.aws.ports import RuleShape
from tests.unit.lab.aws.engine.ecs_world import GREEN, GROUP, PRODUCTION, TEST, World, images
from tests.unit.lab.aws.engine.native_world import (
    BLUE_GREEN,
    CANARY,
    finish,
    groups,
    live,
    pause,
    stages,
    until,
    until_held,
)


@pytest.mark.parametrize("stage", [s for s in PAUSABLE if s != "RECONCILE_SERVICE"])
@pytest.mark.parametrize("how", ["timeout", "answer"])
def test_a_pause_that_ends_badly_rolls_back_by_itself(stage: str, how: str) -> None:
    world = World()
    service = live(world, CANARY, pause(stage))
    blue = service.primary
    kept = {task.id for task in service.live()}
    world.update(service, "deaf")
    hook = until_held(world, service)
    if how == "answer":
        ecs_hooks.answer(hook, "ROLLBACK")
    status, reason = finish(world, service)
    assert status == "ROLLBACK_SUCCESSFUL"
    ended = "pause hook timed out" if how == "timeout" else "lifecycle hook(s) failed"
    assert reason == f"Service deployment rolled back because {stage} {ended}."
    assert hook.status == ("TIMED_OUT" if how == "timeout" else "FAILED")
    assert {task.id for task in service.live()} == kept
    assert service.primary is blue
    for rule in (PRODUCTION, TEST):
        assert dict(world.rules[rule].weights) == {GROUP: 100, GREEN: 0}


@pytest.mark.parametrize("kind", ["ROLLBACK", "ABORT"])
@pytest.mark.parametrize("stage", STAGES[1:])
def test_stopping_at_any_stage(stage: str, kind: str) -> None:
    world = World()
    service = live(world, {**CANARY, "bakeTimeInMinutes": 1})
    world.update(service, "deaf")
    until(world, service, stage)
    world.run(2)
    ecs_deploy.request_stop(service, kind, world.moment())
    status, _ignored = finish(world, service)
    if kind == "ABORT":
        assert status == "STOPPED"
        return
    assert status == "ROLLBACK_SUCCESSFUL"
    assert images(service) == ["good", "good"]
    assert world.healthy(service) == 2
    for rule in (PRODUCTION, TEST):
        assert dict(world.rules[rule].weights) == {GROUP: 100, GREEN: 0}
    world.until_steady(service)


def test_production_never_points_at_fewer_healthy_tasks_than_wanted_while_it_rolls_back_out_of_clean_up() -> None:
    world = World()
    service = live(world, BLUE_GREEN)
    world.update(service, "deaf")
    until(world, service, "CLEAN_UP")
    world.run(3)
    ecs_deploy.request_stop(service, "ROLLBACK", world.moment())
    for _ignored in world.ticks(lambda: not service.current.over):
        (serving,) = [group for group, weight in world.rules[PRODUCTION].weights.items() if weight]
        states = [world.health(*target) for task in service.live() for target in task.targets() if target[0] == serving]
        assert sum(state is not None and state.state == "healthy" for state in states) == 2
    assert service.current.status == "ROLLBACK_SUCCESSFUL"


def test_a_release_that_never_gets_healthy_stays_in_scale_up_until_the_stage_times_out() -> None:
    world = World()
    service = live(world, {**CANARY, "deploymentCircuitBreaker": {"enable": True, "rollback": True}})
    world.update(service, "sick")
    world.run(3600, step=5)
    assert (service.current.stage, service.current.breaker) == ("SCALE_UP", "DISABLED")
    world.run(24 * 3600, step=30)
    status, reason = finish(world, service)
    assert (status, "SCALE_UP did not end within 24 hours" in reason) == ("ROLLBACK_SUCCESSFUL", True)
    assert world.shifts == []


def test_the_circuit_breaker_acts_in_scale_up_where_a_test_wants_it() -> None:
    world = World()
    world.scheduler.habits = Habits(native_breaker=True)
    service = live(world, {**CANARY, "deploymentCircuitBreaker": {"enable": True, "rollback": True}})
    world.update(service, "sick")
    assert finish(world, service)[0] == "ROLLBACK_SUCCESSFUL"
    assert service.current.breaker == "TRIGGERED"
    assert images(service) == ["good", "good"]


def test_a_first_deployment_takes_all_traffic_at_once_and_has_nothing_to_go_back_to() -> None:
    world = World()
    service = world.create(**CANARY, lifecycleHooks=[pause("PRE_PRODUCTION_TRAFFIC_SHIFT")])
    until_held(world, service)
    assert world.shifts == [("test", 100, 0)]
    ecs_deploy.request_stop(service, "ROLLBACK", world.moment())
    assert finish(world, service) == ("ROLLBACK_FAILED", "No rollback candidate was found to run the rollback.")
    service.config = complete_config(BLUE_GREEN | {"lifecycleHooks": []}, service.config)
    world.update(service, "deaf")
    assert finish(world, service)[0] == "SUCCESSFUL"
    assert (images(service), groups(service)) == (["deaf", "deaf"], {GREEN})


def test_a_newer_deployment_takes_over_after_traffic_is_back_on_one_revision() -> None:
    world = World()
    service = live(world, CANARY, pause("PRE_PRODUCTION_TRAFFIC_SHIFT"))
    world.update(service, "deaf")
    ecs_hooks.answer(until_held(world, service), "CONTINUE")
    old = until_held(world, service)
    assert world.rules[PRODUCTION].weights[GREEN] == 10
    world.update(service, "late")
    assert service.history[1].status == "STOPPED"
    until(world, service, "RECONCILE_SERVICE")
    until(world, service, "PRE_SCALE_UP")
    assert dict(world.rules[PRODUCTION].weights) == {GROUP: 100, GREEN: 0}
    assert images(service) == ["good", "good"]
    newer = until_held(world, service)
    assert newer.id != old.id
    ecs_hooks.answer(newer, "CONTINUE")
    ecs_hooks.answer(until_held(world, service), "CONTINUE")
    assert finish(world, service)[0] == "SUCCESSFUL"
    assert images(service) == ["late", "late"]


@pytest.mark.parametrize("after", [0, 2, 20])
def test_stopping_while_it_reconciles_brings_the_superseded_share_home_first(after: int) -> None:
    world = World()
    service = live(world, CANARY, pause("PRE_PRODUCTION_TRAFFIC_SHIFT"))
    world.update(service, "deaf")
    ecs_hooks.answer(until_held(world, service), "CONTINUE")
    until_held(world, service)
    world.update(service, "late")
    world.run(after)
    ecs_deploy.request_stop(service, "ROLLBACK", world.moment())
    for _ignored in world.ticks(lambda: not service.current.over):
        for group, weight in world.rules[PRODUCTION].weights.items():
            serving = [task for task in service.live() for target in task.targets() if target[0] == group]
            assert serving or not weight
    assert service.current.status == "ROLLBACK_SUCCESSFUL"
    assert dict(world.rules[PRODUCTION].weights) == dict(world.rules[TEST].weights) == {GROUP: 100, GREEN: 0}
    assert images(service) == ["good", "good"]


def test_a_service_at_zero_goes_through_all_the_same() -> None:
    world = World()
    service = live(world, CANARY, pause("POST_SCALE_UP"))
    world.update(service, "deaf")
    until_held(world, service)
    ecs_deploy.scale(service, 0)
    world.update(service, "late")
    ecs_hooks.answer(until_held(world, service), "CONTINUE")
    assert finish(world, service)[0] == "SUCCESSFUL"
    world.update(service, "good")
    until_held(world, service)
    ecs_deploy.request_stop(service, "ROLLBACK", world.moment())
    assert finish(world, service)[0] == "ROLLBACK_SUCCESSFUL"
    assert service.primary.revision.containers[0].image == "late"
    ecs_deploy.scale(service, 1)
    world.until_steady(service)
    assert images(service) == ["late"]


def test_reconciling_may_pause_too() -> None:
    world = World()
    service = live(world, BLUE_GREEN, pause("RECONCILE_SERVICE"), pause("POST_SCALE_UP"))
    world.update(service, "deaf")
    assert until_held(world, service).stage == "POST_SCALE_UP"  # one active revision: nothing to reconcile
    world.update(service, "late")
    hook = until_held(world, service)
    assert hook.stage == "RECONCILE_SERVICE"
    ecs_hooks.answer(hook, "CONTINUE")
    ecs_hooks.answer(until_held(world, service), "CONTINUE")
    assert finish(world, service)[0] == "SUCCESSFUL"


def test_an_aborted_deployment_leaves_both_revisions_and_the_next_one_tidies_up() -> None:
    world = World()
    service = live(world, BLUE_GREEN, pause("POST_SCALE_UP"))
    world.update(service, "deaf")
    until_held(world, service)
    ecs_deploy.request_stop(service, "ABORT", world.moment())
    finish(world, service)
    world.run(120)
    assert images(service) == ["deaf", "deaf", "good", "good"]
    service.config = complete_config({"lifecycleHooks": []}, service.config)
    world.update(service, "late")
    assert stages(world, service)[0] == "RECONCILE_SERVICE"
    assert images(service) == ["late", "late"]


def test_a_service_with_two_revisions_is_deleted_whole() -> None:
    world = World()
    service = live(world, BLUE_GREEN, pause("POST_SCALE_UP"))
    world.update(service, "deaf")
    until_held(world, service)
    ecs_deploy.delete(service, world.moment())
    world.wait_while(lambda: service.status != "INACTIVE")
    assert not service.live()


@pytest.mark.parametrize(
    ("rules", "role", "expected"),
    [
        ({PRODUCTION: RuleShape({GROUP: 50, GREEN: 50})}, "", "exactly one target group serving traffic but found 2"),
        (
            {PRODUCTION: RuleShape({GROUP: 1}), TEST: RuleShape({GROUP: 1})},
            "",
            f"Target group {GREEN} is not associated",
        ),
        ({PRODUCTION: RuleShape({GROUP: 1, GREEN: 0, "x": 1}, False)}, "", "actions other than forward"),
        ({PRODUCTION: RuleShape({GROUP: 0, "x": 1})}, "", "unexpected target group x."),
        ({}, "no such role", "missing permissions on ECS Infrastructure Role"),
    ],
)
def test_what_cannot_shift_traffic_is_rolled_back_before_anything_moved(
    rules: dict[str, RuleShape], role: str, expected: str
) -> None:
    world = World()
    service = live(world, CANARY)
    world.rules.update(rules)
    world.role = role
    world.update(service, "deaf")
    status, reason = finish(world, service)
    assert status == "ROLLBACK_SUCCESSFUL"
    assert expected in reason
    assert world.shifts == []
    assert images(service) == ["good", "good"]
