# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A data plane on real loopback sockets, its loop in a thread as in the lab, and targets a test scripts."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from http.client import HTTPConnection
from typing import Any

from tests.lab.aws.clock import ScaledClock
from tests.lab.aws.core import Lab, Settings
from tests.lab.aws.engine.load_balancer import Listener, LoadBalancer
from tests.lab.aws.engine.rules import Action, Condition, Fixed, Forward, Rule, ordered
from tests.lab.aws.engine.targets import Group, HealthCheck
from tests.lab.aws.network import Claim, twin
from tests.lab.aws.plane.balancer import Balancer

GROUP = "arn:group/blue"
OTHER = "arn:group/green"
LISTENER = "arn:listener/main"
BALANCER = "arn:loadbalancer/app/one"
PORT = 8000
TARGET_PORT = 8080
OPEN = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "UserIdGroupPairs": []}
FAST = HealthCheck(path="/health", interval=5, timeout=2, healthy=2, unhealthy=2)
Script = Callable[[socket.socket, bytes], bool | None]


def until(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    """What the condition returned when it first held; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError(f"never held within {seconds} s: {condition}")


def reply(body: bytes = b"ok", status: str = "200 OK", extra: bytes = b"") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (status.encode(), len(body), extra, body)


class Backend:
    """A target: answers health checks itself and hands every other request to `script(connection, request)`.

    `request` is the head with as much of the body as Content-Length names. The connection stays open
    for the next one unless the script returns False.
    """

    def __init__(self, address: str, script: Script | None = None, port: int = TARGET_PORT) -> None:
        self.address, self.port = address, port
        self.script = script or (lambda connection, _ignored: connection.sendall(reply()))
        self.healthy: str | None = "200 OK"
        self.requests: list[bytes] = []
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._socket = socket.create_server((twin(address), port), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Refuse from now on, and drop what is open."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.hang_up()

    def hang_up(self) -> None:
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ignored = self._socket.accept()
            except OSError:
                return
            self._open.add(connection)
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        real = False
        with contextlib.suppress(OSError), connection:
            while (request := receive(connection)) is not None:
                if b"ELB-HealthChecker" in request:
                    if self.healthy:
                        connection.sendall(reply(b"", self.healthy))
                    else:
                        connection.recv(1)
                    break
                if not real:
                    self.connections, real = self.connections + 1, True
                self.requests.append(request)
                if self.script(connection, request) is False:
                    break
        self._open.discard(connection)


def receive(connection: socket.socket) -> bytes | None:
    """One request: its head, and its body if its length is known; None at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
    head, _ignored, body = data.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            while len(body) < int(line.split(b":")[1]):
                body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


class Plane:
    """A balancer with one load balancer, one listener, target groups and scripted targets."""

    def __init__(self, scale: float = 0.02, propagation: float = 1.0, **attributes: Any) -> None:
        self.claim = Claim()
        octet = self.claim.octet
        self.lab = Lab("123456789012", "us-east-1", ScaledClock(scale), Settings(scale, 1, 0, octet))
        self.balancer = Balancer(self.lab.clock, self.lab, propagation)
        self.groups: dict[str, list[dict[str, Any]]] = {"sg-lb": [OPEN], "sg-task": [OPEN]}
        self.balancer.permissions = lambda ids: [self.groups[one] for one in ids]
        self.address = f"127.{octet}.64.4"
        self.settings = LoadBalancer(BALANCER, self.address, ("sg-lb",), **attributes)
        self.backends: list[Backend] = []
        self._net = f"127.{octet}.1"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()

    async def _run(self) -> None:
        while not self._stop.is_set():
            await self.balancer.tick()
            await asyncio.sleep(0.01)
        await self.balancer.close()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        for backend in self.backends:
            backend.close()
        self.claim.close()

    def group(self, arn: str = GROUP, check: HealthCheck = FAST, **settings: Any) -> str:
        self.balancer.registry.put(Group(arn, check, **settings))
        return arn

    def listen(self, *rules: tuple[Action, Sequence[Condition]], default: Action | None = None) -> None:
        """`rules` by priority; the default answers 503 unless given."""
        built = [Rule(f"rule-{n}", n, action, tuple(conditions)) for n, (action, conditions) in enumerate(rules, 1)]
        built.append(Rule("default", 10**9, default or Fixed(503)))
        listener = Listener(LISTENER, PORT, ordered(built))
        self.settings = replace(self.settings, listeners=(listener,))
        self.balancer.apply({BALANCER: self.settings})

    def target(self, script: Script | None = None, arn: str = GROUP, wait: str | None = "healthy") -> Backend:
        """A backend, registered; waits for its state unless told not to."""
        backend = Backend(f"{self._net}.{len(self.backends) + 4}", script)
        self.backends.append(backend)
        self.balancer.register(arn, backend.address, TARGET_PORT, "us-east-1a", ["sg-task"])
        if wait:
            until(lambda: self.state(backend, arn) == wait)
        return backend

    def state(self, backend: Backend, arn: str = GROUP) -> str | None:
        found = self.balancer.health(arn, backend.address, TARGET_PORT)
        return found.state if found else None

    def counters(self, arn: str = GROUP) -> dict[str, Any]:
        return dict(self.balancer.counters()["target_groups"].get(arn, {}))

    def own(self) -> dict[str, Any]:
        """The load balancer's own counters."""
        return dict(self.balancer.counters()["load_balancers"][BALANCER])

    def client(self, timeout: float = 10.0) -> HTTPConnection:
        return HTTPConnection(self.address, PORT, timeout=timeout)

    def socket(self, timeout: float = 10.0) -> socket.socket:
        return socket.create_connection((self.address, PORT), timeout=timeout)

    def get(self, path: str = "/", **headers: str) -> tuple[int, bytes]:
        connection = self.client()
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@contextlib.contextmanager
def plane(**settings: Any) -> Iterator[Plane]:
    made = Plane(**settings)
    try:
        yield made
    finally:
        made.close()


def forward(*groups: tuple[str, int]) -> Forward:
    return Forward(groups or ((GROUP, 1),))


def read_all(connection: socket.socket) -> bytes:
    """Until the end."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while more := connection.recv(65536):
            data += more
    return data
