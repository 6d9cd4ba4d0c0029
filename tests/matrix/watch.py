# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load on a service while something is done to it, and what came of each request."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from tests.lab.aws.running import RunningLab
from tests.lab.load.attribution import Detection, Loss, Move, Traffic, budget
from tests.lab.load.generator import BackgroundLoad, Load

from .users import Users

SCALE = 0.05  # real seconds per AWS second
STREAM_SHARE, STREAM_SECONDS = 0.02, 0.5
LATENCY = 0.05  # seconds that an answer takes, but for those of a slow release
AFTERWARDS = 1.5  # seconds: streams end, and nothing may be wrong any more
# Failed checks that make a target unhealthy. With two, a machine that is busy for a second with something else loses
# every target, those that take their place start on it, too, and nothing is ever healthy again.
UNHEALTHY = 10
# Health checks every 5 AWS seconds; the lab's floor of real seconds for one, and what its engines' ticks add.
DETECTION = Detection(interval=5 * SCALE, threshold=UNHEALTHY, timeout=0.5, propagation=0.5)
CALIBRATION, IN_TIME, LEAST = 2.0, 0.5, 25.0  # seconds of load, seconds that an answer may take, requests per second
TICK = 0.5  # seconds, at most, until one of the lab's engines notes that a process has ended


class Service(Protocol):
    """What has load on it: a stack of any platform."""

    lab: RunningLab
    name: str

    @property
    def url(self) -> str:
        """Where users ask."""


class Watch:
    """`with Watch(…) as watch: …`, then `watch.users(…)`; the log of all requests is in `folder`."""

    def __init__(self, name: str, url: str, rate: float, folder: Path) -> None:
        """`rate`: requests per second, if the machine bears so many."""
        self.name, self.asked, self.rate = name, rate, bearable(url, rate)
        load = Load(url, self.rate, 900.0, 200_000, STREAM_SHARE, stream_seconds=STREAM_SECONDS)
        self.traffic = BackgroundLoad(load, folder / "requests.jsonl")
        self.since = self.until = 0.0

    def __enter__(self) -> Watch:
        self.traffic.__enter__()
        self.since = time.time()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            time.sleep(AFTERWARDS)
        self.until = time.time()
        self.traffic.stop()

    def users(self, most: Callable[[float], int | None], losses: Sequence[Loss]) -> Users:
        """`most`: the wrong answers that may be, of the seconds from the first of them to the last."""
        everything = self.traffic.results()
        wrong = [each.ended for each in everything if each.wrong]
        detection = max(wrong) - min(wrong) + 1 / self.rate if wrong else 0.0  # one alone takes its turn
        return Users(
            asked=self.asked,
            rate=self.rate,
            held=len(everything) / (self.until - self.since),
            load=self.traffic.summary(),
            failed=[each for each in everything if each.cause],
            losses=losses,
            move=Move(self.name, self.since, self.until),
            detection=detection,
            wrong_most=most(detection),
        )


def bearable(url: str, rate: float) -> float:
    """The rate, or its half, its quarter …: what a service that nobody touches answers in time on this machine.

    More than that is a queue that grows: then all fails, whatever is rolled out.
    """
    while rate > LEAST:
        with BackgroundLoad(Load(url, rate, CALIBRATION, stream_share=0.0)) as load:
            time.sleep(CALIBRATION)
        seen = load.summary()
        if not seen.dropped and seen.latency["p99"] < IN_TIME:
            break
        rate /= 2
    return rate


def allowed(rate: float, share: float, latency: float = LATENCY) -> int:
    """Most requests that the death of targets with that share of the traffic may cost; `latency`: of their answers."""
    return budget(Traffic(rate, share, latency, STREAM_SHARE, STREAM_SECONDS), DETECTION)


def losses(
    stack: Service, died: Mapping[str, float], rate: float, share: float, latency: float = LATENCY
) -> list[Loss]:
    """A loss for each of what died, by name and instant (a TICK early), and for each time when no target was left."""
    seconds = DETECTION.seconds + TICK
    found = [Loss(f"crash of {name}", at, seconds, allowed(rate, share, latency)) for name, at in died.items()]
    for left, back in outages(targets_told(stack)):
        if any(left - seconds <= at + TICK <= back for at in died.values()):
            length = back - left + TICK
            found.append(Loss("no target left after a crash", left - TICK, length, math.ceil(rate * (length + TICK))))
    return found


def targets_told(stack: Service) -> list[dict[str, Any]]:
    """The lab's log of the service's target groups."""
    events = stack.lab.control("GET", "log?since=0")
    return [event for event in events if stack.name in event["fields"].get("group", "") and "target" in event["fields"]]


def outages(events: Sequence[Mapping[str, Any]]) -> list[tuple[float, float]]:
    """When the log of a service's target groups knows no healthy target, from the first that left on: (from, to)."""
    healthy: set[str] = set()
    found: list[tuple[float, float]] = []
    empty_since = 0.0
    for event in events:
        fields, at = event["fields"], datetime.fromisoformat(event["at"]).timestamp()
        if event["name"] == "target_state" and fields["state"] == "healthy":
            if empty_since:
                found.append((empty_since, at))
            empty_since = 0.0
            healthy.add(fields["target"])
        elif fields["target"] in healthy:
            healthy.discard(fields["target"])
            empty_since = 0.0 if healthy else at
    return found


def fallen(stack: Service, since: int) -> list[str]:
    """What the lab itself crashed over since that event of its log."""
    events = stack.lab.control("GET", f"log?since={since}")
    return [str(event["fields"])[-300:] for event in events if event["name"] in ("engine-crash", "api-crash")]


def last_event(stack: Service) -> int:
    return max((event["id"] for event in stack.lab.control("GET", "log?since=0")), default=0)
