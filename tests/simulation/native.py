# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The native strategies: both releases in full strength, traffic in steps, a hold before each and one at the end.

Stages and their order: Amazon ECS API reference, DeploymentLifecycleHook.lifecycleStages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Movement

if TYPE_CHECKING:
    from tests.simulation.cloud import Cloud
    from tests.simulation.parts import Rollout

SHIFT = 2.0  # seconds that a traffic shift takes
NEVER = float("inf")
BEFORE, AFTER = "PRE_PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT"


def move(cloud: Cloud, rollout: Rollout) -> None:
    """What follows at once from how things are."""
    if rollout.status is Movement.TURNING_BACK:
        _back(cloud, rollout)
        return
    if rollout.expires <= cloud.now:
        cloud.acted = True
        cloud.turn(rollout)
        _back(cloud, rollout)
        return
    _keep(cloud, rollout.release, cloud.desired)
    if rollout.stage == "CLEAN_UP":
        _clean(cloud, rollout)
        return
    _keep(cloud, rollout.back_to, cloud.desired)
    if rollout.stage == "SCALE_UP" and _healthy(cloud, rollout.release) >= cloud.desired:
        _hold(cloud, rollout)
    elif rollout.stage == "PRODUCTION_TRAFFIC_SHIFT" and rollout.due <= cloud.now:
        rollout.due = NEVER
        _hold(cloud, rollout)


def proceed(cloud: Cloud, rollout: Rollout) -> None:
    """CONTINUE: shift the traffic, or, after the last step, let the old release go."""
    rollout.hold, rollout.expires = "", NEVER
    if rollout.step >= len(rollout.weights):
        rollout.stage = "CLEAN_UP"
        return
    cloud.weigh(rollout.weights[rollout.step])
    rollout.step += 1
    rollout.stage, rollout.due = "PRODUCTION_TRAFFIC_SHIFT", cloud.now + SHIFT


def _hold(cloud: Cloud, rollout: Rollout) -> None:
    rollout.stage = AFTER if rollout.step >= len(rollout.weights) else BEFORE
    cloud.count += 1
    rollout.hold, rollout.expires = f"hook-{cloud.count}", cloud.now + cloud.hold_time


def _clean(cloud: Cloud, rollout: Rollout) -> None:
    for task in cloud.tasks:
        if task.release != rollout.release and task.state != "draining":
            cloud.drain(task)
    if all(task.release == rollout.release for task in cloud.tasks):
        cloud.complete(rollout)


def _back(cloud: Cloud, rollout: Rollout) -> None:
    """The old release in full strength first, then its traffic, then the new release goes."""
    _keep(cloud, rollout.back_to, cloud.desired)
    for task in cloud.tasks:  # what somebody left behind
        if task.release not in (rollout.release, rollout.back_to) and task.state != "draining":
            cloud.drain(task)
    if cloud.share and _healthy(cloud, rollout.back_to) >= cloud.desired:
        cloud.weigh(0)
    if cloud.share or cloud.applied:
        return
    for task in cloud.tasks:
        if task.release == rollout.release and task.state != "draining":
            cloud.drain(task)
    if not any(task.release == rollout.release for task in cloud.tasks):
        cloud.complete(rollout)


def _keep(cloud: Cloud, release: str, wanted: int) -> None:
    there = [task for task in cloud.tasks if task.release == release and task.state != "draining"]
    cloud.start(release, wanted - len(there))
    for task in there[wanted:]:
        cloud.drain(task)


def _healthy(cloud: Cloud, release: str) -> int:
    return sum(task.state == "healthy" and task.release == release for task in cloud.tasks)
