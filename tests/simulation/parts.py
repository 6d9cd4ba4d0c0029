# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the simulated cloud is made of: targets, deployments, and what a read shows of them."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Deployment, Movement, Target

THRESHOLD = 3
START, CHECKS, GIVE_UP = 2.0, 2.0, 8.0  # seconds: to run, to be healthy, to be called failed
NEVER = float("inf")
HEALED = 60.0  # seconds until what the world took is replaced, healthy and noticed
FOREIGN = "console"  # the release that somebody else deploys
OPEN = (Movement.MOVING, Movement.TURNING_BACK)


@dataclass(frozen=True)
class Behaviour:
    """What the targets of a release do."""

    healthy: bool = True
    checks: float = CHECKS  # seconds until it is healthy
    crash_after: float = 0.0  # seconds after it got healthy; 0 = never
    right: bool = True
    marked: bool = True
    wrong_after: float = 0.0  # seconds after it got healthy; 0 = never
    wrong_from: int = 101  # percent of the public's traffic from which it answers wrongly


RELEASES = {
    "good": Behaviour(),
    "unmarked": Behaviour(marked=False),
    "never_healthy": Behaviour(healthy=False),
    "wrong": Behaviour(right=False),
    "wrong_unmarked": Behaviour(right=False, marked=False),
    "crashing": Behaviour(crash_after=5.0),
    "souring": Behaviour(wrong_from=10),  # right at the test listener, wrong once users are there
    "turning": Behaviour(wrong_after=24.0),  # right for a while: some gates are over by then
}


class Task:
    """What runs behind one address."""

    __slots__ = ("due", "id", "release", "shown", "since", "state", "zone")

    def __init__(self, number: int, release: str, zone: str, now: float) -> None:
        self.id, self.release, self.zone, self.since = f"10.0.0.{number}:80", release, zone, now
        self.become("unregistered", now + START)

    def become(self, state: str, due: float) -> None:
        """`due`: when something happens to it next."""
        self.state, self.due = state, due
        self.shown = Target(self.id, self.release, state, zone=self.zone)


@dataclass
class Rollout:
    """The cloud's own deployment."""

    id: str
    release: str
    back_to: str
    strategy: str = "rolling"
    weights: tuple[int, ...] = ()
    status: Movement = Movement.MOVING
    failures: int = 0
    by: str = "greenlight"
    watched: bool = False  # the heartbeat alarm
    stage: str = "SCALE_UP"
    begun: float = 0.0
    over: float = NEVER
    step: int = 0  # index of the weight that comes next
    hold: str = ""
    expires: float = NEVER
    due: float = NEVER  # end of a traffic shift
    shown: Shown | None = None  # what the API shows, once it is over

    @property
    def native(self) -> bool:
        return self.strategy != "rolling" and bool(self.back_to)


@dataclass(frozen=True)
class Service:
    """What the API knows of the service; what BEGIN and ROLL_BACK write."""

    release: str
    serving: str = ""
    configured: bool = True


@dataclass(frozen=True)
class Shown:
    """A rollout as the API shows it."""

    deployment: Deployment
    hold: str
    stage: str
    expires: float
    next_weight: int
    last: bool
    watched: bool


@dataclass(frozen=True)
class Snapshot:
    """What a read shows, maybe of some seconds ago."""

    at: float
    service: Service | None
    rule: str  # "", closed or open
    definitions: frozenset[str]
    rollouts: tuple[Shown, ...]
    targets: tuple[Target, ...]
    share: int  # percent to the release of the newest rollout, as the rule says
    desired: int


def show(rollout: Rollout) -> Shown:
    """What is over never changes any more."""
    if rollout.shown is None:
        shown = _read(rollout)
        rollout.shown = None if rollout.status in OPEN else shown
        return shown
    return rollout.shown


def _read(rollout: Rollout) -> Shown:
    reason = "tasks failed to start" if rollout.failures else ""
    threshold = 0 if rollout.native else THRESHOLD
    shown = Deployment(rollout.id, rollout.release, rollout.status, reason, rollout.failures, threshold, rollout.by)
    last = rollout.step >= len(rollout.weights)
    weight = 100 if last else rollout.weights[rollout.step]
    return Shown(shown, rollout.hold, rollout.stage, rollout.expires, weight, last, rollout.watched)
