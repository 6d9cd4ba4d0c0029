# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API calls of the platform `asg` on the simulated cloud: reads show it, maybe late; writes change it.

Errors carry AWS's codes, so that the platform's own reading of them is played, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.greenlight.serving.plugins.module_utils._clients.aws_errors import AwsError
from tests.simulation.asg_cloud import AsgCloud
from tests.simulation.asg_parts import EPOCH, Group, Json, Picture, Refresh, date, weights_of

STATES = {"ok": "OK", "alarm": "ALARM", "unknown": "INSUFFICIENT_DATA"}


class ApiError(Exception):
    """As botocore's ClientError has it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.response = {"Error": {"Code": code, "Message": message}}


def refused(code: str, message: str) -> AwsError:
    return AwsError(ApiError(code, message), "simulated", True)


def _without(asked: Json, *names: str) -> Json:
    return {name: value for name, value in asked.items() if name not in names}


@dataclass
class Calls:
    """Implements `aws_calls.Calls`. `lag()`: how old a read is; `before(operation, arguments)`: what may be checked."""

    cloud: AsgCloud
    lag: Callable[[], float]
    before: Callable[[str, Json], None]
    asked_at: float = 0.0  # of what time the newest read tells

    def read(self, api: str, operation: str, /, **arguments: Any) -> Json:
        del api
        lag = self.lag()
        shown, self.asked_at = self.cloud.seen(lag), self.cloud.now - lag
        answer: Json = getattr(self, f"_{operation}")(shown, arguments)
        return {**answer, **date(self.cloud.now)}

    def pages(self, api: str, operation: str, key: str, /, **arguments: Any) -> Iterator[Any]:
        yield from self.read(api, operation, **arguments)[key]

    def write(self, api: str, operation: str, /, **arguments: Any) -> Json:
        del api
        if operation == "put_metric_data":
            self.cloud.alarm.beat(self.cloud.now)
            self.cloud.due = None
            return {}
        self.before(operation, arguments)
        getattr(self, f"_{operation}")(arguments)
        self.cloud.settle()
        return {}

    # ---- Auto Scaling ----

    def _group(self, asked: Json) -> Group:
        name = asked["AutoScalingGroupName"]
        if name not in self.cloud.groups:
            raise refused("ValidationError", f"AutoScalingGroup name not found - {name}")
        return self.cloud.groups[name]

    def _describe_auto_scaling_groups(self, shown: Picture, asked: Json) -> Json:
        named = [shown.groups[name] for name in asked["AutoScalingGroupNames"] if name in shown.groups]
        return {"AutoScalingGroups": named}

    def _create_auto_scaling_group(self, asked: Json) -> None:
        name, version = asked["AutoScalingGroupName"], asked["LaunchTemplate"]["Version"]
        if name in self.cloud.groups:
            raise refused("AlreadyExists", f"AutoScalingGroup by this name already exists - {name}")
        self._launchable(version)
        tags = {tag["Key"]: tag["Value"] for tag in asked["Tags"]}
        described = _without(asked, "AutoScalingGroupName", "LaunchTemplate", "Tags")
        self.cloud.groups[name] = Group(name, described, version, tags)

    def _launchable(self, version: str) -> None:
        name = self.cloud.names[version]
        if name in self.cloud.without_image or name in self.cloud.gone:
            message = "You must use a valid fully-formed launch template. The image id does not exist"
            raise refused("ValidationError", message)

    def _update_auto_scaling_group(self, asked: Json) -> None:
        group = self._group(asked)
        template = asked.get("LaunchTemplate")
        if template:
            if group.refresh() is not None:
                message = "An active instance refresh with a desired configuration exists."
                raise refused("ValidationError", message)
            self._launchable(template["Version"])
            group.version = template["Version"]
        group.described.update(_without(asked, "AutoScalingGroupName", "LaunchTemplate"))

    def _delete_auto_scaling_group(self, asked: Json) -> None:
        group = self._group(asked)
        if group.instances or group.desired:
            raise refused("ResourceInUse", "You cannot delete an AutoScalingGroup while there are instances")
        del self.cloud.groups[group.name]

    def _create_or_update_tags(self, asked: Json) -> None:
        for tag in asked["Tags"]:
            self._group({"AutoScalingGroupName": tag["ResourceId"]}).tags[tag["Key"]] = tag["Value"]

    def _delete_tags(self, asked: Json) -> None:
        for tag in asked["Tags"]:
            self._group({"AutoScalingGroupName": tag["ResourceId"]}).tags.pop(tag["Key"], None)

    def _suspend_processes(self, asked: Json) -> None:
        self._group(asked).suspended |= set(asked["ScalingProcesses"])

    def _resume_processes(self, asked: Json) -> None:
        self._group(asked).suspended -= set(asked["ScalingProcesses"])

    def _describe_lifecycle_hooks(self, shown: Picture, asked: Json) -> Json:
        assert asked["AutoScalingGroupName"] in self.cloud.groups or shown.at < self.cloud.now
        return {"LifecycleHooks": []}

    def _describe_policies(self, shown: Picture, asked: Json) -> Json:
        found = [shown.policies[name] for name in asked["PolicyNames"] if name in shown.policies]
        return {"ScalingPolicies": found}

    def _put_scaling_policy(self, asked: Json) -> None:
        self._group(asked).policies[asked["PolicyName"]] = dict(asked)

    def _describe_instance_refreshes(self, shown: Picture, asked: Json) -> Json:
        return {"InstanceRefreshes": shown.refreshes.get(asked["AutoScalingGroupName"], [])}

    def _describe_scaling_activities(self, shown: Picture, asked: Json) -> Json:
        return {"Activities": shown.activities.get(asked["AutoScalingGroupName"], [])}

    def _start_instance_refresh(self, asked: Json) -> None:
        group, preferences = self._group(asked), asked["Preferences"]
        if group.refresh() is not None:
            raise refused("InstanceRefreshInProgress", "An instance refresh is already in progress")
        watched = bool(preferences.get("AlarmSpecification"))
        if watched and (self.cloud.alarm.shown(self.cloud.now) or ("",))[0] != "ok":
            raise refused("ValidationError", "An alarm is in the state ALARM or INSUFFICIENT_DATA")
        version = asked["DesiredConfiguration"]["LaunchTemplate"]["Version"]
        self.cloud.count += 1
        made = Refresh(f"refresh-{self.cloud.count}", version, preferences, self.cloud.now, grew=self.cloud.now)
        group.refreshes.insert(0, made)

    def _rollback_instance_refresh(self, asked: Json) -> None:
        refresh = self._group(asked).refresh()
        if refresh is None or refresh.back:
            raise refused("ActiveInstanceRefreshNotFound", "No in progress or pending instance refresh found")
        refresh.turn("asked for", self.cloud.now)

    def _cancel_instance_refresh(self, asked: Json) -> None:
        refresh = self._group(asked).refresh()
        if refresh is None:
            raise refused("ActiveInstanceRefreshNotFound", "No in progress or pending instance refresh found")
        refresh.status = "Cancelled"

    # ---- EC2 ----

    def _describe_launch_template_versions(self, shown: Picture, asked: Json) -> Json:
        assert asked["LaunchTemplateName"]
        if not shown.versions:
            raise refused("InvalidLaunchTemplateName.NotFoundException", "There is no such launch template")
        return {"LaunchTemplateVersions": list(shown.versions)}

    def _create_launch_template_version(self, asked: Json) -> None:
        self.cloud.add_version(asked["VersionDescription"], asked["LaunchTemplateData"], asked["ClientToken"])

    def _create_launch_template(self, asked: Json) -> None:
        if self.cloud.versions and asked["ClientToken"] not in self.cloud.tokens:
            raise refused("InvalidLaunchTemplateName.AlreadyExistsException", "The name is taken")
        self._create_launch_template_version(asked)

    # ---- the load balancer ----

    def _describe_rules(self, shown: Picture, asked: Json) -> Json:
        found = shown.rules.get(asked["ListenerArn"])
        return {"Rules": [dict(found)] if found else []}

    def _describe_tags(self, shown: Picture, asked: Json) -> Json:
        del shown
        tags = [{"Key": "greenlight:service", "Value": "digits"}]
        return {"TagDescriptions": [{"ResourceArn": arn, "Tags": tags} for arn in asked["ResourceArns"]]}

    def _create_rule(self, asked: Json) -> None:
        listener = asked["ListenerArn"]
        if listener in self.cloud.rules:
            raise refused("PriorityInUse", "The specified priority is in use.")
        self.cloud.count += 1
        arn = f"arn:aws:elasticloadbalancing:us-east-1:1:listener-rule/app/d/b/{listener}-{self.cloud.count}"
        rule = {"RuleArn": arn, "Priority": str(asked["Priority"]), "Conditions": asked["Conditions"]}
        self.cloud.rules[listener] = {**rule, "Actions": asked["Actions"]}
        if listener == "production":
            self.cloud.applied = weights_of(asked)

    def _named(self, asked: Json) -> str:
        for listener, rule in self.cloud.rules.items():
            if rule["RuleArn"] == asked["RuleArn"]:
                return listener
        raise refused("RuleNotFound", "One or more rules not found")

    def _modify_rule(self, asked: Json) -> None:
        listener = self._named(asked)
        if asked.get("Conditions"):
            self.cloud.rules[listener]["Conditions"] = asked["Conditions"]
        if asked.get("Actions") and listener == "production":
            self.cloud.weigh(asked["Actions"])
        elif asked.get("Actions"):
            self.cloud.rules[listener]["Actions"] = asked["Actions"]

    def _delete_rule(self, asked: Json) -> None:
        del self.cloud.rules[self._named(asked)]

    def _describe_target_health(self, shown: Picture, asked: Json) -> Json:
        return {"TargetHealthDescriptions": shown.health.get(asked["TargetGroupArn"], [])}

    # ---- CloudWatch and EventBridge Scheduler ----

    def _describe_alarms(self, shown: Picture, asked: Json) -> Json:
        del shown
        alarm, found = self.cloud.alarm, self.cloud.alarm.shown(self.asked_at)
        if found is None or not alarm.described:
            return {"MetricAlarms": []}
        told = {**alarm.described, "AlarmName": asked["AlarmNames"][0], "StateValue": STATES[found[0]]}
        return {"MetricAlarms": [told]}

    def _put_metric_alarm(self, asked: Json) -> None:
        alarm = self.cloud.alarm
        if alarm.shown(self.cloud.now) is None:
            alarm.make(self.cloud.now)
        alarm.described = dict(asked)
        alarm.arm(asked["TreatMissingData"] == "breaching", self.cloud.now)

    def _list_schedules(self, shown: Picture, asked: Json) -> Json:
        assert asked["GroupName"]
        return {"Schedules": [{"Name": name} for name in shown.schedules if name.startswith(asked["NamePrefix"])]}

    def _create_schedule(self, asked: Json) -> None:
        if asked["Name"] in self.cloud.schedules:
            return  # the same client token
        at = asked["ScheduleExpression"].removeprefix("at(").removesuffix(")")
        seconds = (EPOCH.fromisoformat(f"{at}+00:00") - EPOCH).total_seconds()
        self.cloud.schedules[asked["Name"]] = (seconds, json.loads(asked["Target"]["Input"]))

    def _delete_schedule(self, asked: Json) -> None:
        assert asked["GroupName"]
        if self.cloud.undeletable:
            raise refused("ThrottlingException", "Rate exceeded")
        if self.cloud.schedules.pop(asked["Name"], None) is None:
            raise refused("ResourceNotFoundException", "Schedule does not exist.")
