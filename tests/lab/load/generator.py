# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open-loop load: requests go out on a schedule, whatever became of the earlier ones.

Latency counts from the scheduled instant, so that a stall shows in every request that it delayed (no
"coordinated omission"). Only loopback addresses are accepted.
"""

from __future__ import annotations

import asyncio
import ipaddress
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TextIO
from urllib.parse import urlsplit

from . import golden
from .client import Connection, FailureError, Response
from .results import Result, Summary, between, summarise


@dataclass(frozen=True)
class Load:
    """What to send. Seconds are real ones; `url` is a load balancer's or a server's base URL on loopback."""

    url: str
    rate: float = 50.0  # requests per second
    seconds: float = 10.0  # the schedule ends then, at the latest
    requests: int = 20_000  # and after so many
    stream_share: float = 0.02
    stream_steps: int = 10
    stream_seconds: float = 4.0
    fresh_share: float = 0.2  # requests that open a connection of their own
    timeout: float = 10.0  # for connecting and answering; a stream gets its length on top
    in_flight: int = 2_000
    reuse_within: float = 2.0  # seconds that an idle connection is kept: less than any server's idle timeout
    headers: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError for an address that isn't loopback or a figure out of bounds."""
        host_and_port(self.url)
        if not (0 < self.rate <= 2_000 and 0 < self.seconds <= 3_600 and 0 < self.requests <= 1_000_000):
            raise ValueError("rate must be in 0..2000/s, seconds in 0..3600, requests in 0..1000000")


def host_and_port(url: str) -> tuple[str, int]:
    """Raises ValueError unless `url` is http:// at a literal loopback address (or localhost)."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    address = "127.0.0.1" if host == "localhost" else host
    try:
        loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        loopback = False
    if parts.scheme != "http" or not loopback:
        raise ValueError(f"{url}: load goes to http:// at a loopback address only")
    return address, parts.port or 80


def takes(number: int, share: float) -> bool:
    """Whether request `number` belongs to an evenly spread `share` of all."""
    return int((number + 1) * share) > int(number * share)


class Generator:
    """Runs one Load in the current event loop; `on_result` sees each result as it ends."""

    def __init__(self, load: Load, on_result: Callable[[Result], None]) -> None:
        self._load = load
        self._report = on_result
        self._host, self._port = host_and_port(load.url)
        self._pool: list[Connection] = []
        self._running: set[asyncio.Task[None]] = set()
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Send nothing more; what is in flight ends as it ends."""
        self._stopped.set()

    async def run(self) -> None:
        """Until the schedule ends (or stop()) and everything in flight has ended."""
        start = time.time()
        for number in range(min(self._load.requests, int(self._load.rate * self._load.seconds))):
            scheduled = start + number / self._load.rate
            if await self._stopped_before(scheduled):
                break
            if len(self._running) >= self._load.in_flight:
                self._report(Result(number, self._kind(number), scheduled, time.time(), "not sent"))
                continue
            task = asyncio.create_task(self._one(number, scheduled))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        await asyncio.gather(*self._running)
        for connection in self._pool:
            connection.close()

    async def _stopped_before(self, instant: float) -> bool:
        """Wait until `instant`; True as soon as stop() is called."""
        remaining = instant - time.time()
        if remaining <= 0:
            await asyncio.sleep(0)  # late: catch up, but let answers in
            return self._stopped.is_set()
        try:
            async with asyncio.timeout(remaining):
                return await self._stopped.wait()
        except TimeoutError:
            return False

    def _kind(self, number: int) -> str:
        return "stream" if takes(number, self._load.stream_share) else "infer"

    async def _one(self, number: int, scheduled: float) -> None:
        kind = self._kind(number)
        question = golden.questions()[number % len(golden.questions())]
        connection = None if takes(number, self._load.fresh_share) else self._pooled()
        reused = connection is not None
        cause, wrong, status, headers = "", False, 0, {}
        try:
            connection, response = await self._exchange(connection, kind, question.body)
            status, headers = response.status, dict(response.headers)
            cause, wrong = judge(kind, response, question.label)
        except FailureError as failure:
            cause, status, headers = failure.cause, failure.status, dict(failure.headers)
        self._give_back(connection)
        release, served_by = headers.get("x-greenlight-release", ""), headers.get("x-served-by", "")
        self._report(Result(number, kind, scheduled, time.time(), cause, wrong, status, release, served_by, reused))

    async def _exchange(self, connection: Connection | None, kind: str, body: bytes) -> tuple[Connection, Response]:
        load = self._load
        target, limit = golden.INFER, load.timeout
        if kind == "stream":
            target = f"{golden.STREAM}?steps={load.stream_steps}&seconds={load.stream_seconds:g}"
            limit += load.stream_seconds
        headers = {"content-type": "application/json", **dict(load.headers)}
        stage = "connect timeout"
        try:
            async with asyncio.timeout(limit):
                connection = connection or await Connection.open(self._host, self._port)
                stage = "timeout"
                return connection, await connection.request("POST", target, headers, body)
        except TimeoutError:
            raise FailureError(stage) from None
        finally:
            if connection is not None and not connection.reusable:
                connection.close()

    def _pooled(self) -> Connection | None:
        """The connection used last that can still be used; stale ones are closed."""
        oldest = asyncio.get_running_loop().time() - self._load.reuse_within
        stale = [each for each in self._pool if each.idle_since < oldest or not each.reusable]
        for connection in stale:
            self._pool.remove(connection)
            connection.close()
        return self._pool.pop() if self._pool else None

    def _give_back(self, connection: Connection | None) -> None:
        if connection is not None and connection.reusable:
            self._pool.append(connection)


def judge(kind: str, response: Response, label: int) -> tuple[str, bool]:
    """(cause of failure or "", whether a complete 200 names another digit)."""
    if response.status != 200:
        return f"status {response.status}", False
    if kind == "stream":
        done, seen = golden.streamed(response.body)
        if not done:
            return "cut", False
    else:
        seen = golden.inferred(response.body)
        if seen is None:
            return "malformed", False
    return "", seen != label


class BackgroundLoad:
    """A Load in a thread of its own: `with BackgroundLoad(load) as running: …`; `log`: a JSON line per request."""

    def __init__(self, load: Load, log: Path | None = None) -> None:
        self._load = load
        self._path = log
        self._log: TextIO | None = None
        self._results: list[Result] = []
        self._started: Future[tuple[asyncio.AbstractEventLoop, Generator]] = Future()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def __enter__(self) -> BackgroundLoad:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._log = self._path.open("w")
        self._thread.start()
        self._started.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> Summary:
        """Send nothing more, wait for what is in flight (streams run to their end), and add up."""
        loop, generator = self._started.result()
        if self._thread.is_alive():
            loop.call_soon_threadsafe(generator.stop)
            self._thread.join()
        if self._log is not None:
            self._log.close()
        return self.summary()

    def results(self, since: float = 0.0, until: float = float("inf")) -> list[Result]:
        """Those that have ended so far and were scheduled in [since, until), Unix seconds."""
        return between(list(self._results), since, until)

    def summary(self, since: float = 0.0, until: float = float("inf")) -> Summary:
        return summarise(self.results(since, until))

    def _run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        generator = Generator(self._load, self._keep)
        self._started.set_result((asyncio.get_running_loop(), generator))
        await generator.run()

    def _keep(self, result: Result) -> None:
        self._results.append(result)
        if self._log is not None:
            self._log.write(result.line() + "\n")
