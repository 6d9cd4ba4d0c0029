# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Auto Scaling API's calls about instance refreshes and scaling policies, and its place in moto's tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import moto.autoscaling.urls
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult

from tests.lab.aws.api import autoscaling_views as views
from tests.lab.aws.api.autoscaling_instances import Instances
from tests.lab.aws.api.autoscaling_known import Known, flag, page
from tests.lab.aws.api.base import bind, replace
from tests.lab.aws.core import AwsError, Lab
from tests.lab.aws.engine import asg_refresh_ends
from tests.lab.aws.engine.asg_model import Group
from tests.lab.aws.engine.asg_refresh_model import Preferences, Refresh, Template
from tests.lab.aws.engine.asg_tracking_model import Policy
from tests.lab.aws.truth import autoscaling as truth

NONE_ACTIVE = "An in progress or pending Instance Refresh for the group {name} does not exist."


class LabAutoScaling(Instances):
    # ---- instance refresh

    def start_instance_refresh(self) -> ActionResult:
        given, moment = self.parameters(), self.lab.fleet.moment()
        group = self.known.group(given["AutoScalingGroupName"])
        asked = (given.get("DesiredConfiguration") or {}).get("LaunchTemplate")
        desired = self.known.specification(asked) if asked else None
        target = desired or group.template
        refresh = Refresh(
            group.ids.uuid("refresh"),
            preferences(given.get("Preferences") or {}, group),
            source=_resolved(self.known, group.template),
            target=_resolved(self.known, target),
            desired=desired,
            started_at=moment.utc,
            since=moment.now,
        )
        asg_refresh_ends.start(group, refresh)
        self.lab.log("refresh_started", group=group.name, refresh=refresh.id, version=refresh.target.version)
        return ActionResult({"InstanceRefreshId": refresh.id})

    def cancel_instance_refresh(self) -> ActionResult:
        given = self.parameters()
        group = self.known.group(given["AutoScalingGroupName"])
        refresh = self._active(group)
        if refresh.status != "Cancelling":
            wait = flag(given.get("WaitForTransitioningInstances"), True)
            asg_refresh_ends.cancel(group, refresh, wait, self.lab.fleet.moment())
            self.lab.log("refresh_cancelled", group=group.name, refresh=refresh.id)
        return ActionResult({"InstanceRefreshId": refresh.id})

    def rollback_instance_refresh(self) -> ActionResult:
        group = self.known.group(self.parameters()["AutoScalingGroupName"])
        refresh = self._active(group)
        if refresh.back or refresh.status == "Cancelling":
            raise AwsError("ActiveInstanceRefreshNotFound", NONE_ACTIVE.format(name=group.name))
        if refresh.desired is None or not self.known.reversible(group.template):
            text = "The instance refresh cannot be rolled back: it has no desired configuration, or the Auto Scaling"
            text += " group's launch template version is $Latest or $Default or names its AMI by a parameter."
            raise AwsError("IrreversibleInstanceRefresh", text)
        asg_refresh_ends.roll_back(group, refresh, asg_refresh_ends.MANUAL, self.lab.fleet.moment())
        self.lab.log("refresh_rolled_back", group=group.name, refresh=refresh.id)
        return ActionResult({"InstanceRefreshId": refresh.id})

    def describe_instance_refreshes(self) -> ActionResult:
        given = self.parameters()
        group, ids = self.known.group(given["AutoScalingGroupName"]), given.get("InstanceRefreshIds") or ()
        found = [views.refresh(group, one) for one in group.refreshes if not ids or one.id in ids]
        items, token = page(found, given)
        return ActionResult({"InstanceRefreshes": items, "NextToken": token})

    def _active(self, group: Group) -> Refresh:
        if group.refresh is None:
            raise AwsError("ActiveInstanceRefreshNotFound", NONE_ACTIVE.format(name=group.name))
        return group.refresh

    # ---- scaling policies

    def put_scaling_policy(self) -> ActionResult:
        given = self.parameters()
        group, name = self.known.group(given["AutoScalingGroupName"]), given["PolicyName"]
        config = given["TargetTrackingConfiguration"]
        metric = config["PredefinedMetricSpecification"]
        label = metric.get("ResourceLabel") or ""
        before = group.policies.get(name)
        uuid = group.ids.uuid("policy")
        arn = f"scalingPolicy:{uuid}:autoScalingGroupName/{group.name}:policyName/{name}"
        warmup = given.get("EstimatedInstanceWarmup")
        made = Policy(
            name,
            before.arn if before else self.lab.arn("autoscaling", arn),
            metric["PredefinedMetricType"],
            float(config["TargetValue"]),
            label,
            self.lab.arn("elasticloadbalancing", "targetgroup" + label.partition("targetgroup")[2]) if label else "",
            None if warmup is None else float(warmup),
            not flag(config.get("DisableScaleIn")),
            flag(given.get("Enabled"), True),
            before.alarms if before else tuple(_alarm(self.lab, group, kind, uuid) for kind in ("High", "Low")),
            {**config, "DisableScaleIn": flag(config.get("DisableScaleIn"))},
        )
        made.sampled_at = self.lab.clock.now()
        group.policies[name] = made
        return ActionResult({"PolicyARN": made.arn, "Alarms": list(made.alarms)})

    def describe_policies(self) -> ActionResult:
        given = self.parameters()
        name, names = given.get("AutoScalingGroupName"), given.get("PolicyNames") or ()
        types = given.get("PolicyTypes") or ("TargetTrackingScaling",)
        groups = [self.known.group(name)] if name else list(self.lab.fleet.groups.values())
        found = [
            views.policy(group, one)
            for group in groups
            for one in group.policies.values()
            if (not names or one.name in names or one.arn in names) and "TargetTrackingScaling" in types
        ]
        items, token = page(found, given)
        return ActionResult({"ScalingPolicies": items, "NextToken": token})

    def delete_policy(self) -> ActionResult:
        given = self.parameters()
        name, owner = given["PolicyName"], given.get("AutoScalingGroupName")
        groups = [self.known.group(owner)] if owner else list(self.lab.fleet.groups.values())
        for group in groups:
            group.policies = {key: one for key, one in group.policies.items() if name not in (key, one.arn)}
        return EmptyResult()


