# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rounds of probes by the routes of a rollout: production listener, test listener, or straight to a target."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .._engine.model import Observation, Target
from .._engine.verdict import INCONCLUSIVE, Sample
from .._platforms.aws_calls import Calls
from .._platforms.base import PortError
from .._probes.address import Base, parse_base
from .._probes.ladder import Route, run_round
from .._probes.spec import ProbeSpec
from .._probes.transport import Reach

LISTENERS = {"production": "production_listener_arn", "test_listener": "test_listener_arn"}


class RouteProber:
    """Implements `_platforms.base.Prober` for ECS behind an Application Load Balancer."""

    def __init__(
        self,
        calls: Calls,
        params: Mapping[str, Any],
        specs: Sequence[ProbeSpec],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._calls = calls
        self._params = params
        self._specs = specs
        self._now = now
        given = params["reach"]
        self._reach = Reach(bool(given["allow_loopback"]), given.get("ca_file"))
        self._bases: dict[str, Base] = {}
        self._turn = 0

    def probe(self, route: str, release: str, seen: Observation) -> tuple[Sample, ...]:
        """One round. A route that cannot be taken is an inconclusive sample that says why."""
        try:
            if route == "direct":
                return self._direct(release, seen)
            headers, secrets = self._headers(seen), tuple(seen.proof.values())
            return self._round(Route(self._base(route), route, headers=headers, secrets=secrets, **self._common()))
        except (PortError, LookupError, ValueError) as error:
            return (Sample(self._now(), route, INCONCLUSIVE, str(error)),)

    def _direct(self, release: str, seen: Observation) -> tuple[Sample, ...]:
        """The release's targets in turn, whatever the load balancer thinks of them, so long as they have an address."""
        targets = [target for target in seen.targets if target.release == release and target.address]
        if not targets:
            raise LookupError(f"release {release} has no target that a probe could reach")
        target = self._next(targets)
        return self._round(Route(self._parsed(f"http://{target.address}"), "direct", target.id, **self._common()))

    def _next(self, targets: list[Target]) -> Target:
        self._turn += 1
        return sorted(targets, key=lambda target: target.id)[self._turn % len(targets)]

    def _round(self, route: Route) -> tuple[Sample, ...]:
        return run_round(self._specs, route, clock=self._now)

    def _common(self) -> dict[str, Any]:
        return {"mark": self._params["identity"]["header"], "reach": self._reach}

    def _headers(self, seen: Observation) -> tuple[tuple[str, str], ...]:
        """What the rule asks for: its host, and the proof while it is closed."""
        hosts = self._params["load_balancer"]["rule"].get("host_headers") or []
        host = [("Host", hosts[0].replace("*", "probe").replace("?", "x"))] if hosts else []
        return (*host, *seen.proof.items())

    def _base(self, route: str) -> Base:
        """The listener's URL, read once: the load balancer's DNS name, the listener's port and protocol."""
        if route not in self._bases:
            arn = self._params["load_balancer"][LISTENERS[route]]
            listener = self._calls.read("elbv2", "describe_listeners", ListenerArns=[arn])["Listeners"][0]
            balancers = self._calls.read(
                "elbv2", "describe_load_balancers", LoadBalancerArns=[listener["LoadBalancerArn"]]
            )
            name = balancers["LoadBalancers"][0]["DNSName"]
            self._bases[route] = self._parsed(f"{listener['Protocol'].lower()}://{name}:{listener['Port']}")
        return self._bases[route]

    def _parsed(self, url: str) -> Base:
        base, findings = parse_base(url, "route", self._reach.allow_loopback)
        if base is None:
            raise ValueError("; ".join(map(str, findings)))
        return base
