# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudWatch metric alarms: from points to data points to a state. Pure; all times in AWS seconds.

Source: CloudWatch user guide, "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data",
whose two tables are this module's unit test. Inferred: the evaluation range. AWS says that it is larger than
EvaluationPeriods, that it depends on the period and the resolution, and that it is 5 in its example of 3
periods; here it is always two more. A metric's points count at once (AWS takes seconds to minutes).
"""

from __future__ import annotations

import math
import operator
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"
EXTRA = 2  # periods of the evaluation range beyond EvaluationPeriods
COARSE = 60.0  # resolution of a metric without StorageResolution 1
KEPT = 5000  # points of one metric

# botocore cloudwatch/2010-08-01, ComparisonOperator: those of static thresholds.
BREACHES: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}

Metric = tuple[str, str, tuple[tuple[str, str], ...]]  # namespace, name, dimensions sorted


@dataclass(frozen=True)
class Point:
    """One value, or a set of them."""

    at: float
    total: float
    low: float
    high: float
    count: float = 1.0


@dataclass(frozen=True)
class MetricAlarm:
    """`needed` of `periods` data points must breach. `missing`: breaching notBreaching ignore missing."""

    metric: Metric
    statistic: str  # SampleCount Average Sum Minimum Maximum
    period: float
    periods: int
    needed: int
    comparison: str
    threshold: float
    missing: str = "missing"

    @property
    def interval(self) -> float:
        """How often it is evaluated: every 10 seconds when its period is shorter than a minute, else every minute."""
        return 10.0 if self.period < 60 else 60.0

    @property
    def window(self) -> float:
        return self.period * self.periods


class Metrics:
    """The points of all metrics, newest last."""

    def __init__(self) -> None:
        self._points: dict[Metric, deque[Point]] = {}

    def add(self, metric: Metric, point: Point, fine: bool) -> None:
        """`fine`: StorageResolution 1; another metric's points belong to their minute."""
        at = point.at if fine else math.floor(point.at / COARSE) * COARSE
        kept = Point(at, point.total, point.low, point.high, point.count)
        self._points.setdefault(metric, deque(maxlen=KEPT)).append(kept)

    def of(self, metric: Metric) -> Iterable[Point]:
        return self._points.get(metric, ())


def datapoints(alarm: MetricAlarm, points: Iterable[Point], now: float) -> list[float | None]:
    """The evaluation range, oldest first; None is a period without a point. The newest period ends `now`."""
    length = alarm.periods + EXTRA
    buckets: list[list[Point]] = [[] for _ignored in range(length)]
    for point in points:
        age = math.ceil((now - point.at) / alarm.period) if point.at < now else 1  # 1 = the newest period
        if point.at <= now and age <= length:
            buckets[length - max(1, age)].append(point)
    return [_statistic(alarm.statistic, bucket) if bucket else None for bucket in buckets]


def evaluate(alarm: MetricAlarm, data: Sequence[float | None], state: str) -> str:
    """The alarm's next state. `data` as of `datapoints`."""
    breaches = BREACHES[alarm.comparison]
    real = [None if value is None else breaches(value, alarm.threshold) for value in data]
    present = [value for value in real if value is not None]
    if len(present) >= alarm.periods:
        return ALARM if sum(present[-alarm.periods :]) >= alarm.needed else OK
    filled = sum(present) + (alarm.periods - len(present) if alarm.missing == "breaching" else 0)
    if alarm.missing in ("breaching", "notBreaching"):
        return ALARM if filled >= alarm.needed else OK
    if not present:
        return state if alarm.missing == "ignore" else INSUFFICIENT
    if not all(present):
        return ALARM if filled >= alarm.needed else OK
    if alarm.missing == "ignore":
        return state
    # Every real point breaches, but they are few: not before the oldest of them is old enough, lest a single
    # late point rings ("Avoiding premature transitions to alarm state").
    age = len(real) - next(place for place, value in enumerate(real) if value is not None)
    return ALARM if age >= alarm.needed else state


def due(alarm: MetricAlarm, before: float, now: float) -> bool:
    """An instant of evaluation lies between `before` and `now`."""
    return math.floor(now / alarm.interval) > math.floor(before / alarm.interval)


def _statistic(name: str, points: Sequence[Point]) -> float:
    total, count = sum(point.total for point in points), sum(point.count for point in points)
    return {
        "SampleCount": count,
        "Average": total / count if count else 0.0,
        "Sum": total,
        "Minimum": min(point.low for point in points),
        "Maximum": max(point.high for point in points),
    }[name]
