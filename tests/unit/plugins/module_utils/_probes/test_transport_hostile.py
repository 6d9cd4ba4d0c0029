# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that attack whoever probes them: time, memory, and requests to where no probe may go."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._probes.address import Base
from ansible_collections.greenlight.serving.plugins.module_utils._probes.transport import Answer, Reach, Request, send
from ansible_collections.greenlight.serving.plugins.module_utils._probes.wire import NoAnswerError

LOOPBACK = Reach(allow_loopback=True)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def ask(base: Base, reach: Reach = LOOPBACK, **request: Any) -> Answer:
    return send(base, Request("/", **{"timeout": 5.0, **request}), reach)


def silence(base: Base, reach: Reach = LOOPBACK, **request: Any) -> NoAnswerError:
    with pytest.raises(NoAnswerError) as caught:
        ask(base, reach, **request)
    assert len(str(caught.value)) <= 120
    assert str(caught.value).isprintable()
    return caught.value


# ---- where it may go ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "location",
    ["http://169.254.169.254/latest/meta-data/", "http://2852039166/", "file:///etc/hostname", "gopher://127.0.0.1/"],
)
def test_a_redirect_is_an_answer(serve: Callable[..., Any], connected: list[str], location: str) -> None:
    server = serve(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
    assert ask(server.base).status == 302
    assert connected == ["127.0.0.1"]


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.170.2",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.16689662",
        "::ffff:169.254.169.254",
        "::ffff:a9fe:a9fe",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::",
        "::169.254.169.254",
        "fe80::1",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "0.0.0.0",
        "0",
        "::",
    ],
)
def test_a_forbidden_address_is_never_connected_to(connected: list[str], host: str) -> None:
    for reach in (LOOPBACK, Reach()):
        assert silence(Base("http", host, 80, ""), reach).cause == "forbidden"
    assert connected == []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "2130706433", "::1", "::ffff:127.0.0.1", "localhost"])
def test_loopback_only_where_it_is_allowed(connected: list[str], host: str) -> None:
    assert "loopback" in str(silence(Base("http", host, 9, ""), Reach()))
    assert connected == []


def test_a_name_is_looked_up_once(
    serve: Callable[..., Any], connected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rebinding: good when it is judged, the metadata address when it is looked up again."""
    server, asked = serve(OK), []

    def resolve(host: str, port: int, **_options: Any) -> list[Any]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert ask(Base("http", "model.example", server.base.port, "")).status == 200
    assert asked == ["model.example"]
    assert connected == ["127.0.0.1"]


def test_one_forbidden_address_condemns_the_name(connected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("192.0.2.1", "169.254.169.254")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: both)
    assert silence(Base("http", "model.example", 80, "")).cause == "forbidden"
    assert connected == []


# ---- how long ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"])
def test_a_slow_drip_ends_at_the_deadline(serve: Callable[..., Any], start: bytes) -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(b"x")
            time.sleep(0.02)  # the drip itself; the probe ends it by hanging up

    server = serve(drip)
    began = time.monotonic()
    assert silence(server.base, timeout=0.3).cause == "late"
    assert time.monotonic() - began < 5


def test_a_server_that_never_reads_ends_at_the_deadline(serve: Callable[..., Any]) -> None:
    over = threading.Event()
    server = serve(lambda _connection: over.wait(10), read_request=False)
    assert silence(server.base, timeout=0.3, method="POST", body=b"x" * 2**23).cause == "late"
    over.set()


def test_a_resolver_that_hangs_ends_at_the_deadline(connected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: time.sleep(1) or [])
    assert silence(Base("http", "model.example", 80, ""), timeout=0.1).cause == "unresolved"
    assert connected == []


# ---- how much ----------------------------------------------------------------------------------------------


def flood(head: bytes, more: bytes) -> Callable[[socket.socket], None]:
    def run(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(more)

    return run


@pytest.mark.parametrize(
    ("head", "more"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n", b"x" * 65536),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;" + b"x" * 60000 + b"\r\ny\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"x: " + b"y" * 60000 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"x: " + b"y" * 1000 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\nx: ", b"y" * 65536),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
        (b"HTTP/1.1 ", b"2" * 65536),
    ],
)
def test_an_endless_answer_is_cut(serve: Callable[..., Any], head: bytes, more: bytes) -> None:
    assert silence(serve(flood(head, more)).base, timeout=30.0).cause == "oversized"


def test_a_64_kib_header_is_too_much(serve: Callable[..., Any]) -> None:
    server = serve(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 65000 + b"\r\n\r\n")
    assert silence(server.base).cause == "oversized"


def test_the_body_limit_is_exact(serve: Callable[..., Any]) -> None:
    for coding in (
        "Content-Length: 100\r\n\r\n{}",
        "Transfer-Encoding: chunked\r\n\r\n64\r\n{}\r\n0\r\n\r\n",
        "\r\n{}",
    ):
        server = serve(("HTTP/1.1 200 OK\r\n" + coding.format("x" * 100)).encode())
        assert ask(server.base, max_body=100).body == b"x" * 100
        assert silence(server.base, max_body=99).cause == "oversized"


def test_a_body_in_one_byte_chunks_fits(serve: Callable[..., Any]) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server = serve(head + b"1\r\nx\r\n" * 60000 + b"0\r\n\r\n")
    assert len(ask(server.base).body) == 60000


# ---- what ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (b"", "broken"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "malformed"),
        (b"\x00\xff\x1b[2J\r\n\r\n", "malformed"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "malformed"),
        (b"HTTP/1.1 99 Low\r\n\r\n", "malformed"),
        (b"HTTP/2.0 200 OK\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200 + b"\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: banana\r\n\r\nok", "malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok", "malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc", "malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", "broken"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "broken"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok", "broken"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", "broken"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n", "broken"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "broken"),
    ],
)
def test_what_is_no_answer(serve: Callable[..., Any], answer: bytes, cause: str) -> None:
    assert silence(serve(answer).base).cause == cause


def test_a_reset_is_no_answer(serve: Callable[..., Any]) -> None:
    def reset(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    assert silence(serve(reset).base).cause == "broken"


def test_more_than_content_length_is_not_read(serve: Callable[..., Any]) -> None:
    smuggled = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 No\r\n\r\n"
    assert ask(serve(smuggled).base).body == b"ok"


def test_two_hundred_hostile_answers_leave_nothing_open(serve: Callable[..., Any]) -> None:
    server = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok")
    silence(server.base)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _turn in range(200):
        silence(server.base)
    for thread in server.threads[1:]:
        thread.join(5)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
