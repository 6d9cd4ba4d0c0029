# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The least that whoever runs the playbooks must be allowed, as IAM policies. Pure.

Actions, the resources they know and their condition keys: the Service Authorization Reference,
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html.
What has a name of ours is named. Security groups, load balancers and templates get their ids from AWS, so their actions
are bound to the region alone. `playbooks/bootstrap.yml` itself makes a bucket, and needs more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Json = dict[str, Any]

LARGEST = 6144  # characters of a managed policy, white space aside: IAM and AWS STS quotas

# Whatever the platform. By service, as IAM spells it.
READS = {
    "cloudwatch": ("DescribeAlarms",),
    "ec2": ("DescribeSecurityGroups", "DescribeSubnets", "DescribeTags", "DescribeVpcAttribute", "DescribeVpcs"),
    "elasticloadbalancing": ("Describe*",),
    "logs": ("DescribeLogGroups", "ListTagsForResource", "ListTagsLogGroup"),
}
# Of modules and roles: rules, security groups, the load balancer with its target groups.
WRITES = {
    "ec2": (
        "AuthorizeSecurityGroupEgress",
        "AuthorizeSecurityGroupIngress",
        "CreateSecurityGroup",
        "CreateTags",
        "DeleteSecurityGroup",
        "DeleteTags",
        "RevokeSecurityGroupEgress",
        "RevokeSecurityGroupIngress",
        "UpdateSecurityGroupRuleDescriptionsEgress",
        "UpdateSecurityGroupRuleDescriptionsIngress",
    ),
    "elasticloadbalancing": (
        "AddTags",
        "CreateListener",
        "CreateLoadBalancer",
        "CreateRule",
        "CreateTargetGroup",
        "DeleteListener",
        "DeleteLoadBalancer",
        "DeleteRule",
        "DeleteTargetGroup",
        "ModifyListener",
        "ModifyLoadBalancerAttributes",
        "ModifyRule",
        "ModifyTargetGroup",
        "ModifyTargetGroupAttributes",
        "RemoveTags",
        "SetRulePriorities",
        "SetSecurityGroups",
        "SetSubnets",
    ),
}
ALARM = ("DeleteAlarms", "PutMetricAlarm", "TagResource")  # PutMetricAlarm with tags needs the last
LOGS = (
    "CreateLogGroup",
    "DeleteLogGroup",
    "DeleteRetentionPolicy",
    "PutRetentionPolicy",
    "TagResource",
    "UntagResource",
)
IAM = (
    "AttachRolePolicy",
    "CreateRole",
    "DeleteRole",
    "DeleteRolePermissionsBoundary",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "GetRole",
    "GetRolePolicy",
    "ListAttachedRolePolicies",
    "ListInstanceProfilesForRole",
    "ListRolePolicies",
    "ListRoleTags",
    "PutRolePermissionsBoundary",
    "PutRolePolicy",
    "TagRole",
    "UntagRole",
    "UpdateAssumeRolePolicy",
    "UpdateRole",
    "UpdateRoleDescription",
)
PROFILE = (
    "AddRoleToInstanceProfile",
    "CreateInstanceProfile",
    "DeleteInstanceProfile",
    "GetInstanceProfile",
    "RemoveRoleFromInstanceProfile",
    "TagInstanceProfile",
    "UntagInstanceProfile",
)

ASG_READS = {
    "autoscaling": (
        "DescribeAutoScalingGroups",
        "DescribeInstanceRefreshes",
        "DescribeLifecycleHooks",
        "DescribePolicies",
        "DescribeScalingActivities",
    ),
    "ec2": ("DescribeImages", "DescribeInstances", "DescribeLaunchTemplateVersions"),
    "scheduler": ("ListSchedules",),
}
# A group that launches a template needs RunInstances and CreateTags of whoever names the template:
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-launch-template-permissions.html
ASG_WRITES = {
    "ec2": ("CreateLaunchTemplate", "CreateLaunchTemplateVersion", "DeleteLaunchTemplate", "RunInstances"),
}
ASG_GROUPS = (
    "AttachLoadBalancerTargetGroups",
    "CancelInstanceRefresh",
    "CreateAutoScalingGroup",
    "CreateOrUpdateTags",
    "DeleteAutoScalingGroup",
    "DeleteLifecycleHook",
    "DeleteTags",
    "PutLifecycleHook",
    "PutScalingPolicy",
    "ResumeProcesses",
    "RollbackInstanceRefresh",
    "StartInstanceRefresh",
    "SuspendProcesses",
    "UpdateAutoScalingGroup",
)
ASG_SCHEDULES = ("CreateSchedule", "DeleteSchedule")

