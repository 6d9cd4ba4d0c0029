# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans, releases and worlds of the simulation of ECS."""

from __future__ import annotations

import random

from ansible_collections.greenlight.serving.plugins.module_utils._engine.evolve import evolve
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Chain,
    Heartbeat,
    Plan,
    Release,
    Step,
    Timing,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.verdict import Gate
from tests.simulation.cloud import Cloud
from tests.simulation.parts import FOREIGN, RELEASES, Behaviour, Service
from tests.simulation.ports import World

TIMING = Timing(deadline=1200.0, rollback_deadline=200.0, min_ready=12.0, bake=6.0, poll=5.0, backoff=1.0, settle=4.0)
GATE = Gate(interval=5.0, count=3, failure_limit=0, error_limit=20, deadline=120.0)
STEPS = {
    "rolling": (),
    "blue_green": (Step(100, 10.0),),
    "canary": (Step(10, 8.0), Step(100, 10.0)),
    "linear": (Step(40, 4.0), Step(80, 4.0), Step(100, 10.0)),
}
HEARTBEAT = Heartbeat(interval=15.0, window=50.0)
HEALING = 30.0  # seconds the cloud may need to replace what the world took
CAUSES = {  # what the engine must have found, when nothing but the API disturbs it
    "never_healthy": "targets",
    "wrong": "the new release answers wrongly",
    "wrong_unmarked": "the new release answers wrongly",
    "crashing": "loss(es) of healthy targets in",
    "souring": "the new release answers wrongly",
}
BAD = frozenset(CAUSES)
MAYBE = frozenset({"turning"})  # live, or taken back: as the gates come to see it


def plan(release: str, run: int = 0, strategy: str = "rolling", **changes: object) -> Plan:
    base = Plan(
        service="svc",
        platform="simulated",
        release=Release(release, f"label of {release}"),
        strategy=strategy,
        gate=GATE,
        timing=TIMING,
        rollout_id=f"{release}-{run}",
        started_by="tester",
        started_at="2026-01-01T00:00:00Z",
        mover="ECS",
        route="production" if strategy == "rolling" else "test_listener",
        steps=STEPS[strategy],
        heartbeat=HEARTBEAT,
        chain=Chain(hold=240.0),
    )
    return evolve(base, **changes)  # type: ignore[arg-type]


def world_with(live: str, rng: random.Random, crash_rate: float = 0.0) -> World:
    """A world whose service runs `live`, recorded as such; "" = nothing yet."""
    cloud = Cloud(
        rng, {**RELEASES, "old": Behaviour(), "older": Behaviour(), FOREIGN: Behaviour(marked=False, checks=20.0)}
    )
    world = World(cloud)
    if live:
        cloud.service, cloud.rule, cloud.definitions = Service(live, serving=live), "open", {live}
        cloud.settle()
        cloud.advance(10.0)
        world.store.record = evolve(world.store.record, live=live, last_good="older", generation=1)
    cloud.crash_rate = crash_rate
    cloud.watch = lambda: _check_capacity(cloud)
    return world


def _check_capacity(cloud: Cloud) -> None:
    """I1, I2: once it served in full strength, nothing but the world takes it lower; never three releases at once."""
    if cloud.service is None or cloud.rule != "open":
        return
    there = {task.release for task in cloud.tasks if task.state == "healthy"}
    assert len(there) <= 2 or FOREIGN in there, f"I2: {there}"
    if cloud.now - cloud.lost_by_world < HEALING or cloud.starved or cloud.gone or cloud.meddled <= cloud.now:
        return
    rollout = cloud.open()
    if rollout is not None and rollout.release == FOREIGN:
        return  # what somebody else deploys replaces what the world took when it likes
    healthy = [task for task in cloud.tasks if task.state == "healthy"]
    if rollout is not None and rollout.native and cloud.applied < 100:
        healthy = [task for task in healthy if task.release != rollout.release]
    assert len(healthy) >= cloud.desired, f"I1: {len(healthy)} of {cloud.desired} healthy at {cloud.now}"
