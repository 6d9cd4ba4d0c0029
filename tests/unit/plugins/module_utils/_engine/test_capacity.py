# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arithmetic of capacity and time: known rows, and properties that hold for all numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.greenlight.serving.plugins.module_utils._engine.capacity import (
    after_zone_loss,
    desired_for,
    findings,
    lower,
    outlook,
    slack,
    upper,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Capacity, Chain
from tests.unit.plugins.module_utils._engine.cases import PLAN, plan

counts = st.integers(1, 500)
percents = st.integers(1, 200)


@pytest.mark.parametrize(
    ("desired", "minimum", "maximum", "low", "high"),
    [
        (1, 100, 200, 1, 2),
        (1, 100, 150, 1, 1),
        (2, 100, 150, 2, 3),
        (3, 100, 133, 3, 3),
        (3, 100, 134, 3, 4),
        (10, 90, 110, 9, 11),
    ],
)
def test_the_platforms_rounding(desired: int, minimum: int, maximum: int, low: int, high: int) -> None:
    assert (lower(desired, minimum), upper(desired, maximum)) == (low, high)


@given(counts, percents)
def test_rounding_is_exact(desired: int, percent: int) -> None:
    assert lower(desired, percent) == math.ceil(desired * percent / 100)
    assert upper(desired, percent) == math.floor(desired * percent / 100)


@pytest.mark.parametrize(("zones", "required", "desired"), [(2, 2, 4), (3, 2, 3), (2, 10, 20), (3, 10, 15), (1, 2, 0)])
def test_headroom_for_a_lost_zone(zones: int, required: int, desired: int) -> None:
    """The rows of the formula total = zones x ceil(required / (zones - 1))."""
    assert desired_for(required, zones) == desired


@given(st.integers(2, 6), st.integers(1, 60), st.integers(50, 100))
def test_the_smallest_desired_count_does_and_one_less_does_not(zones: int, required: int, minimum: int) -> None:
    desired = desired_for(required, zones, minimum)
    assert after_zone_loss(lower(desired, minimum), zones) >= required
    assert after_zone_loss(lower(desired - 1, minimum), zones) < required


def named(room: Capacity, **changes: Any) -> dict[str, str]:
    return {each.field: each.mend for each in findings(plan(**changes), room)}


def value(mend: str) -> float:
    return float(mend.removeprefix("The smallest value that would do: ").removesuffix("."))


@given(counts, st.integers(1, 100), st.integers(100, 200))
def test_what_is_named_as_the_smallest_maximum_is_the_smallest(desired: int, minimum: int, maximum: int) -> None:
    room = Capacity(desired, minimum, maximum)
    mend = named(room).get("deployment.maximum_percent")
    assert (mend is None) == (slack(room) >= 1)
    if mend is not None:
        enough = int(value(mend))
        assert slack(Capacity(desired, minimum, enough)) >= 1
        assert slack(Capacity(desired, minimum, enough - 1)) < 1


def test_capacity_that_cannot_work() -> None:
    assert named(Capacity(desired=0)) == {"desired_count": "The smallest value that would do: 1."}
    assert "deployment.minimum_healthy_percent" in named(Capacity(desired=2, minimum_percent=0))
    assert named(Capacity(desired=2, zones=2, required=2)) == {"desired_count": "The smallest value that would do: 4."}
    assert named(Capacity(desired=9, zones=1, required=2)) == {
        "network.subnets": "The smallest value that would do: 2."
    }
    assert named(Capacity(desired=4, zones=2, required=2)) == {}


def test_times_that_do_not_fit_together() -> None:
    room, timing, gate = Capacity(desired=4), PLAN.timing, PLAN.gate
    rows: list[tuple[dict[str, Any], str, float]] = [
        ({"gate": replace(gate, deadline=1.0)}, "gate.deadline", 2.0),
        ({"timing": replace(timing, min_ready=1.0)}, "timing.min_ready", 4.0),
        ({"chain": Chain(health_interval=10, unhealthy_threshold=3, health_timeout=5)}, "timing.min_ready", 35.0),
        ({"chain": Chain(start=500, drain=100)}, "timing.deadline", 630.0),
        ({"chain": Chain(start=500, drain=100)}, "timing.rollback_deadline", 602.0),
    ]
    for changes, name, enough in rows:
        found = [each for each in findings(plan(**changes), room) if each.field == name]
        assert [value(each.mend) for each in found] == [enough], name


def test_what_is_said_is_field_given_and_smallest_value() -> None:
    (found,) = findings(PLAN, Capacity(desired=3, maximum_percent=133))
    assert str(found) == (
        "deployment.maximum_percent: at least 134: with 3 targets and a minimum of 100 % nothing could ever move "
        "(given: 133). The smallest value that would do: 134."
    )


def test_outlook() -> None:
    view = outlook(PLAN, Capacity(desired=10, minimum_percent=90, maximum_percent=110, zones=3))
    assert (view.least, view.most, view.batches, view.left) == (9, 11, 5, 6)
    assert (view.shortest, view.longest) == (30.0, 900.0)
