# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of a plan: times, targets, steps. Frozen, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds. All of them are checked against one another before anything moves."""

    deadline: float = 1800.0  # the whole rollout, until we roll back
    rollback_deadline: float = 1800.0  # the rollback, until a person is asked
    min_ready: float = 30.0  # every new target healthy without a break
    bake: float = 60.0  # proven and fully live, old release still known
    poll: float = 2.0  # between two observations
    backoff: float = 1.0  # first pause after a call that was turned away; doubles up to 30
    settle: float = 5.0  # how long the cloud's answers may lag behind a change


@dataclass(frozen=True)
class Capacity:
    """What decides how many targets serve while a rolling deployment moves (percent of desired)."""

    desired: int
    minimum_percent: int = 100  # of desired in service; the platform rounds up
    maximum_percent: int = 200  # of desired running; the platform rounds down
    zones: int = 1  # distinct zones the targets are spread over
    required: int = 0  # targets that carry the load when the largest zone is lost; 0 = not stated


@dataclass(frozen=True)
class Chain:
    """The platform's own times, in seconds, as far as the plan's must fit them. 0 = not known."""

    start: float = 0.0  # from the start of a target until it is healthy, at worst (grace)
    health_interval: float = 0.0
    health_timeout: float = 0.0
    unhealthy_threshold: int = 0
    drain: float = 0.0  # deregistration delay
    stop: float = 0.0  # from SIGTERM to SIGKILL
    propagation: float = 0.0  # until the load balancer does what its rule says, at the latest
    hold: float = 0.0  # the cloud's own time at each hold, until it rolls back, or goes on: see `goes_on`
    hold_option: str = "timing.hold"  # what the platform's module calls it
    hold_unit: float = 1.0  # seconds that one of it means there
    goes_on: bool = False  # at the end of a hold the cloud goes on by itself; only a call or the heartbeat turns it
    after: float = 0.0  # once all is proven, until the old release may go


@dataclass(frozen=True)
class Step:
    """One step of the production traffic. A step of weight 0 stands for the hold before any user meets the release."""

    weight: int  # percent to the new release, 0 to 100
    bake: float = 0.0  # seconds, once the gate has passed there
    pause: bool = False  # then a person must promote it


@dataclass(frozen=True)
class Heartbeat:
    """How often the loop beats, and when the cloud believes that it is dead."""

    interval: float  # seconds between two beats
    window: float  # seconds of silence after which the alarm is in ALARM, at the latest
