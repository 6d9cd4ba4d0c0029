# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do the plan's seconds fit those of the load balancer, as read from the target groups? Pure.

Health checks notice a dead target after interval x threshold + timeout, and a target that leaves is drained for the
deregistration delay (elasticloadbalancingv2, TargetGroup and deregistration_delay.timeout_seconds). Seconds of the plan
are this machine's. The cloud's are the same only at AWS itself: what answers at another endpoint keeps its own time,
and is not judged by ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .._engine import capacity
from .._engine.evolve import evolve
from .._engine.finding import Finding
from .._engine.model import Chain, Plan

Json = dict[str, Any]
DELAY = "deregistration_delay.timeout_seconds"
# https://docs.aws.amazon.com/general/latest/gr/rande.html, dual-stack endpoints and China's included
AWS = re.compile(r"https://([\w-]+\.)*(amazonaws\.com|amazonaws\.com\.cn|api\.aws)(:443)?/?")


def real(params: Mapping[str, Any]) -> bool:
    """Whether the cloud's seconds are real ones for all we know."""
    endpoint = params.get("endpoint_url")
    return not endpoint or bool(AWS.fullmatch(str(endpoint)))


def chain(plan: Plan, params: Mapping[str, Any], groups: Sequence[Json], attributes: Sequence[Json]) -> Chain:
    """The plan's chain with what the target groups say; of two groups the slower counts."""

    def slowest(name: str) -> float:
        return float(max((group.get(name) or 0 for group in groups), default=0))

    delays = [int(each["Value"]) for each in attributes if each.get("Key") == DELAY]
    return evolve(
        plan.chain,
        start=float(params["health_check_grace_seconds"]),
        health_interval=slowest("HealthCheckIntervalSeconds"),
        health_timeout=slowest("HealthCheckTimeoutSeconds"),
        unhealthy_threshold=int(slowest("UnhealthyThresholdCount")),
        drain=float(max(delays, default=0)),
    )


def findings(
    plan: Plan, params: Mapping[str, Any], groups: Sequence[Json], attributes: Sequence[Json]
) -> list[Finding]:
    """What does not fit only because of the load balancer's own times."""
    if plan.capacity is None or not groups or not real(params):
        return []
    known = {finding.field for finding in capacity.findings(plan, plan.capacity)}
    there = evolve(plan, chain=chain(plan, params, groups, attributes))
    return [finding for finding in capacity.findings(there, plan.capacity) if finding.field not in known]
