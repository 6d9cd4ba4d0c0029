# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A listener of a load balancer: its socket, its rules, its client connections."""

from __future__ import annotations

import asyncio

from tests.lab.aws.engine.load_balancer import Listener, LoadBalancer
from tests.lab.aws.engine.propagation import Lagging
from tests.lab.aws.engine.rules import Rule
from tests.lab.aws.plane.counters import BalancerCounters
from tests.lab.aws.plane.door import Door
from tests.lab.aws.plane.session import Router, Session
from tests.lab.aws.plane.wire import WatchedReader


class Front:
    """One listener: its socket, its rules as far as they have spread, its connections."""

    def __init__(self, balancer: LoadBalancer, listener: Listener, router: Router, counters: BalancerCounters) -> None:
        """Listens from here on; raises OSError."""
        self.balancer, self.arn, self.port = balancer, listener.arn, listener.port
        self.rules: Lagging[tuple[Rule, ...]] = Lagging(listener.rules)
        self.router, self.counters = router, counters
        self.sessions: set[Session] = set()
        self.closed = False
        self.served = 0
        self.door = Door(balancer.address, listener.port, self._opened)

    def groups(self) -> set[str]:
        return set(Listener(self.arn, self.port, self.rules.latest).groups())

    def watch(self, now: float) -> None:
        """End what has been silent for the idle timeout; in the loop's thread."""
        for session in list(self.sessions):
            if not session.dropped and now - session.touched_at >= self.balancer.idle_timeout:
                session.expire()

    def close(self) -> None:
        """From any thread: no new connection; requests under way are finished."""
        self.closed = True
        self.door.close()

    def hang_up(self) -> None:
        """In the loop's thread, after `close`: connections without a request go at once."""
        for session in list(self.sessions):
            session.leave()

    def _opened(self, reader: WatchedReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self, reader, writer)
        self.sessions.add(session)
        session.task = asyncio.ensure_future(session.run())
        session.task.add_done_callback(lambda _ignored: self.sessions.discard(session))
