# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network interfaces: a task is reached at its own address only if its security groups admit the peer.

The process listens at the inner twin of the address; at the address itself a forwarder listens. A peer the
groups refuse gets what dropped packets look like to it as far as loopback allows: the connection opens (the
kernel sees to that), and then nothing happens until the peer gives up.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Collection, Sequence
from functools import partial

from tests.lab.aws.network import twin
from tests.lab.aws.plane.door import Door
from tests.lab.aws.plane.wire import READ, WatchedReader, connect

RESET = struct.pack("ii", 1, 0)  # SO_LINGER, zero seconds: close() sends RST
Admits = Callable[[Collection[str], int, str], bool]  # (security groups, port, peer's address)


class Interfaces:
    """Implements `procs.Doors`. `open` and `close` may be called from any thread."""

    def __init__(self, admits: Admits) -> None:
        self._admits = admits
        self._doors: dict[str, list[Door]] = {}
        self._groups: dict[str, tuple[str, ...]] = {}
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self, address: str, ports: Sequence[int], security_groups: Sequence[str]) -> None:
        """Listen at `address` on each port. Raises OSError. Again, for another container: its ports are added."""
        self._groups[address] = tuple(security_groups)
        doors = self._doors.setdefault(address, [])
        for port in ports:
            doors.append(Door(address, port, partial(self._opened, address, port)))
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.attach, self._loop)

    def close(self, address: str) -> None:
        """The interface goes: its listeners and the connections through it. Unknown = no change."""
        self._groups.pop(address, None)
        for door in self._doors.pop(address, ()):
            door.close()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._cut, address)

    def groups(self, address: str) -> tuple[str, ...]:
        """Security groups of an interface; () if there is none at that address."""
        return self._groups.get(address, ())

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Accept from now on; in the loop's thread."""
        self._loop = loop
        for doors in list(self._doors.values()):
            for door in list(doors):
                door.attach(loop)

    async def shut(self) -> None:
        """Close everything; in the loop's thread."""
        tasks = list(self._tasks)
        for address in list(self._doors):
            self.close(address)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _cut(self, address: str) -> None:
        for task, through in list(self._tasks.items()):
            if through == address:
                task.cancel()

    def _opened(self, address: str, port: int, reader: WatchedReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(address, port, reader, writer))
        self._tasks[task] = address
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    async def _serve(self, address: str, port: int, reader: WatchedReader, writer: asyncio.StreamWriter) -> None:
        peer = (writer.get_extra_info("peername") or ("0.0.0.0", 0))[0]
        try:
            if self._admits(self.groups(address), port, peer):
                await self._forward(twin(address), port, reader, writer)
            else:
                while await reader.read(READ):
                    pass
        except OSError:
            _reset(writer)
        finally:
            _close(writer)

    async def _forward(self, host: str, port: int, reader: WatchedReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await connect(host, port)
        try:
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            _close(far_writer)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until the end of one direction, and pass that end on."""
    while data := await reader.read(READ):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof() and not writer.is_closing():
        writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    """What a closed port answers."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def _close(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed already
        writer.close()
