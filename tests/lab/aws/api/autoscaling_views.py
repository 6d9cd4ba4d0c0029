# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups, instances, activities and refreshes in the API's words."""

from __future__ import annotations

import json
from typing import Any

from tests.lab.aws.engine.asg_model import Activity, Group, Hook, Instance
from tests.lab.aws.engine.asg_refresh_model import Refresh, Template
from tests.lab.aws.engine.asg_tracking_model import Policy


def template(shown: Template) -> dict[str, str]:
    return {"LaunchTemplateId": shown.id, "LaunchTemplateName": shown.name, "Version": shown.version}


def instance(shown: Instance) -> dict[str, Any]:
    """As a group lists it."""
    return {
        "InstanceId": shown.id,
        "InstanceType": shown.instance_type,
        "AvailabilityZone": shown.zone,
        "LifecycleState": shown.state,
        "HealthStatus": shown.health,
        "LaunchTemplate": template(shown.template),
        "ProtectedFromScaleIn": shown.protected,
    }


def detailed(owner: Group, shown: Instance) -> dict[str, Any]:
    """As DescribeAutoScalingInstances does, which writes the health in capitals."""
    return {
        **instance(shown),
        "AutoScalingGroupName": owner.name,
        "HealthStatus": shown.health.upper(),
    }


def visible(owner: Group) -> list[Instance]:
    """Those EC2 has launched."""
    return [one for one in owner.instances.values() if one.asked and not one.launch_error]


def group(shown: Group) -> dict[str, Any]:
    policy = shown.maintenance
    health = ",".join(name for name in shown.health_types if name != "EC2") or "EC2"
    made: dict[str, Any] = {
        "AutoScalingGroupName": shown.name,
        "AutoScalingGroupARN": shown.arn,
        "LaunchTemplate": template(shown.template),
        "MinSize": shown.low,
        "MaxSize": shown.high,
        "DesiredCapacity": shown.desired,
        "DefaultCooldown": shown.cooldown,
        "AvailabilityZones": sorted(set(shown.zones.values())),
        "LoadBalancerNames": [],
        "TargetGroupARNs": list(shown.target_groups),
        "HealthCheckType": health,
        "HealthCheckGracePeriod": int(shown.grace),
        "Instances": [instance(one) for one in visible(shown)],
        "CreatedTime": shown.created_at,
        "SuspendedProcesses": [
            {"ProcessName": name, "SuspensionReason": reason} for name, reason in sorted(shown.suspended.items())
        ],
        "VPCZoneIdentifier": ",".join(shown.subnets),
        "EnabledMetrics": [{"Metric": name, "Granularity": "1Minute"} for name in shown.metrics],
        "Tags": [tag(shown, one) for one in shown.tags],
        "TerminationPolicies": list(shown.termination),
        "NewInstancesProtectedFromScaleIn": shown.protect_new,
        "ServiceLinkedRoleARN": shown.params.get("ServiceLinkedRoleARN"),
        "TrafficSources": [{"Identifier": arn, "Type": "elbv2"} for arn in shown.target_groups],
        "CapacityRebalance": shown.params.get("CapacityRebalance", False),
        "DeletionProtection": shown.params.get("DeletionProtection", "none"),
        **{name: value for name, value in shown.params.items() if value is not None},
    }
    if shown.warmup is not None:
        made["DefaultInstanceWarmup"] = int(shown.warmup)
    if policy is not None:
        made["InstanceMaintenancePolicy"] = {"MinHealthyPercentage": policy.low, "MaxHealthyPercentage": policy.high}
    if shown.deleting:
        made["Status"] = "Delete in progress"
    return {name: value for name, value in made.items() if value is not None}


def tag(owner: Group, given: dict[str, object]) -> dict[str, object]:
    kind = {"ResourceId": owner.name, "ResourceType": "auto-scaling-group"}
    return {**kind, "PropagateAtLaunch": False, "Value": "", **given}


def hook(owner: Group, shown: Hook) -> dict[str, Any]:
    made = {
        "LifecycleHookName": shown.name,
        "AutoScalingGroupName": owner.name,
        "LifecycleTransition": shown.transition,
        "HeartbeatTimeout": int(shown.timeout),
        "GlobalTimeout": int(shown.longest),
        "DefaultResult": shown.result,
    }
    return {**made, "NotificationMetadata": shown.metadata} if shown.metadata else made


def activity(owner: Group, shown: Activity) -> dict[str, Any]:
    made = {
        "ActivityId": shown.id,
        "AutoScalingGroupName": owner.name,
        "AutoScalingGroupARN": owner.arn,
        "Description": shown.description,
        "Cause": shown.cause,
        "StartTime": shown.started,
        "EndTime": shown.ended,
        "StatusCode": shown.status,
        "StatusMessage": shown.message or None,
        "Progress": shown.progress,
        "Details": json.dumps(shown.details),
    }
    return {name: value for name, value in made.items() if value is not None}


def policy(owner: Group, shown: Policy) -> dict[str, Any]:
    made = {
        "AutoScalingGroupName": owner.name,
        "PolicyName": shown.name,
        "PolicyARN": shown.arn,
        "PolicyType": "TargetTrackingScaling",
        "StepAdjustments": [],
        "EstimatedInstanceWarmup": int(shown.warmup) if shown.warmup is not None else None,
        "Alarms": list(shown.alarms),
        "TargetTrackingConfiguration": shown.config,
        "Enabled": shown.enabled,
    }
    return {name: value for name, value in made.items() if value is not None}


def refresh(owner: Group, shown: Refresh) -> dict[str, Any]:
    made: dict[str, Any] = {
        "InstanceRefreshId": shown.id,
        "AutoScalingGroupName": owner.name,
        "Status": shown.status,
        "StatusReason": shown.reason or None,
        "StartTime": shown.started_at if shown.status != "Pending" else None,
        "EndTime": shown.ended_at,
        "Strategy": "Rolling",
        "Preferences": shown.preferences.given,
        "DesiredConfiguration": {"LaunchTemplate": template(shown.desired)} if shown.desired else None,
    }
    if shown.status != "Pending":
        made |= {"PercentageComplete": shown.percent, "InstancesToUpdate": shown.left}
    if shown.rollback_at is not None:
        made["RollbackDetails"] = {
            "RollbackReason": shown.rollback_reason,
            "RollbackStartTime": shown.rollback_at,
            "PercentageCompleteOnRollback": shown.rollback_percent,
            "InstancesToUpdateOnRollback": shown.rollback_left,
        }
    return {name: value for name, value in made.items() if value is not None}
