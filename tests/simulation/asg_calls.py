# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of the platform `asg` on the simulated cloud: reads show it, writes change it, and a run may be killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Outcome
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.base import PortError
from tests.simulation.asg_cloud import EPOCH, OPEN, TEMPLATE, AsgCloud, Group, Json, call_of

SIZES = ("MinSize", "MaxSize", "DesiredCapacity")


def _without(asked: Json, *names: str) -> Json:
    return {name: value for name, value in asked.items() if name not in names}


class KilledError(BaseException):
    """SIGKILL: nothing of the run goes on."""


@dataclass
class Calls:
    """Implements `aws_calls.Calls`. `kill_at`: number of the write at which the run dies; `after`: of its effect."""

    cloud: AsgCloud
    kill_at: int = 0
    after: bool = False
    writes: list[str] = field(default_factory=list)
    alarm: Json = field(default_factory=dict)

    def read(self, api: str, operation: str, /, **arguments: Any) -> Json:
        return {**getattr(self, f"_{operation}")(arguments), **self.cloud.date()}

    def pages(self, api: str, operation: str, key: str, /, **arguments: Any) -> Iterator[Any]:
        yield from self.read(api, operation, **arguments)[key]

    def write(self, api: str, operation: str, /, **arguments: Any) -> Json:
        if operation == "put_metric_data":
            self.cloud.alarm.beat(self.cloud.now)
            return {}
        self.writes.append(operation)
        dies = len(self.writes) == self.kill_at
        if dies and not self.after:
            raise KilledError
        act: Callable[..., Any] = getattr(self, f"_{operation}")
        act(arguments)
        self.cloud.settle()
        if dies:
            raise KilledError
        return {}

    # ---- Auto Scaling ----

    def _group(self, name: str) -> Group:
        return self.cloud.groups[name]

    def _describe_auto_scaling_groups(self, asked: Json) -> Json:
        found = [
            self.cloud.describe(self._group(name))
            for name in asked["AutoScalingGroupNames"]
            if name in self.cloud.groups
        ]
        return {"AutoScalingGroups": found}

    def _create_auto_scaling_group(self, asked: Json) -> None:
        tags = {tag["Key"]: tag["Value"] for tag in asked["Tags"]}
        self.cloud.groups[asked["AutoScalingGroupName"]] = Group(
            asked["AutoScalingGroupName"],
            _without(asked, "AutoScalingGroupName", "LaunchTemplate", "Tags"),
            asked["LaunchTemplate"]["Version"],
            tags,
        )

    def _update_auto_scaling_group(self, asked: Json) -> None:
        group = self._group(asked["AutoScalingGroupName"])
        group.version = asked.get("LaunchTemplate")["Version"] if asked.get("LaunchTemplate") else group.version
        group.described.update(_without(asked, "AutoScalingGroupName", "LaunchTemplate"))

    def _create_or_update_tags(self, asked: Json) -> None:
        for tag in asked["Tags"]:
            self._group(tag["ResourceId"]).tags[tag["Key"]] = tag["Value"]

    def _delete_tags(self, asked: Json) -> None:
        for tag in asked["Tags"]:
            self._group(tag["ResourceId"]).tags.pop(tag["Key"], None)

    def _suspend_processes(self, asked: Json) -> None:
        self._group(asked["AutoScalingGroupName"]).suspended |= set(asked["ScalingProcesses"])

    def _resume_processes(self, asked: Json) -> None:
        self._group(asked["AutoScalingGroupName"]).suspended -= set(asked["ScalingProcesses"])

    def _describe_instance_refreshes(self, asked: Json) -> Json:
        return {
            "InstanceRefreshes": [
                dict(one) for one in self._group(asked["AutoScalingGroupName"]).refreshes[: asked["MaxRecords"]]
            ]
        }

    def _describe_scaling_activities(self, asked: Json) -> Json:
        del asked["MaxRecords"]
        launched = [
            {
                "Description": f"Launching a new EC2 instance: {one.id}",
                "StatusCode": "Successful",
                "StartTime": EPOCH + timedelta(seconds=one.born),
                "EndTime": EPOCH + timedelta(seconds=one.born),
            }
            for one in self._group(asked["AutoScalingGroupName"]).instances
        ]
        return {"Activities": launched}

    def _start_instance_refresh(self, asked: Json) -> None:
        group = self._group(asked["AutoScalingGroupName"])
        assert not any(one["Status"] in OPEN for one in group.refreshes), "two refreshes at once"
        assert asked["Strategy"] == "Rolling"
        if asked["Preferences"].get("AlarmSpecification"):
            assert self.cloud.alarm.shown(self.cloud.now) == ("ok", True), (
                "begun with an alarm that is not armed and OK"
            )
        refresh = {
            "InstanceRefreshId": f"refresh-{len(group.refreshes)}",
            "Status": "InProgress",
            "StartTime": EPOCH + timedelta(seconds=self.cloud.now),
            "PercentageComplete": 0,
            "Preferences": asked["Preferences"],
            "DesiredConfiguration": asked["DesiredConfiguration"],
            "to": asked["DesiredConfiguration"]["LaunchTemplate"]["Version"],
            "passed": 0,
            "until": 0.0,
        }
        group.refreshes.insert(0, refresh)

    def _rollback_instance_refresh(self, asked: Json) -> None:
        moving = [
            one
            for one in self._group(asked["AutoScalingGroupName"]).refreshes
            if one["Status"] in ("InProgress", "Baking")
        ]
        if not moving:
            raise PortError(Outcome.TURNED_AWAY, "ActiveInstanceRefreshNotFound")
        self.cloud.turn(moving[0], "asked for")

    def _describe_lifecycle_hooks(self, asked: Json) -> Json:
        assert asked["AutoScalingGroupName"] in self.cloud.groups
        return {"LifecycleHooks": []}

    # ---- EC2 ----

    def _describe_launch_template_versions(self, asked: Json) -> Json:
        assert asked["LaunchTemplateName"]
        return {"LaunchTemplateVersions": list(self.cloud.versions)}

    def _create_launch_template_version(self, asked: Json) -> None:
        version = {
            "LaunchTemplateId": TEMPLATE,
            "VersionNumber": len(self.cloud.versions) + 1,
            "VersionDescription": asked["VersionDescription"],
            "LaunchTemplateData": asked["LaunchTemplateData"],
        }
        self.cloud.versions.append(version)

    # ---- the load balancer ----

    def _describe_rules(self, asked: Json) -> Json:
        return {"Rules": [dict(self.cloud.rules[asked["ListenerArn"]])]}

    def _describe_tags(self, asked: Json) -> Json:
        tags = [{"Key": "greenlight:service", "Value": "digits"}]
        return {"TagDescriptions": [{"ResourceArn": arn, "Tags": tags} for arn in asked["ResourceArns"]]}

    def _modify_rule(self, asked: Json) -> None:
        next(rule for rule in self.cloud.rules.values() if rule["RuleArn"] == asked["RuleArn"])["Actions"] = asked[
            "Actions"
        ]

    def _describe_target_health(self, asked: Json) -> Json:
        return {"TargetHealthDescriptions": list(self.cloud.health(asked["TargetGroupArn"]))}

    # ---- CloudWatch and EventBridge Scheduler ----

    def _describe_alarms(self, asked: Json) -> Json:
        shown = self.cloud.alarm.shown(self.cloud.now)
        if shown is None:
            return {"MetricAlarms": []}
        states = {"ok": "OK", "alarm": "ALARM", "unknown": "INSUFFICIENT_DATA"}
        return {"MetricAlarms": [{**self.alarm, "AlarmName": asked["AlarmNames"][0], "StateValue": states[shown[0]]}]}

    def _put_metric_alarm(self, asked: Json) -> None:
        self.alarm.clear()
        self.alarm.update(asked)
        if self.cloud.alarm.shown(self.cloud.now) is None:
            self.cloud.alarm.make(self.cloud.now)
        self.cloud.alarm.arm(asked["TreatMissingData"] == "breaching", self.cloud.now)

    def _list_schedules(self, asked: Json) -> Json:
        assert asked["GroupName"]
        return {"Schedules": [{"Name": name} for name in self.cloud.schedules if name.startswith(asked["NamePrefix"])]}

    def _create_schedule(self, asked: Json) -> None:
        at = asked["ScheduleExpression"].removeprefix("at(").removesuffix(")")
        seconds = (EPOCH.fromisoformat(f"{at}+00:00") - EPOCH).total_seconds()
        self.cloud.schedules[asked["Name"]] = {"at": seconds, "call": call_of(asked["Target"]["Input"])}

    def _delete_schedule(self, asked: Json) -> None:
        assert asked["GroupName"]
        self.cloud.deletions += 1
        if self.cloud.deletions in self.cloud.kept:
            raise PortError(Outcome.TURNED_AWAY, "ThrottlingException")
        self.cloud.schedules.pop(asked["Name"], None)
