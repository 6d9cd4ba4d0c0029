# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop: a part that breaks does not stop the others, and the lock is waited for without standing still."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

from tests.lab.aws.clock import FakeClock
from tests.lab.aws.core import Lab
from tests.lab.aws.loop import Movers, drive


def lab() -> Lab:
    return Lab("123456789012", "us-east-1", FakeClock())


def run(subject: Lab, movers: Movers, ticks: list[str], enough: int) -> None:
    asyncio.run(asyncio.wait_for(drive(subject, movers, lambda: len(ticks) >= enough), 30))


def test_one_parts_exception_stops_no_other_and_itself_only_for_this_tick() -> None:
    subject, ticks = lab(), list[str]()

    def broken() -> None:
        ticks.append("broken")
        raise RuntimeError("bug")

    async def broken_ticker() -> None:
        ticks.append("broken ticker")
        raise RuntimeError("bug")

    def engine(name: str) -> Callable[[], None]:
        return lambda: ticks.append(name)

    def ticker(name: str) -> Callable[[], Awaitable[None]]:
        async def tick() -> None:
            ticks.append(name)

        return tick

    movers = Movers([broken, engine("engine")], [broken_ticker, ticker("ticker")], [broken_ticker, ticker("closer")])
    run(subject, movers, ticks, 8)
    once = ["broken", "engine", "broken ticker", "ticker"]
    assert ticks == [*once, *once, "broken ticker", "closer"]
    crashes = [event.fields["part"].rpartition(".")[2] for event in subject.logged() if event.name == "engine-crash"]
    assert crashes == ["broken", "broken_ticker"] * 2 + ["broken_ticker"]
    assert "RuntimeError: bug" in next(iter(subject.logged())).fields["traceback"]
    assert subject.lock.acquire(blocking=False)


def test_while_an_api_call_holds_the_lock_the_loop_serves_on_and_the_engine_waits() -> None:
    subject, ticks, served = lab(), list[str](), list[bool]()
    held, release = threading.Event(), threading.Event()

    def call() -> None:
        with subject.lock:
            held.set()
            release.wait(30)

    async def both() -> None:
        async def serve() -> None:
            await asyncio.sleep(0.005)
            served.append(bool(ticks))
            release.set()

        serving = asyncio.ensure_future(serve())
        await drive(subject, Movers([lambda: ticks.append("engine")], [], []), lambda: bool(ticks))
        await serving

    thread = threading.Thread(target=call)
    thread.start()
    held.wait(30)
    asyncio.run(asyncio.wait_for(both(), 30))
    thread.join()
    assert served == [False]
    assert ticks == ["engine"]
