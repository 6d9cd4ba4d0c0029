# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stale reads: what a client of an eventually consistent API may be told again. Pure.

An answer may be repeated for `stale_seconds` after the service's last change or, if that is later, after the
answer itself: engines move on without any call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

A = TypeVar("A")


@dataclass
class Memory(Generic[A]):
    """The last fresh answer to each read, and when each service last changed (AWS seconds)."""

    answers: dict[tuple[str, ...], tuple[float, A]] = field(default_factory=dict)
    changed: dict[str, float] = field(default_factory=dict)

    def keep(self, key: tuple[str, ...], answer: A, now: float) -> None:
        self.answers[key] = (now, answer)

    def change(self, service: str, now: float) -> None:
        self.changed[service] = now

    def recall(self, service: str, key: tuple[str, ...], now: float, stale_seconds: float) -> A | None:
        if key not in self.answers:
            return None
        answered, answer = self.answers[key]
        return answer if now - max(answered, self.changed.get(service, 0.0)) < stale_seconds else None
