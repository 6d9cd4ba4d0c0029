# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many targets serve while a rolling deployment moves, and whether the plan's times fit together.

Sources: rounding of the percentages and their bounds over RUNNING and PENDING tasks: Amazon ECS
API reference, DeploymentConfiguration (minimumHealthyPercent "rounding up to the nearest integer",
maximumPercent "rounding down"). Zone loss: static stability, AWS Fault Isolation Boundaries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from . import stages
from .evolve import evolve
from .finding import Finding
from .model import Capacity, Plan
from .stages import too_small


def lower(desired: int, minimum_percent: int) -> int:
    """Fewest targets in service: the platform rounds up."""
    return -(-desired * minimum_percent // 100)


def upper(desired: int, maximum_percent: int) -> int:
    """Most targets running: the platform rounds down."""
    return desired * maximum_percent // 100


def slack(capacity: Capacity) -> int:
    """Targets that may be replaced at a time; below 1 nothing can ever move."""
    return upper(capacity.desired, capacity.maximum_percent) - lower(capacity.desired, capacity.minimum_percent)


def after_zone_loss(in_service: int, zones: int) -> int:
    """Targets left when the fullest zone is lost, evenly spread: the fullest holds the rounded-up share."""
    return in_service - math.ceil(in_service / zones) if zones > 0 else 0


def desired_for(required: int, zones: int, minimum_percent: int = 100) -> int:
    """Smallest desired count that leaves `required` targets while a rollout moves and a zone is lost; 0 = none."""
    if zones < 2 or minimum_percent < 1:
        return 0
    desired = required
    while after_zone_loss(lower(desired, minimum_percent), zones) < required:
        desired += 1
    return desired


@dataclass(frozen=True)
class Outlook:
    """What a rolling plan means, in targets and seconds."""

    least: int  # in service at any time
    most: int  # running at any time
    batches: int
    left: int  # in service when the fullest zone is lost in the middle of it
    shortest: float  # seconds, with targets that start at once
    longest: float  # seconds, way back included


def in_force(plan: Plan, capacity: Capacity) -> Capacity:
    """The capacity that the strategy keeps: at a hold both releases run in full strength, whatever rolling may."""
    beside = plan.steps and not plan.checkpoints
    return evolve(capacity, minimum_percent=100, maximum_percent=200) if beside else capacity


def outlook(plan: Plan, capacity: Capacity) -> Outlook:
    """`capacity` as in_force() gives it."""
    holding = stages.total(plan) if plan.steps else max(plan.timing.min_ready, _gate_time(plan)) + plan.timing.bake
    least = lower(capacity.desired, capacity.minimum_percent)
    most = upper(capacity.desired, capacity.maximum_percent)
    return Outlook(
        least=least,
        most=most,
        batches=_batches(capacity),
        left=after_zone_loss(least, capacity.zones),
        shortest=holding,
        longest=plan.timing.deadline + plan.timing.rollback_deadline,
    )


def findings(plan: Plan, capacity: Capacity) -> list[Finding]:
    """Every combination that can't work, with the field, what was given and the smallest value that would do."""
    capacity = in_force(plan, capacity)
    return [*_capacity_findings(capacity), *stages.findings(plan), *_timing_findings(plan, capacity)]


def _batches(capacity: Capacity) -> int:
    return math.ceil(capacity.desired / max(1, slack(capacity)))


def _gate_time(plan: Plan) -> float:
    """Seconds until the gate can pass at the earliest."""
    return plan.gate.initial_delay + plan.gate.interval * (plan.gate.run - 1) if plan.probes else 0.0


def _capacity_findings(capacity: Capacity) -> list[Finding]:
    desired, minimum, zones = capacity.desired, capacity.minimum_percent, capacity.zones
    if desired < 1:
        return [too_small("desired_count", desired, 1, "no target would serve")]
    found = []
    if lower(desired, minimum) < 1:
        found.append(
            too_small(
                "deployment.minimum_healthy_percent", minimum, 1, f"none of {desired} would have to stay in service"
            )
        )
    if slack(capacity) < 1:
        enough = math.ceil((lower(desired, minimum) + 1) * 100 / desired)
        found.append(
            too_small(
                "deployment.maximum_percent",
                capacity.maximum_percent,
                enough,
                f"with {desired} targets and a minimum of {minimum} % nothing could ever move",
            )
        )
    if capacity.required and after_zone_loss(lower(desired, minimum), zones) < capacity.required:
        found.append(_headroom(capacity))
    return found


def _headroom(capacity: Capacity) -> Finding:
    what = f"{capacity.required} targets must be left when a zone is lost during a rollout"
    enough = desired_for(capacity.required, capacity.zones, capacity.minimum_percent)
    if not enough:
        return too_small("network.subnets", f"{capacity.zones} zone", 2, f"{what}, which takes a second zone")
    return too_small("desired_count", capacity.desired, enough, f"{what}, of {capacity.zones}")


def _timing_findings(plan: Plan, capacity: Capacity) -> list[Finding]:
    timing, chain, gate = plan.timing, plan.chain, _gate_time(plan)
    notice = chain.health_interval * chain.unhealthy_threshold + chain.health_timeout
    moves = _batches(capacity) * (chain.start + chain.drain)
    forward = moves + (stages.total(plan) if plan.steps else max(timing.min_ready, gate) + timing.bake)
    needs = (
        ("gate.deadline", plan.gate.deadline, gate, "the gate could never pass in time"),
        ("timing.min_ready", timing.min_ready, 2 * timing.poll, "it takes two snapshots to see a target stay healthy"),
        ("timing.min_ready", timing.min_ready, notice, "a dead target would still be called healthy"),
        ("timing.deadline", timing.deadline, forward, "targets, gate and bake take longer than that"),
        ("timing.rollback_deadline", timing.rollback_deadline, moves + gate, "the way back takes longer than that"),
    )
    return [too_small(name, given, enough, why) for name, given, enough, why in needs if given < enough]
