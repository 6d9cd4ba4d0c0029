# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the simulated EC2 Auto Scaling is made of: instances, groups, refreshes, schedules, and what a read shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

Json = dict[str, Any]

EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
BOOT, CHECKS, DRAIN = 4.0, 3.0, 6.0  # seconds from launch to in service, to healthy, and from the end to gone
GRACE, SICK = 25.0, 6.0  # seconds until what is not healthy is replaced: at its start, and later
RETRY = 15.0  # seconds until a launch that failed is tried again
HOUR = 3600.0  # "attempts to complete all replacements for one hour before it fails and rolls back"
NEVER = float("inf")
TEMPLATE = "lt-1"
ZONES = ("a", "b", "c")
OPEN = frozenset({"InProgress", "Baking", "RollbackInProgress"})
STARVED = "We currently do not have sufficient m7i.large capacity. Launching EC2 instance failed."
NO_IMAGE = "The image id '[ami-0123456789abcdef9]' does not exist. Launching EC2 instance failed."


class Instance:
    """`state`: pending, initial, healthy, unhealthy, draining; `due`: when something happens to it next."""

    __slots__ = ("born", "due", "id", "since", "state", "version", "zone")

    def __init__(self, number: int, version: str, zone: str, now: float) -> None:
        self.id, self.version, self.zone, self.born, self.since = f"i-{number}", version, zone, now, now
        self.state, self.due = "pending", now + BOOT

    def become(self, state: str, due: float) -> None:
        self.state, self.due = state, due

    @property
    def stays(self) -> bool:
        return self.state != "draining"

    def shown(self) -> Json:
        """As DescribeAutoScalingGroups answers."""
        state = {"pending": "Pending", "draining": "Terminating"}.get(self.state, "InService")
        return {
            "InstanceId": self.id,
            "LifecycleState": state,
            "HealthStatus": "Unhealthy" if self.state == "unhealthy" else "Healthy",
            "AvailabilityZone": self.zone,
            "LaunchTemplate": {"LaunchTemplateId": TEMPLATE, "Version": self.version},
        }


@dataclass
class Refresh:
    """An instance refresh."""

    id: str
    to: str  # template version
    preferences: Json
    began: float
    status: str = "InProgress"
    passed: int = 0  # the highest checkpoint that was reached
    until: float = -1.0  # it waits at a checkpoint, or bakes
    since: float = 0.0  # it waits since then
    grew: float = 0.0  # when it came nearer to its goal last
    well: int = 0
    why: str = ""
    by: str = "greenlight"

    @property
    def open(self) -> bool:
        return self.status in OPEN

    @property
    def back(self) -> bool:
        return self.status == "RollbackInProgress"

    @property
    def watched(self) -> bool:
        return bool(self.preferences.get("AlarmSpecification"))

    def turn(self, why: str, now: float) -> None:
        """Goes back to what the group launched before."""
        self.status, self.until, self.why, self.grew, self.well = "RollbackInProgress", -1.0, why, now, 0

    def shown(self, percent: int) -> Json:
        """As DescribeInstanceRefreshes answers."""
        told: Json = {
            "InstanceRefreshId": self.id,
            "Status": self.status,
            "StartTime": moment(self.began),
            "PercentageComplete": 0 if self.back else percent,
            "Preferences": self.preferences,
            "DesiredConfiguration": {"LaunchTemplate": {"LaunchTemplateId": TEMPLATE, "Version": self.to}},
        }
        return told | ({"RollbackDetails": {"RollbackReason": self.why}} if self.why else {})


@dataclass
class Group:
    name: str
    described: Json  # settings and sizes, as given
    version: str
    tags: dict[str, str] = field(default_factory=dict)
    suspended: set[str] = field(default_factory=set)
    policies: dict[str, Json] = field(default_factory=dict)
    instances: list[Instance] = field(default_factory=list)
    refreshes: list[Refresh] = field(default_factory=list)  # newest first
    activities: list[Json] = field(default_factory=list)  # newest first
    retry_at: float = -1.0  # no launch before
    idle_at: float = NEVER  # the autoscaler takes the group to its minimum
    moved: bool = False  # zone rebalancing: one more first, then one less

    @property
    def desired(self) -> int:
        return int(self.described["DesiredCapacity"])

    @property
    def target_group(self) -> str:
        return str(self.described["TargetGroupARNs"][0])

    def staying(self) -> list[Instance]:
        return [one for one in self.instances if one.stays]

    def healthy(self) -> list[Instance]:
        return [one for one in self.instances if one.state == "healthy"]

    def refresh(self) -> Refresh | None:
        """The one that is under way."""
        return self.refreshes[0] if self.refreshes and self.refreshes[0].open else None

    def tell(self, now: float, text: str, status: str = "Successful", **more: str) -> None:
        """An activity."""
        told = {"Description": text, "StatusCode": status, "StartTime": moment(now), "EndTime": moment(now), **more}
        self.activities.insert(0, told)
        del self.activities[20:]

    def shown(self) -> Json:
        """As DescribeAutoScalingGroups answers."""
        return {
            "AutoScalingGroupName": self.name,
            "AutoScalingGroupARN": f"arn:{self.name}",
            "CreatedTime": EPOCH,
            "LaunchTemplate": {"LaunchTemplateId": TEMPLATE, "Version": self.version},
            **self.described,
            "Instances": [one.shown() for one in self.instances],
            "SuspendedProcesses": [{"ProcessName": name} for name in sorted(self.suspended)],
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()],
        }

    def health(self) -> list[Json]:
        """As DescribeTargetHealth answers."""
        return [
            {"Target": {"Id": one.id, "Port": 8080}, "TargetHealth": {"State": one.state}}
            for one in self.instances
            if one.state != "pending"
        ]


@dataclass
class Fire:
    """A call of EventBridge Scheduler on its way: nothing stops it any more."""

    at: float
    name: str
    call: Json


@dataclass(frozen=True)
class Picture:
    """What reads show, maybe of some seconds ago."""

    at: float
    groups: Json  # name -> group
    refreshes: Json  # name -> refreshes, newest first
    activities: Json  # name -> activities, newest first
    health: Json  # target group -> descriptions
    rules: Json  # listener -> rules
    schedules: tuple[str, ...]
    versions: tuple[Json, ...]
    policies: Json


def moment(seconds: float) -> datetime:
    """The cloud's clock."""
    return EPOCH + timedelta(seconds=seconds)


def date(seconds: float) -> Json:
    """The Date header of an answer: whole seconds."""
    return {"ResponseMetadata": {"HTTPHeaders": {"date": format_datetime(moment(seconds), usegmt=True)}}}


def weights_of(rule: Json) -> dict[str, int]:
    """Of a rule, or of a call that changes it."""
    return {each["TargetGroupArn"]: each["Weight"] for each in rule["Actions"][0]["ForwardConfig"]["TargetGroups"]}
