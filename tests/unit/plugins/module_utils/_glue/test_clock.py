# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock that leases and deadlines are counted by."""

from __future__ import annotations

import time

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._glue import clock
from ansible_collections.greenlight.serving.plugins.module_utils._glue.clock import WallClock


def test_it_goes_on_while_the_machine_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def gettime(which: int) -> float:
        asked.append(which)
        return 42.0

    monkeypatch.setattr(time, "clock_gettime", gettime)
    assert WallClock(lambda: False).now() == 42.0
    assert asked == [clock.CLOCK]
    assert getattr(time, "CLOCK_BOOTTIME", clock.CLOCK) == clock.CLOCK


def test_a_pause_ends_when_the_run_is_asked_to_end() -> None:
    asked = iter([False, False, True])
    slept: list[bool] = []

    def interrupted() -> bool:
        slept.append(next(asked))
        return slept[-1]

    WallClock(interrupted).sleep(3600.0)
    assert slept == [False, False, True]
