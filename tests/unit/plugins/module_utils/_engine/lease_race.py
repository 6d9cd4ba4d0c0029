# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contenders for one lock in virtual time: calls take time, get lost, come late; clocks run fast and slow."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from itertools import count

from ansible_collections.greenlight.serving.plugins.module_utils._engine import lease
from ansible_collections.greenlight.serving.plugins.module_utils._engine.evolve import evolve
from ansible_collections.greenlight.serving.plugins.module_utils._engine.lease import Lease, Move, Terms

SERVICE = "serving/digits"
TERMS = Terms(60.0, 35.0)
LATEST = 150.0  # seconds until an unanswered write may still take effect
Steps = Generator[float, None, None]


@dataclass
class Store:
    """One object, replaced on condition."""

    body: Lease = field(default_factory=lambda: Lease(SERVICE))
    versions: count[int] = field(default_factory=lambda: count(1))

    def put(self, wanted: Lease) -> Lease | None:
        """What is stored now; None: the condition did not hold."""
        if wanted.version != self.body.version:
            return None
        self.body = evolve(wanted, version=f"v{next(self.versions)}")
        return self.body


@dataclass
class Race:
    """Real time passes here; every contender has a clock of its own."""

    chance: random.Random
    contenders: int = 2
    store: Store = field(default_factory=Store)
    now: float = 0.0
    due: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    ticket: count[int] = field(default_factory=count)
    calls: list[tuple[float, float, str]] = field(default_factory=list)  # begin, latest effect, owner
    steals: int = 0
    lost: int = 0

    def run(self, seconds: float) -> Race:
        for number in range(self.contenders):
            self.spawn(number, 0)
        while self.due and self.now < seconds:
            self.now, _ignored, act = heapq.heappop(self.due)
            act()
        return self

    def overlaps(self) -> list[tuple[tuple[float, float, str], tuple[float, float, str]]]:
        """Pairs of mutating calls of different owners that may be under way at the same time."""
        ordered = sorted(self.calls)
        found = []
        for index, first in enumerate(ordered):
            for second in ordered[index + 1 :]:
                if second[0] >= first[1]:
                    break
                if second[2] != first[2]:
                    found.append((first, second))
        return found

    def spawn(self, number: int, life: int) -> None:
        """A run begins; when it ends or is killed, the next begins a little later, as a new owner."""
        rate, offset = self.chance.uniform(0.96, 1.04), self.chance.uniform(0, 10_000)
        steps = self.contend(f"{number}.{life}", lambda: offset + self.now * rate)
        killed = self.now + self.chance.expovariate(1 / 200)

        def go() -> None:
            try:
                pause = next(steps) if self.now < killed else None
            except StopIteration:
                pause = None
            if pause is None:
                self.at(self.chance.uniform(0, 20), lambda: self.spawn(number, life + 1))
            else:
                stopped = self.chance.uniform(0, 120) if self.chance.random() < 0.03 else 0.0
                self.at(pause + stopped, go)

        self.at(self.chance.uniform(0, 5), go)

    def at(self, delay: float, act: Callable[[], None]) -> None:
        heapq.heappush(self.due, (self.now + delay, next(self.ticket), act))

    def contend(self, owner: str, clock: Callable[[], float]) -> Steps:
        """One run: the policy decides, this only carries out. Yields how long each thing takes."""
        grip, chance = lease.begin(Lease(SERVICE, owner=owner), TERMS), self.chance
        trouble = chance.choice([0.0, 0.3, 0.9])  # how much of what this run writes to the store goes wrong
        while True:
            move = lease.move(grip, clock())
            if move is Move.LOST:
                self.lost += 1
                return
            if move in (Move.READ, Move.WAIT):
                yield chance.uniform(0.5, 5)
                found = self.store.body
                yield chance.uniform(0, 3)
                grip = lease.read(grip, found, clock())
            # While renewals fail the run goes on as long as it may.
            elif lease.may_write(grip, clock()) and (move is Move.KEEP or chance.random() < 0.5):
                yield from self.call(owner)
                if chance.random() < 0.03:
                    self.store.put(lease.freed(grip.found or Lease(SERVICE), "released"))
                    return
            elif move is Move.WRITE:
                self.steals += bool(grip.found and grip.found.owner not in ("", owner))
                grip = lease.sending(grip, clock())
                grip = yield from self.write(grip, lease.wanted(grip), trouble)
            else:
                yield chance.uniform(0.5, 5)

    def call(self, owner: str) -> Steps:
        """A mutating call: if the run is killed meanwhile it may take effect as late as a call can."""
        begun = self.now
        self.calls.append((begun, begun + TERMS.call, owner))
        mark = len(self.calls) - 1
        yield self.chance.choice([self.chance.uniform(0, 3), self.chance.uniform(0, TERMS.call)])
        self.calls[mark] = (begun, min(self.now, begun + TERMS.call), owner)

    def write(self, grip: lease.Grip, wanted: Lease, trouble: float) -> Generator[float, None, lease.Grip]:
        """The answer comes, or is lost, or the request itself is late; the store may believe it had no effect."""
        chance = self.chance
        if chance.random() >= trouble:
            yield chance.uniform(0, 3)
            stored = self.store.put(wanted)
            yield chance.uniform(0, 33)
            return lease.taken(grip) if stored is None else lease.written(grip, stored)
        kind = chance.choice(["lost", "late", "believed", "throttled"])
        if kind == "lost":
            yield chance.uniform(0, 3)
            self.store.put(wanted)
        elif kind != "throttled":
            self.at(chance.uniform(0, LATEST), lambda: (self.store.put(wanted), None)[1])
        yield chance.uniform(0, 33)
        return grip if kind in ("believed", "throttled") else lease.unanswered(grip)
