# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The story of a seed on the simulated ECS."""

from __future__ import annotations

from ansible_collections.greenlight.serving.plugins.module_utils._engine.evolve import evolve
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Chain, Plan
from tests.simulation.checks import check_end
from tests.simulation.ecs_ports import EcsPorts
from tests.simulation.events import EVENTS
from tests.simulation.everywhere import happens
from tests.simulation.play import Play
from tests.simulation.played import Played
from tests.simulation.ports import World
from tests.simulation.scenario import BAD, MAYBE, plan, world_with
from tests.simulation.schedule import SHORT_DRAIN

ABANDONED = 1500.0  # seconds after which the cloud has done everything that it does by itself


class EcsPlay(Play):
    """One seed."""

    bad, maybe, kind, strategies = BAD, MAYBE, EcsPorts, ("canary", "rolling")

    def worlds(self) -> World:
        return world_with("" if self.made.first else "old", self.rng, self.made.crash_rate)

    def set_out(self) -> None:
        made, met = self.made, self.world.met
        self.world.cloud.late = made.late
        if made.late:
            met["F20 weights late", "moving"] += 1
        self.world.cloud.draining = made.draining
        if made.draining > SHORT_DRAIN:
            met["F5 slow drain", "moving"] += 1
        if made.release in BAD:
            met["F11 never healthy" if made.release == "never_healthy" else "F12 bad release", "moving"] += 1
        happens(EVENTS, self.world, made.world)

    def plan(self, release: str, number: int, strategy: str, **changes: object) -> Plan:
        made = self.made
        chain = Chain(hold=self.world.cloud.hold_time, propagation=made.late)
        made_for = plan(release, number, strategy, on_unfinished=made.policy, chain=chain, **changes)
        gate = evolve(made_for.gate, count=made.count)
        if made.baked:
            return evolve(made_for, gate=gate)
        steps = tuple(evolve(step, bake=0.0) for step in made_for.steps)
        return evolve(made_for, gate=gate, steps=steps, timing=evolve(made_for.timing, bake=0.0))

    def judge(self, played: Played, release: str) -> None:
        check_end(played)

    def abandoned(self) -> None:
        cloud = self.world.cloud
        cloud.advance(ABANDONED)
        assert cloud.open() is None or cloud.starved or cloud.gone or self.made.disturbed, "a deployment hangs for good"
        newest = cloud.rollouts[-1] if cloud.rollouts else None
        if newest is None or not newest.native or cloud.service is None:
            return
        unproven = cloud.service.serving == newest.release and newest.release in BAD
        assert not unproven, "nobody came back, and a bad release stayed"

    def heal(self) -> None:
        cloud = self.world.cloud
        cloud.world.clear()
        cloud.closed_zone, cloud.starved, cloud.gone, cloud.sick, cloud.crash_rate = "", False, frozenset(), "", 0.0
        cloud.storeless = False
        cloud.late, cloud.lags = 0.0, False
        cloud.lost_by_world = cloud.now
        cloud.settle()
        cloud.advance(120.0)

    def attend(self) -> None:
        self.world.cloud.advance(30.0)

    def rest(self) -> None:
        armed = self.world.cloud.alarm.breaching and self.world.cloud.open() is not None
        assert not armed, "an armed alarm, and a deployment that nobody beats for, are left"
