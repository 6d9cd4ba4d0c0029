# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every mutant still is a change of the engine; the ones that are found soonest are found here, too."""

from __future__ import annotations

import pytest

from tests.simulation.asg_bugs import ASG_MUTANTS
from tests.simulation.bugs import MUTANTS, Mutant
from tests.simulation.mutants import ALL, CODE, ROOT, changed, played

QUICK = ("last good is overwritten", "the record is written after", "the bake is not inside the hold")


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_the_text_is_there_exactly_once(mutant: Mutant) -> None:
    source = (ROOT / CODE / mutant.place / mutant.file).read_text()
    assert changed(mutant, source) != source


def test_a_text_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="0 times"):
        changed(Mutant("nothing", "pace.py", "no such text", ""), "")


@pytest.mark.parametrize("name", QUICK)
def test_a_quick_one_is_found(name: str) -> None:
    mutant = next(each for each in MUTANTS if each.name.startswith(name))
    found = played(mutant, 60)
    assert found["seeds"]
    assert found["broke"]


def test_there_are_at_least_twenty() -> None:
    assert len({mutant.name for mutant in ALL}) == len(ALL)
    assert (len(MUTANTS) >= 20, len(ASG_MUTANTS) >= 8) == (True, True)
