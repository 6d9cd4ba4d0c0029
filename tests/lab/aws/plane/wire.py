# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/1.1 over a socket: h11 decides what the bytes mean, asyncio's streams move them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import h11

READ = 1 << 16
HEAD = 1 << 16  # "Entire single header: 64K" (ALB user guide, "HTTP header limits")

Event = h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]


class WatchedReader(asyncio.StreamReader):
    """Tells at once when the peer is gone, also while nobody reads."""

    gone: Callable[[], None] | None = None

    def feed_eof(self) -> None:
        super().feed_eof()
        self._tell()

    def set_exception(self, exc: BaseException) -> None:
        super().set_exception(exc)  # type: ignore[arg-type]
        self._tell()

    def _tell(self) -> None:
        if self.gone is not None:
            self.gone()


class Wire:
    """One connection, as client (h11.CLIENT) or server (h11.SERVER).

    What is sent is collected and leaves at the next `flush`, so that a head and a body that are
    there together travel together, and a streamed chunk leaves before we wait for the next.
    """

    def __init__(
        self,
        role: type[h11.CLIENT] | type[h11.SERVER],
        reader: WatchedReader,
        writer: asyncio.StreamWriter,
        touched: Callable[[], None] = lambda: None,
    ) -> None:
        self.http = h11.Connection(role, max_incomplete_event_size=HEAD)
        self.reader, self.writer, self.touched = reader, writer, touched
        self.received = self.sent = 0
        self.ended = False  # the peer has closed its side
        self._pending: list[bytes] = []

    def poll(self) -> Event:
        """The next event that can be had without reading, else h11.NEED_DATA."""
        return self.http.next_event()

    async def read(self) -> None:
        """Wait for bytes (or the end) and hand them to h11."""
        data = await self.reader.read(READ)
        self.received += len(data)
        self.ended = not data
        self.touched()
        self.http.receive_data(data)

    async def event(self) -> Event:
        while (event := self.poll()) is h11.NEED_DATA:
            await self.read()
        return event

    def send(self, event: h11.Event) -> None:
        data = self.http.send(event)
        if data:
            self._pending.append(data)

    async def flush(self) -> None:
        """Write what was sent; waits while the peer is slower than we are. Raises ConnectionError."""
        if self._pending:
            data = b"".join(self._pending)
            self._pending.clear()
            self.sent += len(data)
            self.writer.write(data)
            self.touched()
            await self.writer.drain()

    def idle(self) -> bool:
        """Between two messages: both sides are done, so the connection can carry another."""
        return self.http.our_state is h11.DONE and self.http.their_state is h11.DONE

    def close(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            self.writer.close()


async def connect(address: str, port: int) -> tuple[WatchedReader, asyncio.StreamWriter]:
    """As asyncio.open_connection, with a reader that tells of the end. Raises OSError."""
    loop = asyncio.get_running_loop()
    reader = WatchedReader(limit=READ, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ignored = await loop.create_connection(lambda: protocol, address, port)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)
