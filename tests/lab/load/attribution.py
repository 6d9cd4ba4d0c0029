# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failed requests are attributed, never waved away. Pure; all instants and durations in real seconds.

Caused by our moves (rollout, rollback, drain): 0 allowed. Caused by a killed or crashed target: at most its
budget, computed before the run. Unattributed: 0 allowed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .results import Result

# How the loss of a target shows at the load balancer's client: the answer breaks off or the load balancer says
# that the target did (AWS: "Troubleshoot your Application Load Balancers", HTTP 502, 503 and 504).
LOSS = ("cut", "reset", "closed", "timeout", "status 502", "status 503", "status 504")


@dataclass(frozen=True)
class Detection:
    """How long a load balancer goes on sending to a dead target."""

    interval: float  # between health checks
    threshold: int  # failed checks until unhealthy
    timeout: float  # of one health check
    propagation: float = 0.0  # until every node of the load balancer knows

    @property
    def seconds(self) -> float:
        return self.interval * self.threshold + self.timeout + self.propagation


@dataclass(frozen=True)
class Traffic:
    """The load on one target: `share` of `rate` requests per second, some of them streams."""

    rate: float
    share: float  # 1 / targets, if they are equal
    latency: float  # seconds of one answer
    stream_share: float = 0.0
    stream_seconds: float = 0.0

    @property
    def in_flight(self) -> int:
        """Most requests in flight on the target: Little's law, plus three standard deviations of a Poisson count."""
        mean = self.rate * self.share * (self.latency + self.stream_share * self.stream_seconds)
        return math.ceil(mean + 3 * math.sqrt(mean))


def budget(traffic: Traffic, detection: Detection) -> int:
    """Most failures that the death of one target may cause: in flight + rate x share x detection time."""
    return traffic.in_flight + math.ceil(traffic.rate * traffic.share * detection.seconds)


@dataclass(frozen=True)
class Loss:
    """A target that was killed or crashed at `at`; `served_by` names it in answers, "" = unknown."""

    name: str
    at: float
    detected: float  # seconds until nothing is sent to it any more: Detection.seconds
    budget: int
    served_by: str = ""

    def explains(self, failure: Result) -> bool:
        """Whether `failure` was in flight when the target died, or was sent to it before that was noticed."""
        while_unnoticed = failure.scheduled <= self.at + self.detected and failure.ended >= self.at
        same = not (self.served_by and failure.served_by) or self.served_by == failure.served_by
        return while_unnoticed and same and failure.cause in LOSS


@dataclass(frozen=True)
class Move:
    """Something we did: a rollout, a rollback, a drain."""

    name: str
    since: float
    until: float

    def overlaps(self, failure: Result) -> bool:
        return failure.scheduled <= self.until and failure.ended >= self.since


@dataclass(frozen=True)
class Attribution:
    by_loss: dict[str, list[Result]] = field(default_factory=dict)
    by_move: dict[str, list[Result]] = field(default_factory=dict)
    unattributed: list[Result] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Nothing was caused by us, nothing is unexplained (losses are within their budgets by construction)."""
        return not any(self.by_move.values()) and not self.unattributed

    def lines(self, losses: Sequence[Loss] = ()) -> list[str]:
        """For people: a line per cause."""
        budgets = {loss.name: loss.budget for loss in losses}
        text = [f"{len(found)} by {name} (budget {budgets.get(name, 0)})" for name, found in self.by_loss.items()]
        text += [f"{len(found)} by our move {name} (allowed 0)" for name, found in self.by_move.items()]
        return [*text, f"{len(self.unattributed)} unattributed (allowed 0)"]


def attribute(results: Iterable[Result], losses: Sequence[Loss] = (), moves: Sequence[Move] = ()) -> Attribution:
    """Give each failed request one cause: a loss that explains it and has budget left, else a move, else none.

    A failure over a loss's budget is never forgiven: it falls to the move that was running, or to nobody.
    """
    found = Attribution({loss.name: [] for loss in losses}, {move.name: [] for move in moves}, [])
    for failure in sorted((result for result in results if result.cause), key=lambda result: result.scheduled):
        loss = next(
            (each for each in losses if each.explains(failure) and len(found.by_loss[each.name]) < each.budget), None
        )
        move = next((each for each in moves if each.overlaps(failure)), None)
        if loss is not None:
            found.by_loss[loss.name].append(failure)
        elif move is not None:
            found.by_move[move.name].append(failure)
        else:
            found.unattributed.append(failure)
    return found
