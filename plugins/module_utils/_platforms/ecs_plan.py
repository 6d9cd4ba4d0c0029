# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strategies, compiled to what ECS can do: steps for the engine, deploymentConfiguration for the service. Pure.

ECS has exactly these ways to shift traffic (botocore ecs/2014-11-13, DeploymentStrategy, CanaryConfiguration,
LinearConfiguration): one canary step and then all (0.1 to 100 %), equal steps of at least 3 %, or all at once.
Its own bake times stay 0: all waiting happens inside PAUSE hooks, which roll back when nobody answers in time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from .._engine.finding import Finding
from .._engine.model import Step

Json = dict[str, Any]
Params = Mapping[str, Any]

ROLLING = "rolling"
NATIVE = {"canary": "CANARY", "linear": "LINEAR", "blue_green": "BLUE_GREEN"}
STRATEGIES = (*NATIVE, ROLLING)
CANARY, LINEAR = 10, 25  # percent, unless others are given
SMALLEST_STEP = 3  # percent; botocore, LinearConfiguration.stepPercent: "from 3.0 to 100.0"
LAST_HOLD = "POST_PRODUCTION_TRAFFIC_SHIFT"
# Before every shift of production traffic, and after the last one while the old revision still runs. Both may pause:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-lifecycle-hooks.html
HOLDS = ("PRE_PRODUCTION_TRAFFIC_SHIFT", LAST_HOLD)
HOLD_MINUTES = (1, 20160)  # botocore, DeploymentLifecycleHookTimeoutConfiguration.timeoutInMinutes
DAY = 86400.0


def native(params: Params) -> bool:
    """Whether ECS shifts traffic between two target groups, and holds for us."""
    return params.get("strategy") in NATIVE


def route(params: Params) -> str:
    """Where probes go: what was asked for, else where no user is."""
    return str(params.get("route") or ("test_listener" if native(params) else "production"))


# ---- steps for the engine ------------------------------------------------------------------------


def steps(params: Params) -> tuple[Step, ...]:
    """Ascending, from 0 (before any user meets the release) to 100; none with `rolling`. For valid parameters."""
    if not native(params):
        return ()
    final = float(params["timing"]["bake"])
    given = params.get("steps") or []
    if given:
        listed = [Step(each["weight"], _bake(each, final), bool(each.get("pause"))) for each in given]
        return tuple(listed if listed[0].weight == 0 else [Step(0), *listed])
    own = params.get(params["strategy"]) or {}
    before = [Step(weight, _bake(own, final), bool(own.get("pause"))) for weight in _weights(params)[:-1]]
    return (Step(0), *before, Step(100, final))


def _bake(given: Params, final: float) -> float:
    return final if given.get("bake") is None else float(given["bake"])


def _weights(params: Params) -> list[int]:
    """Percent of production traffic after each shift."""
    given = params.get("steps") or []
    if given:
        return [each["weight"] for each in given if each["weight"] > 0]
    if params["strategy"] == "canary":
        return [_of(params, "canary", "weight", CANARY), 100]
    if params["strategy"] == "linear":
        return equal(_of(params, "linear", "step", LINEAR))
    return [100]


def _of(params: Params, group: str, name: str, default: int) -> int:
    value = (params.get(group) or {}).get(name)
    return default if value is None else int(value)


