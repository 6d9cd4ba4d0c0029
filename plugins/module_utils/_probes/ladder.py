# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A round: each probe once, in order, up to the first that gets no answer at all. Standard library only, Python 3.9."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Callable, Optional, Sequence, Tuple

from .._engine.verdict import FAIL, INCONCLUSIVE, PASS, Sample
from . import transport
from .address import Base
from .golden import Status, compare
from .spec import ProbeSpec
from .text import printable
from .transport import Answer, Reach, Request
from .wire import NoAnswerError

MARK_HEADER = "x-greenlight-release"
# Statuses below 500 by which a server says that it can't say: RFC 9110 15.5.9, RFC 8470 5.2, RFC 6585 4.
BUSY = (408, 425, 429)

Send = Callable[[Base, Request, Reach, Callable[[], float]], Answer]


@dataclass(frozen=True)
class Route:
    """Where a round goes, and how the one who answers is known."""

    base: Base
    name: str = "production"  # Sample.route
    target: str = ""  # Sample.target
    headers: Tuple[Tuple[str, str], ...] = ()  # sent with every probe; a probe's own of the same name win
    secrets: Tuple[str, ...] = ()  # values among them that no output may show
    mark: str = MARK_HEADER  # header in which an answer names its release
    reach: Reach = field(default_factory=Reach)


def run_round(
    specs: Sequence[ProbeSpec],
    route: Route,
    deadline: Optional[float] = None,
    clock: Callable[[], float] = time.monotonic,
    send: Send = transport.send,
) -> Tuple[Sample, ...]:
    """One sample per probe that was sent; `deadline` (on the clock) cuts the round, and the probe under way, short.

    A wrong answer FAILs. No answer, an incomplete or a late one, a 5xx or `BUSY` status that isn't the expected
    one says nothing about the release: INCONCLUSIVE, with its cause. A right answer over its latency budget is what
    the probe says. When nothing answers at all, the rest of the round would hear the same: it ends there.
    """
    samples = []
    for spec in specs:
        timeout = spec.request.timeout if deadline is None else min(spec.request.timeout, deadline - clock())
        if timeout <= 0:
            break
        sample = _probe(spec, route, timeout, clock, send)
        samples.append(sample)
        if sample.status == 0:
            break
    return tuple(samples)


def of_release(sample: Sample, release: str) -> Sample:
    """The sample as evidence about one release: what another one answered, right or wrong, says nothing of it."""
    if sample.status == 0 or sample.release == release:
        return sample
    who = f"release {sample.release}" if sample.release else "a release that doesn't name itself"
    return replace(sample, outcome=INCONCLUSIVE, reason=printable(f"answered by {who}, expected {release}"))


def _probe(spec: ProbeSpec, route: Route, timeout: float, clock: Callable[[], float], send: Send) -> Sample:
    hide = (*spec.secrets, *route.secrets)
    own = {name.lower() for name, _value in spec.request.headers}
    shared = tuple(header for header in route.headers if header[0].lower() not in own)
    request = replace(spec.request, headers=(*shared, *spec.request.headers), timeout=timeout)
    began = clock()
    try:
        answer = send(route.base, request, route.reach, clock)
    except NoAnswerError as error:
        reason = printable(f"{spec.name}: {error}", hide=hide)
        now = clock()
        return Sample(now, route.name, INCONCLUSIVE, reason, target=route.target, seconds=now - began)
    outcome, reason = _outcome(spec, answer, hide)
    return Sample(
        at=clock(),
        route=route.name,
        outcome=outcome,
        reason=printable(f"{spec.name}: {reason}", hide=hide) if reason else "",
        release=printable(answer.header(route.mark), 64, hide),
        target=route.target,
        status=answer.status,
        seconds=answer.seconds,
    )


def _outcome(spec: ProbeSpec, answer: Answer, hide: Sequence[str]) -> Tuple[str, str]:
    difference = compare(spec.checks, answer, hide)
    if difference:
        wanted = any(isinstance(check, Status) and answer.status in check.wanted for check in spec.checks)
        busy = not wanted and (answer.status >= 500 or answer.status in BUSY)
        return (INCONCLUSIVE if busy else FAIL), difference
    if spec.latency_budget is not None and answer.seconds > spec.latency_budget:
        late = f"right, but after {answer.seconds:.3f} s (budget {spec.latency_budget:g} s)"
        return (FAIL if spec.over_budget == "fail" else INCONCLUSIVE), late
    return PASS, ""
