# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Play a schedule to its end: runs, kills, what happens in between, a second operator, and the last calm run."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from ansible_collections.greenlight.serving.plugins.module_utils._engine.evolve import evolve
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Chain, Plan
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Ended
from tests.simulation.checks import Played, check_end
from tests.simulation.duet import Duet
from tests.simulation.events import happens
from tests.simulation.faults import Faults
from tests.simulation.ports import KilledError, Ports
from tests.simulation.scenario import BAD, MAYBE, QUIET, locked, plan, run, world_with
from tests.simulation.schedule import SHORT_DRAIN, Schedule

ABANDONED = 1500.0  # seconds after which the cloud has done everything that it does by itself


@dataclass
class Told:
    """What a seed showed."""

    state: str = ""
    steps: int = 0
    gates: int = 0
    seconds: float = 0.0
    met: Counter[tuple[str, str]] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)

    @property
    def counts(self) -> bool:
        """Three faults of different kinds happened, and a gate was reached."""
        return self.gates > 0 and len({fault.partition(" ")[0] for fault, _ignored in self.met}) >= 3


class Play:
    """One seed."""

    def __init__(self, made: Schedule) -> None:
        self.made, self.rng = made, random.Random(made.seed + 1)
        self.world = world_with("" if made.first else "old", self.rng, made.crash_rate)
        self.runs, self.told, self.duet = 0, Told(), None if made.second is None else Duet()
        self.world.cloud.late = made.late
        if made.late:
            self.world.met["F20 weights late", "moving"] += 1
        self.world.cloud.draining = made.draining
        if made.draining > SHORT_DRAIN:
            self.world.met["F5 slow drain", "moving"] += 1
        if made.release in BAD:
            kind = "F11 never healthy" if made.release == "never_healthy" else "F12 bad release"
            self.world.met[kind, "moving"] += 1
        if made.faults.offset or made.faults.drift != 1.0:
            self.world.met["F18 clock", "start"] += 1
        begin = self.world.cloud.now
        for name, after, length in sorted(made.world, key=lambda each: each[1]):
            happens(self.world, name, begin + after, length)

    def story(self) -> Told:
        """Raises AssertionError when an invariant breaks."""
        made = self.made
        for number, ((at, after), then) in enumerate(zip(made.kills, made.between, strict=True)):
            try:
                self.play(self.wanted(number), evolve(made.faults, kill_at=at, kill_after=after))
            except KilledError:
                self.between(then)
                continue
            break
        if made.second is not None and self.duet is not None:
            self._together(made.second)
        else:
            self.play(self.wanted(9, retry_rejected=True), made.faults)
        self.calm()
        told, world = self.told, self.world
        told.steps, told.gates, told.seconds, told.met = world.steps, world.gates, world.cloud.now, world.met
        return told

    def wanted(self, number: int, **changes: object) -> Plan:
        made = self.made
        return self.plan(made.release, number, made.strategy, **changes)

    def plan(self, release: str, number: int, strategy: str, **changes: object) -> Plan:
        made = self.made
        chain = Chain(hold=self.world.cloud.hold_time, propagation=made.late)
        made_for = plan(release, number, strategy, on_unfinished=made.policy, chain=chain, **changes)
        gate = evolve(made_for.gate, count=made.count)
        if made.baked:
            return evolve(made_for, gate=gate)
        steps = tuple(evolve(step, bake=0.0) for step in made_for.steps)
        return evolve(made_for, gate=gate, steps=steps, timing=evolve(made_for.timing, bake=0.0))

    def play(self, wanted: Plan, faults: Faults, *, disturbed: bool = False) -> Ended:
        """A run, and what must hold at its end."""
        before = self.world.store.record
        ports = self.ports()
        try:
            ended = run(ports, locked(wanted, ports.owner), evolve(faults, locked=True))
        finally:
            self.told.reached[ports.phase] += 1
        self.told.reached.update(phase.value for phase in ended.state.trail)
        self.told.reached[ended.stop.state] += 1
        self.told.state = ended.stop.state
        open_end = wanted.release.id in MAYBE and ended.stop.state != "live"
        disturbed = disturbed or self.made.disturbed or open_end
        killed = bool(self.made.kills) or self.made.second is not None
        check_end(Played(ports, wanted, ended, before, disturbed, killed))
        return ended

    def ports(self) -> Ports:
        self.runs += 1
        kind = Ports if self.duet is None else self.duet.ports
        return kind(self.world, random.Random(self.rng.random()), f"run{self.runs}")

    # ---- between two runs ----

    def between(self, then: str) -> None:
        """After a kill: time passes, or somebody runs check mode, another release, another strategy, or nothing."""
        cloud, made = self.world.cloud, self.made
        if then == "wait":
            cloud.advance(60.0)
        elif then == "abandon":
            self.abandoned()
        elif then == "check":
            self.check_mode()
        elif then == "other" and not made.first:
            other = "good" if made.release != "good" else "unmarked"
            self.play(self.plan(other, 6, made.strategy), made.faults, disturbed=True)
        elif then == "strategy":
            strategy = "canary" if made.strategy != "canary" else "rolling"
            self.play(self.plan(made.release, 7, strategy), made.faults, disturbed=True)

    def check_mode(self) -> None:
        ports, before = self.ports(), self.world.store.record
        ended = run(ports, self.wanted(5, check_mode=True), evolve(self.made.faults, lost=0.0))
        self.told.reached[ended.stop.state] += 1
        assert [ports.writes, ports.saves, self.world.store.record] == [[], 0, before], "I10"
        assert ended.stop.state in ("planned", "unchanged", "refused", "needs_operator")

    def abandoned(self) -> None:
        """Nobody comes back: what was not proven does not stay, when the cloud holds the timer."""
        cloud = self.world.cloud
        cloud.advance(ABANDONED)
        assert cloud.open() is None or cloud.starved or cloud.gone or self.made.disturbed, "a deployment hangs for good"
        newest = cloud.rollouts[-1] if cloud.rollouts else None
        if newest is None or not newest.native or cloud.service is None:
            return
        unproven = cloud.service.serving == newest.release and newest.release in BAD
        assert not unproven, "nobody came back, and a bad release stayed"

    # ---- the end ----

    def _together(self, second: tuple[float, str, str]) -> None:
        after, release, strategy = second
        duet = self.duet
        assert duet is not None
        self.world.met["F9 second operator", "start"] += 1
        other = self.plan(release, 8, strategy)
        duet.play(
            self.world.cloud,
            lambda: self.play(self.wanted(9, retry_rejected=True), self.made.faults),
            lambda: self.play(other, self.made.faults),
            after,
        )
        self.duet = None

    def calm(self) -> None:
        """I9: with nothing wrong any more every service ends on one release, and once more is 0 mutating calls."""
        cloud = self.world.cloud
        cloud.world.clear()
        cloud.closed_zone, cloud.starved, cloud.gone, cloud.sick, cloud.crash_rate = "", False, frozenset(), "", 0.0
        cloud.storeless = False
        cloud.late, cloud.lags = 0.0, False
        cloud.lost_by_world = cloud.now
        cloud.settle()
        cloud.advance(120.0)
        release, last = self.made.release, evolve(self.wanted(10), retry_rejected=False)
        ends = ("rolled_back", "removed", "refused") if release in BAD else ("live", "unchanged", "refused")
        if release in MAYBE:
            ends = ("rolled_back", "removed", "refused", "live", "unchanged", "needs_operator")
        state = self.told.state if not self.made.disturbed else ""
        for _ignored in range(3):  # one may end what another began, and say so
            if state in ends:
                break
            state = self.play(last, QUIET, disturbed=True).stop.state
        assert state in ends, f"I9: when all is calm {release} is {state}"
        assert state != "refused" or release in self.world.store.record.rejected, "refused, and not for what it is"
        self._again(last, state)

    def _again(self, last: Plan, state: str) -> None:
        self.world.cloud.advance(30.0)
        ports, rejected = self.ports(), last.release.id in self.world.store.record.rejected
        again = run(ports, locked(last, ports.owner))
        if state in ("live", "unchanged") and last.release.id not in MAYBE:
            assert again.stop.state == "unchanged", again.stop
            assert [ports.writes, ports.saves, again.state.changed] == [[], 0, False], "I9"
        elif rejected:
            assert again.stop.state == "refused", again.stop
            assert all("Alarm" in call for call in ports.writes), f"I9: refused, and yet {ports.writes}"
        armed = self.world.cloud.alarm.breaching and self.world.cloud.open() is not None
        assert not armed, "an armed alarm, and a deployment that nobody beats for, are left"


def simulate(made: Schedule) -> Told:
    """Play one seed; raises AssertionError when an invariant breaks."""
    return Play(made).story()