def equal(step: int) -> list[int]:
    """Percent after each of ECS's equal steps; the last one may be shorter."""
    return [min(100, step * number) for number in range(1, -(-100 // step) + 1)]


# ---- deploymentConfiguration ---------------------------------------------------------------------


def configuration(params: Params, alarm: str) -> Json:
    """deploymentConfiguration as wanted. `alarm`: name of the heartbeat alarm; "" = none is watched."""
    deployment = params["deployment"]
    wanted: Json = {
        "strategy": NATIVE.get(params["strategy"], "ROLLING"),
        "minimumHealthyPercent": deployment["minimum_healthy_percent"],
        "maximumPercent": deployment["maximum_percent"],
        "deploymentCircuitBreaker": _breaker(params),
    }
    if alarm:
        wanted["alarms"] = {"alarmNames": [alarm], "enable": True, "rollback": True}
    if not native(params):
        return wanted
    timeout = {"timeoutInMinutes": params["hold_timeout"], "action": "ROLLBACK"}
    hook = {"targetType": "PAUSE", "lifecycleStages": list(HOLDS), "timeoutConfiguration": timeout}
    weights = _weights(params)
    if params["strategy"] == "canary":
        wanted["canaryConfiguration"] = {"canaryPercent": float(weights[0]), "canaryBakeTimeInMinutes": 0}
    if params["strategy"] == "linear":
        wanted["linearConfiguration"] = {"stepPercent": float(weights[0]), "stepBakeTimeInMinutes": 0}
    return {**wanted, "bakeTimeInMinutes": 0, "lifecycleHooks": [hook]}


def _breaker(params: Params) -> Json:
    """ECS's circuit breaker "can only be used for services using the rolling update" (botocore, its text)."""
    given = params["deployment"]["circuit_breaker"]
    return {
        "enable": given["enable"] and not native(params),
        "rollback": given["rollback"] and not native(params),
        "resetOnHealthyTask": given["reset_on_healthy_task"],
        "thresholdConfiguration": {"type": given["threshold_type"], "value": given["threshold_value"]},
    }


def shifts(configured: Params) -> list[int]:
    """Percent of production traffic after each shift of a deployment, by its own deploymentConfiguration."""
    if configured.get("strategy") == "CANARY":
        weight = (configured.get("canaryConfiguration") or {}).get("canaryPercent", 5.0)
        return [round(weight), 100] if weight < 100 else [100]
    if configured.get("strategy") == "LINEAR":
        return equal(max(1, round((configured.get("linearConfiguration") or {}).get("stepPercent", 10.0))))
    return [100]


# ---- what can't be done --------------------------------------------------------------------------


def findings(params: Params) -> Iterator[Finding]:
    """What ECS cannot do of the plan, naming the nearest that it can."""
    strategy, given = params["strategy"], params.get("steps") or []
    for other in ("canary", "linear"):
        if params.get(other) and other != strategy:
            yield Finding(other, "given", f"is of strategy {other}, and the strategy is {strategy}", "Leave it out.")
    if not native(params):
        if given:
            problem = "is for canary, linear and blue_green: a rolling deployment shifts with its tasks"
            yield Finding("steps", f"{len(given)} steps", problem, "Leave it out, or choose another strategy.")
        return
    if given and params.get(strategy):
        yield Finding("steps", "given", f"says what {strategy} says, too", "Give one of the two.")
    for number, each in enumerate(given):
        yield from _outside(f"steps[{number}].bake", each.get("bake"), 0, 7 * DAY, "s")
    own = params.get(strategy) or {}
    yield from _outside(f"{strategy}.bake", own.get("bake"), 0, 7 * DAY, "s")
    yield from _outside("canary.weight", (params.get("canary") or {}).get("weight"), 1, 99, "%")
    yield from _outside("linear.step", (params.get("linear") or {}).get("step"), SMALLEST_STEP, 50, "%")
    yield from _outside("hold_timeout", params["hold_timeout"], *HOLD_MINUTES, "minutes")
    if given:
        yield from _compiled(strategy, [each["weight"] for each in given])
    if not params["load_balancer"].get("role_arn"):
        problem = f"is needed for strategy {strategy}: with it ECS moves weights and targets"
        yield Finding("load_balancer.role_arn", "nothing", problem, "Name the infrastructure role.")
    if not params["load_balancer"].get("test_listener_arn"):
        problem = f"is needed for strategy {strategy}: there a release is judged before any user meets it"
        yield Finding("load_balancer.test_listener_arn", "nothing", problem, "Name a second listener.")


def _outside(field: str, value: float | None, low: float, high: float, unit: str) -> Iterator[Finding]:
    if value is not None and not low <= value <= high:
        allowed = f"{low:g} to {high:g} {unit}"
        yield Finding(field, f"{value:g}", f"must be {allowed}", f"Choose {allowed}.")


def _compiled(strategy: str, weights: list[int]) -> Iterator[Finding]:
    shown = ", ".join(map(str, weights))
    ascending = all(low < high for low, high in pairwise(weights))
    if not ascending or weights[0] < 0 or weights[-1] != 100:
        problem = "must be ascending percentages of the traffic that end with 100"
        yield Finding("steps", shown, problem, "For example 10, 100.")
        return
    shifted = [weight for weight in weights if weight > 0]
    if not fits(strategy, shifted):
        able = {"canary": "one step and then all", "linear": "equal steps of at least 3 %", "blue_green": "all at once"}
        problem = f"is no {strategy} of ECS, which does {able[strategy]}"
        yield Finding("steps", shown, problem, f"The nearest that it can: {nearest(shifted)}.")


def fits(strategy: str, weights: list[int]) -> bool:
    if strategy == "canary":
        return len(weights) == 2
    if strategy == "linear":
        return len(weights) > 1 and weights[0] >= SMALLEST_STEP and weights == equal(weights[0])
    return weights == [100]


def nearest(weights: list[int]) -> str:
    """The plans of ECS next to a list of weights, in words."""
    if len(weights) == 1:
        return f"blue_green with 100; canary with {CANARY}, 100"
    step = max(SMALLEST_STEP, -(-100 // len(weights)))  # as many steps
    steps_of = ", ".join(map(str, equal(step)))
    canary = f"canary with {min(max(1, weights[0]), 99)}, 100"
    return f"{canary}; linear with {steps_of}; blue_green with 100"
