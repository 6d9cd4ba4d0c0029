# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PutMetricData and alarms between moto's words and the engine's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.lab.aws.api.cloudwatch import metric, metric_alarm, points
from tests.lab.aws.api.traffic import trusts
from tests.lab.aws.engine.metric_alarms import MetricAlarm, Point


def moto_alarm(**changes: Any) -> Any:
    fields = {
        "namespace": "n",
        "metric_name": "m",
        "dimensions": [SimpleNamespace(name="b", value="2"), SimpleNamespace(name="a", value="1")],
        "statistic": "Sum",
        "period": 10,
        "evaluation_periods": 3,
        "datapoints_to_alarm": None,
        "comparison_operator": "LessThanThreshold",
        "threshold": 1.0,
        "treat_missing_data": None,
    }
    return SimpleNamespace(**{**fields, **changes})


def test_an_alarm() -> None:
    key = ("n", "m", (("a", "1"), ("b", "2")))
    assert metric_alarm(moto_alarm()) == MetricAlarm(key, "Sum", 10.0, 3, 3, "LessThanThreshold", 1.0)
    few = metric_alarm(moto_alarm(datapoints_to_alarm=2, treat_missing_data="breaching"))
    assert few == MetricAlarm(key, "Sum", 10.0, 3, 2, "LessThanThreshold", 1.0, "breaching")
    assert metric("n", "m", [{"Name": "b", "Value": "2"}, {"Name": "a", "Value": "1"}]) == key


@pytest.mark.parametrize(
    "change",
    [{"metric_name": None}, {"statistic": None}, {"comparison_operator": "GreaterThanUpperThreshold"}],
)
def test_other_kinds_of_alarms_are_left_alone(change: dict[str, Any]) -> None:
    assert metric_alarm(moto_alarm(**change)) is None


@pytest.mark.parametrize(
    ("datum", "expected"),
    [
        ({"Value": 3}, [Point(7, 3, 3, 3)]),
        ({}, [Point(7, 0, 0, 0)]),
        ({"Values": [1, 2], "Counts": [3, 1]}, [Point(7, 3, 1, 1, 3), Point(7, 2, 2, 2, 1)]),
        ({"Values": [1, 2]}, [Point(7, 1, 1, 1, 1), Point(7, 2, 2, 2, 1)]),
        (
            {"StatisticValues": {"SampleCount": 4, "Sum": 8, "Minimum": 1, "Maximum": 3}},
            [Point(7, 8, 1, 3, 4)],
        ),
    ],
)
def test_a_datum(datum: dict[str, Any], expected: list[Point]) -> None:
    assert points(datum, 7) == expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Effect": "Allow", "Principal": {"Service": "ecs.amazonaws.com"}}, True),
        ({"Effect": "Allow", "Principal": {"Service": ["x", "ecs.amazonaws.com"]}}, True),
        ({"Effect": "Deny", "Principal": {"Service": "ecs.amazonaws.com"}}, False),
        ({"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}, False),
        ({"Effect": "Allow", "Principal": {"AWS": "*"}}, False),
    ],
)
def test_who_trusts_ecs(statement: dict[str, Any], expected: bool) -> None:
    assert trusts(statement) is expected
