# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A listening socket that is open before anybody accepts, and shut the moment it is closed.

CreateListener and DeleteListener run in the API's threads, the data plane in the loop's: a `Door` listens
from its construction on (the kernel queues the first connections) and can be closed from any thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from tests.lab.aws.plane.wire import READ, WatchedReader

BACKLOG = 1024
Opened = Callable[[WatchedReader, asyncio.StreamWriter], None]


class Door:
    """Calls `opened` in the loop for every connection. The constructor raises OSError if it can't listen."""

    def __init__(self, address: str, port: int, opened: Opened) -> None:
        self.address, self.port = address, port
        self._opened = opened
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((address, port))
            self._socket.listen(BACKLOG)
        except OSError:
            self._socket.close()
            raise

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to accept; in the loop's thread. Again, or after the close = no change."""
        if self._loop is None and self._socket.fileno() >= 0:
            self._loop = loop
            loop.add_reader(self._socket, self._accept)

    def close(self) -> None:
        """From any thread: refuses connections when it returns; those accepted before live on."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._loop is None or self._loop.is_closed():
            self._socket.close()
        else:
            self._loop.call_soon_threadsafe(self._forget)

    def _forget(self) -> None:
        if self._loop is not None and self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _accept(self) -> None:
        for _ignored in range(BACKLOG):
            try:
                connection, _ignored = self._socket.accept()
            except OSError:  # none left, or closed
                return
            connection.setblocking(False)
            task = asyncio.ensure_future(self._open(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _open(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        reader = WatchedReader(limit=READ, loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        try:
            transport, _ignored = await loop.connect_accepted_socket(lambda: protocol, connection)
        except OSError:  # reset before we got to it
            connection.close()
            return
        self._opened(reader, asyncio.StreamWriter(transport, protocol, reader, loop))
