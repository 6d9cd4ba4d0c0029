# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fault switches of the model server: `FAULT=<kind>[:<number>]`. Seconds are real ones."""

from __future__ import annotations

from dataclasses import dataclass

# kind: seconds (of souring: answers) when none are given (None: the kind takes no number)
KINDS: dict[str, float | None] = {
    "slow_start": 15.0,  # not ready until then
    "never_healthy": None,  # lives, but is never ready and never infers
    "crash_after": 5.0,  # exits with status 1 that long after it got ready
    "wrong_answers": None,  # 200, but the next digit
    "souring": 20.0,  # the same, from that many right answers on: probes alone never meet it, users do
    "slow_answers": 3.0,  # each inference waits that long
    "stream_cut": None,  # resets the connection half-way through a stream
    "engine_dead": None,  # ready, but inference answers 500, or never with `engine_dead:hang`
}
HANG = 600.0  # seconds that `engine_dead:hang` holds a request: longer than any client waits


@dataclass(frozen=True)
class Fault:
    """`kind` "" means none. `number`: seconds, of souring answers."""

    kind: str = ""
    number: float = 0.0
    hang: bool = False


def parse(text: str) -> Fault:
    """Read FAULT. Raises ValueError naming what is allowed."""
    kind, separator, value = text.partition(":")
    if not text:
        return Fault()
    if kind not in KINDS:
        raise ValueError(f"FAULT={text!r}: unknown kind; known: {', '.join(KINDS)}")
    if kind == "engine_dead" and value == "hang":
        return Fault(kind, HANG, hang=True)
    default = KINDS[kind]
    if not separator:
        return Fault(kind, default or 0.0)
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if default is None or not 0 <= number <= 3600:
        raise ValueError(
            f"FAULT={text!r}: {value!r} is not allowed here (a number 0..3600 for those kinds that take one)"
        )
    return Fault(kind, number)
