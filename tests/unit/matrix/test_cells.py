# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live matrix: its cells meet every pair, and the first of them every strategy with every release."""

from __future__ import annotations

from itertools import product

import pytest

from tests.matrix import asg, asg_disturb, ecs
from tests.matrix.cells import Kinds, cover, pairs, share


@pytest.mark.parametrize(
    ("kinds", "wanted", "cells"),
    [
        (ecs.KINDS, 4 * 5 + 4 * 7 + 5 * 7, 35),  # 5 releases x 7 disturbances alone are 35
        (asg.KINDS, 3 * 6 + 3 * 4 + 6 * 4 - 5, 20),  # five pairs make no sense
    ],
)
def test_the_cover_meets_every_pair_and_is_as_small_as_one_can_be(kinds: Kinds, wanted: int, cells: int) -> None:
    found = cover(kinds)
    assert share(found, kinds) == (wanted, wanted)
    assert len(set(found)) == len(found) == cells
    assert len({cell.name for cell in found}) == cells


def test_the_first_cells_on_ecs_meet_every_strategy_with_every_release_and_every_disturbance() -> None:
    kinds = ecs.KINDS
    few = cover(kinds)[: kinds.few]
    assert {(cell.strategy, cell.release) for cell in few} == set(product(kinds.strategies, kinds.releases))
    assert {cell.disturbance for cell in few} == set(kinds.disturbances)
    assert share(few, kinds)[0] >= 55


def test_on_asg_all_of_it_is_few_and_what_makes_no_sense_is_left_out() -> None:
    kinds = asg.KINDS
    assert len(cover(kinds)) == kinds.few
    assert not any(pair in kinds.senseless for cell in cover(kinds) for pair in pairs(cell))
    left = {(cell.strategy, cell.release) for cell in cover(kinds) if asg_disturb.left(cell)}
    assert ("rolling", "wrong-answers") in left  # killed in the middle of a refresh with a bad release


def test_no_two_platforms_have_a_cell_of_one_name() -> None:
    assert not {cell.name for cell in cover(asg.KINDS)} & {cell.name for cell in cover(ecs.KINDS)}
