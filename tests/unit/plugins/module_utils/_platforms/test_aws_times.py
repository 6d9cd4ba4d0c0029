# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load balancer's own times against the plan's: the smallest value that would do, and only at AWS itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Capacity, Plan, Timing
from ansible_collections.greenlight.serving.plugins.module_utils._platforms import aws_times

from . import ecs_world
from .ecs_params import params

GROUP = {"HealthCheckIntervalSeconds": 10, "HealthCheckTimeoutSeconds": 5, "UnhealthyThresholdCount": 2}
DELAY = [{"Key": "deregistration_delay.timeout_seconds", "Value": "120"}, {"Key": "stickiness.enabled", "Value": "no"}]


def plan(**timing: float) -> Plan:
    return replace(ecs_world.plan(), capacity=Capacity(2), timing=replace(Timing(), **timing))


def found(made: Plan, endpoint: str | None = None, **group: int) -> list[str]:
    given: dict[str, Any] = params(endpoint_url=endpoint, health_check_grace_seconds=60)
    return [str(each) for each in aws_times.findings(made, given, [{**GROUP, **group}, GROUP], DELAY)]


def test_the_defaults_fit_each_other() -> None:
    assert found(plan()) == []


def test_a_dead_target_must_be_noticed_within_min_ready() -> None:
    (told,) = found(plan(min_ready=24.0))
    assert "timing.min_ready" in told
    assert "The smallest value that would do: 25" in told
    assert found(plan(min_ready=25.0)) == []
    (told,) = found(plan(), HealthCheckIntervalSeconds=30)  # of either group: both are used in turns
    assert "The smallest value that would do: 65" in told


def test_the_deadlines_take_in_start_and_drain() -> None:
    told = found(plan(deadline=200.0, rollback_deadline=150.0))
    assert [each.split(":")[0] for each in told] == ["timing.deadline", "timing.rollback_deadline"]
    assert "The smallest value that would do: 270" in told[0]  # 60 s to start, 120 s to drain, 30 s ready, 60 s of bake


def test_what_is_wrong_anyway_is_told_once() -> None:
    assert found(plan(min_ready=1.0)) == []  # two looks take longer than that: the arithmetic says so by itself


@pytest.mark.parametrize(
    ("endpoint", "real"),
    [
        (None, True),
        ("", True),
        ("https://ecs.eu-central-1.amazonaws.com", True),
        ("https://vpce-0a1b-2c3d.elasticloadbalancing.eu-central-1.vpce.amazonaws.com/", True),
        ("https://ecs.cn-north-1.amazonaws.com.cn", True),
        ("https://ecs.eu-central-1.api.aws", True),
        ("http://127.0.0.1:4566", False),
        ("https://amazonaws.com.example.org", False),
        ("https://notamazonaws.com", False),
    ],
)
def test_another_clouds_seconds_are_its_own(endpoint: str | None, real: bool) -> None:
    assert bool(found(plan(min_ready=5.0), endpoint)) is real


def test_nothing_is_judged_by_what_was_not_read() -> None:
    assert aws_times.findings(plan(min_ready=5.0), params(), [], []) == []
