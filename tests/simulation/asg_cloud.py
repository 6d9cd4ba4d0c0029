# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2 Auto Scaling, a weighted rule and one-time schedules with a virtual clock, as the APIs of AWS show them.

The real platform `asg` runs on it. It promises what AWS promises and no more: a refresh launches first, waits at its
checkpoints and goes on by itself, and rolls back when its alarm rings; a schedule may fire late, twice or never, and a
deletion may be refused. A second is the smallest step.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from tests.simulation.alarm import Alarm

Json = dict[str, Any]

EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
BOOT, CHECKS, DRAIN = 8.0, 4.0, 6.0  # seconds from launch to in service, to healthy, and from the end to gone
TEMPLATE = "lt-1"


@dataclass
class Instance:
    id: str
    version: str
    born: float
    ended: float = float("inf")


@dataclass
class Group:
    name: str
    described: Json  # settings and sizes, as given
    version: str
    tags: dict[str, str] = field(default_factory=dict)
    suspended: set[str] = field(default_factory=set)
    instances: list[Instance] = field(default_factory=list)
    refreshes: list[Json] = field(default_factory=list)  # newest first

    @property
    def desired(self) -> int:
        return int(self.described["DesiredCapacity"])

    def staying(self) -> list[Instance]:
        return [one for one in self.instances if one.ended == float("inf")]


