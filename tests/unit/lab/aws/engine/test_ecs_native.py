# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Native BLUE_GREEN, LINEAR and CANARY deployments: stages, weights, pauses, rollbacks, superseding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.lab.aws.engine import ecs_deploy, ecs_hooks, ecs_traffic
from tests.lab.aws.engine.ecs_config import complete_config
from tests.lab.aws.engine.ecs_model import Service
from tests.lab.aws.engine.ecs_native_model import PAUSABLE, STAGES, Hook
from tests.lab.aws.ports import RuleShape
from tests.unit.lab.aws.engine.ecs_world import GREEN, GROUP, PRODUCTION, TEST, World, images

BAKE = {"bakeTimeInMinutes": 0}
CANARY = {**BAKE, "strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 10.0, "canaryBakeTimeInMinutes": 0}}
LINEAR = {**BAKE, "strategy": "LINEAR", "linearConfiguration": {"stepPercent": 40.0, "stepBakeTimeInMinutes": 0}}
BLUE_GREEN = {**BAKE, "strategy": "BLUE_GREEN"}


def pause(*stages: str, minutes: int = 10, action: str = "ROLLBACK") -> dict[str, Any]:
    timeout = {"timeoutInMinutes": minutes, "action": action}
    return {"targetType": "PAUSE", "lifecycleStages": list(stages), "timeoutConfiguration": timeout}


def live(world: World, config: dict[str, Any], *hooks: dict[str, Any]) -> Service:
    """A completed service whose next deployment follows `config`."""
    service = world.create(**BLUE_GREEN)
    world.until_steady(service)
    service.grace = 60.0
    service.config = complete_config({**config, "lifecycleHooks": list(hooks)}, service.config)
    world.shifts.clear()
    return service


def until(world: World, service: Service, stage: str) -> None:
    world.wait_while(lambda: service.current.stage != stage)


def held(service: Service) -> Hook:
    native = service.current.native
    assert native is not None
    (hook,) = [hook for hook in native.hooks if hook.status == ecs_hooks.AWAITING]
    return hook


def until_held(world: World, service: Service) -> Hook:
    def waits() -> bool:
        native = service.current.native
        return native is None or not ecs_hooks.pending(native)

    world.wait_while(waits)
    return held(service)


def finish(world: World, service: Service) -> tuple[str, str]:
    world.wait_while(lambda: not service.current.over)
    return service.current.status, service.current.reason


def stages(world: World, service: Service) -> list[str]:
    """All stages until the end, each named once per visit."""
    seen: list[str] = []
    for _ignored in world.ticks(lambda: not service.current.over):
        if service.current.stage and (not seen or seen[-1] != service.current.stage):
            seen.append(service.current.stage)
    return seen


def groups(service: Service) -> set[str]:
    return {group for task in service.live() for group, _address, _port in task.targets()}


SHIFTS = ["PRE_PRODUCTION_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT"]
LEADING = [s for s in STAGES[1:] if STAGES.index(s) < STAGES.index(SHIFTS[0])]


@pytest.mark.parametrize(
    ("config", "shares"),
    [(BLUE_GREEN, [100]), (CANARY, [10, 100]), (LINEAR, [40, 80, 100])],
)
def test_every_stage_in_order_and_the_weights_of_each_step(config: dict[str, Any], shares: Sequence[int]) -> None:
    world = World()
    service = live(world, config)
    world.update(service, "good")
    assert stages(world, service) == [*LEADING, *SHIFTS * len(shares), *STAGES[-3:]]
    assert service.current.status == "SUCCESSFUL"
    assert world.shifts == [("test", 0, 100), *(("production", 100 - share, share) for share in shares)]


def test_green_runs_at_full_count_beside_blue_until_the_bake_is_over() -> None:
    world = World()
    service = live(world, {**BLUE_GREEN, "bakeTimeInMinutes": 5})
    blue = service.primary
    world.update(service, "deaf")
    until(world, service, "BAKE_TIME")
    began = world.at
    for _ignored in world.ticks(lambda: service.current.stage == "BAKE_TIME"):
        assert images(service) == ["deaf", "deaf", "good", "good"]
    assert world.at - began >= 300
    assert groups(service) == {GROUP, GREEN}
    assert service.primary.revision.load_balancers[0].group == GREEN
    assert finish(world, service) == ("SUCCESSFUL", "")
    assert images(service) == ["deaf", "deaf"]
    assert blue.status == "INACTIVE"
    assert service.completed is service.primary


def test_the_next_deployment_goes_the_other_way_round() -> None:
    world = World()
    service = live(world, BLUE_GREEN)
    for image, group in (("deaf", GREEN), ("good", GROUP), ("flap", GREEN)):
        world.update(service, image)
        assert finish(world, service)[0] == "SUCCESSFUL"
        assert groups(service) == {group}
        assert [g for g, weight in world.rules[PRODUCTION].weights.items() if weight] == [group]


def test_a_rolling_deployment_stays_where_the_live_one_is() -> None:
    world = World()
    service = live(world, BLUE_GREEN)
    world.update(service, "deaf")
    finish(world, service)
    world.until_steady(service)
    world.shifts.clear()
    service.config = complete_config({"strategy": "ROLLING"}, service.config)
    world.update(service, "good")
    assert finish(world, service)[0] == "SUCCESSFUL"
    assert groups(service) == {GREEN}
    assert world.shifts == []
    assert service.current.stage == ""


def test_a_step_bakes_before_the_next_but_not_after_the_last() -> None:
    world = World()
    config = {**LINEAR, "linearConfiguration": {"stepPercent": 50.0, "stepBakeTimeInMinutes": 2}}
    service = live(world, config)
    world.update(service, "good")
    until(world, service, "PRODUCTION_TRAFFIC_SHIFT")
    began = world.at
    until(world, service, "PRE_PRODUCTION_TRAFFIC_SHIFT")
    assert world.at - began >= 120
    until(world, service, "PRODUCTION_TRAFFIC_SHIFT")
    began = world.at
    until(world, service, "POST_PRODUCTION_TRAFFIC_SHIFT")
    assert world.at - began < 60


def test_a_pause_holds_until_it_is_answered_and_each_step_has_its_own() -> None:
    world = World()
    service = live(world, CANARY, pause("POST_TEST_TRAFFIC_SHIFT"), pause("PRE_PRODUCTION_TRAFFIC_SHIFT"))
    world.update(service, "good")
    seen = []
    for stage, share in (("POST_TEST_TRAFFIC_SHIFT", 0), ("PRE_PRODUCTION_TRAFFIC_SHIFT", 0), (SHIFTS[0], 10)):
        hook = until_held(world, service)
        world.run(60)
        assert held(service) is hook
        assert (service.current.stage, world.rules[PRODUCTION].weights[GREEN]) == (stage, share)
        assert hook.due - world.at <= 540
        seen.append(hook.id)
        ecs_hooks.answer(hook, "CONTINUE")
    assert finish(world, service)[0] == "SUCCESSFUL"
    assert len(set(seen)) == 3
    assert all(id.startswith("ecs-pause-") for id in seen)


def test_hooks_of_one_stage_must_all_be_answered() -> None:
    world = World()
    service = live(world, BLUE_GREEN, pause("POST_SCALE_UP"), pause("POST_SCALE_UP"))
    world.update(service, "good")
    until(world, service, "POST_SCALE_UP")
    native = service.current.native
    assert native is not None
    first, second = native.hooks
    ecs_hooks.answer(first, "CONTINUE")
    world.run(10)
    assert service.current.stage == "POST_SCALE_UP"
    ecs_hooks.answer(second, "CONTINUE")
    assert finish(world, service)[0] == "SUCCESSFUL"


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


def test_a_timeout_may_continue() -> None:
    world = World()
    service = live(world, BLUE_GREEN, pause("POST_SCALE_UP", minutes=3, action="CONTINUE"))
    world.update(service, "good")
    hook = until_held(world, service)
    assert finish(world, service)[0] == "SUCCESSFUL"
    assert hook.status == "TIMED_OUT"


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


def test_blue_is_kept_whole_while_green_comes_up() -> None:
    world = World()
    service = live(world, BLUE_GREEN, pause("POST_SCALE_UP"))
    world.update(service, "deaf")
    until_held(world, service)
    victim = next(task for task in service.live() if task.revision.containers[0].image == "good")
    world.processes[victim.key("app")].ended = -9
    world.run(60)
    assert images(service) == ["deaf", "deaf", "good", "good"]
    assert world.healthy(service) == 4


def test_another_count_holds_for_both_revisions() -> None:
    world = World()
    service = live(world, BLUE_GREEN, pause("POST_SCALE_UP"))
    world.update(service, "deaf")
    until_held(world, service)
    ecs_deploy.scale(service, 3)
    world.run(60)
    assert images(service) == ["deaf"] * 3 + ["good"] * 3
    ecs_deploy.scale(service, 1)
    world.run(60)
    assert images(service) == ["deaf", "good"]


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
    world.scheduler.habits.native_breaker = True
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


@pytest.mark.parametrize(
    ("percent", "shares"), [(3.0, 34), (10.0, 10), (12.5, 8), (33.4, 3), (50.0, 2), (99.9, 2), (100.0, 1)]
)
def test_linear_steps(percent: float, shares: int) -> None:
    found = ecs_traffic.steps({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": percent}}, first=False)
    assert (len(found), found[-1]) == (shares, 100.0)
    assert found[0] == percent


@pytest.mark.parametrize(("share", "mine", "other"), [(0, 0, 100), (10, 10, 90), (12.5, 125, 874), (0.1, 1, 998)])
def test_weights(share: float, mine: int, other: int) -> None:
    service = World().create()
    lb = service.primary.revision.load_balancers[0]
    assert ecs_traffic.weights(lb, share) == {GROUP: mine, GREEN: other}
