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
    """At first there is none. `window`: seconds of silence; `every`: seconds between two evaluations."""

    def __init__(self, window: float = WINDOW, every: float = EVERY) -> None:
        self.window, self.every = window, every
        self.made = NEVER
        self.breaching = False
        self.before = False  # the setting until the next evaluation
        self.changed = 0.0
        self.described: dict[str, object] = {}  # as it was put last
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
        then = math.floor(now / self.every) * self.every
        breaching = self.breaching if then >= self.changed else self.before
        if not breaching:
            return False
        for at in reversed(self.beats):
            if at <= then:
                return then - at > self.window
        return True

    def due(self, now: float) -> float:
        """When it may ring next."""
        if not self.breaching:
            return NEVER
        due = math.ceil((max(self.beats[-1] + self.window, self.changed) + 0.001) / self.every) * self.every
        return due if due > now else NEVER

    def shown(self, now: float) -> tuple[str, bool] | None:
        if self.made == NEVER:
            return None
        if math.floor(now / self.every) * self.every < self.made:
            return "unknown", self.breaching
        return ("alarm" if self.rings(now) else "ok"), self.breaching
