# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real clock."""

from __future__ import annotations

import time
from collections.abc import Callable

# Goes on while the machine sleeps: a controller that was suspended must see that its lease is over. Linux has a clock
# of that name (clock_gettime(2)); macOS's CLOCK_MONOTONIC does it, too, but time.monotonic() doesn't use it.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
SLICE = 0.2  # seconds until a request to end is noticed


class WallClock:
    """Implements `_platforms.base.Clock`; a pause ends early when somebody asks the run to end."""

    def __init__(self, interrupted: Callable[[], bool]) -> None:
        self._interrupted = interrupted

    def now(self) -> float:
        return time.clock_gettime(CLOCK)

    def sleep(self, seconds: float) -> None:
        until = self.now() + seconds
        while (left := until - self.now()) > 0 and not self._interrupted():
            time.sleep(min(left, SLICE))
