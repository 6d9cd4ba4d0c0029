# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every part of the lab shares: one clock, one lock, one source of chance, one log.

Two rules about the lock (`Lab.lock`, re-entrant): the server holds it around every API call and
around `Scheduler.tick()`; `Balancer.tick()` is a coroutine and takes it itself around its
synchronous parts, never across an `await` that needs the network. And whoever holds it must not
wait for the loop's thread (use `Lab.loop.call_soon_threadsafe` and go on), or both stand still.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.lab.aws.ports import Clock, Network, Processes
from tests.lab.aws.truth.base import Truth

if TYPE_CHECKING:
    from tests.lab.aws.engine.asg_fleet import Fleet
    from tests.lab.aws.engine.ecs_scheduler import Scheduler
    from tests.lab.aws.hosts import HostPool
    from tests.lab.aws.plane.balancer import Balancer

LOG_LENGTH = 5000


class AwsError(Exception):
    """What AWS answers instead of doing it. Raised anywhere below an API call; `api/base.py` serialises it.

    `code` is an error code of the service at hand ("InvalidParameterException", "TargetGroupNotFound").
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Settings:
    """What `up` was told, and what the lab claimed for itself."""

    scale: float = 0.1  # real seconds per AWS second
    seed: int = 1
    port: int = 0
    octet: int = 16  # N of the lab's VPC 127.N.0.0/16

    @property
    def network(self) -> str:
        return f"127.{self.octet}.0.0/16"


@dataclass(frozen=True)
class Event:
    id: int
    at: datetime
    name: str
    fields: dict[str, Any]


@dataclass
class Lab:
    """Built by `server.py`; the fields without a value here are set there, before the first call is served."""

    account: str
    region: str
    clock: Clock
    settings: Settings = field(default_factory=Settings)
    lock: threading.RLock = field(default_factory=threading.RLock)
    truth: Truth = field(default_factory=Truth)
    targets: Balancer = field(init=False)
    processes: Processes = field(init=False)
    network: Network = field(init=False)
    ecs: Scheduler = field(init=False)
    hosts: HostPool = field(init=False)
    fleet: Fleet = field(init=False)
    loop: asyncio.AbstractEventLoop = field(init=False)
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=LOG_LENGTH))
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))  # the loop and API threads both log

    def rng(self, *key: object) -> float:
        """A number in [0, 1) that depends on the lab's seed and the key alone, never on timing or order."""
        return chance(self.settings.seed, *key)

    def log(self, event: str, **fields: Any) -> None:
        """Keep an event (the newest 5000) for `GET /lab/log`."""
        self.events.append(Event(next(self._ids), self.clock.utc(), event, fields))

    def logged(self, since: int = 0) -> Iterable[Event]:
        return [event for event in tuple(self.events) if event.id > since]

    def arn(self, service: str, resource: str) -> str:
        """`arn("ecs", "service/c/s")` in the lab's own account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


def chance(seed: int, *key: object) -> float:
    digest = hashlib.sha256(repr((seed, *key)).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
