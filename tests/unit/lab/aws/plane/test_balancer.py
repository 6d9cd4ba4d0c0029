# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.lab.aws.engine.rules import Fixed
from tests.lab.aws.engine.targets import HealthCheck
from tests.lab.aws.network import twin
from tests.unit.lab.aws.plane.harness import (
    BALANCER,
    FAST,
    GROUP,
    OTHER,
    TARGET_PORT,
    Plane,
    forward,
    plane,
    read_all,
    reply,
    until,
)

CLOSED: list[dict[str, Any]] = []


@pytest.fixture
def alb() -> Iterator[Plane]:
    with plane() as made:
        made.group()
        made.listen(default=forward())
        yield made


def held(release: threading.Event) -> Any:
    """A script that answers when it is let."""

    def script(connection: socket.socket, _request: bytes) -> None:
        release.wait(10)
        connection.sendall(reply(b"late"))

    return script


def test_a_draining_target_finishes_what_it_has_and_gets_nothing_new(alb: Plane) -> None:
    release = threading.Event()
    leaving = alb.target(held(release))
    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(alb.get)
        until(lambda: leaving.requests)
        staying = alb.target()
        alb.balancer.deregister(GROUP, leaving.address, TARGET_PORT)
        assert alb.state(leaving) == "draining"
        heard = alb.lab.clock.now() + 1.0
        until(lambda: alb.lab.clock.now() > heard)
        for _ignored in range(20):
            assert alb.get() == (200, b"ok")
        release.set()

        assert under_way.result(5) == (200, b"late")
    assert len(leaving.requests) == 1
    assert len(staying.requests) == 20
    assert alb.state(leaving) == "draining"


def test_what_is_still_running_when_the_deregistration_delay_ends_is_cut_with_502() -> None:
    with plane() as alb:
        alb.group(deregistration_delay=20)
        alb.listen(default=forward())
        backend = alb.target(held(threading.Event()))
        with ThreadPoolExecutor(1) as pool:
            under_way = pool.submit(alb.get)
            until(lambda: backend.requests)
            alb.balancer.deregister(GROUP, backend.address, TARGET_PORT)

            assert under_way.result(5)[0] == 502
        assert alb.state(backend) is None
        assert alb.counters()["failed"] == {"deregistered": 1}


def test_a_deregistration_is_heard_of_after_the_propagation_delay() -> None:
    with plane(propagation=50.0) as alb:
        alb.group()
        alb.listen(default=forward())
        backend = alb.target()
        alb.balancer.deregister(GROUP, backend.address, TARGET_PORT)

        assert alb.get() == (200, b"ok"), "the load balancer has not heard of it yet"
        until(lambda: alb.get()[0] == 503)
        assert alb.state(backend) == "draining"


def test_new_rules_are_followed_after_the_propagation_delay() -> None:
    with plane(propagation=20.0) as alb:
        alb.listen(default=Fixed(200, body="old"))
        assert alb.get() == (200, b"old")
        before = alb.lab.clock.now()
        alb.listen(default=Fixed(200, body="new"))

        assert alb.get() == (200, b"old")
        until(lambda: alb.get() == (200, b"new"))
        assert alb.lab.clock.now() >= before + 20.0


def test_weights_of_ninety_and_ten_share_the_requests(alb: Plane) -> None:
    alb.group(OTHER)
    alb.listen(default=forward((GROUP, 90), (OTHER, 10)))
    alb.target(lambda connection, _ignored: connection.sendall(reply(b"blue")))
    alb.target(lambda connection, _ignored: connection.sendall(reply(b"green")), arn=OTHER)
    client = alb.client()
    found: Counter[bytes] = Counter()
    for _ignored in range(1000):
        client.request("GET", "/")
        found[client.getresponse().read()] += 1

    assert 60 <= found[b"green"] <= 140  # 100 expected, standard deviation 9.5
    assert found[b"blue"] + found[b"green"] == 1000


def test_a_group_without_targets_keeps_its_share_and_answers_503(alb: Plane) -> None:
    alb.group(OTHER)
    alb.listen(default=forward((GROUP, 50), (OTHER, 50)))
    alb.target()
    found = Counter(alb.get()[0] for _ignored in range(100))

    assert found[503] > 20
    assert found[200] > 20


