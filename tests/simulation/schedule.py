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
        "instance",
        "undeletable",
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
    timers: tuple[float, bool, bool] = (0.0, False, False)  # one-time calls: seconds late, twice, lost
    kept: bool = False  # somebody suspended a process of the group that serves

    @property
    def disturbed(self) -> bool:
        return bool(SPOILS & set(self.drawn))


Draw = Callable[[random.Random, Schedule], Schedule]


def rates(**rates: tuple[float, ...]) -> Draw:
    def draw(rng: random.Random, made: Schedule) -> Schedule:
        drawn = {name: rng.choice(values) for name, values in rates.items()}
        return evolve(made, faults=evolve(made.faults, **drawn))

    return draw


def kills(latest: int) -> Draw:
    """SIGKILL, up to three times, within so many port calls."""

    def draw(rng: random.Random, made: Schedule) -> Schedule:
        times = range(rng.choice((1, 1, 1, 2, 3)))
        drawn = tuple((rng.randrange(1, latest), rng.random() < 0.5) for _ignored in times)
        return evolve(made, kills=drawn, between=tuple(rng.choice(BETWEEN) for _ignored in drawn))

    return draw


def event(name: str, lengths: tuple[float, ...], latest: float = 80.0) -> Draw:
    def draw(rng: random.Random, made: Schedule) -> Schedule:
        return evolve(made, world=(*made.world, (name, 4.0 + rng.random() * latest, rng.choice(lengths))))

    return draw


def second(releases: tuple[str, ...], strategies: tuple[str, ...]) -> Draw:
    """Another operator comes, with the same release or another."""

    def draw(rng: random.Random, made: Schedule) -> Schedule:
        release = made.release if rng.random() < 0.5 else rng.choice(releases)
        return evolve(made, second=(rng.random() * 90.0, release, rng.choice(strategies)))

    return draw


def _clock(rng: random.Random, made: Schedule) -> Schedule:
    drift = rng.choice((0.98, 1.0, 1.02))
    return evolve(made, faults=evolve(made.faults, offset=rng.choice((-500.0, 1e6)), drift=drift))


def _late(rng: random.Random, made: Schedule) -> Schedule:
    return evolve(made, late=rng.choice((5.0, 15.0, 30.0)))


def _crash(rng: random.Random, made: Schedule) -> Schedule:
    return evolve(made, crash_rate=rng.choice((0.001, 0.004)))


def _expired(rng: random.Random, made: Schedule) -> Schedule:
    return evolve(made, faults=evolve(made.faults, expired_at=20.0 + rng.random() * 80.0))


def refused(*calls: str) -> Draw:
    """One kind of call is refused for good."""

    def draw(rng: random.Random, made: Schedule) -> Schedule:
        return evolve(made, faults=evolve(made.faults, refuse=rng.choice(calls)))

    return draw


Kinds = dict[str, tuple[int, Draw]]  # name -> weight in the draw, and what it sets
SHARED: Kinds = {
    "throttled": (4, rates(throttled=(0.02, 0.1, 0.25), unreadable=(0.02, 0.1, 0.25))),
    "unanswered": (3, rates(unanswered=(0.05, 0.1))),
    "lost": (4, rates(lost=(0.1, 0.33))),
    "stale": (4, rates(lag=(2.0, 3.0, 3.9))),
    "slow": (3, rates(latency=(1.0, 3.0))),
    "partial": (1, rates(partial=(0.02,))),
    "stopped": (1, rates(stopped=(0.01, 0.03))),
    "store": (3, rates(store_down=(0.1, 0.25))),
    "storeless": (2, event("storeless", (30.0, 90.0))),
    "silent": (2, rates(silent=(0.05, 0.1))),
    "clock": (2, _clock),
    "late": (3, _late),
    "expired": (1, _expired),
    "crash": (1, _crash),
}
SURE = frozenset({"stale", "slow", "late", "clock", "second", "streams"})  # they happen in every run, or nearly


@dataclass(frozen=True)
class Deck:
    """What the seeds of a platform draw from."""

    platform: str
    strategies: tuple[str, ...]
    releases: tuple[str, ...]
    kinds: Kinds


def drawn_from(deck: Deck, seed: int) -> Schedule:
    """The same for the same seed, forever."""
    rng = random.Random(seed)
    made = Schedule(
        seed=seed,
        strategy=rng.choice(deck.strategies),
        first=rng.random() < 0.12,
        release=rng.choice(("good", "good", *deck.releases)),
        policy=rng.choice(("resume", "roll_back")),
        count=rng.choice((1, 3)),
        baked=rng.random() < 0.6,
        platform=deck.platform,
    )
    names, wanted, drawn = sorted(deck.kinds), rng.choice((5, 5, 6, 6, 7)), list[str]()
    weights = [deck.kinds[name][0] for name in names]
    while len(drawn) < wanted or not SURE.intersection(drawn):
        name = rng.choices(names, weights)[0]
        if name not in drawn:
            drawn.append(name)
    for name in drawn:
        made = deck.kinds[name][1](rng, made)
    return evolve(made, drawn=tuple(sorted(drawn)))


def schedule(seed: int, platform: str = "ecs") -> Schedule:
    """What a seed plays."""
    from tests.simulation.platforms import DECKS

    return drawn_from(DECKS[platform](), seed)
