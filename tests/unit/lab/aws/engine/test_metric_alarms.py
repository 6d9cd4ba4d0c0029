# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metric alarms: CloudWatch's own tables of missing data, periods, statistics, and a heartbeat's whole life."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.lab.aws.engine.metric_alarms import (
    BREACHES,
    Metric,
    MetricAlarm,
    Metrics,
    Point,
    datapoints,
    due,
    evaluate,
)

METRIC: Metric = ("n", "m", (("service", "web"),))
THREE = MetricAlarm(METRIC, "Sum", 60, 3, 3, "LessThanThreshold", 1)
STATES = ("OK", "ALARM", "INSUFFICIENT_DATA")


def data(text: str) -> list[float | None]:
    """As the user guide writes it: 0 is not breaching, X is, - is missing; the newest last."""
    return [{"0": 1.0, "X": 0.0, "-": None}[sign] for sign in text.split()]


def point(at: float, value: float = 1.0) -> Point:
    return Point(at, value, value, value)


@pytest.mark.parametrize(
    ("needed", "text", "missing", "ignore", "breaching", "not_breaching"),
    [  # CloudWatch user guide, "How alarm state is evaluated when data is missing": both tables; "" = as it was
        (3, "0 - X - X", "OK", "OK", "OK", "OK"),
        (3, "0 - - - -", "OK", "OK", "OK", "OK"),
        (3, "- - - - -", "INSUFFICIENT_DATA", "", "ALARM", "OK"),
        (3, "0 X X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
        (3, "- - X - -", "ALARM", "", "ALARM", "OK"),
        (2, "0 - X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
        (2, "0 0 X 0 X", "ALARM", "ALARM", "ALARM", "ALARM"),
        (2, "0 - X - -", "OK", "OK", "ALARM", "OK"),
        (2, "- - - - 0", "OK", "OK", "ALARM", "OK"),
        (2, "- - - X -", "ALARM", "", "ALARM", "OK"),
        (3, "- - - - X", "", "", "ALARM", "OK"),  # "Avoiding premature transitions", for data treated as missing
        (3, "- - - X -", "", "", "ALARM", "OK"),
    ],
)
@pytest.mark.parametrize("before", STATES)
def test_missing_data(
    needed: int, text: str, missing: str, ignore: str, breaching: str, not_breaching: str, before: str
) -> None:
    alarm = replace(THREE, needed=needed)
    kinds = {"missing": missing, "ignore": ignore, "breaching": breaching, "notBreaching": not_breaching}
    for kind, expected in kinds.items():
        assert evaluate(replace(alarm, missing=kind), data(text), before) == (expected or before)


@pytest.mark.parametrize(
    ("comparison", "rings"),
    [
        ("GreaterThanOrEqualToThreshold", [False, True, True]),
        ("GreaterThanThreshold", [False, False, True]),
        ("LessThanThreshold", [True, False, False]),
        ("LessThanOrEqualToThreshold", [True, True, False]),
    ],
)
def test_comparisons(comparison: str, rings: list[bool]) -> None:
    alarm = replace(THREE, comparison=comparison, periods=1, needed=1)
    assert [evaluate(alarm, [value], "OK") == "ALARM" for value in (0.0, 1.0, 2.0)] == rings
    assert set(BREACHES) >= {comparison}


@pytest.mark.parametrize(
    ("statistic", "value"), [("SampleCount", 6), ("Sum", 14), ("Average", 14 / 6), ("Minimum", 1), ("Maximum", 5)]
)
def test_statistics_of_a_period(statistic: str, value: float) -> None:
    points = [point(10, 5), point(20, 1), Point(30, 8, 1, 3, count=4)]
    found = datapoints(replace(THREE, statistic=statistic), points, 60)
    assert found == [None, None, None, None, pytest.approx(value)]


def test_periods_end_at_the_evaluation() -> None:
    alarm = replace(THREE, period=10)
    points = [point(at, at) for at in (9.9, 10.0, 39.9, 40.0, 55.0, 60.0, 61.0)]
    assert datapoints(alarm, points, 60.0) == [10.0, None, 39.9, 40.0, 115.0]
    assert datapoints(alarm, points, 1000.0) == [None] * 5


@pytest.mark.parametrize(("fine", "at"), [(True, 75.0), (False, 60.0)])
def test_a_coarse_metric_belongs_to_its_minute(fine: bool, at: float) -> None:
    metrics = Metrics()
    metrics.add(METRIC, point(75.0), fine)
    assert [one.at for one in metrics.of(METRIC)] == [at]
    assert list(metrics.of(("n", "other", ()))) == []


def test_how_often_it_is_evaluated() -> None:
    assert [due(THREE, before, now) for before, now in ((59, 60), (60, 119), (30, 200))] == [True, False, True]
    fast = replace(THREE, period=10)
    assert [due(fast, before, now) for before, now in ((9.9, 10), (10, 19.9))] == [True, False]
    assert (THREE.window, fast.window) == (180, 30)


def test_a_heartbeat_rings_when_the_last_beat_has_left_the_evaluation_range() -> None:
    alarm = replace(THREE, period=10, missing="breaching")
    metrics, state, rang = Metrics(), "INSUFFICIENT_DATA", 0
    for now in range(1, 200):
        if now % 5 == 0 and now <= 100:
            metrics.add(METRIC, point(now), fine=True)
        if now % 10 == 0:
            state = evaluate(alarm, datapoints(alarm, metrics.of(METRIC), now), state)
            assert state == ("OK" if now <= 150 else "ALARM")
            rang = rang or (now if state == "ALARM" else 0)
    assert rang == 160  # the beat of 100 lies in the five periods that end at 150
