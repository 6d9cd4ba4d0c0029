# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the data plane counted: what `GET /lab/counters` shows, and what alarms will be fed from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class TargetCounters:
    """One target. `failed` is by cause: refused, connect_timeout, reset, timeout, malformed, cut, …"""

    requests: int = 0
    status: Counter[int] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    bytes_in: int = 0  # from clients to the target
    bytes_out: int = 0
    in_flight: int = 0

    def view(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "status": {str(code): count for code, count in sorted(self.status.items())},
            "failed": dict(sorted(self.failed.items())),
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "in_flight": self.in_flight,
        }


@dataclass
class GroupCounters:
    """A target group: its targets ("address:port"), also those that left, and requests no target could take."""

    targets: dict[str, TargetCounters] = field(default_factory=dict)
    no_target: int = 0
    fail_open: int = 0  # requests routed to targets that are not healthy, for want of healthy ones

    def target(self, key: tuple[str, int]) -> TargetCounters:
        return self.targets.setdefault(f"{key[0]}:{key[1]}", TargetCounters())

    def view(self) -> dict[str, Any]:
        total = TargetCounters()
        for one in self.targets.values():
            total.requests += one.requests
            total.status.update(one.status)
            total.failed.update(one.failed)
            total.bytes_in += one.bytes_in
            total.bytes_out += one.bytes_out
            total.in_flight += one.in_flight
        targets = {key: one.view() for key, one in sorted(self.targets.items())}
        return {**total.view(), "no_target": self.no_target, "fail_open": self.fail_open, "targets": targets}


@dataclass
class BalancerCounters:
    """A load balancer. `answered`: what it answered itself, "503 no_target", "200 fixed", "502 refused", …"""

    requests: int = 0
    answered: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    rejected: int = 0  # connections its security groups dropped
    client_closed: int = 0  # the client went away before the answer was complete (ALB logs 460)
    cut: int = 0  # answers that ended early: the connection was closed after the head had left

    def view(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "answered": dict(sorted(self.answered.items())),
            "connections": self.connections,
            "rejected": self.rejected,
            "client_closed": self.client_closed,
            "cut": self.cut,
        }
