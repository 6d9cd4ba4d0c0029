# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fresh seeds in every run of the tests: the real engine and the real loop over the simulated cloud."""

from __future__ import annotations

import os
import time

import pytest

from tests.simulation.__main__ import block
from tests.simulation.play import simulate
from tests.simulation.schedule import schedule
from tests.simulation.shrink import fails, shrink

BLOCKS, SIZE = 12, 260  # about 3,050 that count
ASG_BLOCKS, ASG_SIZE = 2, 60
FIRST = int(os.environ.get("SIMULATE_FIRST") or time.time_ns() // 10**9 % 10**7 * 1000)


@pytest.mark.parametrize("number", range(BLOCKS))
def test_no_fresh_seed_breaks_an_invariant(number: int) -> None:
    done = block(FIRST + number * SIZE, SIZE)
    again = "python -m tests.simulation --seeds 1 --first SEED"
    assert not done.violations, f"play it again with {again}: {done.violations[:3]}"
    assert done.counted >= SIZE * 9 // 10
    steps = sorted(done.steps)
    assert steps[len(steps) // 2] >= 60
    assert {"live", "unchanged", "rolled_back", "refused", "needs_operator"} <= set(done.reached)


@pytest.mark.parametrize("number", range(ASG_BLOCKS))
def test_no_fresh_seed_of_ec2_auto_scaling_breaks_an_invariant(number: int) -> None:
    done = block(FIRST + number * ASG_SIZE, ASG_SIZE, "asg")
    again = "python -m tests.simulation --platform asg --seeds 1 --first SEED"
    assert not done.violations, f"play it again with {again}: {done.violations[:3]}"
    assert done.counted >= ASG_SIZE * 7 // 10
    steps = sorted(done.steps)
    assert steps[len(steps) // 2] >= 60
    assert {"live", "unchanged", "rolled_back", "refused", "holding", "proceeding", "finishing"} <= set(done.reached)


def test_a_seed_decides_everything() -> None:
    assert schedule(7) == schedule(7)
    assert schedule(7) != schedule(8)
    first, again = simulate(schedule(11)), simulate(schedule(11))
    assert first == again
    assert first.counts
    asg = simulate(schedule(11, "asg"))
    assert asg == simulate(schedule(11, "asg"))
    assert asg != first


def test_what_does_not_fail_is_not_shrunk() -> None:
    made = schedule(11)
    assert fails(made) == ""
    assert shrink(made) == (made, "it does not fail")