def test_with_only_unhealthy_targets_it_fails_open(alb: Plane) -> None:
    backend = alb.target()
    backend.healthy = "503 Service Unavailable"
    until(lambda: alb.state(backend) == "unhealthy")

    assert alb.get() == (200, b"ok")
    assert alb.counters()["fail_open"] == 1
    healthy = alb.target()
    for _ignored in range(10):
        alb.get()
    assert len(healthy.requests) == 10


@pytest.mark.parametrize(
    ("status", "reason"), [("503 Service Unavailable", "Target.ResponseCodeMismatch"), (None, "Target.Timeout")]
)
def test_a_failing_check_says_why(alb: Plane, status: str | None, reason: str) -> None:
    backend = alb.target()
    backend.healthy = status
    until(lambda: alb.state(backend) == "unhealthy")
    found = alb.balancer.health(GROUP, backend.address, TARGET_PORT)

    assert found is not None
    assert found.reason == reason
    backend.healthy = "200 OK"
    until(lambda: alb.state(backend) == "healthy")


def test_a_target_that_refuses_connections_fails_its_checks(alb: Plane) -> None:
    backend = alb.target()
    backend.close()
    until(lambda: alb.state(backend) == "unhealthy")
    found = alb.balancer.health(GROUP, backend.address, TARGET_PORT)

    assert found is not None
    assert found.reason == "Target.FailedHealthChecks"


def test_checks_go_to_the_port_and_path_of_the_group() -> None:
    asked: list[bytes] = []

    def answer(server: socket.socket) -> None:
        while True:
            try:
                connection, _ignored = server.accept()
            except OSError:
                return
            with connection:
                asked.append(connection.recv(65536))
                connection.sendall(reply())

    with plane() as alb, socket.create_server((twin(f"127.{alb.claim.octet}.1.4"), 9999)) as server:
        threading.Thread(target=answer, args=[server], daemon=True).start()
        alb.group(check=HealthCheck("/ready?deep=1", 9999, 5, 2, 2, 2))
        alb.listen(default=forward())
        backend = alb.target()
        server.shutdown(socket.SHUT_RDWR)

        assert asked[0].startswith(b"GET /ready?deep=1 HTTP/1.1\r\n")
        assert f"Host: {backend.address}:9999\r\n".encode() in asked[0]
        assert b"User-Agent: ELB-HealthChecker/2.0\r\n" in asked[0]
        assert backend.requests == []


def test_a_security_group_that_drops_the_load_balancers_packets_is_a_timeout(alb: Plane) -> None:
    backend = alb.target()
    alb.groups["sg-task"] = CLOSED
    until(lambda: alb.get()[0] == 504)
    assert alb.counters()["failed"] == {"connect_timeout": 1}
    assert len(backend.requests) == alb.counters()["status"].get("200", 0)
    until(lambda: alb.state(backend) == "unhealthy")
    found = alb.balancer.health(GROUP, backend.address, TARGET_PORT)

    assert found is not None
    assert found.reason == "Target.Timeout"


def test_a_target_may_admit_the_load_balancers_security_group_only(alb: Plane) -> None:
    rule = {"IpProtocol": "tcp", "FromPort": TARGET_PORT, "ToPort": TARGET_PORT, "IpRanges": []}
    alb.groups["sg-task"] = [rule | {"UserIdGroupPairs": [{"GroupId": "sg-lb"}]}]
    alb.target()

    assert alb.get() == (200, b"ok")


def test_a_client_that_the_security_groups_refuse_hangs_until_its_own_timeout(alb: Plane) -> None:
    alb.target()
    alb.groups["sg-lb"] = CLOSED
    client = alb.socket(timeout=0.3)
    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

    with pytest.raises(TimeoutError):
        client.recv(1)
    assert alb.own()["rejected"] == 1
    assert alb.own()["requests"] == 0


def test_unused_groups_are_not_checked_until_a_rule_forwards_to_them() -> None:
    with plane() as alb:
        alb.group()
        alb.listen()
        backend = alb.target(wait="unused")
        assert not alb.balancer.attached(GROUP)
        alb.listen(default=forward())

        assert alb.balancer.attached(GROUP)
        until(lambda: alb.state(backend) == "healthy")


def test_registering_again_changes_nothing_and_after_a_drain_starts_afresh(alb: Plane) -> None:
    backend = alb.target()
    alb.balancer.register(GROUP, backend.address, TARGET_PORT, "us-east-1a", ["sg-task"])
    assert alb.state(backend) == "healthy"
    alb.balancer.deregister(GROUP, backend.address, TARGET_PORT)
    alb.balancer.register(GROUP, backend.address, TARGET_PORT, "us-east-1a", ["sg-task"])
    assert alb.state(backend) == "initial"
    until(lambda: alb.state(backend) == "healthy")


