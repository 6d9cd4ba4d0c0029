# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's ports on the real platform `asg`, over the simulated cloud."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

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
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.asg import Asg
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.base import PortError
from tests.simulation import asg_effects
from tests.simulation.asg_calls import Calls
from tests.simulation.asg_cloud import AsgCloud
from tests.simulation.asg_parts import Group, Instance, Json, weights_of
from tests.simulation.asg_scenario import release_id
from tests.simulation.parts import Behaviour
from tests.simulation.ports import Ports


class Simulated(Asg):
    """Nothing is wrong with the account."""

    def account_findings(self, plan: Plan) -> list[Finding]:
        del plan
        return []


@dataclass
class AsgPorts(Ports):
    """Platform and prober of one run. `params`: the options of its release."""

    params: Json = field(default_factory=dict)
    verb: Verb | None = None  # of the call at hand
    plan: Plan | None = None
    line: str = ""
    wrote: int = 0  # calls that reached the cloud

    def __post_init__(self) -> None:
        self.cloud: AsgCloud = self.world.cloud

    def equip(self, params: Json) -> AsgPorts:
        """With the platform for these options."""
        self.params = params
        calls = Calls(self.cloud, self._lag, self._checked)
        self.platform = Simulated(calls, params, self.now)
        return self

    # ---- platform ----

    def _lag(self) -> float:
        return self.rng.random() * self.faults.lag if self.faults.lag else 0.0

    def preflight(self, plan: Plan) -> list[Finding]:
        self._enter()
        return self.platform.preflight(plan)

    def observe(self, plan: Plan) -> Observation:
        self._enter()
        if self._chance(self.faults.unreadable, "F1 read throttled"):
            raise PortError(Outcome.TURNED_AWAY, "ThrottlingException")
        if self.faults.lag > 1:
            self.world.met["F4 stale read", self.phase] += 1
        self.looked_at, self.looked_call = self.cloud.now, self.calls
        seen = self.platform.observe(plan)
        if seen.targets and self._chance(self.faults.partial, "F6 partial result"):
            return replace(seen, targets=seen.targets[: self.rng.randrange(len(seen.targets))])
        return seen

    def perform(self, verb: Verb, plan: Plan, seen: Observation) -> str:
        self._write()
        line = seen.todo[verb][0]
        self.verb, self.plan, self.line, before = verb, plan, line, self.wrote
        self._before_effect(line)
        done = self.platform.perform(verb, plan, seen)
        if self.wrote > before:
            self.writes.append(line)
            self.last_effect = self.cloud.now
        self._leave(line)
        return done

    def _checked(self, operation: str, asked: Json) -> None:
        """Before a call's effect."""
        assert self.verb is not None
        assert self.plan is not None
        self._fenced(self.line)
        asg_effects.check(self, self.verb, self.plan, operation, asked)
        self.wrote += 1

    def beat(self, plan: Plan) -> None:
        self._enter()
        assert self.looked_call > self.beaten_call, "a beat without a snapshot since the last one"
        self.beaten_call = self.calls
        if self._chance(self.faults.throttled, "F1 throttled") or self._chance(self.faults.unanswered, "F2 beat lost"):
            raise PortError(Outcome.TURNED_AWAY, "Throttling")
        self.platform.beat(plan)

    # ---- prober ----

    def probe(self, route: str, release: str, seen: Observation) -> tuple[Sample, ...]:
        self._enter()
        cloud = self.cloud
        if cloud.closed and route == "production" and not seen.proof:
            return (self._sample(route, INCONCLUSIVE, "503"),)
        met = self._meets(route)
        if met is None or cloud.sick == "silent" or self._chance(self.faults.silent, "F12 no answer"):
            return (self._sample(route, INCONCLUSIVE, "no answer"),)
        self.world.gates += 1
        group, one = met
        how, name = cloud.how(one), cloud.names[one.version]
        identity, wrong = release_id(name), self._wrong(how, group, one)
        if wrong or cloud.sick == "wrong":
            if wrong and how.marked:
                self.failed.add(identity)
            return (self._sample(route, FAIL, "wrong", identity if how.marked else ""),)
        self.passed_at.setdefault(identity, []).append(cloud.now)
        if route == "production":
            self.public_at[identity] = cloud.now
        return (self._sample(route, PASS, "", identity if how.marked else ""),)

    def _wrong(self, how: Behaviour, group: Group, one: Instance) -> bool:
        old = bool(how.wrong_after) and self.cloud.now - one.since >= how.wrong_after
        return not how.right or old or self.cloud.weight(group) >= how.wrong_from

    def _meets(self, route: str) -> tuple[Group, Instance] | None:
        """Whom a request by this route meets; None = nobody."""
        cloud = self.cloud
        shares = cloud.applied
        if route == "test_listener":
            shares = weights_of(cloud.rules["test"]) if "test" in cloud.rules else {}
        groups = [group for group in cloud.groups.values() if shares.get(group.target_group)]
        if not groups:
            return None
        picked = self.rng.choices(groups, [shares[group.target_group] for group in groups])[0]
        well: list[Any] = picked.healthy()
        return (picked, self.rng.choice(well)) if well else None
