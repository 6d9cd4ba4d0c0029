# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of native deployments share: configurations, hooks, and waiting for a stage."""

from __future__ import annotations

from typing import Any

from tests.lab.aws.engine import ecs_hooks
from tests.lab.aws.engine.ecs_config import complete_config
from tests.lab.aws.engine.ecs_model import Service
from tests.lab.aws.engine.ecs_native_model import Hook
from tests.unit.lab.aws.engine.ecs_world import World

BAKE: dict[str, Any] = {"bakeTimeInMinutes": 0}
CANARY: dict[str, Any] = {
    **BAKE,
    "strategy": "CANARY",
    "canaryConfiguration": {"canaryPercent": 10.0, "canaryBakeTimeInMinutes": 0},
}
LINEAR: dict[str, Any] = {
    **BAKE,
    "strategy": "LINEAR",
    "linearConfiguration": {"stepPercent": 40.0, "stepBakeTimeInMinutes": 0},
}
BLUE_GREEN: dict[str, Any] = {**BAKE, "strategy": "BLUE_GREEN"}


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
