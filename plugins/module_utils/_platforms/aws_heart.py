# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The heartbeat: one metric and one CloudWatch alarm a service, as data for the calls. Pure.

Shapes: botocore cloudwatch/2010-08-01, PutMetricAlarm and PutMetricData. A period without a beat has no data, so
what silence means is `TreatMissingData` alone: notBreaching at rest, breaching while a rollout is on its way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._engine.finding import Finding
from .._engine.model import Heart, Heartbeat
from .aws_names import SERVICE_TAG, alarm_name, service_key, tag_list

Json = dict[str, Any]
Params = Mapping[str, Any]

NAMESPACE, METRIC = "greenlight", "heartbeat"
RESTS, ARMED = "notBreaching", "breaching"
STATES = {"OK": "ok", "ALARM": "alarm"}
# "Valid values are 10, 20, 30, and any multiple of 60"; an alarm may look back a day at the most (PutMetricAlarm).
SHORT_PERIODS = (10, 20, 30)
LONGEST_LOOK = 86400
# An alarm looks at more than its own periods when data is missing: "the evaluation range"; AWS's example is 5 for 3.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
EXTRA_PERIODS = 2


def wanted(params: Params) -> bool:
    """Whether the service is to have the alarm."""
    return bool((params.get("heartbeat") or {}).get("enable"))


def heartbeat(params: Params) -> Heartbeat | None:
    """For the engine; None = no alarm is armed. Without anybody who waits nobody beats: hooks alone hold the time."""
    if not wanted(params) or not params["wait"] or params["state"] != "present":
        return None
    given = params["heartbeat"]
    return Heartbeat(float(given["interval"]), detection(given["period"], given["periods"]))


def detection(period: int, periods: int) -> float:
    """Seconds after the last beat by which the alarm is in ALARM: its evaluation range, and one evaluation more."""
    return float(period * (periods + EXTRA_PERIODS) + (10 if period < 60 else 60))


def alarm(params: Params, armed: bool) -> Json:
    """PutMetricAlarm's input. Tags count only when the alarm is made."""
    given = params["heartbeat"]
    return {
        "AlarmName": alarm_name(params),
        "AlarmDescription": "Rolls back a rollout whose controller fell silent. Made and armed by greenlight.serving.",
        "ActionsEnabled": False,
        "Namespace": NAMESPACE,
        "MetricName": METRIC,
        "Dimensions": dimensions(params),
        "Statistic": "SampleCount",
        "Period": given["period"],
        "EvaluationPeriods": given["periods"],
        "DatapointsToAlarm": given["periods"],
        "Threshold": 1.0,
        "ComparisonOperator": "LessThanThreshold",
        "TreatMissingData": ARMED if armed else RESTS,
        "Tags": tag_list({SERVICE_TAG: service_key(params)}, "Key", "Value"),
    }


def dimensions(params: Params) -> list[Json]:
    return [{"Name": "service", "Value": service_key(params)}]


def beat(params: Params) -> Json:
    """PutMetricData's input. StorageResolution 1: an alarm with a period below a minute needs it."""
    datum = {"MetricName": METRIC, "Dimensions": dimensions(params), "Value": 1.0, "StorageResolution": 1}
    return {"Namespace": NAMESPACE, "MetricData": [datum]}


def armed(found: Params | None) -> bool:
    return bool(found) and (found or {}).get("TreatMissingData") == ARMED


def differs(found: Params, params: Params) -> bool:
    """Whether the alarm is another one than wanted, what silence means aside."""
    compared = alarm(params, False)
    for name in ("Tags", "TreatMissingData"):
        compared.pop(name)
    return any(found.get(name) != value for name, value in compared.items())


def heart(found: Params | None, monitored: bool | None) -> Heart | None:
    """`found`: as DescribeAlarms answers; `monitored`: whether the cloud watches it for the deployment at hand."""
    if found is None:
        return None
    return Heart(STATES.get(str(found.get("StateValue")), "unknown"), armed(found), monitored)


def findings(params: Params) -> Iterator[Finding]:
    """What is wrong with the heartbeat."""
    if not wanted(params):
        return
    given = params["heartbeat"]
    period, periods, interval = given["period"], given["periods"], given["interval"]
    if period not in SHORT_PERIODS and (period < 60 or period % 60):
        problem = "must be 10, 20, 30 or a multiple of 60 s"
        yield Finding("heartbeat.period", str(period), problem, "Choose one of them.")
    elif not 2 <= periods <= LONGEST_LOOK // period:
        most = LONGEST_LOOK // period
        yield Finding("heartbeat.periods", str(periods), f"must be 2 to {most}", f"Choose 2 to {most}.")
    least = max(0.1, 2 * params["timing"]["poll"])
    if not least <= interval <= period / 2:
        allowed = f"{least:g} to {period / 2:g} s: after each a look, and two a period, so that one may be lost"
        yield Finding("heartbeat.interval", f"{interval:g}", f"must be {allowed}", "Lower it.")
