# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's ports on the simulated world, with faults, and the invariants that hold at every call."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace

from ansible_collections.greenlight.serving.plugins.module_utils._engine.finding import Finding
from ansible_collections.greenlight.serving.plugins.module_utils._engine.lease import Lease, Request
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Observation,
    Outcome,
    Plan,
    Record,
    Verb,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.verdict import (
    FAIL,
    INCONCLUSIVE,
    PASS,
    Sample,
)
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.base import PortError
from tests.simulation import effects
from tests.simulation.cloud import Cloud
from tests.simulation.faults import Faults
from tests.simulation.store import Objects
from tests.simulation.views import observation

LONGEST = 6000  # port calls of one run


class KilledError(BaseException):
    """SIGKILL: nothing of the run goes on."""


@dataclass
class World:
    """What all runs share, and what is counted over all of them."""

    cloud: Cloud
    store: Objects = field(default_factory=Objects)
    met: Counter[tuple[str, str]] = field(default_factory=Counter)  # (fault, phase) -> times
    history: list[tuple[float, str, str, str]] = field(default_factory=list)  # when, who, call, ok | fail | unknown
    phase: str = "start"  # of the run that moves
    steps: int = 0  # port calls of all runs
    gates: int = 0  # rounds of probes that were answered


@dataclass
class Ports:
    """Platform, prober, store and clock of one run."""

    world: World
    rng: random.Random
    owner: str = "one"
    faults: Faults = field(default_factory=Faults)
    loaded: int = 0  # version of the record that this run read or wrote last
    calls: int = 0
    writes: list[str] = field(default_factory=list)  # effects of this run
    saves: int = 0
    phase: str = "start"
    last_effect: float = 0.0
    passed_at: dict[str, list[float]] = field(default_factory=dict)  # release -> right answers
    public_at: dict[str, float] = field(default_factory=dict)  # release -> its last right answer through production
    failed: set[str] = field(default_factory=set)  # releases that gave a wrong answer of their own
    wrote_at: list[int] = field(default_factory=list)  # which of the calls were mutating
    looked_at: float = -1.0
    looked_call: int = 0
    beaten_call: int = 0
    words: set[str] = field(default_factory=set)  # the holds for which it was asked to go on

    def __post_init__(self) -> None:
        self.cloud: Cloud = self.world.cloud

    # ---- clock: every run has its own, which may go a little fast ----

    def now(self) -> float:
        return self.cloud.now * self.faults.drift + self.faults.offset

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self._count()
        seconds = max(seconds / self.faults.drift, 0.001)
        if self._chance(self.faults.stopped, "F8 stopped"):
            seconds += 30 + 150 * self.rng.random()
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        self.cloud.advance(seconds)

    # ---- faults ----

    def _count(self) -> None:
        self.calls += 1
        self.world.steps += 1
        assert self.calls < LONGEST, "I8: the run does not come to an end"

    def _chance(self, probability: float, name: str) -> bool:
        if probability <= 0 or self.rng.random() >= probability:
            return False
        self.world.met[name, self.phase] += 1
        return True

    def _enter(self) -> None:
        self._count()
        faults = self.faults
        if self.calls == faults.kill_at and not faults.kill_after:
            self.world.met["F7 killed", self.phase] += 1
            raise KilledError
        if faults.latency:
            self.world.met["F5 slow", self.phase] += 1
            self.cloud.advance(self.rng.random() * faults.latency)
        if self.cloud.now >= faults.expired_at:
            self.world.met["F21 credentials expired", self.phase] += 1
            raise PortError(Outcome.REFUSED, "ExpiredToken")

    def _write(self) -> None:
        self.wrote_at.append(self.calls + 1)
        self._enter()

    def _leave(self, call: str) -> None:
        if self.calls == self.faults.kill_at:
            self.world.met["F7 killed", self.phase] += 1
            self._note(call, "unknown")
            raise KilledError
        if self._chance(self.faults.lost, "F3 answer lost"):
            self._note(call, "unknown")
            raise PortError(Outcome.UNKNOWN, "the answer was lost")
        self._note(call, "ok")

    def _before_effect(self, call: str) -> None:
        if self.faults.refuse and call.startswith(self.faults.refuse):
            self.world.met["F22 refused", self.phase] += 1
            raise PortError(Outcome.REFUSED, "AccessDenied")
        if self._chance(self.faults.throttled, "F1 throttled"):
            raise PortError(Outcome.TURNED_AWAY, "ThrottlingException")
        if self._chance(self.faults.unanswered, "F2 server error"):
            self._note(call, "unknown")
            raise PortError(Outcome.UNKNOWN, "connection reset")

    def _note(self, call: str, outcome: str) -> None:
        self.world.history.append((self.cloud.now, self.owner, call, outcome))

    # ---- platform ----

    def preflight(self, plan: Plan) -> list[Finding]:
        self._enter()
        return []

    def observe(self, plan: Plan) -> Observation:
        at, wall = self.now(), self.cloud.now
        self._enter()
        if self._chance(self.faults.unreadable, "F1 read throttled"):
            raise PortError(Outcome.TURNED_AWAY, "ThrottlingException")
        lag = self.rng.random() * self.faults.lag
        if lag > 1:
            self.world.met["F4 stale read", self.phase] += 1
        self.looked_at, self.looked_call = wall, self.calls
        shown, alarm = self.cloud.seen(lag + self.cloud.now - wall if lag else 0.0), self.cloud.alarm.shown(wall - lag)
        seen = observation(shown, plan, at, wall, alarm)
        if seen.targets and self._chance(self.faults.partial, "F6 partial result"):
            return replace(seen, targets=seen.targets[: self.rng.randrange(len(seen.targets))])
        return seen

    def perform(self, verb: Verb, plan: Plan, seen: Observation) -> str:
        call = seen.todo[verb][0]
        self._write()
        effects.check(self, verb, call, plan)
        self._before_effect(call)
        effects.happen(self.cloud, call, plan)
        self.cloud.settle()
        self.writes.append(call)
        self.last_effect = self.cloud.now
        self._leave(call)
        return call

    def beat(self, plan: Plan) -> None:
        self._enter()
        assert self.looked_call > self.beaten_call, "a beat without a snapshot since the last one"
        self.beaten_call = self.calls
        if self._chance(self.faults.throttled, "F1 throttled") or self._chance(self.faults.unanswered, "F2 beat lost"):
            raise PortError(Outcome.TURNED_AWAY, "Throttling")
        self.cloud.alarm.beat(self.cloud.now)
        self.cloud.due = None

    # ---- prober ----

    def probe(self, route: str, release: str, seen: Observation) -> tuple[Sample, ...]:
        self._enter()
        if self.cloud.rule == "closed" and not seen.proof:
            return (self._sample(route, INCONCLUSIVE, "503"),)
        task = effects.answering(self.cloud, route, self.rng)
        if task is None or self.cloud.sick == "silent" or self._chance(self.faults.silent, "F12 no answer"):
            return (self._sample(route, INCONCLUSIVE, "no answer"),)
        self.world.gates += 1
        how = self.cloud.behaviours[task.release]
        old = bool(how.wrong_after) and self.cloud.now - task.since >= how.wrong_after
        wrong = not how.right or old or effects.soured(self.cloud, how, task.release)
        if wrong or self.cloud.sick == "wrong":
            if wrong and how.marked:
                self.failed.add(task.release)
            return (self._sample(route, FAIL, "wrong", task.release if how.marked else ""),)
        self.passed_at.setdefault(task.release, []).append(self.cloud.now)
        if route == "production":
            self.public_at[task.release] = self.cloud.now
        return (self._sample(route, PASS, "", task.release if how.marked else ""),)

    def _sample(self, route: str, outcome: str, reason: str, release: str = "") -> Sample:
        return Sample(self.now(), route, outcome, reason, release)

    # ---- store ----

    def _store(self, *, writes: bool = False) -> None:
        if writes:
            self._write()
        else:
            self._enter()
        if self.cloud.storeless or self._chance(self.faults.store_down, "F10 store down"):
            raise PortError(Outcome.TURNED_AWAY, "SlowDown")

    def load(self) -> Record:
        self._store()
        self.loaded = self.world.store.version
        return self.world.store.record

    def save(self, record: Record) -> None:
        self._store(writes=True)
        before = self.world.store.version
        self.loaded = self.world.store.save(record, self.loaded)
        if self.loaded != before:
            self.saves += 1
            self._fenced("Save")
        self._leave("Save")

    def _fenced(self, call: str) -> None:
        """I5: nobody but the holder of the lock writes."""
        holder = self.world.store.lock.owner
        mine = (self.owner,) if self.faults.locked else ("", self.owner)
        assert holder in mine, f"I5: {call} while {holder or 'nobody'} holds the lock"
        if self.faults.locked:
            age = self.cloud.now - self.world.store.locked_at
            assert age <= self.world.store.lock.seconds, f"I5: {call} {age:.0f} s after the last renewal"

    def read_lock(self) -> Lease:
        self._store()
        return self.world.store.lock

    def write_lock(self, lease: Lease) -> Lease:
        self._store(writes=True)
        before = self.world.store.lock.owner
        stored = self.world.store.write_lock(lease)
        self.world.store.locked_at = self.cloud.now
        assert lease.owner or before == self.owner, "I5: a lock freed by somebody who does not hold it"
        self._leave("WriteLock")
        return stored

    def read_request(self) -> Request:
        self._store()
        return self.world.store.request

    def write_request(self, request: Request) -> Request:
        self._store(writes=True)
        stored = self.world.store.write_request(request)
        self._leave("WriteRequest")
        return stored
