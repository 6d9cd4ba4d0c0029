# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.lab.aws.engine.rules import Condition, Fixed, Redirect
from tests.unit.lab.aws.plane.harness import LISTENER, Plane, forward, plane, read_all, reply, until


@pytest.fixture
def alb() -> Iterator[Plane]:
    with plane() as made:
        made.group()
        made.listen(default=forward())
        yield made


def test_a_request_reaches_the_target_with_the_headers_a_load_balancer_adds(alb: Plane) -> None:
    backend = alb.target()

    assert alb.get("/v2/models?x=1", **{"X-Forwarded-For": "203.0.113.7", "Keep-Alive": "timeout=5"}) == (200, b"ok")

    head = backend.requests[-1].decode()
    assert head.startswith("GET /v2/models?x=1 HTTP/1.1\r\n")
    assert "X-Forwarded-For: 203.0.113.7, 127.0.0.1\r\n" in head
    assert "X-Forwarded-Proto: http\r\n" in head
    assert "X-Forwarded-Port: 8000\r\n" in head
    assert "X-Amzn-Trace-Id: Root=1-" in head
    assert "keep-alive" not in head.lower()


def test_connections_are_kept_on_both_sides(alb: Plane) -> None:
    backend = alb.target()
    client = alb.client()
    for _ignored in range(50):
        client.request("POST", "/", body=b"x" * 100)
        assert client.getresponse().read() == b"ok"

    assert alb.own()["connections"] == 1
    assert backend.connections == 1
    assert alb.counters()["status"] == {"200": 50}
    assert alb.counters()["bytes_in"] == 5000
    until(lambda: alb.counters()["in_flight"] == 0)


def test_pipelined_requests_are_answered_in_order(alb: Plane) -> None:
    alb.target(lambda connection, request: connection.sendall(reply(request.split()[1])))
    client = alb.socket()
    client.sendall(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(20)))
    data = b""
    while data.count(b"HTTP/1.1 200") < 20 or not data.endswith(b"/19"):
        data += client.recv(65536)

    assert [part.split(b"\r\n\r\n")[1] for part in data.split(b"HTTP/1.1 200")[1:]] == [b"/%d" % n for n in range(20)]


def test_a_chunked_request_is_streamed_to_the_target(alb: Plane) -> None:
    first = threading.Event()
    bodies: list[bytes] = []

    def script(connection: socket.socket, request: bytes) -> None:
        data = request.partition(b"\r\n\r\n")[2]
        while b"one" not in data:
            data += connection.recv(65536)
        first.set()
        while not data.endswith(b"0\r\n\r\n"):
            data += connection.recv(65536)
        bodies.append(data)
        connection.sendall(reply())

    backend = alb.target(script)
    client = alb.socket()
    client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
    assert first.wait(5), "the first chunk must arrive before the last is sent"
    client.sendall(b"3\r\ntwo\r\n0\r\n\r\n")

    assert b"200 OK" in client.recv(65536)
    assert bodies == [b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"]
    assert b"content-length" not in backend.requests[-1].lower()


def test_a_streamed_answer_arrives_piece_by_piece(alb: Plane) -> None:
    go_on = threading.Event()

    def script(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        go_on.wait(5)
        connection.sendall(b"4\r\nlast\r\n0\r\n\r\n")

    alb.target(script)
    client = alb.client()
    client.request("GET", "/")
    answer = client.getresponse()

    assert answer.read1(100) == b"first"
    assert not go_on.is_set()
    go_on.set()
    assert answer.read() == b"last"


def test_an_answer_that_ends_with_the_connection_is_complete(alb: Plane) -> None:
    def script(connection: socket.socket, _request: bytes) -> bool:
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nold style")
        return False

    alb.target(script)

    assert alb.get() == (200, b"old style")


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n"),
    ],
)
def test_answers_without_a_body_leave_the_connections_usable(alb: Plane, method: str, answer: bytes) -> None:
    backend = alb.target(lambda connection, _ignored: connection.sendall(answer))
    client = alb.client()
    for _ignored in range(3):
        client.request(method, "/")
        found = client.getresponse()
        assert found.read() == b""
        assert found.getheader("Content-Length") == ("10" if b"10" in answer else None)

    assert backend.connections == 1


def test_the_load_balancer_answers_an_expectation_itself(alb: Plane) -> None:
    backend = alb.target()
    client = alb.socket()
    client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
    assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(b"body")

    assert b"200 OK" in client.recv(65536)
    assert b"expect" not in backend.requests[-1].lower()
    assert backend.requests[-1].endswith(b"\r\n\r\nbody")