def test_unknown_targets_and_groups_are_ignored(alb: Plane) -> None:
    alb.balancer.deregister(GROUP, "127.16.0.99", 1)
    alb.balancer.deregister("arn:gone", "127.16.0.99", 1)
    alb.balancer.register("arn:gone", "127.16.0.99", 1, "us-east-1a", [])

    assert alb.balancer.health("arn:gone", "127.16.0.99", 1) is None
    assert [event.name for event in alb.lab.logged()][-1] == "target_group_gone"


def test_a_killed_target_under_load_costs_only_what_it_had(alb: Plane) -> None:
    """After the first refused connection the target still gets its turn until its checks failed: all attributed."""
    alb.group(check=FAST)
    first, second = alb.target(), alb.target()
    statuses: Counter[int] = Counter()
    client = alb.client()

    def ask() -> None:
        client.request("GET", "/")
        answer = client.getresponse()
        answer.read()
        statuses[answer.status] += 1

    for _ignored in range(100):
        ask()
    first.close()
    until(lambda: (ask(), alb.state(first) == "unhealthy")[1])
    for _ignored in range(100):
        ask()

    failed = alb.counters()["targets"][f"{first.address}:{TARGET_PORT}"]["failed"]
    assert sum(failed.values()) == statuses[502] > 0
    assert statuses.keys() == {200, 502}
    assert len(second.requests) + len(first.requests) == statuses[200]


def descriptors_open() -> int:
    return sum(1 for _ignored in Path("/proc/self/fd").iterdir())


def test_thousands_of_requests_leak_no_descriptor_and_no_task(alb: Plane) -> None:
    backend = alb.target(
        lambda connection, request: False if b"/cut" in request else connection.sendall(reply(b"x" * 1000))
    )
    before = descriptors_open()

    def one(number: int) -> int:
        path = "/cut" if number % 50 == 0 else "/"
        if number % 10:
            return alb.get(path)[0]
        with alb.socket() as client:  # leaves without reading
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        return 0

    with ThreadPoolExecutor(8) as pool:
        statuses = Counter(pool.map(one, range(2000)))

    assert set(statuses) <= {0, 200, 502}
    assert statuses[200] >= 1700
    until(lambda: alb.counters()["in_flight"] == 0)
    backend.hang_up()
    until(lambda: descriptors_open() <= before + 4)


def test_a_direct_connection_passes_the_interface_if_its_groups_admit_the_peer(alb: Plane) -> None:
    def script(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(reply(request.split()[1]))
        return False

    backend = alb.target(script)
    alb.balancer.interfaces.open(backend.address, [TARGET_PORT], ["sg-task"])

    def direct(timeout: float) -> bytes:
        """The whole answer; a refused peer hangs (it must not end its side, or it is taken to have left)."""
        with (
            contextlib.suppress(ConnectionResetError),  # at any moment: while connecting, too
            socket.create_connection((backend.address, TARGET_PORT), timeout=timeout) as client,
        ):
            client.sendall(b"GET /direct HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            return read_all(client)
        return b""

    assert direct(5).endswith(b"\r\n\r\n/direct")
    alb.groups["sg-task"] = CLOSED
    with pytest.raises(TimeoutError):
        direct(0.3)
    alb.groups["sg-task"] = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "127.0.0.1/32"}], "UserIdGroupPairs": []}]
    assert direct(5).endswith(b"/direct")
    backend.close()
    assert direct(5) == b"", "nothing listens behind the interface: the connection is reset"
    alb.balancer.interfaces.close(backend.address)
    with pytest.raises(ConnectionRefusedError):
        direct(5)


def test_counters_keep_targets_and_load_balancers_that_are_gone(alb: Plane) -> None:
    backend = alb.target()
    alb.get()
    alb.balancer.apply({})
    alb.balancer.drop_group(GROUP)

    counters = alb.balancer.counters()
    assert counters["target_groups"][GROUP]["targets"][f"{backend.address}:{TARGET_PORT}"]["status"] == {"200": 1}
    assert counters["load_balancers"][BALANCER]["requests"] == 1
    assert counters["connections"] == {"opened": 1, "reused": 0}
