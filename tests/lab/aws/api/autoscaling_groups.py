# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Auto Scaling API's calls about groups: create, change, delete, describe. Refusals: `truth/autoscaling.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from moto.autoscaling.exceptions import AutoscalingClientError
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult

from tests.lab.aws.api import autoscaling_views as views
from tests.lab.aws.api.autoscaling_known import Known, flag, health_types, hook, maintenance, page, sources
from tests.lab.aws.api.base import Strict
from tests.lab.aws.core import AwsError
from tests.lab.aws.engine import asg_capacity, asg_step
from tests.lab.aws.engine.asg_model import PROCESSES, Group

# Only shown: parameters that change nothing here.
SHOWN = (
    "CapacityRebalance",
    "PlacementGroup",
    "MaxInstanceLifetime",
    "ServiceLinkedRoleARN",
    "AvailabilityZoneDistribution",
    "AvailabilityZoneImpairmentPolicy",
    "DeletionProtection",
    "Context",
)
METRICS = (  # botocore, EnableMetricsCollection
    "GroupMinSize",
    "GroupMaxSize",
    "GroupDesiredCapacity",
    "GroupInServiceInstances",
    "GroupPendingInstances",
    "GroupStandbyInstances",
    "GroupTerminatingInstances",
    "GroupTotalInstances",
)


