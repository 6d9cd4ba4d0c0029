# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Native BLUE_GREEN, LINEAR and CANARY deployments on their way forward: stages, weights, pauses, counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.lab.aws.engine import ecs_deploy, ecs_hooks
from tests.lab.aws.engine.ecs_config import complete_config
from tests.lab.aws.engine.ecs_native_model import STAGES
from tests.unit.lab.aws.engine.ecs_world import GREEN, GROUP, PRODUCTION, World, images
from tests.unit.lab.aws.engine.native_world import (
    BLUE_GREEN,
    CANARY,
    LINEAR,
    finish,
    groups,
    held,
    live,
    pause,
    stages,
    until,
    until_held,
)

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


def test_a_pause_may_be_longer_than_a_day() -> None:
    world = World()
    service = live(world, BLUE_GREEN, pause("POST_SCALE_UP", minutes=20160))
    world.update(service, "good")
    hook = until_held(world, service)
    world.run(30 * 3600, step=60)
    ecs_hooks.answer(hook, "CONTINUE")
    assert finish(world, service)[0] == "SUCCESSFUL"


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


def test_a_timeout_may_continue() -> None:
    world = World()
    service = live(world, BLUE_GREEN, pause("POST_SCALE_UP", minutes=3, action="CONTINUE"))
    world.update(service, "good")
    hook = until_held(world, service)
    assert finish(world, service)[0] == "SUCCESSFUL"
    assert hook.status == "TIMED_OUT"


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