def preferences(given: Mapping[str, Any], group: Group) -> Preferences:
    """Source: EC2 Auto Scaling user guide, "Understand the default values for an instance refresh"."""
    policy = group.maintenance
    low, high = given.get("MinHealthyPercentage"), given.get("MaxHealthyPercentage")
    warmup = given.get("InstanceWarmup")
    steps = tuple(int(step) for step in given.get("CheckpointPercentages") or ())
    shown = dict(given)
    shown.setdefault("MinHealthyPercentage", policy.low if policy else 90)
    if steps:
        shown.setdefault("CheckpointDelay", 3600)
    defaults = {"SkipMatching": False, "AutoRollback": False, "BakeTime": 0}
    shown = {**defaults, "ScaleInProtectedInstances": "Wait", "StandbyInstances": "Wait", **shown}
    return Preferences(
        {name: _typed(name, value) for name, value in shown.items()},
        int(low) if low is not None else policy.low if policy else 90,
        int(high) if high is not None else policy.high if policy else None,
        float(warmup) if warmup is not None else group.warmup if group.warmup is not None else group.grace,
        steps,
        float(shown.get("CheckpointDelay", 3600)),
        flag(given.get("SkipMatching")),
        flag(given.get("AutoRollback")),
        str(shown["ScaleInProtectedInstances"]),
        str(shown["StandbyInstances"]),
        tuple((given.get("AlarmSpecification") or {}).get("Alarms") or ()),
        float(shown["BakeTime"]),
    )


def _typed(name: str, value: Any) -> Any:
    return flag(value) if name in ("SkipMatching", "AutoRollback") else value


def _resolved(known: Known, template: Template) -> Template:
    return Template(template.id, template.name, known.version(template) or template.version)


def _alarm(lab: Lab, group: Group, kind: str, uuid: str) -> dict[str, str]:
    """The names AWS gives to a target tracking policy's alarms; the lab evaluates them itself."""
    name = f"TargetTracking-{group.name}-Alarm{kind}-{uuid}"
    return {"AlarmName": name, "AlarmARN": lab.arn("cloudwatch", f"alarm:{name}")}


def install(lab: Lab, known: Known) -> None:
    """Put the Auto Scaling API in moto's place; `lab.fleet` and `lab.targets` are set by then."""
    LabAutoScaling.known = known
    lab.fleet.lookups = known
    lab.truth.add("autoscaling", truth.RULES, known)
    replace(moto.autoscaling.urls.url_paths, AutoScalingResponse, bind(LabAutoScaling, lab))