class Groups(Strict, AutoScalingResponse):  # type: ignore[misc]
    """Groups and what describes them. moto keeps nothing of Auto Scaling: operations it has and we lack are unknown."""

    service = "autoscaling"
    errors = AutoscalingClientError
    protocol = "query"
    known: ClassVar[Known]

    def call_action(self) -> Any:
        method = self._get_action()
        name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in method).lstrip("_")
        if getattr(type(self), name, None) is getattr(AutoScalingResponse, name, None):
            return self._refused(self._unknown())
        return super().call_action()

    # ---- create, change, delete

    def create_auto_scaling_group(self) -> ActionResult:
        given, fleet = self.parameters(), self.lab.fleet
        name, ids = given["AutoScalingGroupName"], fleet.ids(given["AutoScalingGroupName"])
        template = self.known.specification(given["LaunchTemplate"])
        if template is None:
            raise AwsError("ValidationError", "You must use a valid fully-formed launch template.")
        low = int(given["MinSize"])
        arn = self.lab.arn("autoscaling", f"autoScalingGroup:{ids.uuid('group')}:autoScalingGroupName/{name}")
        wanted = given.get("DesiredCapacity")
        group = Group(name, arn, ids, self.lab.clock.utc(), template, low, int(given["MaxSize"]), 0)
        self._configure(group, given)
        group.hooks = {one["LifecycleHookName"]: hook(one) for one in given.get("LifecycleHookSpecificationList") or ()}
        group.tags = [_tag(one) for one in given.get("Tags") or ()]
        group.target_groups = sources(given)
        size = f"min: {group.low}, max: {group.high}, desired: {low if wanted is None else int(wanted)}"
        why = f"a user request created an AutoScalingGroup {size},"
        asg_capacity.resize(group, low if wanted is None else int(wanted), why.rstrip(","), fleet.moment())
        fleet.groups[name] = group
        self.lab.log("group_created", group=name, template=template.id, version=template.version)
        return EmptyResult()

    def update_auto_scaling_group(self) -> ActionResult:
        given, moment = self.parameters(), self.lab.fleet.moment()
        group = self.known.group(given["AutoScalingGroupName"])
        if given.get("LaunchTemplate"):
            template = self.known.specification(given["LaunchTemplate"])
            group.template = template or group.template
            self.lab.log("group_template", group=group.name, version=group.template.version)
        self._configure(group, given)
        wanted = given.get("DesiredCapacity")
        desired = group.desired if wanted is None else int(wanted)
        desired = min(max(desired, group.low), group.high)
        size = f"min: {group.low}, max: {group.high}, desired: {desired}"
        asg_capacity.resize(group, desired, f"a user request update of AutoScalingGroup constraints to {size}", moment)
        return EmptyResult()

    def _configure(self, group: Group, given: Mapping[str, Any]) -> None:
        """What create and update have in common; what is not given stays."""
        group.low, group.high = int(given.get("MinSize", group.low)), int(given.get("MaxSize", group.high))
        if given.get("VPCZoneIdentifier"):
            group.subnets = tuple(name.strip() for name in given["VPCZoneIdentifier"].split(","))
            group.zones = {subnet: self.known.zone(subnet) or "" for subnet in group.subnets}
        if given.get("HealthCheckType"):
            group.health_types = health_types(given["HealthCheckType"])
        if given.get("HealthCheckGracePeriod") is not None:
            group.grace = float(given["HealthCheckGracePeriod"])
        if given.get("DefaultInstanceWarmup") is not None:
            warmup = float(given["DefaultInstanceWarmup"])
            group.warmup = None if warmup < 0 else warmup  # -1 "to remove a value that you previously set" (botocore)
        if given.get("DefaultCooldown") is not None:
            group.cooldown = int(given["DefaultCooldown"])
        if given.get("InstanceMaintenancePolicy"):
            group.maintenance = maintenance(given["InstanceMaintenancePolicy"])
        if given.get("TerminationPolicies"):
            group.termination = tuple(given["TerminationPolicies"])
        if given.get("NewInstancesProtectedFromScaleIn") is not None:
            group.protect_new = flag(given["NewInstancesProtectedFromScaleIn"])
        for name in SHOWN:
            if given.get(name) is not None:
                group.params[name] = given[name]

    def delete_auto_scaling_group(self) -> ActionResult:
        given = self.parameters()
        group = self.known.group(given["AutoScalingGroupName"])
        asg_step.delete(group, self.lab.fleet.moment())
        self.lab.log("group_deleted", group=group.name, force=flag(given.get("ForceDelete")))
        return EmptyResult()

    def set_desired_capacity(self) -> ActionResult:
        given = self.parameters()
        group, desired = self.known.group(given["AutoScalingGroupName"]), int(given["DesiredCapacity"])
        why = "a user request explicitly set group desired capacity"
        asg_capacity.resize(group, desired, why, self.lab.fleet.moment())
        return EmptyResult()

    # ---- processes, tags, metrics

    def suspend_processes(self) -> ActionResult:
        given = self.parameters()
        group = self.known.group(given["AutoScalingGroupName"])
        for name in given.get("ScalingProcesses") or PROCESSES:
            stamp = self.lab.clock.utc().strftime("%Y-%m-%dT%H:%M:%SZ")
            group.suspended.setdefault(name, f"User suspended at {stamp}")
        return EmptyResult()

    def resume_processes(self) -> ActionResult:
        given = self.parameters()
        group = self.known.group(given["AutoScalingGroupName"])
        for name in given.get("ScalingProcesses") or PROCESSES:
            group.suspended.pop(name, None)
        return EmptyResult()

    def create_or_update_tags(self) -> ActionResult:
        for given in self.parameters()["Tags"]:
            group = self.known.group(given["ResourceId"])
            group.tags = [tag for tag in group.tags if tag["Key"] != given["Key"]] + [_tag(given)]
        return EmptyResult()

    def delete_tags(self) -> ActionResult:
        for given in self.parameters()["Tags"]:
            group = self.known.group(given["ResourceId"])
            group.tags = [tag for tag in group.tags if tag["Key"] != given["Key"]]
        return EmptyResult()

    def describe_tags(self) -> ActionResult:
        given = self.parameters()
        wanted = {one["Name"]: set(one["Values"]) for one in given.get("Filters") or ()}
        fields = {"auto-scaling-group": "ResourceId", "key": "Key", "value": "Value"}
        tags = [views.tag(group, tag) for group in self.lab.fleet.groups.values() for tag in group.tags]
        found = [
            tag
            for tag in tags
            if all(str(tag[fields[name]]) in some for name, some in wanted.items() if name in fields)
        ]
        items, token = page(found, given)
        return ActionResult({"Tags": items, "NextToken": token})

    def enable_metrics_collection(self) -> ActionResult:
        given = self.parameters()
        group = self.known.group(given["AutoScalingGroupName"])
        group.metrics = list(dict.fromkeys([*group.metrics, *(given.get("Metrics") or METRICS)]))
        return EmptyResult()

    def disable_metrics_collection(self) -> ActionResult:
        given = self.parameters()
        group = self.known.group(given["AutoScalingGroupName"])
        gone = given.get("Metrics") or group.metrics
        group.metrics = [name for name in group.metrics if name not in gone]
        return EmptyResult()

    # ---- reads

    def describe_auto_scaling_groups(self) -> ActionResult:
        given = self.parameters()
        names = given.get("AutoScalingGroupNames") or ()
        groups = [one for one in self.lab.fleet.groups.values() if not names or one.name in names]
        groups = [one for one in groups if all(_tagged(one, filter_) for filter_ in given.get("Filters") or ())]
        items, token = page([views.group(one) for one in groups], given)
        return ActionResult({"AutoScalingGroups": items, "NextToken": token})

    def describe_auto_scaling_instances(self) -> ActionResult:
        given = self.parameters()
        names = given.get("InstanceIds") or ()
        pairs = [(group, one) for group in self.lab.fleet.groups.values() for one in views.visible(group)]
        found = [views.detailed(group, one) for group, one in pairs if not names or one.id in names]
        items, token = page(found, given, most=50)
        return ActionResult({"AutoScalingInstances": items, "NextToken": token})

    def describe_scaling_activities(self) -> ActionResult:
        given = self.parameters()
        name, ids = given.get("AutoScalingGroupName"), given.get("ActivityIds") or ()
        groups = [self.known.group(name)] if name else list(self.lab.fleet.groups.values())
        found = [views.activity(group, one) for group in groups for one in group.activities]
        items, token = page([one for one in found if not ids or one["ActivityId"] in ids], given, size=100)
        return ActionResult({"Activities": items, "NextToken": token})

    def describe_account_limits(self) -> ActionResult:
        """Defaults: EC2 Auto Scaling user guide, "Quotas for Auto Scaling resources and groups"."""
        used = len(self.lab.fleet.groups)
        limits = {"MaxNumberOfAutoScalingGroups": 500, "MaxNumberOfLaunchConfigurations": 200}
        return ActionResult({**limits, "NumberOfAutoScalingGroups": used, "NumberOfLaunchConfigurations": 0})

    def describe_launch_configurations(self) -> ActionResult:
        return ActionResult({"LaunchConfigurations": []})

    def describe_load_balancers(self) -> ActionResult:
        return ActionResult({"LoadBalancers": []})

    def describe_notification_configurations(self) -> ActionResult:
        return ActionResult({"NotificationConfigurations": []})

    def describe_scheduled_actions(self) -> ActionResult:
        return ActionResult({"ScheduledUpdateGroupActions": []})

    def describe_warm_pool(self) -> ActionResult:
        self.known.group(self.parameters()["AutoScalingGroupName"])
        return ActionResult({"Instances": []})


def _tag(given: Mapping[str, Any]) -> dict[str, object]:
    """A tag of a group; shown again with the group's name."""
    return {
        "Key": given["Key"],
        "Value": given.get("Value") or "",
        "PropagateAtLaunch": flag(given.get("PropagateAtLaunch")),
    }


def _tagged(group: Group, wanted: Mapping[str, Any]) -> bool:
    """One filter of DescribeAutoScalingGroups: `tag-key`, `tag-value`, or `tag:<key>`."""
    name, values = str(wanted["Name"]), set(wanted["Values"])
    if name.startswith("tag:"):
        return any(tag["Key"] == name.removeprefix("tag:") and tag["Value"] in values for tag in group.tags)
    field = {"tag-key": "Key", "tag-value": "Value"}.get(name)
    return field is not None and any(tag[field] in values for tag in group.tags)
