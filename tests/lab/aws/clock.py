# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's only clock: AWS seconds, which are real seconds divided by the time scale."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class ScaledClock:
    """Implements `ports.Clock` over the monotonic clock. `scale`: real seconds per AWS second."""

    def __init__(self, scale: float) -> None:
        if scale <= 0:
            raise ValueError(f"the time scale must be above 0, not {scale}")
        self.scale = scale
        self._start = time.monotonic()

    def now(self) -> float:
        return (time.monotonic() - self._start) / self.scale

    def utc(self) -> datetime:
        """Wall-clock time, unscaled: what an API answer's timestamps are compared with."""
        return datetime.now(UTC)

    def real(self, seconds: float) -> float:
        """AWS seconds as real seconds."""
        return seconds * self.scale


class FakeClock:
    """A `ports.Clock` that a test moves."""

    scale = 1.0

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._now = 0.0

    def now(self) -> float:
        return self._now

    def utc(self) -> datetime:
        return self._start + timedelta(seconds=self._now)

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._now += seconds
