# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small cloud with a virtual clock: rolling deployments with a circuit breaker behind a load balancer.

It knows nothing of the engine's policy. What it promises is what ECS promises: at least `desired`
healthy targets while it moves (minimum 100 %, maximum 200 %), old targets drained before they stop,
a rollback of its own after `THRESHOLD` failed targets, and reads that may lag.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Deployment,
    Movement,
    Observation,
    Plan,
    Target,
    Verb,
)

THRESHOLD = 3
START, CHECKS, GIVE_UP, DRAIN = 2.0, 2.0, 8.0, 3.0  # seconds: to run, to be healthy, to be called failed, to drain
TICK = 1.0


@dataclass(frozen=True)
class Behaviour:
    """What the targets of a release do."""

    healthy: bool = True
    crash_after: float = 0.0  # seconds after it got healthy; 0 = never
    right: bool = True
    marked: bool = True


@dataclass
class Task:
    id: str
    release: str
    zone: str
    born: float
    state: str = "unregistered"  # unregistered initial healthy draining
    since: float = 0.0
    doomed: float | None = None  # when the world kills it


@dataclass
class Rollout:
    """The cloud's own deployment."""

    id: str
    release: str
    back_to: str
    status: Movement = Movement.MOVING
    failures: int = 0
    by: str = "greenlight"


@dataclass(frozen=True)
class Service:
    """What the API knows of the service; what BEGIN and ROLL_BACK write."""

    release: str
    serving: str = ""
    configured: bool = True


@dataclass(frozen=True)
class Snapshot:
    """What a read shows, maybe of some seconds ago."""

    at: float
    service: Service | None
    rule: str  # "", closed or open
    definitions: frozenset[str]
    deployments: tuple[Deployment, ...]
    targets: tuple[Target, ...]
    problem: str


@dataclass
class Cloud:
    """The truth, and its movement by time alone."""

    rng: random.Random
    behaviours: dict[str, Behaviour]
    desired: int = 3
    now: float = 0.0
    service: Service | None = None
    rule: str = ""
    definitions: set[str] = field(default_factory=set)
    rollouts: list[Rollout] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    history: deque[Snapshot] = field(default_factory=lambda: deque(maxlen=12))
    lost_by_world: float = float("-inf")  # when the world last took a healthy target
    crash_rate: float = 0.0  # per task and second
    closed_zone: tuple[str, float, float] = ("", 0.0, 0.0)  # zone, from, to
    problem: str = ""
    lags: bool = False  # reads may be old: keep the last snapshots
    count: int = 0
    watch: Callable[[], None] = lambda: None

    # ---- time ----

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end - 1e-9:
            step = min(TICK - self.now % TICK, end - self.now)
            self.now += step
            if self.now % TICK < 1e-9 or TICK - self.now % TICK < 1e-9:
                self.tick()

    def tick(self) -> None:
        self._live_and_die()
        if self.service is not None:
            self._schedule(self.service)
        self._complete()
        if self.lags:
            self.history.append(self.snapshot())
        self.watch()

    def _live_and_die(self) -> None:
        for task in list(self.tasks):
            how, age = self.behaviours[task.release], self.now - task.since
            zone, begin, end = self.closed_zone
            if task.zone == zone and begin <= self.now < end:
                self._die(task, by_world=True)
            elif task.state == "unregistered" and age >= START:
                task.state, task.since = "initial", self.now
            elif task.state == "initial" and how.healthy and age >= CHECKS:
                task.state, task.since = "healthy", self.now
            elif (task.state == "initial" and age >= GIVE_UP) or (
                task.state == "healthy" and how.crash_after and age >= how.crash_after
            ):
                self._die(task)
            elif task.state == "healthy" and self.crash_rate and self.rng.random() < self.crash_rate:
                self._die(task, by_world=True)
            elif task.state == "draining" and age >= DRAIN:
                self.tasks.remove(task)

    def _die(self, task: Task, by_world: bool = False) -> None:
        if by_world or task.state == "healthy":
            self.lost_by_world = self.now
        self.tasks.remove(task)
        rollout = self.open()
        if rollout is not None and rollout.release == task.release and not by_world:
            rollout.failures += 1

    def open(self) -> Rollout | None:
        newest = self.rollouts[-1] if self.rollouts else None
        return newest if newest and newest.status in (Movement.MOVING, Movement.TURNING_BACK) else None

    def _schedule(self, service: Service) -> None:
        rollout = self.open()
        if rollout and rollout.status is Movement.MOVING and rollout.failures >= THRESHOLD:
            self.turn(rollout)
            service = self.service or service
        there = [task for task in self.tasks if task.state != "draining"]
        good = [task for task in there if task.release == service.release]
        old = [task for task in there if task.release != service.release]
        for _ignored in range(min(self.desired - len(good), 2 * self.desired - len(there))):
            if rollout and rollout.release == service.release and not rollout.back_to and rollout.failures >= THRESHOLD:
                break  # a first release that failed has nothing to go back to: ECS stops trying
            self.start(service.release)
        ready = sum(task.state == "healthy" for task in there)
        for task in sorted(old, key=lambda each: each.state == "healthy"):
            if task.state != "healthy" or ready > self.desired:
                ready -= task.state == "healthy"
                task.state, task.since = "draining", self.now

    def start(self, release: str) -> None:
        self.count += 1
        zone = f"z{self.count % 3}"
        self.tasks.append(Task(f"10.0.0.{self.count}:80", release, zone, self.now, since=self.now))

    def turn(self, rollout: Rollout) -> None:
        """Stop a deployment and go back to what was completed before."""
        if not rollout.back_to or self.service is None:
            rollout.status = Movement.STOPPED
            return
        rollout.status = Movement.TURNING_BACK
        self.service = replace(self.service, release=rollout.back_to)

    def _complete(self) -> None:
        rollout, service = self.open(), self.service
        if rollout is None or service is None:
            return
        there = [task for task in self.tasks if task.state != "draining"]
        whole = sum(task.state == "healthy" for task in there) >= self.desired
        if whole and all(task.release == service.release for task in there):
            turning = rollout.status is Movement.TURNING_BACK
            rollout.status = Movement.TURNED_BACK if turning else Movement.MOVED
            self.service = replace(service, serving=service.release)

    # ---- writes ----

    def deploy(self, release: str, by: str = "greenlight") -> None:
        before = self.service.serving if self.service else ""
        running = self.open()
        if running:
            running.status = Movement.STOPPED
        self.service = replace(self.service or Service(release), release=release)
        self.rollouts.append(Rollout(f"d{len(self.rollouts) + 1}", release, before, by=by))

    def delete(self) -> None:
        self.service = None
        self.rollouts.clear()
        for task in self.tasks:
            task.state, task.since = "draining", self.now

    # ---- reads ----

    def snapshot(self) -> Snapshot:
        return Snapshot(
            at=self.now,
            service=self.service,
            rule=self.rule,
            definitions=frozenset(self.definitions),
            deployments=tuple(_deployment(rollout) for rollout in self.rollouts),
            targets=tuple(Target(task.id, task.release, task.state, zone=task.zone) for task in self.tasks),
            problem=self.problem,
        )

    def shown(self, lag: float) -> Snapshot:
        """The newest snapshot that is at least `lag` seconds old."""
        if lag <= 0 or not self.history:
            return self.snapshot()
        old = [snapshot for snapshot in self.history if snapshot.at <= self.now - lag]
        return old[-1] if old else self.history[0]


