# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets of a target group: their states, how checks move them, and which of them gets a request. Pure.

Sources, all in the user guide for Application Load Balancers: "Health checks for target groups" (states,
reason codes, one passing check for a new target, fail-open), "Edit target group attributes"
(deregistration delay, slow start, routing algorithm), "Target group health" (unhealthy state routing).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

DESCRIPTIONS = {
    "Elb.RegistrationInProgress": "Target registration is in progress",
    "Elb.InitialHealthChecking": "Initial health checks in progress",
    "Target.Timeout": "Request timed out",
    "Target.FailedHealthChecks": "Health checks failed",
    "Target.NotInUse": "Target group is not configured to receive traffic from the load balancer",
    "Target.NotRegistered": "Target is not registered to the target group",
    "Target.DeregistrationInProgress": "Target deregistration is in progress",
}


@dataclass(frozen=True)
class HealthCheck:
    """AWS seconds. `port` None: the port the target is registered with ("traffic-port")."""

    path: str = "/"
    port: int | None = None
    interval: float = 30
    timeout: float = 5
    healthy: int = 5
    unhealthy: int = 2
    matcher: str = "200"


@dataclass(frozen=True)
class Group:
    """A target group's settings. `minimum_*`: unhealthy_state_routing; percentage 0 is "off"."""

    arn: str
    check: HealthCheck = field(default_factory=HealthCheck)
    deregistration_delay: float = 300
    slow_start: float = 0
    algorithm: str = "round_robin"
    minimum_count: int = 1
    minimum_percentage: int = 0


@dataclass(frozen=True)
class Target:
    """One registration (id and port). Instants are AWS seconds."""

    id: str
    port: int
    zone: str = ""
    address: str = ""  # where it is reached; "" = the id is the address
    security_groups: tuple[str, ...] = ()
    state: str = "initial"
    reason: str = "Elb.RegistrationInProgress"
    description: str = DESCRIPTIONS["Elb.RegistrationInProgress"]
    passes: int = 0
    failures: int = 0
    check_at: float = 0.0  # the next check is due; the first one when the registration has spread
    healthy_at: float = -math.inf  # since when its share grows (slow start); -inf: full share
    drained_from: str = ""  # its state when it was deregistered
    routed_until: float = math.inf  # the load balancer has heard of the deregistration
    gone_at: float = math.inf  # the deregistration delay has passed

    @property
    def key(self) -> tuple[str, int]:
        return self.id, self.port

    @property
    def host(self) -> str:
        return self.address or self.id


@dataclass(frozen=True)
class Result:
    """What a check found: a status code, or the reason code of its failure."""

    status: int | None = None
    reason: str = ""  # Target.Timeout or Target.FailedHealthChecks


def register(target: Target, used: bool, now: float, propagation: float) -> Target:
    """A fresh registration: checked, and then routed to, once the load balancer has heard of it."""
    fresh = Target(
        target.id, target.port, target.zone, target.address, target.security_groups, check_at=now + propagation
    )
    return fresh if used else _moved(fresh, "unused", "Target.NotInUse")


def deregister(target: Target, group: Group, now: float, propagation: float) -> Target:
    """Draining until the delay has passed, even when idle; requests still come until the change has spread.

    A target no load balancer uses has nothing to drain and leaves at once.
    """
    if target.state == "draining":
        return target
    delay = 0.0 if target.state == "unused" else group.deregistration_delay
    return replace(
        _moved(target, "draining", "Target.DeregistrationInProgress"),
        drained_from=target.state,
        routed_until=now + propagation,
        gone_at=now + delay,
    )


def step(target: Target, used: bool, now: float, propagation: float) -> Target | None:
    """What time and use make of a target; None: it has left. `used`: a listener or rule forwards to its group."""
    if target.state == "draining":
        return None if now >= target.gone_at else target
    if not used:
        return target if target.state == "unused" else _moved(target, "unused", "Target.NotInUse")
    if target.state == "unused":
        return register(target, True, now, propagation)
    if target.reason == "Elb.RegistrationInProgress" and now >= target.check_at:
        return _moved(target, "initial", "Elb.InitialHealthChecking")
    return target


