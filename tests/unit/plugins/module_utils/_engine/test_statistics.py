# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shares and their uncertainty, against scipy as the oracle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ansible_collections.greenlight.serving.plugins.module_utils._engine.statistics import agrees, wilson


@given(st.integers(1, 2000), st.floats(0, 1), st.floats(0.5, 4.0))
def test_the_interval_is_wilsons(total: int, share: float, z: float) -> None:
    hits = round(total * share)
    level = 1 - 2 * stats.norm.sf(z)
    known = stats.binomtest(hits, total).proportion_ci(level, method="wilson")
    assert wilson(hits, total, z) == pytest.approx((known.low, known.high), abs=1e-7)


@given(st.integers(1, 500), st.integers(0, 500))
def test_what_was_seen_is_inside(total: int, hits: int) -> None:
    hits = min(hits, total)
    low, high = wilson(hits, total)
    assert 0 <= low <= hits / total <= high <= 1


@pytest.mark.parametrize(
    ("hits", "total", "percent", "may"),
    [
        (0, 0, 10, True),  # nothing seen says nothing
        (0, 12, 0, True),
        (1, 12, 0, False),  # no traffic means none
        (12, 12, 100, True),
        (11, 12, 100, False),
        (1, 12, 10, True),
        (7, 12, 10, False),  # a balancer that ignores its weights
        (0, 12, 50, False),
    ],
)
def test_a_share_may_show_itself_like_that(hits: int, total: int, percent: int, may: bool) -> None:
    assert agrees(hits, total, percent) is may
