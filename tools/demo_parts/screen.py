# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's output: lines of at most 80 columns that say when and who acts. Safe to use from several threads."""

from __future__ import annotations

import textwrap
import threading
import time
from collections.abc import Callable
from typing import TextIO

from .promises import WIDTH

WHO = 10  # columns: greenlight
INDENT = " " * (len("mmm:ss ") + WHO + 1)


class Screen:
    """Writes to `out`, and keeps all of it in `text`. Time counts from the making."""

    def __init__(self, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = out
        self._clock = clock
        self._start = clock()
        self._lock = threading.Lock()
        self._parts: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def say(self, who: str, what: str) -> None:
        """One event: minutes:seconds, who acts, what."""
        minutes, seconds = divmod(int(self._clock() - self._start), 60)
        head = f"{minutes:3d}:{seconds:02d} {who[:WHO]:<{WHO}} "
        self.lines(*textwrap.wrap(what, WIDTH, initial_indent=head, subsequent_indent=INDENT))

    def more(self, what: str) -> None:
        """The last event goes on."""
        self.lines(*textwrap.wrap(what, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT))

    def paragraph(self, text: str) -> None:
        """Wrapped text after an empty line."""
        self.lines("", *textwrap.wrap(text, WIDTH))

    def lines(self, *lines: str) -> None:
        """As they are."""
        with self._lock:
            for line in lines:
                self._parts.append(line + "\n")
                self._out.write(line + "\n")
            self._out.flush()