@dataclass
class AsgCloud:
    """The truth, and its movement by time alone."""

    now: float = 0.0
    groups: dict[str, Group] = field(default_factory=dict)
    versions: list[Json] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)  # version -> user data
    rules: dict[str, Json] = field(default_factory=dict)  # listener ARN -> our rule
    schedules: dict[str, Json] = field(default_factory=dict)  # name -> input, `at` in seconds
    fires: list[tuple[float, Json]] = field(default_factory=list)  # calls of the scheduler on their way
    alarm: Alarm = field(default_factory=Alarm)
    sick: frozenset[str] = frozenset()  # texts in user data whose instances never get healthy
    late: float = 0.0  # seconds that a schedule fires late
    twice: bool = False
    lost: bool = False  # the scheduler's call comes to nothing
    kept: frozenset[int] = frozenset()  # which deletions of schedules are refused, by their count
    deletions: int = 0
    count: int = 0
    broken: list[str] = field(default_factory=list)  # what must never happen, and did

    # ---- time ----

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 1.0)
            self.settle()

    def settle(self) -> None:
        for name, schedule in list(self.schedules.items()):
            if schedule["at"] + self.late <= self.now:
                del self.schedules[name]  # ActionAfterCompletion DELETE
                times = [self.now, self.now + 3.0] if self.twice else [self.now]
                self.fires += [] if self.lost else [(at, schedule["call"]) for at in times]
        for at, call in [fire for fire in self.fires if fire[0] <= self.now]:
            self.fires.remove((at, call))
            self._restore(call)
        for group in self.groups.values():
            self._move(group)

    def _restore(self, call: Json) -> None:
        """ModifyRule by the scheduler. A group without its instances would be an outage."""
        weights = weights_of(call)
        for group in self.groups.values():
            if weights.get(self.target_group(group)) and self.healthy(group) < 3:
                self.broken.append(f"at {self.now:.0f} a timer gave the traffic to {group.name}, which is not whole")
        rule = next(rule for rule in self.rules.values() if rule["RuleArn"] == call["RuleArn"])
        rule["Actions"] = call["Actions"]

    @staticmethod
    def target_group(group: Group) -> str:
        return str(group.described["TargetGroupARNs"][0])

    def text_of(self, version: str) -> str:
        """The user data of a version."""
        if version not in self.texts:
            data = self.versions[int(version) - 1]["LaunchTemplateData"]
            self.texts[version] = base64.b64decode(data["UserData"]).decode()
        return self.texts[version]

    def in_service(self, one: Instance) -> bool:
        return one.born + BOOT <= self.now

    def is_healthy(self, one: Instance) -> bool:
        sick = any(text in self.text_of(one.version) for text in self.sick)
        return one.born + BOOT + CHECKS <= self.now and not sick and one.ended == float("inf")

    def healthy(self, group: Group) -> int:
        return sum(map(self.is_healthy, group.staying()))

    def _launch(self, group: Group, version: str) -> None:
        self.count += 1
        group.instances.append(Instance(f"i-{self.count}", version, self.now))

    def _move(self, group: Group) -> None:
        group.instances = [one for one in group.instances if one.ended + DRAIN > self.now]
        refresh = next((one for one in group.refreshes if one["Status"] in OPEN), None)
        if refresh is not None:
            self._refresh(group, refresh)
            return
        for _ignored in range(group.desired - len(group.staying())):
            self._launch(group, group.version)
        for one in sorted(group.staying(), key=lambda each: each.born)[group.desired :]:
            one.ended = self.now

    # ---- a refresh: launches first, one at a time ----

    def _refresh(self, group: Group, refresh: Json) -> None:
        preferences = refresh["Preferences"]
        watched = bool(preferences.get("AlarmSpecification"))
        if watched and refresh["Status"] in ("InProgress", "Baking") and self.alarm.rings(self.now):
            self.turn(refresh, "a CloudWatch alarm rang")
        back = refresh["Status"] == "RollbackInProgress"
        goal = group.version if back else refresh["to"]
        new = [one for one in group.staying() if one.version == goal]
        well = [one for one in new if self.is_healthy(one)]
        old = [one for one in group.staying() if one.version != goal]
        for one in old[: max(0, len(well) + len(old) - group.desired)]:
            one.ended = self.now
        if refresh["until"] > self.now:
            return
        done = 100 * len(well) // max(1, group.desired)
        refresh["PercentageComplete"] = 0 if back else min(100, done)
        if len(well) >= group.desired and all(one.version == goal for one in group.instances):
            self._arrived(group, refresh, back)
            return
        checkpoints = preferences.get("CheckpointPercentages", [])
        reached = [each for each in checkpoints if refresh["passed"] < each <= done < 100]
        if reached and not back:
            refresh["passed"], refresh["until"] = max(reached), self.now + preferences["CheckpointDelay"]
        elif len(new) == len(well) and len(new) < group.desired:
            self._launch(group, goal)

    def _arrived(self, group: Group, refresh: Json, back: bool) -> None:
        if back:
            refresh["Status"] = "RollbackSuccessful"
        elif refresh["Status"] != "Baking" and refresh["Preferences"].get("BakeTime"):
            refresh["Status"], refresh["until"] = "Baking", self.now + refresh["Preferences"]["BakeTime"]
        else:
            refresh["Status"], group.version = "Successful", refresh["to"]

    @staticmethod
    def turn(refresh: Json, why: str) -> None:
        refresh["Status"], refresh["until"] = "RollbackInProgress", 0.0
        refresh["RollbackDetails"] = {"RollbackReason": why}

    # ---- as the APIs show it ----

    def date(self) -> Json:
        at = EPOCH + timedelta(seconds=self.now)
        return {"ResponseMetadata": {"HTTPHeaders": {"date": format_datetime(at, usegmt=True)}}}

    def describe(self, group: Group) -> Json:
        return {
            "AutoScalingGroupName": group.name,
            "AutoScalingGroupARN": f"arn:{group.name}",
            "CreatedTime": EPOCH,
            "LaunchTemplate": {"LaunchTemplateId": TEMPLATE, "Version": group.version},
            **group.described,
            "Instances": [self._shown(one) for one in group.instances],
            "SuspendedProcesses": [{"ProcessName": name} for name in sorted(group.suspended)],
            "Tags": [{"Key": key, "Value": value} for key, value in group.tags.items()],
        }

    def _shown(self, one: Instance) -> Json:
        state = "Terminating" if one.ended < float("inf") else "InService" if self.in_service(one) else "Pending"
        return {
            "InstanceId": one.id,
            "LifecycleState": state,
            "HealthStatus": "Healthy",
            "AvailabilityZone": "a",
            "LaunchTemplate": {"LaunchTemplateId": TEMPLATE, "Version": one.version},
        }

    def health(self, arn: str) -> Iterator[Json]:
        for group in self.groups.values():
            for one in group.instances if self.target_group(group) == arn else ():
                state = "healthy" if self.is_healthy(one) else "initial"
                if one.ended < float("inf"):
                    state = "draining"
                if self.in_service(one):
                    yield {"Target": {"Id": one.id, "Port": 8080}, "TargetHealth": {"State": state}}

    def weights(self) -> dict[str, int]:
        """Of the production rule, by target group."""
        return weights_of(self.rules["production"])


OPEN = frozenset({"Pending", "InProgress", "Baking", "RollbackInProgress"})


def weights_of(rule: Json) -> dict[str, int]:
    """Of a rule, or of a call that changes it."""
    return {each["TargetGroupArn"]: each["Weight"] for each in rule["Actions"][0]["ForwardConfig"]["TargetGroups"]}


def call_of(text: str) -> Json:
    found: Json = json.loads(text)
    return found
