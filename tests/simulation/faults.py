# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong in one run, and how often. F-numbers are those of docs/reliability.md."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Faults:
    """Probabilities are per call."""

    throttled: float = 0.0  # F1, before any effect
    unanswered: float = 0.0  # F2: a 5xx or a lost connection, before any effect
    lost: float = 0.0  # F3: the effect happened, the answer is lost
    unreadable: float = 0.0  # F1, of reads
    lag: float = 0.0  # F4: reads are up to so many seconds old
    latency: float = 0.0  # F5: up to so many seconds per call
    partial: float = 0.0  # F6: some targets are missing from a read
    kill_at: int = -1  # F7: port calls until SIGKILL; -1 = never
    kill_after: bool = False  # after the effect of that call
    stopped: float = 0.0  # F8: the process stands still for half a minute to three
    store_down: float = 0.0  # F10
    silent: float = 0.0  # F12: a probe that gets no answer
    offset: float = 0.0  # F18: the run's own clock
    drift: float = 1.0  # F18
    expired_at: float = float("inf")  # F21
    refuse: str = ""  # F22: calls that begin so are refused
    locked: bool = False  # the run must hold the lock when it writes
