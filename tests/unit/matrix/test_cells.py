# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live matrix: its cells meet every pair, and the first of them every strategy with every release."""

from __future__ import annotations

from itertools import product

from tests.matrix.cells import DISTURBANCES, FEW, RELEASES, STRATEGIES, cover, share


def test_the_cover_meets_every_pair_once_at_least_and_is_as_small_as_one_can_be() -> None:
    cells = cover()
    met, wanted = share(cells)
    assert (met, wanted) == (83, 83)  # 4 x 5 + 4 x 7 + 5 x 7
    assert len(set(cells)) == len(cells)
    assert len(cells) <= len(RELEASES) * len(DISTURBANCES) + 4


def test_the_first_cells_meet_every_strategy_with_every_release_and_every_disturbance() -> None:
    few = cover()[:FEW]
    assert {(cell.strategy, cell.release) for cell in few} == set(product(STRATEGIES, RELEASES))
    assert {cell.disturbance for cell in few} == set(DISTURBANCES)
    assert share(few)[0] >= 55