def is_due(target: Target, now: float) -> bool:
    """A health check is to be sent now."""
    return target.state in ("initial", "healthy", "unhealthy") and now >= target.check_at


def sent(target: Target, group: Group, now: float) -> Target:
    """A check is on its way; the next one is due an interval later."""
    return replace(target, check_at=now + group.check.interval)


def checked(target: Target, group: Group, result: Result, now: float, others_serve: bool) -> Target:
    """The target after a check. `others_serve`: the group has another healthy target (else no slow start)."""
    if target.state not in ("initial", "healthy", "unhealthy"):
        return target
    reason, description = judge(group.check.matcher, result)
    if reason:
        failed = replace(target, passes=0, failures=target.failures + 1)
        if target.state == "unhealthy" or failed.failures >= group.check.unhealthy:
            return _moved(failed, "unhealthy", reason, description)
        return failed
    passed = replace(target, passes=target.passes + 1, failures=0)
    needed = 1 if target.state == "initial" else group.check.healthy
    if target.state == "healthy" or passed.passes < needed:
        return passed
    ramp = now if group.slow_start and others_serve else -math.inf
    return replace(_moved(passed, "healthy", ""), healthy_at=ramp)


def judge(matcher: str, result: Result) -> tuple[str, str]:
    """(reason code, description) of a failed check; ("", "") if it passed."""
    if result.status is None:
        return result.reason, DESCRIPTIONS[result.reason]
    if accepts(matcher, result.status):
        return "", ""
    return "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{result.status}]"


def accepts(matcher: str, status: int) -> bool:
    """`matcher` as in Matcher.HttpCode: "200", "200,202", "200-299"."""
    for part in matcher.split(","):
        first, _ignored, last = part.partition("-")
        if int(first) <= status <= int(last or first):
            return True
    return False


def candidates(targets: Sequence[Target], group: Group, now: float) -> list[Target]:
    """The targets that may get a request: the healthy ones; with fewer than the minimum, unhealthy ones too."""
    routed = [target for target in targets if now < target.routed_until]
    healthy = [target for target in routed if _known(target) == "healthy"]
    unhealthy = [target for target in routed if _known(target) == "unhealthy"]
    counted = sum(_known(target) in ("healthy", "unhealthy", "initial") for target in routed)
    needed = max(group.minimum_count, math.ceil(counted * group.minimum_percentage / 100))
    return healthy if len(healthy) >= needed else healthy + unhealthy


def pick(
    pool: Sequence[Target], group: Group, turn: int, draw: float, now: float, in_flight: Callable[[Target], int]
) -> Target:
    """One of `pool` (not empty). `turn` counts the group's requests; `draw` is from [0, 1)."""
    shares = [_share(target, group, now) for target in pool]
    if min(shares) < 1.0:
        left = draw * sum(shares)
        for target, share in zip(pool, shares, strict=True):
            left -= share
            if left < 0:
                return target
        return pool[-1]
    if group.algorithm == "weighted_random":
        return pool[int(draw * len(pool))]
    start = turn % len(pool)
    rotated = [*pool[start:], *pool[:start]]
    return min(rotated, key=in_flight) if group.algorithm == "least_outstanding_requests" else rotated[0]


def _share(target: Target, group: Group, now: float) -> float:
    """Slow start: the share grows linearly; a tenth to begin with, so that the first request comes soon."""
    if not group.slow_start:
        return 1.0
    return min(1.0, max(0.1, (now - target.healthy_at) / group.slow_start))


def _known(target: Target) -> str:
    """The state the load balancer still acts on while a deregistration spreads."""
    return target.drained_from if target.state == "draining" else target.state


def _moved(target: Target, state: str, reason: str, description: str = "") -> Target:
    return replace(
        target,
        state=state,
        reason=reason,
        description=description or DESCRIPTIONS.get(reason, ""),
        passes=0,
        failures=0,
    )