ECS_READS = {
    "ecs": (
        "DescribeClusters",
        "DescribeServiceDeployments",
        "DescribeServiceRevisions",
        "DescribeServices",
        "DescribeTaskDefinition",
        "DescribeTasks",
        "ListServiceDeployments",
        "ListTaskDefinitions",
        "ListTasks",
    ),
}
ECS_WRITES = {
    "ecs": (
        "ContinueServiceDeployment",
        "CreateCluster",
        "CreateService",
        "DeleteCluster",
        "DeleteService",
        "DeregisterTaskDefinition",
        "RegisterTaskDefinition",
        "StopServiceDeployment",
        "TagResource",
        "UntagResource",
        "UpdateCluster",
        "UpdateClusterSettings",
        "UpdateService",
    ),
}
# Who may be handed a role of the service: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
PASSED_TO = {
    "asg": ("ec2.amazonaws.com", "scheduler.amazonaws.com"),
    "ecs": ("ecs-tasks.amazonaws.com", "ecs.amazonaws.com"),
}
# Made by AWS at first use in an account, where they are missing.
LINKED = {
    "asg": ("autoscaling.amazonaws.com", "elasticloadbalancing.amazonaws.com"),
    "ecs": ("ecs.amazonaws.com", "elasticloadbalancing.amazonaws.com"),
}


def policy(service: Mapping[str, Any]) -> Json:
    """One service's policy document.

    `service`: platform (asg, ecs), name, region, partition, bucket, prefix of the record; `schedules`: the group of
    asg's schedules.
    """
    asg = service["platform"] == "asg"
    reads, writes = (ASG_READS, ASG_WRITES) if asg else (ECS_READS, ECS_WRITES)
    regional = {"StringEquals": {"aws:RequestedRegion": service["region"]}}
    statements = [
        _allow("Look", _listed(READS, reads), ["*"], regional),
        _allow("Change", _listed(WRITES, writes), ["*"], regional),
        *_alarm(service),
        *_record(service),
        *_roles(service),
        _allow("Logs", _of("logs", LOGS), [f"{_arn(service, 'logs')}:log-group:/greenlight/*"]),
        *(_groups(service) if asg else ()),
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _alarm(service: Mapping[str, Any]) -> list[Json]:
    beat = {"StringEquals": {"cloudwatch:namespace": "greenlight"}}
    return [
        _allow("Alarm", _of("cloudwatch", ALARM), [f"{_arn(service, 'cloudwatch')}:alarm:greenlight/*"]),
        _allow("Beat", _of("cloudwatch", ("PutMetricData",)), ["*"], beat),
    ]


def _record(service: Mapping[str, Any]) -> list[Json]:
    """ListBucket: without it S3 answers 403 instead of 404 for what is not there (S3 API, GetObject, Permissions)."""
    bucket = f"arn:{service['partition']}:s3:::{service['bucket']}"
    folder = f"{service['prefix']}/" if service["prefix"] else ""
    return [
        _allow("Record", _of("s3", ("GetObject", "PutObject")), [f"{bucket}/{folder}*"]),
        _allow("RecordThere", _of("s3", ("ListBucket",)), [bucket]),
    ]


def _roles(service: Mapping[str, Any]) -> list[Json]:
    asg, iam = service["platform"] == "asg", f"arn:{service['partition']}:iam::*"
    own = [f"{iam}:role/{service['name']}-*"]
    profiles = [f"{iam}:instance-profile/{service['name']}-*"]
    passed = {"StringEquals": {"iam:PassedToService": list(PASSED_TO[service["platform"]])}}
    linked = {"StringEquals": {"iam:AWSServiceName": list(LINKED[service["platform"]])}}
    return [
        _allow("Account", _of("iam", ("ListAccountAliases",)), ["*"]),  # amazon.aws.aws_caller_info; IAM has no region
        _allow("Roles", _of("iam", (*IAM, *(PROFILE if asg else ()))), [*own, *(profiles if asg else ())]),
        _allow("HandOver", _of("iam", ("PassRole",)), own, passed),
        _allow("Linked", _of("iam", ("CreateServiceLinkedRole",)), [f"{iam}:role/aws-service-role/*"], linked),
    ]


def _groups(service: Mapping[str, Any]) -> list[Json]:
    groups = f"{_arn(service, 'autoscaling')}:autoScalingGroup:*:autoScalingGroupName/{service['name']}-*"
    schedules = f"{_arn(service, 'scheduler')}:schedule/{service['schedules']}/greenlight-*"
    return [
        _allow("Groups", _of("autoscaling", ASG_GROUPS), [groups]),
        _allow("Timer", _of("scheduler", ASG_SCHEDULES), [schedules]),
    ]


def _arn(service: Mapping[str, Any], api: str) -> str:
    """Up to the account, which the policy belongs to anyway."""
    return f"arn:{service['partition']}:{api}:{service['region']}:*"


def _of(api: str, names: Iterable[str]) -> list[str]:
    return [f"{api}:{name}" for name in names]


def _listed(*tables: Mapping[str, Sequence[str]]) -> list[str]:
    return sorted({action for table in tables for api, names in table.items() for action in _of(api, names)})


def _allow(sid: str, actions: Sequence[str], resources: Sequence[str], condition: Json | None = None) -> Json:
    made: Json = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
    return {**made, "Condition": condition} if condition else made
