# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scaled clock, and the one that tests move."""

from __future__ import annotations

import pytest

from tests.lab.aws.clock import FakeClock, ScaledClock


def test_aws_seconds_run_faster_by_the_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    real = iter([100.0, 100.0, 101.0])
    monkeypatch.setattr("tests.lab.aws.clock.time.monotonic", lambda: next(real))
    clock = ScaledClock(0.1)
    assert clock.now() == 0
    assert clock.now() == pytest.approx(10.0)


def test_aws_seconds_as_real_ones() -> None:
    assert ScaledClock(0.05).real(300) == pytest.approx(15.0)


def test_wall_clock_carries_its_zone() -> None:
    assert ScaledClock(1).utc().utcoffset() is not None


@pytest.mark.parametrize("scale", [0.0, -1.0])
def test_a_scale_must_be_above_zero(scale: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        ScaledClock(scale)


def test_a_fake_clock_moves_both_times_together() -> None:
    clock = FakeClock()
    before = clock.utc()
    clock.advance(90)
    assert clock.now() == 90
    assert (clock.utc() - before).total_seconds() == 90


def test_a_fake_clock_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="backwards"):
        FakeClock().advance(-1)
