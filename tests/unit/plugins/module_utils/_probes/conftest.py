# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that misbehave to order, and a record of every address that a probe connects to."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._probes.address import Base

Handler = Callable[[socket.socket], None]


class Server:
    """Accepts connections on a free loopback port, reads a request's head, and lets a handler do the rest."""

    def __init__(self, handler: Handler, read_request: bool = True) -> None:
        self.handler = handler
        self.read_request = read_request
        self.requests: list[bytes] = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.base = Base("http", "127.0.0.1", self.socket.getsockname()[1], "")
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def _accept(self) -> None:
        while not self.stopped.is_set():
            with contextlib.suppress(OSError):
                connection, _peer = self.socket.accept()
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self.threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        # The probe hanging up in the middle is what many tests are about.
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            if self.read_request:
                head = b""
                while b"\r\n\r\n" not in head and (more := connection.recv(65536)):
                    head += more
                head, _blank, body = head.partition(b"\r\n\r\n")
                length = int((re.search(rb"Content-Length: (\d+)", head) or [b"", b"0"])[1])
                while len(body) < length < 1000 and (more := connection.recv(65536)):  # large ones stay unread
                    body += more
                self.requests.append(head + b"\r\n\r\n" + body)
            self.handler(connection)

    def close(self) -> None:
        self.stopped.set()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for thread in self.threads:
            thread.join(15)
            assert not thread.is_alive()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """serve(bytes) or serve(handler): a server that answers so."""
    servers: list[Server] = []

    def start(answer: bytes | Handler, **options: Any) -> Server:
        def say(connection: socket.socket) -> None:
            assert isinstance(answer, bytes)
            connection.sendall(answer)

        servers.append(Server(say if isinstance(answer, bytes) else answer, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The address of every connection that is tried, before it is."""
    tried: list[str] = []

    class Recording(socket.socket):
        def connect(self, address: Any) -> None:
            tried.append(address[0])
            super().connect(address)

    monkeypatch.setattr(socket, "socket", Recording)
    return tried
