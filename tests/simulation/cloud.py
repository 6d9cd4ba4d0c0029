# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small cloud with a virtual clock: services behind a load balancer, deployed the way ECS deploys.

It knows nothing of the engine's policy. What it promises is what ECS promises: rolling keeps at least `desired`
healthy targets while it moves, with a circuit breaker; the native strategies run both releases in full strength, hold
inside their hooks and roll back when nobody answers; an alarm that is watched rolls back. Time jumps from event to
event, so that a quiet hour costs nothing.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ansible_collections.greenlight.serving.plugins.module_utils._engine.evolve import evolve
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Movement
from tests.simulation import native
from tests.simulation.alarm import Alarm
from tests.simulation.parts import (
    GIVE_UP,
    NEVER,
    OPEN,
    THRESHOLD,
    Behaviour,
    Rollout,
    Service,
    Snapshot,
    Task,
    show,
)


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
    alarm: Alarm = field(default_factory=Alarm)
    share: int = 100  # of the service's release, as the rule says
    applied: int = 100  # as the load balancer does
    applies_at: float = NEVER
    late: float = 0.0  # seconds until the load balancer does what the rule says
    draining: float = 8.0  # seconds that a target takes to drain
    meddled: float = NEVER  # since when somebody's hand, not the cloud, decides the rule's share
    hold_time: float = 240.0  # until the cloud rolls back by itself
    lost_by_world: float = float("-inf")  # when the world last took a healthy target
    crash_rate: float = 0.0  # per task and second
    closed_zone: str = ""
    starved: bool = False  # no capacity: nothing starts
    gone: frozenset[str] = frozenset()  # releases whose image is gone: nothing of them starts any more
    storeless: bool = False  # the store answers nobody
    sick: str = ""  # a shared dependency: silent or wrong, for everybody
    world: list[tuple[float, Callable[[], None]]] = field(default_factory=list)  # what happens, when; sorted
    lags: bool = False  # reads may be old: keep the last snapshots
    history: deque[Snapshot] = field(default_factory=lambda: deque(maxlen=24))
    count: int = 0
    due: float | None = None  # when something happens next; None = not known
    kept: Snapshot | None = None  # the snapshot, until something happens
    acted: bool = False  # the cloud rolled back by itself
    watch: Callable[[], None] = lambda: None

    # ---- time ----

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            due = self._next()
            if due > end:
                self.now = end
                return
            self.now = max(self.now, due)
            self.step()

    def _next(self) -> float:
        """When something happens next; known until something does."""
        if self.due is None:
            self.due = self._soonest()
        return self.due

    def _soonest(self) -> float:
        due = min([task.due for task in self.tasks], default=NEVER)
        rollout = self.open()
        if rollout is not None:
            due = min(due, rollout.due, rollout.expires)
            if rollout.watched:
                due = min(due, self.alarm.due(self.now))
        if self.world:
            due = min(due, self.world[0][0])
        return min(due, self.applies_at)

    def step(self) -> None:
        """Everything that is due, and what follows from it."""
        while self.world and self.world[0][0] <= self.now:
            self.world.pop(0)[1]()
        if self.applies_at <= self.now:
            self.applied, self.applies_at = self.share, NEVER
        for task in [task for task in self.tasks if task.due <= self.now]:
            self._happen(task)
        self.settle()

    def settle(self) -> None:
        """What the cloud does at once after a change."""
        rollout = self.open()
        if rollout is not None and rollout.watched and rollout.status is Movement.MOVING and self.alarm.rings(self.now):
            self.acted = True
            self.turn(rollout)
        if rollout is not None and rollout.native:
            native.move(self, rollout)
        elif self.service is not None:
            self._schedule(self.service, rollout)
            self._complete()
        self.due = self.kept = None
        if self.lags:
            self.history.append(self.snapshot())
        self.watch()

    def _happen(self, task: Task) -> None:
        how = self.behaviours[task.release]
        if task.state == "unregistered":
            task.become("initial", self.now + (how.checks if how.healthy else GIVE_UP))
        elif (task.state == "initial" and how.healthy) or task.state == "unhealthy":
            task.become("healthy", self.now + self._life(how))
            task.since = self.now
        elif task.state == "draining":
            self.tasks.remove(task)
        else:
            self.die(task, by_world=task.state == "healthy" and not how.crash_after)

    def _life(self, how: Behaviour) -> float:
        life = how.crash_after or NEVER
        return min(life, self.rng.expovariate(self.crash_rate)) if self.crash_rate else life

    def die(self, task: Task, by_world: bool = False) -> None:
        if by_world or task.state == "healthy":
            self.lost_by_world = self.now
        if task in self.tasks:
            self.tasks.remove(task)
        rollout = self.open()
        early = task.state != "healthy"  # the circuit breaker counts no target that was healthy once
        if rollout is not None and rollout.release == task.release and early and not by_world:
            rollout.failures += 1

    def open(self) -> Rollout | None:
        newest = self.rollouts[-1] if self.rollouts else None
        return newest if newest is not None and newest.status in OPEN else None

    # ---- rolling ----

    def _schedule(self, service: Service, rollout: Rollout | None) -> None:
        if rollout and rollout.status is Movement.MOVING and rollout.failures >= THRESHOLD:
            self.turn(rollout)
            service = self.service or service
        there = [task for task in self.tasks if task.state != "draining"]
        good = [task for task in there if task.release == service.release]
        old = [task for task in there if task.release != service.release]
        given_up = rollout is not None and not rollout.back_to and rollout.failures >= THRESHOLD
        if not given_up:  # a first release that failed has nothing to go back to: ECS stops trying
            self.start(service.release, min(self.desired - len(good), 2 * self.desired - len(there)))
        ready = sum(task.state == "healthy" for task in there)
        for task in sorted(old, key=lambda each: each.state == "healthy"):
            needless = task.state in ("unregistered", "initial") or (
                task.state == "unhealthy" and ready >= self.desired
            )
            if needless or (task.state == "healthy" and ready > self.desired):
                ready -= task.state == "healthy"
                self.drain(task)
        for task in good[self.desired :] if not old else ():
            self.drain(task)

    def start(self, release: str, number: int) -> None:
        """Up to so many tasks, spread over the zones that are open."""
        if self.starved or release in self.gone:
            return
        for _ignored in range(number):
            self.count += 1
            zones = [zone for zone in ("z0", "z1", "z2") if zone != self.closed_zone]
            self.tasks.append(Task(self.count, release, zones[self.count % len(zones)], self.now))

    def drain(self, task: Task) -> None:
        task.become("draining", self.now + self.draining)

    def turn(self, rollout: Rollout) -> None:
        """Go back to what was completed before."""
        if not rollout.back_to or self.service is None:
            rollout.status = Movement.STOPPED
            return
        rollout.status = Movement.TURNING_BACK
        rollout.hold, rollout.expires, rollout.due, rollout.stage = "", NEVER, NEVER, "ROLLBACK"
        self.service = evolve(self.service, release=rollout.back_to)

    def _complete(self) -> None:
        rollout, service = self.open(), self.service
        if rollout is None or service is None:
            return
        there = [task for task in self.tasks if task.state != "draining"]
        whole = sum(task.state == "healthy" for task in there) >= self.desired
        if whole and all(task.release == service.release for task in there):
            self.complete(rollout)

    def complete(self, rollout: Rollout) -> None:
        """The deployment is over."""
        turning, rollout.over, self.meddled = rollout.status is Movement.TURNING_BACK, self.now, NEVER
        rollout.status = Movement.TURNED_BACK if turning else Movement.MOVED
        if self.service is not None:
            self.service = evolve(self.service, serving=self.service.release)
        if turning:  # from here on the share is that of the release which is in place again
            self.share, self.applied, self.applies_at = 100, 100, NEVER

    def weigh(self, share: int) -> None:
        """The rule's share for the newest rollout's release; the load balancer follows later."""
        self.meddled = NEVER
        if share == self.share:
            return
        self.share = share
        self.applies_at = self.now + self.late
        if not self.late:
            self.applied, self.applies_at = share, NEVER

    # ---- writes ----

    def deploy(self, release: str, strategy: str = "rolling", weights: tuple[int, ...] = (), **of: object) -> None:
        before = self.service.serving if self.service else ""
        running = self.open()
        if running:
            running.status = Movement.STOPPED
        self.service = evolve(self.service or Service(release), release=release)
        rollout = Rollout(f"d{len(self.rollouts) + 1}", release, before, strategy, weights)
        rollout.begun = self.now
        rollout.by = str(of.get("by", "greenlight"))
        self.share = self.applied = 0 if rollout.native else 100
        self.applies_at = self.meddled = NEVER
        self.rollouts.append(rollout)
        if of.get("watched"):
            rollout.watched = not self.alarm.rings(self.now)  # in ALARM when it begins: ignored for this deployment

    def delete(self) -> None:
        self.service = None
        self.rollouts.clear()
        for task in self.tasks:
            if task.state != "draining":
                self.drain(task)

    # ---- reads ----

    def snapshot(self) -> Snapshot:
        """The truth of this moment."""
        if self.kept is None:
            self.kept = self._snapshot()
        return self.kept

    def _snapshot(self) -> Snapshot:
        return Snapshot(
            at=self.now,
            service=self.service,
            rule=self.rule,
            definitions=frozenset(self.definitions),
            rollouts=tuple([show(rollout) for rollout in self.rollouts[-3:]]),
            targets=tuple([task.shown for task in self.tasks]),
            share=self.share,
            desired=self.desired,
        )

    def seen(self, lag: float) -> Snapshot:
        """The newest snapshot that is at least `lag` seconds old; what nobody kept is as it is now."""
        if lag > 0 and self.history:
            for snapshot in reversed(self.history):
                if snapshot.at <= self.now - lag:
                    return snapshot
            return self.history[0]
        return self.snapshot()
