# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""However contenders are interleaved, no two may ever have a mutating call under way: and the race would notice."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.greenlight.serving.plugins.module_utils._engine import lease
from ansible_collections.greenlight.serving.plugins.module_utils._engine.evolve import evolve
from ansible_collections.greenlight.serving.plugins.module_utils._engine.lease import Grip, Lease
from tests.unit.plugins.module_utils._engine.lease_race import TERMS, Race


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.large_base_example, HealthCheck.data_too_large]
)
@given(st.randoms(use_true_random=False), st.integers(2, 3))
def test_never_two_that_may_write(chance: random.Random, contenders: int) -> None:
    assert Race(chance, contenders).run(600.0).overlaps() == []


def test_long_races_with_calls_steals_and_losses() -> None:
    """What the property would not show: that the races have what they are about."""
    races = [Race(random.Random(seed)).run(4_000.0) for seed in range(40)]
    assert [race.overlaps() for race in races] == [[]] * 40
    assert min(len(race.calls) for race in races) > 15
    assert sum(race.steals for race in races) > 500
    assert sum(race.lost for race in races) > 15


def from_answer(grip: Grip, stored: Lease) -> Grip:
    """A lease counted from the answer, which may come 33 s after the effect."""
    return evolve(grip, found=stored, end=(grip.tried or 0.0) + 33.0 + TERMS.seconds, tried=None, doubt=False)


def anything_goes(grip: Grip, _now: float) -> bool:
    return lease.ours(grip)


def expired_but_trusting(grip: Grip, now: float) -> bool:
    """No room for a call that takes its time."""
    return lease.ours(grip) and grip.end is not None and now < grip.end


def impatient(grip: Grip, now: float) -> bool:
    return grip.found is not None and now >= grip.first + 5


def from_start(grip: Grip, found: Lease, now: float) -> Grip:
    """Patience counted from the first time anything was seen, whatever version."""
    known = ORIGINAL_READ(grip, found, now)
    return evolve(known, first=grip.first or now)


ORIGINAL_READ = lease.read


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("may_write", anything_goes),
        ("may_write", expired_but_trusting),
        ("may_steal", impatient),
        ("read", from_start),
        ("written", from_answer),
    ],
)
def test_a_wrong_policy_is_found_out(monkeypatch: pytest.MonkeyPatch, name: str, wrong: Callable[..., Any]) -> None:
    monkeypatch.setattr(lease, name, wrong)
    assert any(Race(random.Random(seed), 3).run(4_000.0).overlaps() for seed in range(100))
