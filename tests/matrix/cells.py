# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cells of a live matrix: strategy x release x disturbance, chosen so that pairs meet. Pure, no chance in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, product

GOOD = "2"  # tag of the release that is right


@dataclass(frozen=True)
class Cell:
    """`prefix` tells the platforms' cells apart, for their results lie in one folder."""

    strategy: str
    release: str
    disturbance: str
    prefix: str = ""

    @property
    def name(self) -> str:
        return f"{self.prefix}{self.strategy}-{self.release}-{self.disturbance}"

    @property
    def good(self) -> bool:
        return self.release == GOOD


Pair = tuple[str, str]


@dataclass(frozen=True)
class Kinds:
    """What a platform's cells are made of; no two kinds share a word.

    `releases`: tag in the lab's registry (or a word of the platform's own) -> what it is; `few`: cells that are run
    when few are asked for; `senseless`: pairs that can't be told apart from something else, and are not asked for.
    """

    strategies: tuple[str, ...]
    releases: Mapping[str, str]
    disturbances: tuple[str, ...]
    few: int
    prefix: str = ""
    senseless: frozenset[Pair] = field(default_factory=frozenset)


def pairs(cell: Cell) -> Iterator[Pair]:
    """What meets in a cell."""
    yield from combinations((cell.strategy, cell.release, cell.disturbance), 2)


def everything(kinds: Kinds) -> list[Cell]:
    made = [Cell(*parts, kinds.prefix) for parts in product(kinds.strategies, kinds.releases, kinds.disturbances)]
    return [cell for cell in made if kinds.senseless.isdisjoint(pairs(cell))]


def cover(kinds: Kinds) -> list[Cell]:
    """A pairwise cover, greedily: first one cell for each strategy and release, then what adds the most pairs."""
    chosen: list[Cell] = []
    met: set[Pair] = set()
    known = everything(kinds)

    def take(candidates: list[Cell]) -> None:
        best = max(candidates, key=lambda cell: sum(pair not in met for pair in pairs(cell)))
        chosen.append(best)
        met.update(pairs(best))

    for release, strategy in product(kinds.releases, kinds.strategies):
        take([cell for cell in known if (cell.strategy, cell.release) == (strategy, release)])
    wanted = {pair for cell in known for pair in pairs(cell)}
    while met != wanted:
        take([cell for cell in known if cell not in chosen])
    return chosen


def share(cells: list[Cell], kinds: Kinds) -> tuple[int, int]:
    """Pairs that meet in these cells, and pairs in all."""
    met = {pair for cell in cells for pair in pairs(cell)}
    return len(met), len({pair for cell in everything(kinds) for pair in pairs(cell)})