def test_a_target_that_dies_before_its_answer_gives_502_and_is_not_asked_again(alb: Plane) -> None:
    backends = [alb.target(lambda *_ignored: False) for _ignored in range(2)]

    status, body = alb.get()

    assert status == 502
    assert b"<h1>502 Bad Gateway</h1>" in body
    assert sum(len(backend.requests) for backend in backends) == 1
    assert alb.counters()["failed"] == {"reset": 1}
    assert alb.own()["answered"] == {"502 reset": 1}


def test_a_target_that_dies_in_its_answer_cuts_the_connection_without_a_second_status_line(alb: Plane) -> None:
    def script(connection: socket.socket, _request: bytes) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n")
        return False

    alb.target(script)
    client = alb.socket()
    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    data = read_all(client)

    assert data.count(b"HTTP/1.1") == 1
    assert data.endswith(b"part\r\n")
    assert alb.counters()["failed"] == {"cut": 1}
    assert alb.counters()["status"] == {"200": 1}
    assert alb.own()["cut"] == 1


def test_an_answer_that_is_no_http_gives_502(alb: Plane) -> None:
    alb.target(lambda connection, _ignored: connection.sendall(b"hello\r\n\r\n"))

    assert alb.get()[0] == 502
    assert alb.counters()["failed"] == {"malformed": 1}


def test_a_target_that_refuses_connections_gives_502_at_once(alb: Plane) -> None:
    backends = [alb.target() for _ignored in range(2)]
    for backend in backends:
        backend.close()

    assert alb.get()[0] == 502
    assert alb.counters()["failed"] == {"refused": 1}


def test_a_silent_target_gives_504_after_the_idle_timeout() -> None:
    with plane(idle_timeout=10) as alb:
        alb.group()
        alb.listen(default=forward())
        backend = alb.target(lambda connection, _ignored: connection.recv(1) and None)

        assert alb.get()[0] == 504
        assert alb.counters()["failed"] == {"timeout": 1}
        assert len(backend.requests) == 1


