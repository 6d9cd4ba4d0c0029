# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's ports on the simulated cloud, with faults, a history, and the invariants on every call."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Finding,
    Movement,
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
from tests.simulation.cloud import Cloud, observation


class KilledError(BaseException):
    """SIGKILL: nothing of the run goes on."""


@dataclass(frozen=True)
class Faults:
    """What goes wrong, and how often (probability per call)."""

    throttled: float = 0.0  # before any effect
    unanswered: float = 0.0  # 5xx or a lost connection, before any effect
    lost: float = 0.0  # the effect happened, the answer is lost
    unreadable: float = 0.0
    lag: float = 0.0  # reads are up to so many seconds old
    latency: float = 0.0  # up to so many seconds per call
    silent: float = 0.0  # a probe that gets no answer
    store_down: float = 0.0
    kill_at: int = -1  # port calls until SIGKILL; -1 = never
    kill_after: bool = False  # after the effect of that call
    refuse: str = ""  # calls that begin so are refused


@dataclass
class Ports:
    """Platform, prober, store and clock in one, for one service over many runs."""

    cloud: Cloud
    rng: random.Random
    faults: Faults = field(default_factory=Faults)
    record: Record = field(default_factory=lambda: Record("svc"))
    version: int = 0  # of the record in the store
    loaded: int = 0  # the version this run read or wrote last
    calls: int = 0  # port calls of this run
    writes: list[str] = field(default_factory=list)  # effects of this run
    saves: int = 0
    last_effect: float = 0.0
    passed_at: dict[str, float] = field(default_factory=dict)  # release -> last right answer
    looked_at: float = -1.0

    def new_run(self, faults: Faults) -> None:
        self.faults, self.calls, self.writes, self.saves = faults, 0, [], 0
        self.passed_at = {}
        self.cloud.lags = faults.lag > 0

    # ---- clock ----

    def now(self) -> float:
        return self.cloud.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.calls += 1
        assert self.calls < 5000, "I8: the run does not come to an end"
        self.cloud.advance(seconds)

    # ---- faults ----

    def _chance(self, probability: float) -> bool:
        return probability > 0 and self.rng.random() < probability

    def _enter(self) -> None:
        self.calls += 1
        assert self.calls < 5000, "I8: the run does not come to an end"
        if self.calls == self.faults.kill_at and not self.faults.kill_after:
            raise KilledError
        if self.faults.latency:
            self.cloud.advance(self.rng.random() * self.faults.latency)

    def _leave(self) -> None:
        if self.calls == self.faults.kill_at:
            raise KilledError
        if self._chance(self.faults.lost):
            raise PortError(Outcome.UNKNOWN, "the answer was lost")

    def _before_effect(self, call: str) -> None:
        if self.faults.refuse and call.startswith(self.faults.refuse):
            raise PortError(Outcome.REFUSED, "AccessDenied")
        if self._chance(self.faults.throttled):
            raise PortError(Outcome.TURNED_AWAY, "ThrottlingException")
        if self._chance(self.faults.unanswered):
            raise PortError(Outcome.UNKNOWN, "connection reset")

    # ---- platform ----

    def preflight(self, plan: Plan) -> list[Finding]:
        self._enter()
        return []

    def observe(self, plan: Plan) -> Observation:
        at = self.cloud.now
        self._enter()
        if self._chance(self.faults.unreadable):
            raise PortError(Outcome.TURNED_AWAY, "ThrottlingException")
        lag = self.rng.random() * self.faults.lag
        self.looked_at = at
        return observation(self.cloud.shown(lag), plan, at, self.cloud.desired)

    def perform(self, verb: Verb, plan: Plan, seen: Observation) -> str:
        call = seen.todo[verb][0]
        self._enter()
        self._before_effect(call)
        self._check(verb, call, plan)
        self._effect(call)
        self.writes.append(call)
        self.last_effect = self.cloud.now
        self._leave()
        return call

    def _check(self, verb: Verb, call: str, plan: Plan) -> None:
        """What no engine may ever ask for."""
        assert not plan.check_mode, "I10: a mutating call in check mode"
        unfinished = self.record.unfinished
        if verb is not Verb.CONFIGURE:
            assert unfinished, f"A.7: {call} without a record"
        if verb is Verb.BEGIN:
            assert unfinished["to"] == plan.release.id, "A.7: begun something else than the record says"
        if verb is Verb.ROLL_BACK:
            assert unfinished["from"] == plan.previous, "I6: the way back is not the one recorded"
        if call == "DeleteService" and verb is not Verb.REMOVE:
            assert self.record.live == "", "I6: a service that was live is never removed by a rollback"
        if verb is Verb.FINISH:
            there = [task for task in self.cloud.tasks if task.state != "draining"]
            assert all(task.release == plan.release.id for task in there), "finished with old targets in service"
            assert plan.release.id in self.passed_at, "opened before any right answer"

    def _effect(self, call: str) -> None:
        cloud, (name, _ignored, what) = self.cloud, call.partition(" ")
        if name == "CreateRule":
            cloud.rule = "open" if cloud.service else "closed"
        elif name == "RegisterTaskDefinition":
            cloud.definitions.add(what)
        elif name in ("CreateService", "UpdateService") and what != "settings":
            if name == "CreateService":
                cloud.service = None
            if cloud.service is None or cloud.service.release != what:  # the same again starts nothing
                cloud.deploy(what)
        elif name == "UpdateService":
            assert cloud.open() is None, "configured while a deployment is open"
            assert cloud.service is not None
            cloud.service = replace(cloud.service, configured=True)
        elif name == "StopServiceDeployment":
            running = cloud.open()
            if running is None or running.id != what or running.status is not Movement.MOVING:
                raise PortError(Outcome.TURNED_AWAY, "the deployment is not in progress")
            cloud.turn(running)
        elif name == "DeleteService":
            cloud.delete()
        elif name == "DeleteRule":
            cloud.rule = ""
        elif name == "ModifyRule":
            cloud.rule = "open"

    # ---- prober ----

    def probe(self, route: str, release: str, seen: Observation) -> tuple[Sample, ...]:
        self._enter()
        if self.cloud.rule == "closed" and not seen.proof:
            return (self._sample(route, INCONCLUSIVE, "503"),)
        there = [task for task in self.cloud.tasks if task.state == "healthy"]
        if not there or self._chance(self.faults.silent):
            return (self._sample(route, INCONCLUSIVE, "no answer"),)
        task = self.rng.choice(there)
        how = self.cloud.behaviours[task.release]
        if how.right:
            self.passed_at[task.release] = self.cloud.now
        return (self._sample(route, PASS if how.right else FAIL, "", task.release if how.marked else ""),)

    def _sample(self, route: str, outcome: str, reason: str, release: str = "") -> Sample:
        return Sample(self.cloud.now, route, outcome, reason, release)

    # ---- store ----

    def load(self) -> Record:
        self._enter()
        if self._chance(self.faults.store_down):
            raise PortError(Outcome.TURNED_AWAY, "SlowDown")
        self.loaded = self.version
        return self.record

    def save(self, record: Record) -> None:
        self._enter()
        if self._chance(self.faults.store_down):
            raise PortError(Outcome.TURNED_AWAY, "SlowDown")
        if self.loaded != self.version and record != self.record:
            raise PortError(Outcome.TAKEN, "another run wrote")
        assert record.generation <= self.record.generation + 1
        if record != self.record:
            self.saves += 1
            self.record, self.version = record, self.version + 1
        self.loaded = self.version
        self._leave()
