# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudWatch's API: moto keeps the alarms, `engine/metric_alarms.py` says what state they are in.

Evaluated are metric alarms with one of the five plain statistics and a static threshold; composite alarms,
percentiles, expressions and anomaly bands keep the state they have, and no alarm performs actions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

import moto.cloudwatch.urls
from moto.backends import get_backend
from moto.cloudwatch.exceptions import CloudWatchException
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

from tests.lab.aws.api.base import Strict, bind, replace
from tests.lab.aws.core import Lab
from tests.lab.aws.engine.metric_alarms import BREACHES, Metric, MetricAlarm, Metrics, Point, datapoints, due, evaluate
from tests.lab.aws.ports import AlarmState

STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")


class AlarmDesk:
    """All alarms of the account. `tick()` is called with the lab's lock held. Implements `ports.Alarms`."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._store: Any = get_backend("cloudwatch")[lab.account][lab.region]
        self.metrics = Metrics()
        self._evaluated = lab.clock.now()

    def alarm(self, name: str) -> AlarmState | None:
        found = self._store.alarms.get(name)
        if found is None:
            return None
        return AlarmState(found.state_value, float(found.period or 0) * int(found.evaluation_periods or 0))

    def tick(self) -> None:
        before, now = self._evaluated, self._lab.clock.now()
        self._evaluated = now
        for alarm in self._store.alarms.values():
            known = metric_alarm(alarm)
            if known is None or not due(known, before, now):
                continue
            data = datapoints(known, self.metrics.of(known.metric), now)
            state = evaluate(known, data, alarm.state_value)
            if state != alarm.state_value:
                shown = ", ".join("missing" if value is None else str(value) for value in data)
                alarm.update_state(f"Threshold Crossed: data points [{shown}], the oldest first.", "{}", state)
                self._lab.log("alarm_state", alarm=alarm.name, state=state)

    def put(self, given: Mapping[str, Any]) -> None:
        """A PutMetricData request."""
        now, utc = self._lab.clock.now(), self._lab.clock.utc()
        for datum in given.get("MetricData") or ():
            stamp = datum.get("Timestamp")
            at = now if stamp is None else now - (utc - _instant(stamp)).total_seconds() / self._lab.clock.scale
            key = metric(given["Namespace"], datum["MetricName"], datum.get("Dimensions") or ())
            for point in points(datum, min(at, now)):
                self.metrics.add(key, point, int(datum.get("StorageResolution") or 60) == 1)


class LabCloudWatch(Strict, CloudWatchResponse):  # type: ignore[misc]
    service = "cloudwatch"
    errors = CloudWatchException
    desk: ClassVar[AlarmDesk]

    def put_metric_data(self) -> ActionResult:
        result: ActionResult = super().put_metric_data()
        self.desk.put(self.parameters())
        return result

    def put_metric_alarm(self) -> ActionResult:
        """ "When you update an existing alarm, its state is left unchanged" (botocore, PutMetricAlarm)."""
        alarms = self.cloudwatch_backend.alarms
        before = alarms.get(self.parameters()["AlarmName"])
        result: ActionResult = super().put_metric_alarm()
        if before is not None:
            after = alarms[before.name]
            for name in ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp", "history"):
                setattr(after, name, getattr(before, name))
        return result


def metric_alarm(alarm: Any) -> MetricAlarm | None:
    """moto's alarm in the engine's words; None for one that is not evaluated."""
    if not alarm.metric_name or alarm.statistic not in STATISTICS or alarm.comparison_operator not in BREACHES:
        return None
    periods = int(alarm.evaluation_periods)
    return MetricAlarm(
        metric(alarm.namespace, alarm.metric_name, [{"Name": d.name, "Value": d.value} for d in alarm.dimensions]),
        alarm.statistic,
        float(alarm.period),
        periods,
        int(alarm.datapoints_to_alarm or periods),
        alarm.comparison_operator,
        float(alarm.threshold),
        alarm.treat_missing_data or "missing",
    )


def metric(namespace: str, name: str, dimensions: Iterable[Mapping[str, Any]]) -> Metric:
    return namespace, name, tuple(sorted((str(one["Name"]), str(one["Value"])) for one in dimensions))


def points(datum: Mapping[str, Any], at: float) -> list[Point]:
    """A MetricDatum: a value, values with counts, or a statistic set."""
    if datum.get("StatisticValues"):
        given = {name: float(value) for name, value in datum["StatisticValues"].items()}
        return [Point(at, given["Sum"], given["Minimum"], given["Maximum"], given["SampleCount"])]
    values = [float(value) for value in datum.get("Values") or [datum.get("Value") or 0]]
    counts = [float(count) for count in datum.get("Counts") or [1] * len(values)]
    return [Point(at, value * count, value, value, count) for value, count in zip(values, counts, strict=True)]


def _instant(stamp: Any) -> datetime:
    known = stamp if isinstance(stamp, datetime) else datetime.fromisoformat(str(stamp))
    return known if known.tzinfo else known.replace(tzinfo=UTC)


def install(lab: Lab) -> AlarmDesk:
    """Once, before the first call; `lab.ecs` and `lab.fleet` are set by then."""
    LabCloudWatch.desk = lab.ecs.alarms = lab.fleet.alarms = desk = AlarmDesk(lab)
    replace(moto.cloudwatch.urls.url_paths, CloudWatchResponse, bind(LabCloudWatch, lab))
    return desk
