# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes of probes: against a real server on loopback, with the cloud's answers about the load balancer given."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Observation, Target
from ansible_collections.greenlight.serving.plugins.module_utils._glue.prober import RouteProber
from ansible_collections.greenlight.serving.plugins.module_utils._probes.spec import parse_specs

from .._platforms.ecs_params import PRODUCTION, TEST, params


class Server(ThreadingHTTPServer):
    seen: list[dict[str, str]]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.seen.append(dict(self.headers))  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("x-greenlight-release", "0123456789ab")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as running:
        running.seen = []
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


class Cloud:
    """Says where the load balancer is."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[str] = []

    def read(self, service: str, operation: str, /, **arguments: Any) -> dict[str, Any]:
        self.asked.append(operation)
        if operation == "describe_listeners":
            assert arguments["ListenerArns"][0] in (PRODUCTION, TEST)
            return {"Listeners": [{"LoadBalancerArn": "lb", "Protocol": "HTTP", "Port": self.port}]}
        return {"LoadBalancers": [{"DNSName": "127.0.0.1"}]}

    def write(self, service: str, operation: str, /, **arguments: Any) -> dict[str, Any]:
        raise AssertionError("a probe changes nothing")

    def pages(self, service: str, operation: str, key: str, /, **arguments: Any) -> Iterator[Any]:
        raise AssertionError("nothing is listed")


def prober(cloud: Cloud, **changes: Any) -> RouteProber:
    wanted = params(**{"reach": {"allow_loopback": True}, **changes})
    return RouteProber(cloud, wanted, parse_specs(wanted["probes"])[0])


OPEN = Observation(at=0.0, exists=True)


@pytest.mark.parametrize("route", ["production", "test_listener"])
def test_a_round_goes_to_the_listener_and_names_who_answered(server: Server, route: str) -> None:
    cloud = Cloud(server.server_port)
    asking = prober(cloud)
    for _round in range(2):
        (sample,) = asking.probe(route, "0123456789ab", OPEN)
        assert (sample.outcome, sample.route, sample.release, sample.status) == ("pass", route, "0123456789ab", 200)
    assert cloud.asked == ["describe_listeners", "describe_load_balancers"]  # once
    assert "x-greenlight-proof" not in {name.lower() for name in server.seen[0]}


def test_while_the_rule_is_closed_the_proof_is_sent_and_the_rules_host_always(server: Server) -> None:
    asking = prober(Cloud(server.server_port), **{"load_balancer.rule": {"host_headers": ["*.example.com"]}})
    closed = Observation(at=0.0, exists=True, closed=True, proof={"x-greenlight-proof": "s3cret"})
    asking.probe("production", "0123456789ab", closed)
    assert server.seen[0]["x-greenlight-proof"] == "s3cret"
    assert server.seen[0]["Host"] == "probe.example.com"


def test_straight_to_the_targets_of_the_release_in_turn(server: Server) -> None:
    there = f"127.0.0.1:{server.server_port}"
    targets = (
        Target("a", "0123456789ab", "healthy", address=there),
        Target("b", "0123456789ab", "initial", address=there),
        Target("old", "ba9876543210", "healthy", address=there),
        Target("starting", "0123456789ab", "unregistered"),
    )
    asking = prober(Cloud(0))
    seen = Observation(at=0.0, exists=True, targets=targets)
    asked = [asking.probe("direct", "0123456789ab", seen)[0].target for _round in range(4)]
    assert sorted(asked) == ["a", "a", "b", "b"]


def test_a_way_that_cannot_be_taken_is_inconclusive_and_says_why(server: Server) -> None:
    (sample,) = prober(Cloud(0)).probe("direct", "0123456789ab", OPEN)
    assert (sample.outcome, "no target" in sample.reason) == ("inconclusive", True)
    forbidden = prober(Cloud(server.server_port), reach={"allow_loopback": False})
    (sample,) = forbidden.probe("production", "0123456789ab", OPEN)
    assert (sample.outcome, "loopback" in sample.reason) == ("inconclusive", True)
    assert server.seen == []
