# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EventBridge Scheduler: what AWS refuses, and what of it the lab does not have. Texts are inferred but where named."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.lab.aws.truth.base import Params, Refusal, Rule

VALIDATION = "ValidationException"
API = "https://docs.aws.amazon.com/scheduler/latest/APIReference/API_"
GUIDE = "https://docs.aws.amazon.com/scheduler/latest/UserGuide/"
TARGET = "arn:aws:scheduler:::aws-sdk:elasticloadbalancingv2:modifyRule"
# Seen with CreateSchedule in the field, for a role that is missing or does not trust scheduler.amazonaws.com.
TRUST = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
LIMITS = {"MaximumEventAgeInSeconds": (60, 86400), "MaximumRetryAttempts": (0, 185)}  # botocore, RetryPolicy


def duplicate(params: Params, facts: Any) -> Refusal | None:
    if facts.exists(params.get("GroupName") or "default", params["Name"], params.get("ClientToken") or ""):
        return Refusal("ConflictException", f"Schedule {params['Name']} already exists.")
    return None


def name(params: Params, _facts: Any) -> Refusal | None:
    if re.fullmatch(r"[0-9a-zA-Z-_.]{1,64}", params["Name"]):
        return None
    return Refusal(VALIDATION, f"Name {params['Name']!r} must match [0-9a-zA-Z-_.]+ and have up to 64 characters.")


def group(params: Params, _facts: Any) -> Refusal | None:
    if params.get("GroupName") in (None, "default"):
        return None
    return Refusal("ResourceNotFoundException", f"Schedule group {params['GroupName']} does not exist.")


def expression(params: Params, _facts: Any) -> Refusal | None:
    given = params.get("ScheduleExpression") or ""
    match = re.fullmatch(r"at\((.+)\)", given)
    try:
        known = match is not None and bool(datetime.strptime(match[1], "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        known = False
    if known:
        return None
    if re.match(r"(rate|cron)\(", given):
        return Refusal(VALIDATION, "The lab has one-time schedules only: at(yyyy-mm-ddThh:mm:ss).")
    return Refusal(VALIDATION, f"Invalid Schedule Expression {given}.")


def timezone(params: Params, _facts: Any) -> Refusal | None:
    given = params.get("ScheduleExpressionTimezone") or "UTC"
    try:
        ZoneInfo(given)
    except (KeyError, ValueError, OSError):
        return Refusal(VALIDATION, f"Invalid Schedule Expression Timezone {given}.")
    return None


def window(params: Params, _facts: Any) -> Refusal | None:
    """FLEXIBLE needs a length, OFF has none; the lab has no flexible windows."""
    given = params.get("FlexibleTimeWindow") or {}
    if given.get("Mode") == "OFF" and given.get("MaximumWindowInMinutes") is None:
        return None
    if given.get("Mode") == "FLEXIBLE" and given.get("MaximumWindowInMinutes") is not None:
        return Refusal(VALIDATION, "The lab has schedules with FlexibleTimeWindow OFF only.")
    return Refusal(VALIDATION, "FlexibleTimeWindow must be OFF, or FLEXIBLE with MaximumWindowInMinutes.")


def target(params: Params, _facts: Any) -> Refusal | None:
    given = (params.get("Target") or {}).get("Arn")
    if given == TARGET:
        return None
    return Refusal(
        VALIDATION, f"Provided Arn is not supported: the lab has the universal target {TARGET}, not {given}."
    )


def payload(params: Params, _facts: Any) -> Refusal | None:
    """A universal target's input is well-formed JSON: the operation's parameters."""
    try:
        known = isinstance(json.loads(params["Target"].get("Input") or ""), dict)
    except ValueError:
        known = False
    return None if known else Refusal(VALIDATION, "Provided Input is not well-formed JSON.")


def role(params: Params, facts: Any) -> Refusal | None:
    return None if facts.trusts(params["Target"].get("RoleArn")) else Refusal(VALIDATION, TRUST)


def retries(params: Params, _facts: Any) -> Refusal | None:
    given = params["Target"].get("RetryPolicy") or {}
    for field, (low, high) in LIMITS.items():
        if given.get(field) is not None and not low <= int(given[field]) <= high:
            return Refusal(VALIDATION, f"{field} must be from {low} to {high}, not {given[field]}.")
    return None


BOTH = [
    (name, API + "CreateSchedule.html (Name)"),
    (group, API + "CreateSchedule.html (GroupName; Errors: ResourceNotFoundException)"),
    (expression, GUIDE + "schedule-types.html#one-time"),
    (timezone, API + "CreateSchedule.html (ScheduleExpressionTimezone)"),
    (window, API + "FlexibleTimeWindow.html"),
    (target, GUIDE + "managing-targets-universal.html"),
    (payload, GUIDE + "managing-targets-universal.html"),
    (role, GUIDE + "setting-up.html#setting-up-execution-role"),
    (retries, API + "RetryPolicy.html"),
]
RULES = [
    Rule("CreateSchedule", duplicate, API + "CreateSchedule.html (Errors: ConflictException)"),
    *(Rule(operation, check, source) for operation in ("CreateSchedule", "UpdateSchedule") for check, source in BOTH),
]
