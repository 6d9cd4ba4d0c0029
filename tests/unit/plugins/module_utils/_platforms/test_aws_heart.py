# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The heartbeat alarm as data: what is sent, what is read, what cannot be."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Heart, Heartbeat
from ansible_collections.greenlight.serving.plugins.module_utils._platforms import aws_heart
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.aws_names import alarm_name
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.ecs_hold import monitored

from .ecs_params import params

ON = {"heartbeat.enable": True}
PARAMS = params(**ON)
NAME = alarm_name(PARAMS)


def fits(operation: str, arguments: dict[str, Any]) -> bool:
    model = botocore.session.get_session().get_service_model("cloudwatch").operation_model(operation)
    return not ParamValidator().validate(arguments, model.input_shape).has_errors()


def test_what_is_sent_fits_the_api_and_belongs_together() -> None:
    alarm, beat = aws_heart.alarm(PARAMS, armed=True), aws_heart.beat(PARAMS)
    assert fits("PutMetricAlarm", alarm)
    assert fits("PutMetricData", beat)
    (datum,) = beat["MetricData"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (beat["Namespace"], datum["MetricName"])
    assert (alarm["Dimensions"], datum["StorageResolution"]) == (datum["Dimensions"], 1)
    assert alarm["TreatMissingData"] == "breaching"
    assert aws_heart.alarm(PARAMS, armed=False)["TreatMissingData"] == "notBreaching"


def test_only_what_differs_from_the_wanted_alarm_is_mended() -> None:
    found = {**aws_heart.alarm(PARAMS, armed=True), "StateValue": "OK"}
    assert not aws_heart.differs(found, PARAMS)
    assert aws_heart.differs({**found, "Period": 60}, PARAMS)


def test_nobody_beats_when_nobody_waits() -> None:
    assert aws_heart.heartbeat(PARAMS) == Heartbeat(10.0, 160.0)
    assert aws_heart.heartbeat(params(**ON, wait=False)) is None
    assert aws_heart.heartbeat(params()) is None
    assert aws_heart.detection(60, 3) == 360


@pytest.mark.parametrize(
    ("status", "watch", "watched"),
    [
        ("IN_PROGRESS", "MONITORING", True),
        ("IN_PROGRESS", "DISABLED", False),
        ("IN_PROGRESS", "MONITORING_COMPLETE", True),
        ("PENDING", "DISABLED", True),
    ],
)
def test_it_is_read_back_whether_ecs_watches(status: str, watch: str, watched: bool) -> None:
    configured = {"alarms": {"alarmNames": [NAME], "enable": True}}
    deployment = {
        "status": status,
        "alarms": {"status": watch, "alarmNames": [NAME]},
        "deploymentConfiguration": configured,
    }
    found = {"StateValue": "INSUFFICIENT_DATA", "TreatMissingData": "breaching"}
    assert aws_heart.heart(found, monitored(deployment, NAME)) == Heart("unknown", True, watched)
    assert monitored({**deployment, "alarms": {}, "status": "IN_PROGRESS"}, NAME) is False


def test_without_an_alarm_or_a_deployment_nothing_is_claimed() -> None:
    assert aws_heart.heart(None, None) is None
    assert aws_heart.heart({"StateValue": "OK"}, None) == Heart("ok", False, None)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"heartbeat.period": 45}, "heartbeat.period"),
        ({"heartbeat.periods": 1}, "heartbeat.periods"),
        ({"heartbeat.period": 43200, "heartbeat.periods": 3}, "heartbeat.periods"),
        ({"heartbeat.interval": 20.0}, "heartbeat.interval"),
        ({"heartbeat.interval": 3.0}, "heartbeat.interval"),
    ],
)
def test_what_cannot_be_names_its_field(changes: dict[str, Any], field: str) -> None:
    assert [finding.field for finding in aws_heart.findings(params(**ON, **changes))] == [field]
    assert list(aws_heart.findings(params(**changes))) == []


def test_a_long_name_is_shortened_to_what_an_alarm_may_have() -> None:
    assert len(alarm_name({"cluster": "c" * 255, "name": "n" * 255})) <= 255
