# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's ports on the simulated ECS."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.greenlight.serving.plugins.module_utils._engine.finding import Finding
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Observation,
    Outcome,
    Plan,
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
from tests.simulation.ports import Ports
from tests.simulation.views import observation


@dataclass
class EcsPorts(Ports):
    """Platform and prober of one run."""

    def __post_init__(self) -> None:
        self.cloud: Cloud = self.world.cloud

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
