# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A big run that shows too little is no proof."""

from __future__ import annotations

from tests.simulation.coverage import FAULTS, KILLED, PLAYED, missing

SEEDS = 20_000
MET = {(f"{fault} so and so", "moving"): 20 for fault in FAULTS} | {("F7 killed", phase): 2 for phase in KILLED}
REACHED = dict.fromkeys(PLAYED, 20)


def test_a_full_run_misses_nothing() -> None:
    assert missing(SEEDS, MET, REACHED) == []
    assert len(FAULTS) == 22
    assert {"start", "holding", "proving", "live", "rolled_back", "removed", "needs_operator"} <= set(PLAYED)


def test_a_fault_too_rare_is_named() -> None:
    rare = {**MET, ("F12 so and so", "moving"): 19}
    assert missing(SEEDS, rare, REACHED) == ["fault F12 met 19 times, at least 20"]


def test_a_phase_too_rare_is_named() -> None:
    assert missing(SEEDS, MET, {**REACHED, "baking": 3}) == ["baking reached 3 times, at least 20"]


def test_a_phase_in_which_nobody_was_killed_is_named() -> None:
    rare = {**MET, ("F7 killed", "proving"): 0}
    assert missing(SEEDS, rare, REACHED) == ["killed in proving 0 times, at least 1"]
    assert missing(SEEDS - 1, rare, REACHED) == []


def test_of_ec2_auto_scaling_the_timers_are_asked_for_too() -> None:
    assert missing(SEEDS, MET, REACHED, "asg") == ["fault F24 met 0 times, at least 20"]


def test_a_few_seeds_need_not_show_everything() -> None:
    assert missing(1999, {}, {}) == []
