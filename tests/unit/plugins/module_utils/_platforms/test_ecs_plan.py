# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strategies compiled to what ECS can do; what it can't is refused, naming the nearest that it can."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Step
from ansible_collections.greenlight.serving.plugins.module_utils._platforms import ecs_plan

from .ecs_params import params


def steps(**changes: Any) -> list[tuple[int, float, bool]]:
    given_params = params(**{"timing.bake": 60, **changes})
    assert list(ecs_plan.findings(given_params)) == []
    return [(step.weight, step.bake, step.pause) for step in ecs_plan.steps(given_params)]


def problems(**changes: Any) -> str:
    return "; ".join(map(str, ecs_plan.findings(params(**changes))))


def test_each_strategy_has_its_steps() -> None:
    assert steps(strategy="rolling") == []
    assert steps(strategy="blue_green") == [(0, 0, False), (100, 60, False)]
    assert steps(strategy="canary") == [(0, 0, False), (10, 60, False), (100, 60, False)]
    assert steps(strategy="canary", canary={"weight": 5, "bake": 0, "pause": True})[1] == (5, 0, True)
    assert [weight for weight, *_rest in steps(strategy="linear", linear={"step": 30})] == [0, 30, 60, 90, 100]


def test_steps_that_ecs_can_do_are_compiled() -> None:
    assert steps(strategy="canary", steps=[{"weight": 20, "bake": 5}, {"weight": 100}]) == [
        (0, 0, False),
        (20, 5, False),
        (100, 60, False),
    ]
    held = steps(strategy="blue_green", steps=[{"weight": 0, "pause": True}, {"weight": 100, "bake": 1}])
    assert held == [(0, 60, True), (100, 1, False)]
    listed = [{"weight": weight} for weight in (40, 80, 100)]
    found = ecs_plan.configuration(params(strategy="linear", steps=listed), "")
    assert found["linearConfiguration"] == {"stepPercent": 40.0, "stepBakeTimeInMinutes": 0}


@pytest.mark.parametrize(
    ("strategy", "weights", "part"),
    [
        ("canary", [5, 25, 100], "canary with 5, 100; linear with 34, 68, 100"),
        ("linear", [2, 4, 100], "linear with"),
        ("linear", [10, 50, 100], "nearest"),
        ("blue_green", [10, 100], "canary with 10, 100"),
        ("canary", [100], "blue_green with 100"),
        ("canary", [50, 20, 100], "ascending"),
        ("canary", [10, 90], "end with 100"),
        ("canary", [-5, 100], "ascending"),
        ("rolling", [10, 100], "shifts with its tasks"),
    ],
)
def test_what_ecs_cannot_do_is_refused_with_the_nearest_it_can(strategy: str, weights: list[int], part: str) -> None:
    assert part in problems(strategy=strategy, steps=[{"weight": weight} for weight in weights])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"strategy": "canary", "canary": {"weight": 100}}, "canary.weight"),
        ({"strategy": "linear", "linear": {"step": 2}}, "linear.step"),
        ({"strategy": "canary", "linear": {"step": 20}}, "linear"),
        ({"strategy": "canary", "canary": {"weight": 5}, "steps": [{"weight": 5}, {"weight": 100}]}, "steps"),
        ({"strategy": "canary", "canary": {"bake": -1}}, "canary.bake"),
        ({"strategy": "canary", "hold_timeout": 0}, "hold_timeout"),
        ({"strategy": "canary", "load_balancer.role_arn": None}, "load_balancer.role_arn"),
        ({"strategy": "blue_green", "load_balancer.test_listener_arn": None}, "load_balancer.test_listener_arn"),
    ],
)
def test_everything_else_that_cannot_be_names_its_field(changes: dict[str, Any], field: str) -> None:
    assert [finding.field for finding in ecs_plan.findings(params(**changes))] == [field]


@given(st.lists(st.integers(1, 99), unique=True, max_size=8).map(sorted))
def test_the_nearest_plans_are_ones_that_ecs_can_do(weights: list[int]) -> None:
    for plan in ecs_plan.nearest([*weights, 100]).split("; "):
        strategy, _with, listed = plan.partition(" with ")
        assert ecs_plan.fits(strategy, [int(weight) for weight in listed.split(", ")])


@pytest.mark.parametrize("strategy", ecs_plan.STRATEGIES)
def test_all_waiting_happens_in_pauses_that_roll_back(strategy: str) -> None:
    found = ecs_plan.configuration(params(strategy=strategy, hold_timeout=45), "beat")
    shape = botocore.session.get_session().get_service_model("ecs").shape_for("DeploymentConfiguration")
    assert not ParamValidator().validate(found, shape).has_errors()
    assert found["alarms"] == {"alarmNames": ["beat"], "enable": True, "rollback": True}
    assert found["deploymentCircuitBreaker"]["enable"] is (strategy == "rolling")
    if strategy == "rolling":
        assert "lifecycleHooks" not in found
        return
    (hook,) = found["lifecycleHooks"]
    assert hook["targetType"] == "PAUSE"
    assert hook["lifecycleStages"] == ["PRE_PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT"]
    assert hook["timeoutConfiguration"] == {"timeoutInMinutes": 45, "action": "ROLLBACK"}
    bakes = [value for key, value in found.items() if key == "bakeTimeInMinutes"]
    own = found.get("canaryConfiguration") or found.get("linearConfiguration") or {}
    bakes += [value for key, value in own.items() if key.endswith("BakeTimeInMinutes")]
    assert set(bakes) == {0}


@pytest.mark.parametrize("strategy", ["canary", "linear", "blue_green"])
def test_what_is_configured_is_read_back_as_the_same_steps(strategy: str) -> None:
    wanted = params(strategy=strategy)
    shifted = ecs_plan.shifts(ecs_plan.configuration(wanted, ""))
    assert [Step(0).weight, *shifted] == [step.weight for step in ecs_plan.steps(wanted)]


def test_probes_go_where_no_user_is() -> None:
    assert ecs_plan.route(params(strategy="canary")) == "test_listener"
    assert ecs_plan.route(params(strategy="rolling")) == "production"
    assert ecs_plan.route(params(strategy="canary", route="direct")) == "direct"