def observation(shown: Snapshot, plan: Plan, at: float, desired: int) -> Observation:
    """What the platform makes of a snapshot for a plan."""
    service, wanted = shown.service, plan.release.id
    mine = [deployment for deployment in shown.deployments if deployment.release == wanted]
    newest = shown.deployments[-1] if shown.deployments else None
    running = newest if newest and newest.movement in (Movement.MOVING, Movement.TURNING_BACK) else None
    other = running if running and running.release != wanted else None
    return Observation(
        at=at,
        exists=service is not None,
        serving=service.serving if service else "",
        deployment=mine[-1] if mine else None,
        other=other,
        closed=shown.rule == "closed",
        desired=desired if service else 0,
        targets=shown.targets,
        todo=_todo(shown, plan, running),
        drift=() if service and service.configured else ("grace: 0 -> 60",),
        problem=shown.problem,
        back_to=plan.previous,
        proof={"x-greenlight-proof": "secret"} if shown.rule == "closed" else {},
    )


def _deployment(rollout: Rollout) -> Deployment:
    reason = "tasks failed to start" if rollout.failures else ""
    return Deployment(rollout.id, rollout.release, rollout.status, reason, rollout.failures, THRESHOLD, rollout.by)


def _todo(shown: Snapshot, plan: Plan, running: Deployment | None) -> dict[Verb, tuple[str, ...]]:
    service, wanted = shown.service, plan.release.id
    begin = [] if shown.rule else ["CreateRule"]
    if service is None or service.release != wanted:
        begin += [] if wanted in shown.definitions else [f"RegisterTaskDefinition {wanted}"]
        begin.append(f"UpdateService {wanted}" if service else f"CreateService {wanted}")
    back: list[str] = []
    if plan.first:
        back += ["DeleteService"] if service else []
        back += ["DeleteRule"] if shown.rule else []
    elif running and running.movement is Movement.MOVING and running.release != plan.previous:
        back.append(f"StopServiceDeployment {running.id}")
    elif service and not running and service.release != plan.previous and plan.previous:
        back.append(f"UpdateService {plan.previous}")
    remove = (["DeleteService"] if service else []) + (["DeleteRule"] if shown.rule else [])
    return {
        Verb.CONFIGURE: ("UpdateService settings",) if service and not service.configured else (),
        Verb.BEGIN: tuple(begin),
        Verb.ROLL_BACK: tuple(back),
        Verb.FINISH: ("ModifyRule open",) if shown.rule == "closed" else (),
        Verb.REMOVE: tuple(remove) if plan.remove else (),
    }
