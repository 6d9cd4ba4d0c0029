# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One request's way to its target: counted, connected, given back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.lab.aws.plane.counters import TargetCounters
from tests.lab.aws.plane.upstream import Address, Broken, Pool
from tests.lab.aws.plane.wire import Wire

Interrupt = Callable[[Broken], None]


@dataclass(frozen=True)
class Route:
    """`name`: the target as registered, "id:port"; `address`: where its process listens; `under_way`: how to
    interrupt each request the target has; `seconds`: real seconds a dropped connection attempt takes.
    """

    name: str
    address: Address
    pool: Pool
    counters: TargetCounters
    under_way: set[Interrupt]
    admitted: bool
    seconds: float

    @contextlib.contextmanager
    def taken(self, interrupt: Interrupt) -> Iterator[TargetCounters]:
        """While the target has the request."""
        self.counters.requests += 1
        self.counters.in_flight += 1
        self.under_way.add(interrupt)
        try:
            yield self.counters
        finally:
            self.under_way.discard(interrupt)
            self.counters.in_flight -= 1

    async def connect(self) -> Wire:
        """Raises Broken: the target's security groups drop the packets, it refuses, or it resets."""
        if not self.admitted:
            await asyncio.sleep(self.seconds)
            raise Broken("connect_timeout", 504)
        return await self.pool.take(self.address)

    def release(self, wire: Wire, complete: bool) -> None:
        """Keep the connection for the next request, unless this one was not completed on it."""
        if complete:
            self.pool.give(self.address, wire)
        else:
            wire.close()
