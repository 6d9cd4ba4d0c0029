# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The middleware: each fault on each side of the effect."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.lab.aws.chaos.faults import parse
from tests.lab.aws.chaos.middleware import Chaos
from tests.lab.aws.clock import FakeClock
from tests.lab.aws.wire import Call

WRITE = Call("ecs", "UpdateService", "json", True)
READ = Call("ecs", "DescribeServices", "json", False)


class World:
    """A service that counts its effects and answers with the count."""

    def __init__(self, **rule: Any) -> None:
        self.effects = 0
        self.slept: list[float] = []
        self.clock = FakeClock()
        self.chaos = Chaos(self.app, self.clock, 1, self.slept.append)
        if rule:
            self.chaos.set(parse({"rules": [rule]}))

    def app(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        self.effects += environ["lab.call"].mutating
        start("200 OK", [("Content-Type", "application/json")])
        return [str(self.effects).encode()]

    def call(self, call: Call, body: bytes = b"{}", connection: socket.socket | None = None) -> tuple[str, bytes, str]:
        """(status line, body, fault)."""
        said: list[str] = []
        environ = {"lab.call": call, "lab.body": body, "werkzeug.socket": connection}
        answer = b"".join(self.chaos(environ, lambda status, _headers: said.append(status)))
        return said[0], answer, str(environ.get("lab.fault", ""))


def test_without_rules_nothing_happens() -> None:
    world = World()
    assert world.call(WRITE) == ("200 OK", b"1", "")
    assert world.chaos.shown()["counts"] == {}


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [("throttle", "400", "ThrottlingException"), ("error", "500", "ServerException")],
)
def test_throttling_and_server_errors_have_no_effect(kind: str, status: str, code: str) -> None:
    world = World(**{kind: 1})
    line, body, fault = world.call(WRITE)
    assert line.split()[0] == status
    assert json.loads(body)["__type"] == code
    assert fault == kind
    assert world.effects == 0
    assert world.chaos.shown()["counts"] == {kind: 1}


@pytest.mark.parametrize(
    ("call", "header", "line"),
    [
        (Call("s3", "PutObject", "rest-xml", True), "HTTP_IF_MATCH", "409 ConditionalRequestConflict"),
        (Call("s3", "PutObject", "rest-xml", True), "HTTP_IF_NONE_MATCH", "409 ConditionalRequestConflict"),
        (Call("s3", "PutObject", "rest-xml", True), "HTTP_X_OTHER", "200 OK"),
        (Call("s3", "GetObject", "rest-xml", False), "HTTP_IF_MATCH", "200 OK"),
        (WRITE, "HTTP_IF_MATCH", "200 OK"),
    ],
)
def test_only_conditional_writes_to_s3_conflict(call: Call, header: str, line: str) -> None:
    world = World(conflict=1)
    said: list[str] = []
    world.chaos({"lab.call": call, "lab.body": b"", header: "*"}, lambda status, _headers: said.append(status))
    assert said == [line]
    assert world.effects == (call.mutating and line == "200 OK")


def broken(end: socket.socket) -> bool:
    end.settimeout(5)
    try:
        return end.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(("kind", "effects"), [("reset", 0), ("lost", 1)])
def test_the_connection_ends_before_or_after_the_effect(kind: str, effects: int) -> None:
    world = World(**{kind: 1})
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        connection, _ignored = server.accept()
        with connection, connection.makefile("rb"):  # the server's own file keeps the descriptor open
            with pytest.raises(ConnectionResetError):
                world.call(WRITE, connection=connection)
            assert broken(client)
    assert world.effects == effects
    assert world.chaos.shown()["counts"] == {kind: 1}


def test_latency_comes_on_top() -> None:
    world = World(latency=1, latency_seconds=2.5)
    assert world.call(WRITE)[1] == b"1"
    assert world.slept == [2.5]


def test_a_stale_read_repeats_the_answer_from_before_the_change() -> None:
    world = World(only="Describe", stale=1, stale_seconds=10)
    assert world.call(READ) == ("200 OK", b"0", "")  # nothing to repeat yet
    world.clock.advance(100)
    world.call(WRITE)
    assert world.call(READ) == ("200 OK", b"0", "stale")
    world.clock.advance(9)
    assert world.call(READ) == ("200 OK", b"0", "stale")
    world.clock.advance(2)
    assert world.call(READ) == ("200 OK", b"1", "")


def test_another_question_is_not_answered_with_the_same() -> None:
    world = World(only="Describe", stale=1, stale_seconds=10)
    world.call(READ, b'{"services": ["a"]}')
    world.call(WRITE)
    assert world.call(READ, b'{"services": ["b"]}') == ("200 OK", b"1", "")


def test_buckets_shed_load_by_the_documented_rates() -> None:
    world = World()
    world.chaos.set(parse({"buckets": True}))
    codes = [world.call(WRITE)[0].split()[0] for _ignored in range(60)]
    assert codes == ["200"] * 50 + ["400"] * 10
    world.clock.advance(1)
    assert [world.call(WRITE)[0].split()[0] for _ignored in range(6)] == ["200"] * 5 + ["400"]
    assert world.chaos.shown()["counts"] == {"throttle": 11}


def test_new_rules_start_counting_again() -> None:
    world = World(throttle=1)
    world.call(WRITE)
    world.chaos.set(parse({"rules": [{"throttle": 1}]}))
    assert world.chaos.shown()["counts"] == {}
    assert world.chaos.shown()["calls"] == {}
