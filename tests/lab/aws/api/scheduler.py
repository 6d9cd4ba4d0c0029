# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EventBridge Scheduler's API: one-time schedules whose universal target calls elasticloadbalancingv2:modifyRule."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import moto.scheduler.urls
from moto.backends import get_backend
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.scheduler.responses import EventBridgeSchedulerResponse

from tests.lab.aws.api.base import Strict, bind, replace
from tests.lab.aws.api.elbv2 import spread
from tests.lab.aws.api.elbv2_facts import Facts
from tests.lab.aws.core import AwsError, Lab
from tests.lab.aws.engine import schedules
from tests.lab.aws.engine.schedules import Book, Event, Schedule, Ways
from tests.lab.aws.truth import scheduler as truth

# What is shown of a schedule, beside its names and dates.
FIELDS = (
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "Description",
    "State",
    "Target",
    "FlexibleTimeWindow",
    "ActionAfterCompletion",
    "KmsKeyArn",
)
DEFAULTS = {"ScheduleExpressionTimezone": "UTC", "State": "ENABLED", "ActionAfterCompletion": "NONE"}
RETRY = {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")


class Desk:
    """All schedules of the account. `tick()` is called with the lab's lock held."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._facts = Facts(lab.account, lab.region)
        self._iam: Any = get_backend("iam")[lab.account]["aws"]
        self.book, self.ways = Book(), Ways()

    def tick(self) -> None:
        now = self._lab.clock.now()
        for event in schedules.due(self.book, self.ways, self._lab.rng, now):
            error = self._invoke(event)
            over = schedules.delivered(self.book, event, error, now)
            self._lab.log("schedule_invoked", name=event.schedule.name, attempt=event.attempts, error=error, over=over)

    def _invoke(self, event: Event) -> str:
        """ModifyRule, as the API would do it; the error's code and text, or ""."""
        given = json.loads(event.schedule.given["Target"].get("Input") or "{}")
        refusal = self._lab.truth.refusal("elbv2", "ModifyRule", given)
        if refusal is not None:
            return f"{refusal.code}: {refusal.message}"
        if self._facts.rule(given.get("RuleArn", "")) is None:
            return "RuleNotFound: One or more rules not found"
        try:
            self._facts.elb.modify_rule(given["RuleArn"], given.get("Conditions") or [], given.get("Actions") or [])
        except ServiceException as error:
            return f"{error.code}: {error.message}"
        spread(self._lab, self._facts)
        return ""

    def trusts(self, role: str) -> bool:
        """The role exists and lets EventBridge Scheduler assume it."""
        found = next((one for one in self._iam.roles.values() if one.arn == role), None)
        document = json.loads(found.assume_role_policy_document) if found is not None else {}
        return any(_trusts(one) for one in document.get("Statement") or ())

    def exists(self, group: str, name: str, token: str) -> bool:
        """Whether the name is taken; the same ClientToken is the same call once more."""
        found = self.book.schedules.get((group, name))
        return found is not None and (not token or found.token != token)

    def set(self, document: Any) -> None:
        self.ways, self.book.met = schedules.parse(document), {}


def _trusts(statement: Mapping[str, Any]) -> bool:
    services = (statement.get("Principal") or {}).get("Service") or []
    named = [services] if isinstance(services, str) else services
    return statement.get("Effect") == "Allow" and "scheduler.amazonaws.com" in named


class SchedulerError(ServiceException):  # type: ignore[misc]
    """moto's own errors of this service cannot be serialised; it finds the service's model by the module's name."""

    __module__ = "moto.scheduler.exceptions"


class LabScheduler(Strict, EventBridgeSchedulerResponse):  # type: ignore[misc]
    service = "scheduler"
    errors = SchedulerError
    protocol = "rest-json"
    desk: ClassVar[Desk]

    uri: str
    body: Any
    querystring: Mapping[str, list[str]]

    def parameters(self) -> dict[str, Any]:
        """The body, the name of the address, and the query, by botocore's names."""
        try:
            given: dict[str, Any] = json.loads(self.body or "{}")
        except ValueError:
            given = {}
        path = self.uri.split("?")[0].rstrip("/")
        if not path.endswith("/schedules"):
            given["Name"] = unquote(path.rpartition("/")[2])
        names = {"groupName": "GroupName", "ScheduleGroup": "GroupName"}
        return {**{names.get(name, name): values[0] for name, values in self.querystring.items()}, **given}

    def create_schedule(self) -> ActionResult:
        return self._put(None)

    def update_schedule(self) -> ActionResult:
        return self._put(self._found())

    def get_schedule(self) -> ActionResult:
        found = self._found()
        return ActionResult(self._shown(found))

    def delete_schedule(self) -> ActionResult:
        found = self._found()
        del self.desk.book.schedules[found.key]
        self.lab.log("schedule_deleted", name=found.name, taken=found.taken)
        return ActionResult({})

    def list_schedules(self) -> ActionResult:
        given = self.parameters()
        prefix, group, state = given.get("NamePrefix") or "", given.get("GroupName"), given.get("State")
        found = [
            one
            for one in sorted(self.desk.book.schedules.values(), key=lambda one: one.key)
            if one.name.startswith(prefix) and group in (None, one.group) and state in (None, one.state)
        ]
        first, most = int(given.get("NextToken") or 0), int(given.get("MaxResults") or 100)
        names = ("Arn", "Name", "GroupName", "State", "CreationDate", "LastModificationDate")
        page = [
            {**{name: shown[name] for name in names}, "Target": {"Arn": shown["Target"]["Arn"]}}
            for shown in map(self._shown, found[first : first + most])
        ]
        token = {"NextToken": str(first + most)} if first + most < len(found) else {}
        return ActionResult({"Schedules": page, **token})

    def _put(self, before: Schedule | None) -> ActionResult:
        given, clock = self.parameters(), self.lab.clock
        group, name = given.get("GroupName") or "default", given["Name"]
        wanted = instant(given)
        left = (wanted - clock.utc()).total_seconds() / clock.scale
        target = dict(given["Target"])
        target["RetryPolicy"] = {**RETRY, **(target.get("RetryPolicy") or {})}
        shown = {**DEFAULTS, **{key: given[key] for key in FIELDS if given.get(key) is not None}, "Target": target}
        made = Schedule(group, name, clock.now() + left, clock.utc(), clock.utc(), shown, past=left < 0)
        made.token = given.get("ClientToken") or ""
        if before is None and made.key in self.desk.book.schedules:  # the same call: a rule saw to that
            return ActionResult({"ScheduleArn": self._arn(made)})
        if before is not None:
            made.created_at = before.created_at
        self.desk.book.schedules[made.key] = made
        self.lab.log("schedule_created", name=name, at=wanted.isoformat())
        return ActionResult({"ScheduleArn": self._arn(made)})

    def _found(self) -> Schedule:
        given = self.parameters()
        key = (given.get("GroupName") or "default", given["Name"])
        found = self.desk.book.schedules.get(key)
        if found is None:
            raise AwsError("ResourceNotFoundException", f"Schedule {key[1]} does not exist.")
        return found

    def _arn(self, schedule: Schedule) -> str:
        return self.lab.arn("scheduler", f"schedule/{schedule.group}/{schedule.name}")

    def _shown(self, schedule: Schedule) -> dict[str, Any]:
        names = {"Arn": self._arn(schedule), "Name": schedule.name, "GroupName": schedule.group}
        dates = {"CreationDate": schedule.created_at, "LastModificationDate": schedule.changed_at}
        return {**schedule.given, **names, **dates}


def instant(given: Mapping[str, Any]) -> datetime:
    """When an `at(…)` expression, in its time zone, is due. The truth filter saw to its form."""
    match = AT.fullmatch(given["ScheduleExpression"])
    assert match is not None
    local = datetime.fromisoformat(match[1]).replace(tzinfo=ZoneInfo(given.get("ScheduleExpressionTimezone") or "UTC"))
    return local.astimezone(UTC)


def install(lab: Lab) -> Desk:
    """Once, before the first call."""
    desk = LabScheduler.desk = Desk(lab)
    lab.truth.add("scheduler", truth.RULES, desk)
    replace(moto.scheduler.urls.url_paths, EventBridgeSchedulerResponse, bind(LabScheduler, lab))
    return desk
