# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A load balancer as its data plane needs it: plain values, derived from the API's records after each change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.lab.aws.engine.rules import Forward, Rule


@dataclass(frozen=True)
class Listener:
    """`rules` in order of evaluation, the default rule last."""

    arn: str
    port: int
    rules: tuple[Rule, ...]

    def groups(self) -> Iterator[str]:
        """ARNs of the target groups its rules forward to, whatever the weight."""
        for rule in self.rules:
            if isinstance(rule.action, Forward):
                yield from (group for group, _ignored in rule.action.groups)


@dataclass(frozen=True)
class LoadBalancer:
    """Durations in AWS seconds. Attribute names and defaults: botocore's elbv2 model, LoadBalancerAttribute."""

    arn: str
    address: str
    security_groups: tuple[str, ...] = ()
    listeners: tuple[Listener, ...] = ()
    idle_timeout: float = 60
    client_keep_alive: float = 3600
    drop_invalid_headers: bool = False
    forwarded_for: str = "append"  # routing.http.xff_header_processing.mode: append, preserve, remove
    forwarded_port: bool = False  # routing.http.xff_client_port.enabled
