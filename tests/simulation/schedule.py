# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that a seed decides. A seed draws its own mix: three to six kinds of faults, each with its own rate."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from ansible_collections.greenlight.serving.plugins.module_utils._engine.evolve import evolve
from tests.simulation.faults import Faults
from tests.simulation.scenario import RELEASES, STEPS

BETWEEN = ("nothing", "wait", "check", "other", "strategy", "abandon")
SPOILS = frozenset(  # a good release may go back, or a person be asked, though the API alone would not do that
    {
        "partial",
        "stopped",
        "second",
        "flap",
        "sick",
        "zone",
        "starved",
        "gone",
        "foreign",
        "expired",
        "refused",
        "crash",
        "storeless",
        "meddled",
    }
)


SHORT_DRAIN, LONG_DRAIN = 8.0, (50.0, 90.0)  # seconds


@dataclass(frozen=True)
class Schedule:
    """One seed's story."""

    seed: int
    strategy: str
    first: bool
    release: str
    faults: Faults = field(default_factory=Faults)
    kills: tuple[tuple[int, bool], ...] = ()  # per run: at which call, after its effect
    between: tuple[str, ...] = ()  # what happens after each kill
    policy: str = "resume"  # on_unfinished
    world: tuple[tuple[str, float, float], ...] = ()  # what happens in the world: name, seconds after the start, length
    late: float = 0.0  # F20
    draining: float = SHORT_DRAIN  # F5: seconds that a target takes to drain, that is its longest stream
    crash_rate: float = 0.0
    second: tuple[float, str, str] | None = None  # F9: when, release, strategy
    count: int = 3  # of the gate
    baked: bool = True  # False: no bake anywhere
    drawn: tuple[str, ...] = field(default=())
    platform: str = "ecs"

    @property
    def disturbed(self) -> bool:
        return bool(SPOILS & set(self.drawn))


Draw = Callable[[random.Random, Schedule], Schedule]


def _rates(**rates: tuple[float, ...]) -> Draw:
    def draw(rng: random.Random, made: Schedule) -> Schedule:
        drawn = {name: rng.choice(values) for name, values in rates.items()}
        return evolve(made, faults=evolve(made.faults, **drawn))

    return draw


def _kills(rng: random.Random, made: Schedule) -> Schedule:
    kills = tuple((rng.randrange(1, 90), rng.random() < 0.5) for _ignored in range(rng.choice((1, 1, 1, 2, 3))))
    return evolve(made, kills=kills, between=tuple(rng.choice(BETWEEN) for _ignored in kills))


def _event(name: str, lengths: tuple[float, ...], latest: float = 80.0) -> Draw:
    def draw(rng: random.Random, made: Schedule) -> Schedule:
        return evolve(made, world=(*made.world, (name, 4.0 + rng.random() * latest, rng.choice(lengths))))

    return draw


def _second(rng: random.Random, made: Schedule) -> Schedule:
    release = made.release if rng.random() < 0.5 else rng.choice(sorted(RELEASES))
    return evolve(made, second=(rng.random() * 90.0, release, rng.choice(sorted(STEPS))))


def _clock(rng: random.Random, made: Schedule) -> Schedule:
    drift = rng.choice((0.98, 1.0, 1.02))
    return evolve(made, faults=evolve(made.faults, offset=rng.choice((-500.0, 1e6)), drift=drift))


def _late(rng: random.Random, made: Schedule) -> Schedule:
    return evolve(made, late=rng.choice((5.0, 15.0, 30.0)))


def _streams(rng: random.Random, made: Schedule) -> Schedule:
    return evolve(made, draining=rng.choice(LONG_DRAIN))


def _crash(rng: random.Random, made: Schedule) -> Schedule:
    return evolve(made, crash_rate=rng.choice((0.001, 0.004)))


def _expired(rng: random.Random, made: Schedule) -> Schedule:
    return evolve(made, faults=evolve(made.faults, expired_at=20.0 + rng.random() * 80.0))


def _refused(rng: random.Random, made: Schedule) -> Schedule:
    calls = ("ContinueServiceDeployment ROLLBACK", "StopServiceDeployment", "UpdateService old")
    return evolve(made, faults=evolve(made.faults, refuse=rng.choice(calls)))


KINDS: dict[str, tuple[int, Draw]] = {  # weight in the draw, and what it sets
    "throttled": (4, _rates(throttled=(0.02, 0.1, 0.25), unreadable=(0.02, 0.1, 0.25))),
    "unanswered": (3, _rates(unanswered=(0.05, 0.1))),
    "lost": (4, _rates(lost=(0.1, 0.33))),
    "stale": (4, _rates(lag=(2.0, 3.0, 3.9))),
    "slow": (3, _rates(latency=(1.0, 3.0))),
    "partial": (1, _rates(partial=(0.02,))),
    "killed": (6, _kills),
    "stopped": (1, _rates(stopped=(0.01, 0.03))),
    "second": (1, _second),
    "store": (3, _rates(store_down=(0.1, 0.25))),
    "storeless": (2, _event("storeless", (30.0, 90.0))),
    "silent": (2, _rates(silent=(0.05, 0.1))),
    "flap": (1, _event("flap", (4.0, 10.0))),
    "sick": (1, _event("sick", (10.0, 40.0))),
    "zone": (1, _event("zone", (40.0, 120.0))),
    "starved": (1, _event("starved", (20.0, 60.0), latest=20.0)),
    "gone": (1, _event("gone", (0.0,), latest=10.0)),
    "clock": (2, _clock),
    "foreign": (1, _event("foreign", (0.0,))),
    "scaled": (2, _event("scaled", (0.0,))),
    "moved": (1, _event("moved", (0.0,))),
    "late": (3, _late),
    "streams": (2, _streams),
    "meddled": (2, _event("meddled", (40.0, 90.0), latest=160.0)),
    "expired": (1, _expired),
    "refused": (1, _refused),
    "crash": (1, _crash),
}
SURE = frozenset({"stale", "slow", "late", "clock", "second", "streams"})  # they happen in every run, or nearly
NAMES = sorted(KINDS)
WEIGHTS = [KINDS[name][0] for name in NAMES]


def schedule(seed: int) -> Schedule:
    """The same for the same seed, forever."""
    rng = random.Random(seed)
    made = Schedule(
        seed=seed,
        strategy=rng.choice(sorted(STEPS)),
        first=rng.random() < 0.12,
        release=rng.choice(("good", "good", *sorted(RELEASES))),
        policy=rng.choice(("resume", "roll_back")),
        count=rng.choice((1, 3)),
        baked=rng.random() < 0.6,
    )
    wanted, drawn = rng.choice((5, 5, 6, 6, 7)), list[str]()
    while len(drawn) < wanted or not SURE.intersection(drawn):
        name = rng.choices(NAMES, WEIGHTS)[0]
        if name not in drawn:
            drawn.append(name)
    for name in drawn:
        made = KINDS[name][1](rng, made)
    return evolve(made, drawn=tuple(sorted(drawn)))
