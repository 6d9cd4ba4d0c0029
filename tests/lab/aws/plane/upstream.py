# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to targets, kept alive and used again."""

from __future__ import annotations

import asyncio
import select
from collections import defaultdict, deque
from collections.abc import Callable

import h11

from tests.lab.aws.plane.wire import Wire, connect

Address = tuple[str, int]


class Broken(Exception):  # noqa: N818
    """A request that did not get its answer. `cause` is counted; `status` is answered if the head has not left.

    Causes and codes: "Troubleshoot your Application Load Balancers" in the user guide.
    """

    def __init__(self, cause: str, status: int) -> None:
        super().__init__(cause)
        self.cause, self.status = cause, status


class Pool:
    """Idle connections by target address. Only the loop's thread touches it.

    `now`: AWS seconds; `seconds`: real seconds until an attempt to connect is given up.
    """

    def __init__(self, now: Callable[[], float], seconds: float) -> None:
        self._now, self._seconds = now, seconds
        self._idle: dict[Address, deque[tuple[float, Wire]]] = defaultdict(deque)
        self.opened = self.reused = 0

    async def take(self, address: Address) -> Wire:
        """An idle connection that the target has not closed, else a new one. Raises Broken; nothing was sent then."""
        idle = self._idle[address]
        while idle:
            _ignored, wire = idle.pop()
            if _untouched(wire):
                self.reused += 1
                return wire
            wire.close()
        try:
            async with asyncio.timeout(self._seconds):
                reader, writer = await connect(*address)
        except TimeoutError:
            raise Broken("connect_timeout", 504) from None
        except ConnectionRefusedError:
            raise Broken("refused", 502) from None
        except OSError:
            raise Broken("reset", 502) from None
        self.opened += 1
        return Wire(h11.CLIENT, reader, writer)

    def give(self, address: Address, wire: Wire) -> None:
        """Back after a complete exchange; closed if it can't carry another."""
        if wire.idle() and _untouched(wire):
            wire.http.start_next_cycle()
            wire.reader.gone = wire.close  # the target hangs up: no descriptor stays behind
            self._idle[address].append((self._now(), wire))
        else:
            wire.close()

    def expire(self, oldest: float) -> None:
        """Close what has been idle since before `oldest`."""
        for address, idle in list(self._idle.items()):
            while idle and idle[0][0] < oldest:
                idle.popleft()[1].close()
            if not idle:
                del self._idle[address]

    def drop(self, address: Address) -> None:
        """The target left: close its idle connections."""
        for _ignored, wire in self._idle.pop(address, ()):
            wire.close()

    def close(self) -> None:
        for address in list(self._idle):
            self.drop(address)


def _untouched(wire: Wire) -> bool:
    """Nothing has arrived on an idle connection: no end, no reset, no stray bytes. Asks the kernel, too."""
    if wire.reader.at_eof() or wire.reader.exception() is not None or wire.writer.is_closing():
        return False
    poll = select.poll()
    poll.register(wire.writer.get_extra_info("socket").fileno(), select.POLLIN | select.POLLRDHUP)
    return not poll.poll(0)
