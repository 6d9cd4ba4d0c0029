# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the load generator records about each request, and what it adds up to. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Result:
    """One request. Instants are Unix seconds; `latency` counts from the scheduled, not the actual, send time."""

    number: int
    kind: str  # infer | stream
    scheduled: float
    ended: float
    cause: str = ""  # "" answered completely | see client.CAUSES | status <code>
    wrong: bool = False  # 200 and complete, but not the right digit
    status: int = 0
    release: str = ""  # who answered: header x-greenlight-release
    served_by: str = ""
    reused: bool = False  # on a connection that had served before

    @property
    def latency(self) -> float:
        return self.ended - self.scheduled

    def line(self) -> str:
        """As one line of the JSON log."""
        return json.dumps(asdict(self) | {"latency": round(self.latency, 6)})


@dataclass(frozen=True)
class Summary:
    """Counts over some results; `latency` in seconds: {p50, p99, max} of the inferences that were answered."""

    requests: int = 0
    streams: int = 0
    dropped: int = 0
    cut_streams: int = 0
    wrong_answers: int = 0
    causes: Mapping[str, int] = field(default_factory=dict)
    releases: Mapping[str, int] = field(default_factory=dict)  # answers by release; "" = no header
    latency: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def summarise(results: Iterable[Result]) -> Summary:
    """Add up. A request counts as dropped when no complete 200 came back; a wrong answer isn't dropped."""
    every = list(results)
    failed = [result for result in every if result.cause]
    answered = sorted(result.latency for result in every if not result.cause and result.kind == "infer")
    return Summary(
        requests=len(every),
        streams=sum(result.kind == "stream" for result in every),
        dropped=len(failed),
        cut_streams=sum(result.kind == "stream" for result in failed),
        wrong_answers=sum(result.wrong for result in every),
        causes=dict(Counter(result.cause for result in failed)),
        releases=dict(Counter(result.release for result in every if not result.cause)),
        latency={name: round(quantile(answered, share), 6) for name, share in _QUANTILES} if answered else {},
    )


_QUANTILES = (("p50", 0.5), ("p99", 0.99), ("max", 1.0))


def quantile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank quantile of sorted values (not empty)."""
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]


def between(results: Iterable[Result], since: float, until: float) -> list[Result]:
    """Those whose scheduled instant lies in [since, until)."""
    return [result for result in results if since <= result.scheduled < until]
