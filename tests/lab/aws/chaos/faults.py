# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may go wrong with an API call, and how each service says it. Pure: no clock, no socket.

Codes of throttling: ECS API reference "Common errors" (ThrottlingException, 400); EC2 API reference "Error
codes" (RequestLimitExceeded, 503); S3 "Error responses" (SlowDown, 503); query services' "Common errors"
(Throttling, 400). Server errors likewise, from each service's own list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from tests.lab.aws.core import chance
from tests.lab.aws.wire import Call

THROTTLED: Mapping[str, tuple[int, str, str]] = {
    "ec2": (503, "RequestLimitExceeded", "Request limit exceeded."),
    "s3": (503, "SlowDown", "Please reduce your request rate."),
}
THROTTLED_BY_PROTOCOL: Mapping[str, tuple[int, str, str]] = {
    "json": (400, "ThrottlingException", "Rate exceeded"),
    "cbor": (400, "ThrottlingException", "Rate exceeded"),
    "rest-json": (429, "ThrottlingException", "Rate exceeded"),
    "rest-xml": (400, "Throttling", "Rate exceeded"),
    "query": (400, "Throttling", "Rate exceeded"),
}
FAILED: Mapping[str, tuple[int, str, str]] = {
    "cloudwatch": (500, "InternalServiceFault", "Request processing has failed due to some unknown error."),
    "ec2": (500, "InternalError", "An internal error has occurred."),
    "ecs": (500, "ServerException", "Service Unavailable. Please try again later."),
    "iam": (500, "ServiceFailure", "The request processing has failed because of an unknown error."),
    "logs": (500, "ServiceUnavailableException", "The service cannot complete the request."),
    "s3": (500, "InternalError", "We encountered an internal error. Please try again."),
    "secretsmanager": (500, "InternalServiceError", "An error occurred on the server side."),
}
FAILED_OTHERWISE = (500, "InternalFailure", "The request processing has failed because of an unknown error.")
CONSISTENT = {"s3"}  # strong read-after-write: S3 user guide, "Amazon S3 data consistency model"
CONFLICT = (409, "ConditionalRequestConflict", "The conditional request cannot succeed due to a conflicting operation.")
KINDS = ("latency", "throttle", "error", "conflict", "reset", "stale", "lost")


def throttled(call: Call) -> tuple[int, str, str]:
    """Status, code and text with which the call's service sheds load."""
    return THROTTLED.get(call.service) or THROTTLED_BY_PROTOCOL[call.protocol]


def failed(call: Call) -> tuple[int, str, str]:
    return FAILED.get(call.service, FAILED_OTHERWISE)


def conditional(call: Call, environ: Mapping[str, Any]) -> bool:
    """Whether the call can be refused with CONFLICT: a write to S3 on condition.

    Source: S3 API reference, PutObject, If-Match and If-None-Match ("If a conflicting operation occurs during the
    upload S3 returns a 409 ConditionalRequestConflict response"). One call at a time is served here, so that no two
    meet by themselves. The other answers, 412 PreconditionFailed and 404 NoSuchKey, are moto's own and right.
    """
    return call.service == "s3" and call.mutating and ("HTTP_IF_MATCH" in environ or "HTTP_IF_NONE_MATCH" in environ)


@dataclass(frozen=True)
class Fault:
    """One rule. The kinds' values are probabilities from 0 to 1.

    throttle, error, reset: before any effect; conflict, too, of conditional writes to S3 alone. lost: the effect is
    done, the connection then reset. stale: a read answers what it answered before, up to `stale_seconds` after the
    service's last change.
    """

    only: str = "."  # regular expression, searched in "service.Operation"
    throttle: float = 0.0
    error: float = 0.0
    conflict: float = 0.0
    reset: float = 0.0
    lost: float = 0.0
    stale: float = 0.0
    stale_seconds: float = 10.0  # AWS seconds
    latency: float = 0.0
    latency_seconds: float = 1.0  # real seconds, as the clients' timeouts are
    limit: int | None = None  # at most so many faults by this rule, all kinds together


@dataclass(frozen=True)
class Faults:
    """What `PUT /lab/chaos` sets. The first rule whose `only` matches a call decides about it."""

    rules: tuple[Fault, ...] = ()
    seed: int | None = None  # None: the lab's
    buckets: bool = False  # shed load by ECS's documented request rates


def parse(document: Any) -> Faults:
    """`{"rules": [{…Fault}], "seed": 1, "buckets": false}`; raises ValueError naming what is wrong."""
    if not isinstance(document, dict):
        raise ValueError('faults are an object: {"rules": [...]}')
    _known(document, Faults, "faults")
    rules = document.get("rules", [])
    if not isinstance(rules, list):
        raise ValueError("rules is a list")
    return Faults(tuple(_fault(rule) for rule in rules), document.get("seed"), bool(document.get("buckets", False)))


def _fault(rule: Any) -> Fault:
    if not isinstance(rule, dict):
        raise ValueError("a rule is an object")
    _known(rule, Fault, "a rule")
    fault = Fault(**rule)
    try:
        re.compile(fault.only)
    except re.error as error:
        raise ValueError(f"only: {error}") from error
    for kind in KINDS:
        value = getattr(fault, kind)
        if not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise ValueError(f"{kind} is a probability from 0 to 1, not {value!r}")
    for name in ("stale_seconds", "latency_seconds"):
        if getattr(fault, name) < 0:
            raise ValueError(f"{name} is below 0")
    return fault


def _known(document: Mapping[str, Any], kind: type, what: str) -> None:
    unknown = document.keys() - {entry.name for entry in fields(kind)}
    if unknown:
        raise ValueError(f"unknown in {what}: {', '.join(sorted(unknown))}")


@dataclass(frozen=True)
class Throw:
    """What one call may meet, by rule `index`."""

    index: int
    fault: Fault
    kinds: frozenset[str]


@dataclass
class Dice:
    """Which faults a call meets: a function of seed, operation and the how-manieth call of it, not of timing."""

    faults: Faults
    seed: int
    calls: dict[str, int] = field(default_factory=dict)
    spent: dict[int, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def throw(self, call: Call) -> Throw | None:
        """None: no rule is about this call, or the rule's limit is spent. `stale` falls for reads only."""
        for index, fault in enumerate(self.faults.rules):
            if re.search(fault.only, call.name):
                n = self.calls[call.name] = self.calls.get(call.name, 0) + 1
                if fault.limit is not None and self.spent.get(index, 0) >= fault.limit:
                    return None
                return Throw(index, fault, frozenset(kind for kind in KINDS if self._falls(kind, fault, call, n)))
        return None

    def met(self, throw: Throw, kind: str) -> None:
        """Count a fault that a client really met."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.spent[throw.index] = self.spent.get(throw.index, 0) + 1

    def _falls(self, kind: str, fault: Fault, call: Call, n: int) -> bool:
        if kind == "stale" and (call.mutating or call.service in CONSISTENT):
            return False
        seed = self.seed if self.faults.seed is None else self.faults.seed
        return chance(seed, "fault", kind, call.name, n) < float(getattr(fault, kind))
