# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One consistent snapshot of a service on EC2 Auto Scaling and of the load balancer in front of it. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from .._clients.aws_errors import AwsError
from . import asg_group, asg_shift, aws_heart
from .asg_group import COLOURS, group_name
from .asg_release import release_of, template_name
from .asg_snapshot import Snapshot
from .aws_calls import Calls, Json, absent_is_empty, answered_at
from .aws_names import alarm_name, tag_map
from .aws_rule_tags import with_tags

NO_TEMPLATE = frozenset({"InvalidLaunchTemplateName.NotFoundException", "InvalidLaunchTemplateId.NotFound"})
SETTINGS = frozenset({"create_auto_scaling_group", "put_lifecycle_hook", "delete_lifecycle_hook", "put_scaling_policy"})
HISTORY = 20  # refreshes and activities that are looked at, newest first


class Reader:
    """Takes snapshots; remembers what only we change (template versions, hooks, policies) and what never does."""

    def __init__(self, calls: Calls, params: Mapping[str, Any], now: Callable[[], float]) -> None:
        self._calls = calls
        self._params = params
        self._now = now
        self._template = ""
        self._versions: dict[str, Json] | None = None
        self._settings: tuple[dict[str, Json], dict[str, Json]] | None = None
        self._rule_tags: dict[str, Json] = {}
        self._addresses: dict[str, str] = {}
        self._looked = False

    def snapshot(self) -> Snapshot:
        """Raises PortError."""
        at = self._now()
        groups, clock = self._groups()
        if self._versions is None:
            self._template, self._versions = self._read_versions()
        if self._settings is None:
            self._settings = self._hooks(groups), self._policies(groups)
        busy = [colour for colour, group in groups.items() if group.get("Instances") or group.get("DesiredCapacity")]
        refreshes = {colour: self._refreshes(colour) for colour in busy}
        production, test = self._both_rules()
        listed = Snapshot(
            at=at,
            clock=clock,
            groups=groups,
            versions=self._versions,
            template=self._template,
            refreshes=refreshes,
            production_rules=production,
            test_rules=test,
            health={arn: self._health(arn) for colour in busy for arn in groups[colour].get("TargetGroupARNs", [])},
            addresses=self._learn_addresses(groups),
            alarm=self._alarm(),
            schedules=self._schedules(groups, clock),
            hooks=self._settings[0],
            policies=self._settings[1],
        )
        self._looked = True
        activities = {colour: self._activities(colour) for colour in groups if _moves(listed, colour)}
        return Snapshot(**{**listed.__dict__, "activities": activities})

    def forget(self, operation: str) -> None:
        """Something of ours is changed by this call: read again what is remembered of it."""
        if "launch_template" in operation:
            self._versions = None
        if operation in SETTINGS:
            self._settings = None

    # ---- parts ----

    def _groups(self) -> tuple[dict[str, Json], datetime]:
        names = {group_name(self._params, colour): colour for colour in COLOURS}
        answer = self._calls.read("autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=list(names))
        found = {}
        for group in answer.get("AutoScalingGroups", []):
            found[names[group["AutoScalingGroupName"]]] = {**group, "tags": tag_map(group.get("Tags") or [])}
        return {colour: found[colour] for colour in COLOURS if colour in found}, answered_at(answer)

    def _read_versions(self) -> tuple[str, dict[str, Json]]:
        name = template_name(self._params)
        try:
            listed = list(
                self._calls.pages(
                    "ec2", "describe_launch_template_versions", "LaunchTemplateVersions", LaunchTemplateName=name
                )
            )
        except AwsError as error:
            if error.code not in NO_TEMPLATE:
                raise
            return "", {}
        found = {str(one["VersionNumber"]): {**one, "release": release_of(one, self._params)} for one in listed}
        return next((str(one["LaunchTemplateId"]) for one in listed), ""), found

    def _refreshes(self, colour: str) -> tuple[Json, ...]:
        name = group_name(self._params, colour)
        answer = self._calls.read(
            "autoscaling", "describe_instance_refreshes", AutoScalingGroupName=name, MaxRecords=HISTORY
        )
        never = datetime.min.replace(tzinfo=UTC)
        listed = answer.get("InstanceRefreshes", [])
        return tuple(sorted(listed, key=lambda one: one.get("StartTime") or never, reverse=True))

    def _activities(self, colour: str) -> tuple[Json, ...]:
        answer = self._calls.read(
            "autoscaling",
            "describe_scaling_activities",
            AutoScalingGroupName=group_name(self._params, colour),
            MaxRecords=HISTORY,
        )
        return tuple(answer.get("Activities", []))

    def _both_rules(self) -> tuple[tuple[Json, ...], tuple[Json, ...]]:
        """Of the production and the test listener, with their tags, which say whose they are."""
        balancer = self._params.get("load_balancer") or {}
        production, test = (self._rules(balancer.get(f"{which}_listener_arn")) for which in ("production", "test"))
        tagged = with_tags(self._calls, (*production, *test), self._rule_tags)
        return tagged[: len(production)], tagged[len(production) :]

    def _rules(self, listener: str | None) -> list[Json]:
        if not listener:
            return []
        try:
            return list(self._calls.pages("elbv2", "describe_rules", "Rules", ListenerArn=listener))
        except AwsError as error:
            if error.not_found:
                return []
            raise

    def _health(self, arn: str) -> tuple[Json, ...]:
        answer = absent_is_empty(self._calls, "elbv2", "describe_target_health", TargetGroupArn=arn)
        return tuple(answer.get("TargetHealthDescriptions", []))

    def _learn_addresses(self, groups: Mapping[str, Json]) -> dict[str, str]:
        """Private addresses, which only probes that go straight to an instance need.

        From the second look on: a run that has nothing to do takes one, and probes nothing.
        """
        if self._params.get("route") != "direct" or not self._looked:
            return {}
        listed = [one["InstanceId"] for group in groups.values() for one in group.get("Instances") or []]
        unknown = [one for one in listed if one not in self._addresses]
        if unknown:
            filters = [{"Name": "instance-id", "Values": unknown}]  # a filter forgives what is gone already
            for reservation in self._calls.pages("ec2", "describe_instances", "Reservations", Filters=filters):
                for instance in reservation.get("Instances", []):
                    if instance.get("PrivateIpAddress"):
                        self._addresses[instance["InstanceId"]] = instance["PrivateIpAddress"]
        return dict(self._addresses)

    def _alarm(self) -> Json | None:
        if not aws_heart.wanted(self._params):
            return None
        answer = self._calls.read("cloudwatch", "describe_alarms", AlarmNames=[alarm_name(self._params)])
        return next(iter(answer.get("MetricAlarms", [])), None)

    def _schedules(self, groups: Mapping[str, Json], clock: datetime) -> tuple[Json, ...]:
        """Those that restore the service's weights: their names say everything. Where there can be any."""
        restore = self._params.get("restore") or {}
        if not restore.get("role_arn") or not _timed(groups, clock, self._params):
            return ()
        place = {"GroupName": restore["group"], "NamePrefix": asg_shift.prefix(self._params)}
        return tuple(self._calls.pages("scheduler", "list_schedules", "Schedules", **place))

    def _hooks(self, groups: Mapping[str, Json]) -> dict[str, Json]:
        """Only where one is wanted, or may be left."""
        found = {}
        for colour in groups if self._params.get("drain_seconds") is not None else ():
            answer = self._calls.read(
                "autoscaling", "describe_lifecycle_hooks", AutoScalingGroupName=group_name(self._params, colour)
            )
            for hook in answer.get("LifecycleHooks", []):
                if hook["LifecycleHookName"] == asg_group.HOOK:
                    found[colour] = hook
        return found

    def _policies(self, groups: Mapping[str, Json]) -> dict[str, Json]:
        """Those of the names that are wanted; what somebody else put stays his."""
        names = [name for colour in groups for name in asg_group.policies(self._params, colour)]
        if not names:
            return {}
        found = self._calls.pages("autoscaling", "describe_policies", "ScalingPolicies", PolicyNames=names)
        return {policy["PolicyName"]: policy for policy in found}


def _timed(groups: Mapping[str, Json], clock: datetime, params: Mapping[str, Any]) -> bool:
    """Whether a schedule may be left.

    A group is tagged before the first is made. None is left where one group alone has instances and the last one's
    time is over.
    """
    tags = [asg_shift.keep_of(group) for group in groups.values()]
    kept = [each for each in tags if each]
    two = sum(bool(group.get("DesiredCapacity") or group.get("Instances")) for group in groups.values()) > 1
    return bool(kept) and (two or any(clock < asg_shift.safe_at(each, params) for each in kept))


def _moves(known: Snapshot, colour: str) -> bool:
    """Instances come or go there."""
    unsteady = [one for one in known.instances(colour) if one.get("LifecycleState") != "InService"]
    short = len(known.instances(colour)) != known.desired(colour)
    return bool(unsteady) or short or known.refresh(colour) is not None
