# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for what has to happen."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 240.0  # real seconds for anything that has to happen
# Seconds before the first probe: a bad release is taken back within one of its first answers, and what has to happen
# while it stands must come before.
STANDS = 3.0


class MatrixError(Exception):
    """What had to happen did not; the text says what was waited for or wanted."""


def until(what: str, true: Callable[[], bool]) -> None:
    """Raises MatrixError when it does not come true in time."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > deadline:
            raise MatrixError(f"waited {PATIENCE:g} s for {what}")
        time.sleep(0.1)
