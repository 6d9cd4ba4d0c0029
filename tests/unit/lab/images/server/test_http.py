# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection handling over real loopback sockets."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.lab.images.server.app import Answer, Application
from tests.lab.images.server.faults import Fault
from tests.lab.images.server.http import MAX_BODY, Server

STREAM = "/stream"


class SlowApplication(Application):
    """Answers what it was asked; `/stream` takes three steps of which each waits for `step` to be released."""

    def __init__(self) -> None:
        super().__init__(None, "1", Fault(), lambda: 0.0)  # type: ignore[arg-type]
        self.step = asyncio.Semaphore(0)
        self.streaming = threading.Event()

    async def answer(self, method: str, target: str, body: bytes) -> Answer:
        if target != STREAM:
            return Answer(200, json.dumps([method, target, len(body)]).encode())

        async def events():
            for number in range(3):
                self.streaming.set()
                await self.step.acquire()
                yield b"%d\n" % number

        return Answer(200, events=events())


class Running:
    """A server on a loop in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.app = SlowApplication()
        self.server = Server(self.app, [("x-greenlight-release", "abc")], keep_alive=5.0)
        self.port = self.run(self.server.listen("127.0.0.1", 0)).result(5)

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def release_steps(self) -> None:
        for _ignored in range(3):
            self.loop.call_soon_threadsafe(self.app.step.release)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)

    def stop(self) -> None:
        self.run(self.server.drain(0, 0)).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.loop.close()


@pytest.fixture
def running() -> Iterator[Running]:
    server = Running()
    yield server
    server.stop()


def raw(running: Running, data: bytes) -> bytes:
    """Send bytes, read until the server closes."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=5) as peer:
        peer.sendall(data)
        answer = b""
        while part := peer.recv(65_536):
            answer += part
    return answer


def test_keep_alive_and_release_on_every_answer(running: Running) -> None:
    connection = running.connect()
    ports = set()
    for method, body in (("GET", None), ("POST", b"x" * 70_000), ("HEAD", None)):
        connection.request(method, "/a", body)
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("x-greenlight-release")) == (200, "abc")
        text = answer.read()
        assert text == b"" if method == "HEAD" else json.loads(text) == [method, "/a", len(body or b"")]
        ports.add(connection.sock.getsockname())
    assert len(ports) == 1
    connection.close()


def test_pipelined_requests_are_answered_in_order(running: Running) -> None:
    one = b"GET /%d HTTP/1.1\r\nhost: x\r\n\r\n"
    answer = raw(running, one % 1 + one % 2 + (one % 3).replace(b"host", b"connection: close\r\nhost"))
    assert [answer.find(b"/%d" % number) >= 0 for number in (1, 2, 3)] == [True] * 3
    assert answer.find(b"/1") < answer.find(b"/2") < answer.find(b"/3")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"NONSENSE\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),  # no host
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: gzip\r\n\r\n", b"501"),
        (b"GET / HTTP/1.1\r\nhost: x\r\nlong: " + b"y" * 200_000 + b"\r\n\r\n", b"431"),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (MAX_BODY + 1) + b"x" * (MAX_BODY + 1), b"413"),
    ],
)
def test_bad_http_gets_an_answer_with_the_release_and_the_connection_ends(
    running: Running, request_: bytes, status: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=5) as peer:
        peer.sendall(request_)
        head = peer.recv(65_536)
    assert head.startswith(b"HTTP/1.1 " + status)
    assert b"x-greenlight-release: abc" in head
    assert b"connection: close" in head.lower()


def test_expect_100_continue(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=5) as peer:
        peer.sendall(b"POST /e HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        assert peer.recv(100).startswith(b"HTTP/1.1 100")
        peer.sendall(b"ok")
        assert peer.recv(1000).startswith(b"HTTP/1.1 200")


def test_drain_finishes_streams_and_closes_idle_connections(running: Running) -> None:
    idle, streaming = running.connect(), running.connect()
    idle.request("GET", "/")
    idle.getresponse().read()
    streaming.request("GET", STREAM)
    answer = streaming.getresponse()
    assert running.app.streaming.wait(5)
    drained = running.run(running.server.drain(linger=0, limit=30))
    assert idle.sock.recv(1) == b""  # closed politely, not reset
    assert not drained.done()
    running.release_steps()
    assert answer.read() == b"0\n1\n2\n"
    assert drained.result(5) == 0
    with pytest.raises(ConnectionRefusedError):
        running.connect().connect()


def test_drain_answers_latecomers_while_it_lingers(running: Running) -> None:
    connection = running.connect()
    connection.connect()
    drained = running.run(running.server.drain(linger=1.0, limit=5))
    connection.request("GET", "/late")
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("connection")) == (200, "close")
    answer.read()
    assert drained.result(5) == 0


def test_drain_cuts_what_does_not_end_in_time(running: Running) -> None:
    streaming = running.connect()
    streaming.request("GET", STREAM)
    answer = streaming.getresponse()
    assert running.app.streaming.wait(5)
    assert running.run(running.server.drain(linger=0, limit=0.05)).result(5) == 1
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        answer.read()
