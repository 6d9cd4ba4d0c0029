# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs of the real loop at once: each in a thread of its own, and only one of them ever moves.

Whoever sleeps hands over to the one who wakes first, so that the order is the same every time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from tests.simulation.ports import Clouded


class Duet:
    """Two voices and the time at which each wakes."""

    def __init__(self) -> None:
        self.wakes: dict[int, float] = {}
        self.turns: dict[int, threading.Semaphore] = {}
        self.voice = 0
        self.errors: list[BaseException] = []

    def play(self, cloud: Clouded, one: Callable[[], object], two: Callable[[], object], after: float) -> None:
        """Run both to their ends; the second begins `after` seconds later. Raises what either raised first."""
        self.wakes = {0: cloud.now, 1: cloud.now + after}
        self.turns = {0: threading.Semaphore(1), 1: threading.Semaphore(0)}
        self.voice = 0
        threads = [threading.Thread(target=self._sing, args=(n, cloud, run)) for n, run in enumerate((one, two))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.errors:
            raise self.errors[0]

    def _sing(self, voice: int, cloud: Clouded, run: Callable[[], object]) -> None:
        self.turns[voice].acquire()
        try:
            if not self.errors:
                if self.wakes[voice] > cloud.now:
                    cloud.advance(self.wakes[voice] - cloud.now)
                run()
        except BaseException as error:
            self.errors.append(error)
        finally:
            del self.wakes[voice]
            for other in self.wakes:
                self.voice = other
                self.turns[other].release()

    def sleep(self, cloud: Clouded, seconds: float) -> None:
        """Until the time has come; the other goes on meanwhile."""
        mine = self.voice
        until = self.wakes[mine] = cloud.now + seconds
        other = next((voice for voice in self.wakes if voice != mine), None)
        if other is not None and self.wakes[other] < until:
            self.voice = other
            if self.wakes[other] > cloud.now:
                cloud.advance(self.wakes[other] - cloud.now)
            self.turns[other].release()
            self.turns[mine].acquire()
        if until > cloud.now:
            cloud.advance(until - cloud.now)
