# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every refusal of EventBridge Scheduler, and that a good request passes all rules."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.aws.truth import scheduler
from tests.lab.aws.truth.base import Refusal, Truth

GOOD: dict[str, Any] = {
    "Name": "serving-restore-10",
    "ScheduleExpression": "at(2026-01-01T12:00:00)",
    "ScheduleExpressionTimezone": "Europe/Berlin",
    "FlexibleTimeWindow": {"Mode": "OFF"},
    "ActionAfterCompletion": "DELETE",
    "ClientToken": "new",
    "Target": {
        "Arn": scheduler.TARGET,
        "RoleArn": "arn:aws:iam::123456789012:role/restore",
        "Input": '{"RuleArn": "arn", "Actions": []}',
        "RetryPolicy": {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0},
    },
}


class Facts:
    def exists(self, group: str, name: str, token: str) -> bool:
        return (group, name) == ("default", "taken") and token != "same"

    def trusts(self, role: str) -> bool:
        return role == "arn:aws:iam::123456789012:role/restore"


def refusal(operation: str = "CreateSchedule", **changes: Any) -> Refusal | None:
    truth = Truth()
    truth.add("scheduler", scheduler.RULES, Facts())
    return truth.refusal("scheduler", operation, {**GOOD, **changes})


def target(**changes: Any) -> dict[str, Any]:
    return {**GOOD["Target"], **changes}


@pytest.mark.parametrize("operation", ["CreateSchedule", "UpdateSchedule"])
def test_a_good_request_passes(operation: str) -> None:
    assert refusal(operation) is None


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"Name": "a b"}, "ValidationException", "must match"),
        ({"Name": "x" * 65}, "ValidationException", "up to 64 characters"),
        ({"GroupName": "mine"}, "ResourceNotFoundException", "Schedule group mine does not exist"),
        ({"ScheduleExpression": "rate(5 minutes)"}, "ValidationException", "one-time schedules only"),
        ({"ScheduleExpression": "at(2026-13-01T00:00:00)"}, "ValidationException", "Invalid Schedule Expression"),
        ({"ScheduleExpression": "at(2026-01-01T00:00:00Z)"}, "ValidationException", "Invalid Schedule Expression"),
        ({"ScheduleExpressionTimezone": "Mars/Base"}, "ValidationException", "Timezone"),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}, "ValidationException", "with MaximumWindowInMinutes"),
        (
            {"FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}},
            "ValidationException",
            "OFF only",
        ),
        ({"Target": target(Arn="arn:aws:scheduler:::aws-sdk:sqs:sendMessage")}, "ValidationException", "not supported"),
        ({"Target": target(Input="{")}, "ValidationException", "not well-formed"),
        ({"Target": target(RoleArn="arn:aws:iam::123456789012:role/x")}, "ValidationException", "to assume the role"),
        ({"Target": target(RetryPolicy={"MaximumRetryAttempts": 186})}, "ValidationException", "from 0 to 185"),
        ({"Target": target(RetryPolicy={"MaximumEventAgeInSeconds": 59})}, "ValidationException", "from 60 to 86400"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], code: str, said: str) -> None:
    for operation in ("CreateSchedule", "UpdateSchedule"):
        found = refusal(operation, **changes)
        assert found is not None
        assert (found.code, said in found.message) == (code, True)


def test_a_name_is_taken_but_for_the_same_call() -> None:
    found = refusal(Name="taken")
    assert found is not None
    assert found.code == "ConflictException"
    assert refusal(Name="taken", ClientToken="same") is None
    assert refusal("UpdateSchedule", Name="taken") is None
