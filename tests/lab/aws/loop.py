# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop's thread: every engine's tick, each kept apart from the others' failures."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.lab.aws.core import Lab

TICK = 0.05  # real seconds
RETRY = 0.002  # when an API call holds the lock: try again so soon, and serve requests until then
PATIENCE = 25  # so often; then wait for it


@dataclass(frozen=True)
class Movers:
    """`engines`: one tick under the lab's lock; `tickers`: without it; `closers`: once, at the end."""

    engines: Sequence[Callable[[], None]]
    tickers: Sequence[Callable[[], Awaitable[None]]]
    closers: Sequence[Callable[[], Awaitable[None]]]


async def drive(lab: Lab, movers: Movers, stopping: Callable[[], bool]) -> None:
    """Tick everything until `stopping()`. A crash is logged ("engine-crash") and that part ticks again next time."""
    while not stopping():
        for engine in movers.engines:
            await _step(lab, engine)
        for ticker in movers.tickers:
            await _await(lab, ticker)
        await asyncio.sleep(TICK)
    for closer in movers.closers:
        await _await(lab, closer)


async def _step(lab: Lab, engine: Callable[[], None]) -> None:
    for _ignored in range(PATIENCE):
        if lab.lock.acquire(blocking=False):
            break
        await asyncio.sleep(RETRY)
    else:
        lab.lock.acquire()
    try:
        engine()
    except Exception:
        _broken(lab, engine)
    finally:
        lab.lock.release()


async def _await(lab: Lab, part: Callable[[], Awaitable[None]]) -> None:
    try:
        await part()
    except Exception:
        _broken(lab, part)


def _broken(lab: Lab, part: Callable[..., Any]) -> None:
    lab.log("engine-crash", part=getattr(part, "__qualname__", str(part)), traceback=traceback.format_exc())
    traceback.print_exc()
