# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The heartbeat alarm: evaluated now and then, so that what it says is a little old."""

from __future__ import annotations

EVERY = 2.0  # seconds between two evaluations
WINDOW = 50.0  # seconds of silence
NEVER = float("inf")


class Alarm:
    """At first there is none."""

    def __init__(self) -> None:
        self.made = NEVER
        self.breaching = False
        self.changed = 0.0  # when the setting changed
        self.beat = float("-inf")
        self.silent_before = False  # state while the change is not evaluated yet

    def make(self, now: float) -> None:
        self.made, self.changed = now, now

    def arm(self, breaching: bool, now: float) -> None:
        self.silent_before = self.rings(now)
        self.breaching, self.changed = breaching, now

    def rings(self, now: float) -> bool:
        """In ALARM: armed, and silent for the window; a changed setting counts from the next evaluation."""
        if self.made == NEVER:
            return False
        if now < self.changed + EVERY:
            return self.silent_before
        return self.breaching and now - self.beat > WINDOW

    def due(self, now: float) -> float:
        """When it may ring next."""
        if not self.breaching:
            return NEVER
        due = max(self.beat + WINDOW, self.changed + EVERY) + 0.01
        return due if due > now else NEVER

    def shown(self, now: float) -> tuple[str, bool] | None:
        if self.made == NEVER:
            return None
        if now < self.made + EVERY:
            return "unknown", self.breaching
        return ("alarm" if self.rings(now) else "ok"), self.breaching
