# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Play a schedule to its end: runs, kills, what happens in between, a second operator, and the last calm run.

The story is the same on every platform; a subclass has the world in which it happens.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar

from ansible_collections.greenlight.serving.plugins.module_utils._engine.evolve import evolve
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Plan
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Ended
from tests.simulation.duet import Duet
from tests.simulation.faults import Faults
from tests.simulation.played import Played
from tests.simulation.ports import KilledError, Ports, World
from tests.simulation.runs import QUIET, locked, run
from tests.simulation.schedule import Schedule


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


class Play(ABC):
    """One seed."""

    bad: ClassVar[frozenset[str]]  # releases that must never stay
    maybe: ClassVar[frozenset[str]]  # live, or taken back: as the gates come to see it
    kind: ClassVar[type[Ports]]
    strategies: ClassVar[tuple[str, str]]  # what another run tries, unless the seed's own is the first

    def __init__(self, made: Schedule) -> None:
        self.made, self.rng = made, random.Random(made.seed + 1)
        self.world = self.worlds()
        self.runs, self.told, self.duet = 0, Told(), None if made.second is None else Duet()
        if made.faults.offset or made.faults.drift != 1.0:
            self.world.met["F18 clock", "start"] += 1
        self.set_out()

    # ---- what a platform adds ----

    @abstractmethod
    def worlds(self) -> World:
        """The world before the first run."""

    @abstractmethod
    def set_out(self) -> None:
        """What the seed decides of the world, and what is to happen in it."""

    @abstractmethod
    def plan(self, release: str, number: int, strategy: str, **changes: object) -> Plan:
        """What a run wants; `release` by its name here."""

    @abstractmethod
    def judge(self, played: Played, release: str) -> None:
        """What must hold at the end of a run."""

    @abstractmethod
    def abandoned(self) -> None:
        """Nobody comes back: what was not proven does not stay, when the cloud holds the timer."""

    @abstractmethod
    def heal(self) -> None:
        """Nothing is wrong any more, and everything had time to settle."""

    @abstractmethod
    def attend(self) -> None:
        """A person does what the result asked for."""

    @abstractmethod
    def rest(self) -> None:
        """What must hold when all is over."""

    # ---- the story ----

    def story(self) -> Told:
        """Raises AssertionError when an invariant breaks."""
        made = self.made
        for number, ((at, after), then) in enumerate(zip(made.kills, made.between, strict=True)):
            try:
                self.play(made.release, self.wanted(number), evolve(made.faults, kill_at=at, kill_after=after))
            except KilledError:
                self.between(then)
                continue
            break
        if made.second is not None and self.duet is not None:
            self._together(made.second)
        else:
            self.play(made.release, self.wanted(9, retry_rejected=True), made.faults)
        self.calm()
        told, world = self.told, self.world
        told.steps, told.gates, told.seconds, told.met = world.steps, world.gates, world.cloud.now, world.met
        return told

    def wanted(self, number: int, **changes: object) -> Plan:
        return self.plan(self.made.release, number, self.made.strategy, **changes)

    def play(self, release: str, wanted: Plan, faults: Faults, *, disturbed: bool = False) -> Ended:
        """A run, and what must hold at its end."""
        before = self.world.store.record
        ports = self.ports(wanted)
        try:
            ended = run(ports, locked(wanted, ports.owner), evolve(faults, locked=True))
        finally:
            self.told.reached[ports.phase] += 1
        self.told.reached.update(phase.value for phase in ended.state.trail)
        self.told.reached[ended.stop.state] += 1
        self.told.state = ended.stop.state
        open_end = release in self.maybe and ended.stop.state != "live"
        disturbed = disturbed or self.made.disturbed or open_end
        killed = bool(self.made.kills) or self.made.second is not None
        self.judge(Played(ports, wanted, ended, before, disturbed, killed), release)
        return ended

    def ports(self, wanted: Plan) -> Ports:
        self.runs += 1
        made = self.kind(self.world, random.Random(self.rng.random()), f"run{self.runs}")
        made.duet = self.duet
        return made

    # ---- between two runs ----

    def between(self, then: str) -> None:
        """After a kill: time passes, or somebody runs check mode, another release, another strategy, or nothing."""
        made = self.made
        if then == "wait":
            self.world.cloud.advance(60.0)
        elif then == "abandon":
            self.abandoned()
        elif then == "check":
            self.check_mode()
        elif then == "other" and not made.first:
            other = "good" if made.release != "good" else "unmarked"
            self.play(other, self.plan(other, 6, made.strategy), made.faults, disturbed=True)
        elif then == "strategy":
            strategy = next(each for each in self.strategies if each != made.strategy)
            self.play(made.release, self.plan(made.release, 7, strategy), made.faults, disturbed=True)

    def check_mode(self) -> None:
        """I10."""
        wanted = self.wanted(5, check_mode=True)
        ports, before = self.ports(wanted), self.world.store.record
        ended = run(ports, wanted, evolve(self.made.faults, lost=0.0))
        self.told.reached[ended.stop.state] += 1
        assert [ports.writes, ports.saves, self.world.store.record] == [[], 0, before], "I10"
        assert ended.stop.state in ("planned", "unchanged", "refused", "needs_operator")

    def _together(self, second: tuple[float, str, str]) -> None:
        after, release, strategy = second
        duet = self.duet
        assert duet is not None
        self.world.met["F9 second operator", "start"] += 1
        other = self.plan(release, 8, strategy)
        duet.play(
            self.world.cloud,
            lambda: self.play(self.made.release, self.wanted(9, retry_rejected=True), self.made.faults),
            lambda: self.play(release, other, self.made.faults),
            after,
        )
        self.duet = None

    # ---- the end ----

    def calm(self) -> None:
        """I9: with nothing wrong any more every service ends on one release, and once more is 0 mutating calls."""
        self.heal()
        release, last = self.made.release, evolve(self.wanted(10), retry_rejected=False)
        ends = ("rolled_back", "removed", "refused") if release in self.bad else ("live", "unchanged", "refused")
        if release in self.maybe:
            ends = ("rolled_back", "removed", "refused", "live", "unchanged", "needs_operator")
        state = self.told.state if not self.made.disturbed else ""
        for _ignored in range(4):  # one may end what another began, and say so
            if state in ends:
                break
            state = self.play(release, last, QUIET, disturbed=True).stop.state
            if state == "needs_operator":
                self.attend()
        assert state in ends, f"I9: when all is calm {release} is {state}"
        assert state != "refused" or self.may_refuse(last), "refused, and not for what it is"
        self._again(last, state)
        self.rest()

    def may_refuse(self, last: Plan) -> bool:
        """It was rejected before."""
        return last.release.id in self.world.store.record.rejected

    def _again(self, last: Plan, state: str) -> None:
        self.world.cloud.advance(30.0)
        ports, rejected = self.ports(last), last.release.id in self.world.store.record.rejected
        again = run(ports, locked(last, ports.owner))
        if state in ("live", "unchanged") and self.made.release not in self.maybe:
            assert again.stop.state == "unchanged", again.stop
            assert [ports.writes, ports.saves, again.state.changed] == [[], 0, False], "I9"
        elif rejected:
            assert again.stop.state == "refused", again.stop
            assert all("Alarm" in call for call in ports.writes), f"I9: refused, and yet {ports.writes}"


def simulate(made: Schedule) -> Told:
    """Play one seed; raises AssertionError when an invariant breaks."""
    from tests.simulation.platforms import PLAYS

    return PLAYS[made.platform]()(made).story()
