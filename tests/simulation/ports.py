# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's ports on a simulated world, as far as every platform has them: clock, faults, store and lock.

A platform's own file adds what it observes, what its calls do, and who answers a probe.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ansible_collections.greenlight.serving.plugins.module_utils._engine.finding import Finding
from ansible_collections.greenlight.serving.plugins.module_utils._engine.lease import Lease, Request
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Observation,
    Outcome,
    Plan,
    Record,
    Verb,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.verdict import Sample
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.base import PortError
from tests.simulation.faults import Faults
from tests.simulation.store import Objects

if TYPE_CHECKING:
    from tests.simulation.duet import Duet

LONGEST = 6000  # port calls of one run


class KilledError(BaseException):
    """SIGKILL: nothing of the run goes on."""


class Clouded(Protocol):
    """What the shared part asks of a simulated cloud."""

    now: float
    storeless: bool  # the store answers nobody
    lags: bool  # reads may be old: keep what they showed

    def advance(self, seconds: float) -> None:
        """Time passes, and everything that is due happens."""


@dataclass
class World:
    """What all runs share, and what is counted over all of them."""

    cloud: Any  # the platform's own, see Clouded
    store: Objects = field(default_factory=Objects)
    met: Counter[tuple[str, str]] = field(default_factory=Counter)  # (fault, phase) -> times
    history: list[tuple[float, str, str, str]] = field(default_factory=list)  # when, who, call, ok | fail | unknown
    phase: str = "start"  # of the run that moves
    steps: int = 0  # port calls of all runs
    gates: int = 0  # rounds of probes that were answered


@dataclass
class Ports(ABC):
    """Store and clock of one run; platform and prober are the subclass's."""

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
    duet: Duet | None = None  # another run goes on while this one sleeps

    @property
    def skies(self) -> Clouded:
        """The cloud, as far as every platform's is the same."""
        skies: Clouded = self.world.cloud
        return skies

    # ---- clock: every run has its own, which may go a little fast ----

    def now(self) -> float:
        return self.skies.now * self.faults.drift + self.faults.offset

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self._count()
        seconds = max(seconds / self.faults.drift, 0.001)
        if self._chance(self.faults.stopped, "F8 stopped"):
            seconds += 30 + 150 * self.rng.random()
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        if self.duet is not None:
            self.duet.sleep(self.skies, seconds)
        else:
            self.skies.advance(seconds)

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
            self.skies.advance(self.rng.random() * faults.latency)
        if self.skies.now >= faults.expired_at:
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
        self.world.history.append((self.skies.now, self.owner, call, outcome))

    # ---- platform and prober, see _platforms.base ----

    @abstractmethod
    def preflight(self, plan: Plan) -> list[Finding]: ...

    @abstractmethod
    def observe(self, plan: Plan) -> Observation: ...

    @abstractmethod
    def perform(self, verb: Verb, plan: Plan, seen: Observation) -> str: ...

    @abstractmethod
    def beat(self, plan: Plan) -> None: ...

    @abstractmethod
    def probe(self, route: str, release: str, seen: Observation) -> tuple[Sample, ...]: ...

    def _sample(self, route: str, outcome: str, reason: str, release: str = "") -> Sample:
        return Sample(self.now(), route, outcome, reason, release)

    # ---- store ----

    def _store(self, *, writes: bool = False) -> None:
        if writes:
            self._write()
        else:
            self._enter()
        if self.skies.storeless or self._chance(self.faults.store_down, "F10 store down"):
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
            age = self.skies.now - self.world.store.locked_at
            assert age <= self.world.store.lock.seconds, f"I5: {call} {age:.0f} s after the last renewal"

    def read_lock(self) -> Lease:
        self._store()
        return self.world.store.lock

    def write_lock(self, lease: Lease) -> Lease:
        self._store(writes=True)
        before = self.world.store.lock.owner
        stored = self.world.store.write_lock(lease)
        self.world.store.locked_at = self.skies.now
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
