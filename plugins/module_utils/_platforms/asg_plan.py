# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strategies, compiled to what EC2 Auto Scaling and a weighted rule can do. Pure.

Rolling is an instance refresh whose checkpoints are the steps: percent of the instances. Blue/green and canary are two
groups behind one weighted rule, so any list of weights is possible.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from .._engine.finding import Finding
from .._engine.model import Chain, Step

Json = dict[str, Any]
Params = Mapping[str, Any]

ROLLING, CANARY, BLUE_GREEN = "rolling", "canary", "blue_green"
HOLD = "hold_seconds"
FIRST_CHECKPOINT, FIRST_WEIGHT = 25, 10  # percent, unless others are given
HOLD_SECONDS = (
    60,
    172800,
)  # botocore autoscaling, BakeTime and CheckpointDelay: up to 172800; Scheduler: to the minute


def rolling(params: Params) -> bool:
    return bool(params["strategy"] == ROLLING)


def route(params: Params) -> str:
    """Where probes go: what was asked for, else where no user is, as far as there is such a place."""
    return str(params.get("route") or ("production" if rolling(params) else "test_listener"))


def steps(params: Params) -> tuple[Step, ...]:
    """Ascending, to 100; with a rule's weights from 0, before any user meets the release. For valid parameters."""
    final = float(params["timing"]["bake"])
    listed = [
        Step(each["weight"], final if each.get("bake") is None else float(each["bake"]), bool(each.get("pause")))
        for each in _given(params)
    ]
    return tuple(listed if rolling(params) or listed[0].weight == 0 else [Step(0), *listed])


def _given(params: Params) -> list[Params]:
    if params.get("steps"):
        return list(params["steps"])
    if params["strategy"] == BLUE_GREEN:
        return [{"weight": 100}]
    if rolling(params):
        return [{"weight": FIRST_CHECKPOINT}, {"weight": 100}]
    return [{"weight": FIRST_WEIGHT, **(params.get("canary") or {})}, {"weight": 100}]


def weights(params: Params) -> list[int]:
    """Percent of the production traffic after each shift."""
    return [step.weight for step in steps(params) if step.weight > 0]


def checkpoints(percents: list[int], desired: int) -> list[int]:
    """CheckpointPercentages: of those that so many instances reach with the same number of new ones, the highest.

    AWS skips the lower of them ("Adding checkpoints to an instance refresh", Amazon EC2 Auto Scaling User Guide).
    """
    by_count = {needed(percent, desired): percent for percent in sorted(percents)}
    return sorted(by_count.values())


def needed(percent: int, desired: int) -> int:
    """New instances at a checkpoint: "equal to or higher than the percentage threshold, but not lower"."""
    return -(-percent * desired // 100)


def chain(params: Params, propagation: float) -> Chain:
    """The cloud's own times. `propagation`: seconds until the load balancer does what its rule says."""
    hold = float(params[HOLD])
    if rolling(params):
        return Chain(hold=hold, hold_option=HOLD, goes_on=True)
    timed = bool(params["restore"].get("role_arn"))
    after = hold + params["restore"]["late"] if timed else 0.0
    return Chain(hold=hold, hold_option=HOLD, propagation=propagation, after=after)


def findings(params: Params) -> Iterator[Finding]:
    """What is wrong with strategy, steps and timer."""
    strategy, given = params["strategy"], params.get("steps") or []
    if params.get("canary") and strategy != CANARY:
        yield Finding("canary", "given", f"is of strategy canary, and the strategy is {strategy}", "Leave it out.")
    if params.get("canary") and given:
        yield Finding("steps", "given", "and canary are two ways to say the same", "Leave one out.")
    listed = [each["weight"] for each in _given(params)]
    least = 1 if rolling(params) else 0
    if any(low >= high for low, high in pairwise(listed)) or listed[0] < least or listed[-1] != 100:
        problem = "must be ascending percentages that end with 100"
        yield Finding("steps", ", ".join(map(str, listed)), problem, "For example 10, 50, 100.")
    if strategy == BLUE_GREEN and [weight for weight in listed if weight] != [100]:
        problem = "is no blue_green, which shifts all traffic at once"
        yield Finding("steps", ", ".join(map(str, listed)), problem, "Choose canary, or leave them out.")
    if rolling(params) and route(params) == "test_listener":
        problem = "is no way to the new instances alone: a refresh replaces them behind one target group"
        yield Finding("route", "test_listener", problem, "Choose direct, or production.")
    low, high = HOLD_SECONDS
    if not low <= params[HOLD] <= high:
        yield Finding(HOLD, str(params[HOLD]), f"must be {low} to {high}", "Choose such a time.")
    yield from _unattended(params)


def _unattended(params: Params) -> Iterator[Finding]:
    """Who rolls back when nobody is there any more?"""
    if params["unattended"] == "accept_exposure":
        return
    mend = "Or accept that a release may then stay live unjudged: unattended: accept_exposure."
    if not rolling(params):
        if not params["restore"].get("role_arn"):
            problem = (
                "is needed: without a schedule that restores the weights a dead controller leaves them as they are"
            )
            yield Finding(
                "restore.role_arn", "nothing", problem, f"Name the role that EventBridge Scheduler takes. {mend}"
            )
        return
    if not params["heartbeat"]["enable"]:
        problem = "is needed: an instance refresh goes on by itself, and only this alarm rolls it back"
        yield Finding("heartbeat.enable", "false", problem, f"Set it to true. {mend}")
    elif not params["wait"]:
        problem = "means that nobody beats, and an instance refresh goes on by itself"
        yield Finding("wait", "false", problem, f"Wait, or choose canary. {mend}")
