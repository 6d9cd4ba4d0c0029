# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The heartbeat alarm: evaluated now and then, so that what it says is a little old."""

from __future__ import annotations

import math
from collections import deque

EVERY = 4.0  # seconds between two evaluations
WINDOW = 50.0  # seconds of silence
NEVER = float("inf")


class Alarm:
    """At first there is none."""

    def __init__(self) -> None:
        self.made = NEVER
        self.breaching = False
        self.before = False  # the setting until the next evaluation
        self.changed = 0.0
        self.beats: deque[float] = deque([-NEVER], maxlen=6)

    def make(self, now: float) -> None:
        self.made, self.changed = now, now

    def arm(self, breaching: bool, now: float) -> None:
        self.before, self.breaching, self.changed = self.breaching, breaching, now

    def beat(self, now: float) -> None:
        self.beats.append(now)

    def rings(self, now: float) -> bool:
        """In ALARM: silence was a breach at the last evaluation, and it lasted for the window."""
        if self.made == NEVER:
            return False
        then = math.floor(now / EVERY) * EVERY
        breaching = self.breaching if then >= self.changed else self.before
        if not breaching:
            return False
        for at in reversed(self.beats):
            if at <= then:
                return then - at > WINDOW
        return True

    def due(self, now: float) -> float:
        """When it may ring next."""
        if not self.breaching:
            return NEVER
        due = math.ceil((max(self.beats[-1] + WINDOW, self.changed) + 0.001) / EVERY) * EVERY
        return due if due > now else NEVER

    def shown(self, now: float) -> tuple[str, bool] | None:
        if self.made == NEVER:
            return None
        if math.floor(now / EVERY) * EVERY < self.made:
            return "unknown", self.breaching
        return ("alarm" if self.rings(now) else "ok"), self.breaching
