# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cells of the live matrix: strategy x release x disturbance, chosen so that pairs meet. Pure, no chance in it.

All pairs of the three take 35 cells (5 releases x 7 disturbances alone are as many). The first 20 meet every strategy
with every release, and as many of the other pairs as 20 cells can: what is run when few are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product

STRATEGIES = ("canary", "linear", "blue_green", "rolling")
# Tag in the lab's registry -> what it is.
RELEASES = {
    "2": "good",
    "never-healthy": "never healthy",
    "crash-after": "crashes after it was healthy",
    "wrong-answers": "200 but wrong",
    "slow-answers": "slow",
}
DISTURBANCES = ("none", "killed-rerun", "killed-left", "api-down", "weights-late", "second-operator", "throttled-lost")
FEW = 20


@dataclass(frozen=True)
class Cell:
    strategy: str
    release: str
    disturbance: str

    @property
    def name(self) -> str:
        return f"{self.strategy}-{self.release}-{self.disturbance}"

    @property
    def good(self) -> bool:
        return self.release == "2"

    @property
    def holds(self) -> bool:
        """Whether the cloud comes to a hold: rolling knows none, and what never gets healthy never comes to one."""
        return self.strategy != "rolling" and self.release != "never-healthy"


Pair = tuple[str, str]


def pairs(cell: Cell) -> Iterator[Pair]:
    """What meets in a cell; parts carry their kind, since no two kinds share a word."""
    yield from combinations((cell.strategy, cell.release, cell.disturbance), 2)


def everything() -> list[Cell]:
    return [Cell(*parts) for parts in product(STRATEGIES, RELEASES, DISTURBANCES)]


def cover() -> list[Cell]:
    """A pairwise cover, greedily: first one cell for each strategy and release, then what adds the most pairs."""
    chosen: list[Cell] = []
    met: set[Pair] = set()

    def take(candidates: list[Cell]) -> None:
        best = max(candidates, key=lambda cell: sum(pair not in met for pair in pairs(cell)))
        chosen.append(best)
        met.update(pairs(best))

    for release, strategy in product(RELEASES, STRATEGIES):
        take([Cell(strategy, release, disturbance) for disturbance in DISTURBANCES])
    wanted = {pair for cell in everything() for pair in pairs(cell)}
    while met != wanted:
        take([cell for cell in everything() if cell not in chosen])
    return chosen


def share(cells: list[Cell]) -> tuple[int, int]:
    """Pairs that meet in these cells, and pairs in all."""
    met = {pair for cell in cells for pair in pairs(cell)}
    return len(met), len({pair for cell in everything() for pair in pairs(cell)})