def test_a_stream_that_falls_silent_is_closed_after_the_idle_timeout() -> None:
    def script(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n")
        connection.recv(1)

    with plane(idle_timeout=10) as alb:
        alb.group()
        alb.listen(default=forward())
        alb.target(script)
        client = alb.socket()
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

        assert read_all(client).endswith(b"part\r\n")
        assert alb.counters()["failed"] == {"timeout": 1}


def test_a_client_that_never_sends_its_body_gets_408() -> None:
    with plane(idle_timeout=10) as alb:
        alb.group()
        alb.listen(default=forward())
        alb.target(lambda connection, _ignored: connection.recv(1) and None)
        client = alb.socket()
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")

        assert read_all(client).startswith(b"HTTP/1.1 408 ")


def test_an_idle_client_connection_is_closed_without_an_answer() -> None:
    with plane(idle_timeout=5) as alb:
        alb.listen()

        assert read_all(alb.socket()) == b""


def test_a_client_that_leaves_cancels_the_request_at_the_target(alb: Plane) -> None:
    gone = threading.Event()

    def script(connection: socket.socket, _request: bytes) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n")
        if connection.recv(1) == b"":
            gone.set()
        return False

    alb.target(script)
    client = alb.socket()
    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    while b"part" not in client.recv(65536):
        pass
    client.close()

    assert gone.wait(5)
    until(lambda: alb.own()["client_closed"] == 1)
    assert alb.counters()["failed"] == {"client": 1}
    until(lambda: alb.counters()["in_flight"] == 0)


def test_a_pooled_connection_that_the_target_closed_is_replaced_before_anything_is_sent(alb: Plane) -> None:
    backend = alb.target()
    assert alb.get()[0] == 200
    backend.hang_up()

    assert alb.get()[0] == 200
    assert backend.connections == 2
    assert len(backend.requests) == 2


def test_a_pooled_connection_that_breaks_after_the_request_was_sent_is_not_tried_again(alb: Plane) -> None:
    calls: list[bytes] = []

    def script(connection: socket.socket, request: bytes) -> bool | None:
        calls.append(request)
        if len(calls) == 2:
            return False
        connection.sendall(reply())
        return None

    alb.target(script)
    client = alb.client()
    client.request("GET", "/1")
    assert client.getresponse().read() == b"ok"
    client.request("GET", "/2")

    assert client.getresponse().status == 502
    assert len(calls) == 2


def test_without_a_target_in_service_the_answer_is_503(alb: Plane) -> None:
    status, body = alb.get()

    assert status == 503
    assert b"<h1>503 Service Temporarily Unavailable</h1>" in body
    assert alb.own()["answered"] == {"503 no_target": 1}
    assert alb.counters()["no_target"] == 1


def test_an_own_answer_keeps_the_connection_and_reads_the_body_it_does_not_need(alb: Plane) -> None:
    client = alb.client()
    for _ignored in range(3):
        client.request("POST", "/", body=b"x" * 100_000)
        assert client.getresponse().read().startswith(b"<html>")

    assert alb.own()["connections"] == 1


def test_rules_decide_by_path_and_header_and_fixed_responses_and_redirects_are_given() -> None:
    with plane() as alb:
        alb.group()
        alb.listen(
            (forward(), [Condition("path-pattern", ("/v2/*",)), Condition("http-header", ("let-me-in",), "X-Proof")]),
            (Fixed(418, "text/plain", "teapot"), [Condition("path-pattern", ("/tea",))]),
            (Redirect(301, port="8443", path="/new/#{path}"), [Condition("path-pattern", ("/old*",))]),
        )
        alb.target()

        assert alb.get("/v2/models", **{"x-proof": "let-me-in"}) == (200, b"ok")
        assert alb.get("/v2/models")[0] == 503
        assert alb.get("/tea") == (418, b"teapot")
        client = alb.client()
        client.request("GET", "/old?a=b", headers={"Host": "example.com"})
        answer = client.getresponse()
        assert (answer.status, answer.getheader("Location")) == (301, "http://example.com:8443/new/old?a=b")


@pytest.mark.parametrize("drop", [True, False])
def test_headers_with_invalid_names_are_dropped_if_the_attribute_says_so(drop: bool) -> None:
    with plane(drop_invalid_headers=drop) as alb:
        alb.group()
        alb.listen(default=forward())
        backend = alb.target()
        alb.get(**{"X_Under_Score": "1", "X-Fine": "2"})

        assert (b"X_Under_Score: 1" in backend.requests[-1]) is not drop
        assert b"X-Fine: 2" in backend.requests[-1]


@pytest.mark.parametrize(
    "request_bytes",
    [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"],
)
def test_what_is_no_http_gets_400(alb: Plane, request_bytes: bytes) -> None:
    client = alb.socket()
    client.sendall(request_bytes)

    assert read_all(client).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_an_http_1_0_client_gets_an_unchunked_answer(alb: Plane) -> None:
    alb.target(
        lambda connection, _ignored: connection.sendall(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
        )
    )
    client = alb.socket()
    client.sendall(b"GET / HTTP/1.0\r\n\r\n")
    data = read_all(client)

    assert data.endswith(b"\r\n\r\nok")
    assert b"chunked" not in data


def test_trace_is_refused(alb: Plane) -> None:
    client = alb.client()
    client.request("TRACE", "/")

    assert client.getresponse().status == 405


def test_the_socket_is_open_when_apply_returns_and_shut_when_the_listener_is_gone(alb: Plane) -> None:
    alb.socket().close()
    alb.balancer.apply({})

    with pytest.raises(ConnectionRefusedError):
        alb.socket()
    alb.listen(default=Fixed(200, "text/plain", "again"))
    assert alb.get() == (200, b"again")


def test_a_listener_that_goes_lets_the_request_under_way_finish(alb: Plane) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def script(connection: socket.socket, _request: bytes) -> None:
        asked.set()
        go_on.wait(5)
        connection.sendall(reply(b"late"))

    alb.target(script)
    client = alb.client()
    client.request("GET", "/")
    asked.wait(5)
    alb.balancer.apply({})
    go_on.set()

    assert client.getresponse().read() == b"late"
    assert client.sock is None or client.sock.recv(1) == b""


def test_a_failed_request_is_logged_with_its_cause(alb: Plane) -> None:
    backend = alb.target(lambda *_ignored: False)
    alb.get("/v2/x")

    (event,) = [event for event in alb.lab.logged() if event.name == "request_failed"]
    assert event.fields == {
        "listener": LISTENER,
        "cause": "reset",
        "status": 502,
        "target": f"{backend.address}:8080",
        "method": "GET",
        "path": "/v2/x",
    }
