# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A value that takes effect some time after it was set, as a load balancer's configuration does. Pure."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Lagging(Generic[T]):
    """`set` now, seen later, in the order set. Instants are AWS seconds."""

    def __init__(self, value: T) -> None:
        self._current = value
        self._coming: deque[tuple[float, T]] = deque()

    def set(self, value: T, now: float, delay: float) -> None:
        """Takes effect at `now + delay`, but never before what was set earlier."""
        earliest = self._coming[-1][0] if self._coming else now
        self._coming.append((max(now + delay, earliest), value))

    def get(self, now: float) -> T:
        while self._coming and self._coming[0][0] <= now:
            self._current = self._coming.popleft()[1]
        return self._current

    @property
    def latest(self) -> T:
        """What was set last, in effect or not: what the API shows."""
        return self._coming[-1][1] if self._coming else self._current
