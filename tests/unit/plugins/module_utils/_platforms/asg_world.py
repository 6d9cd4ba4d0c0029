# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters of asg_rollout, and a service on EC2 Auto Scaling as the APIs would answer."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Heartbeat, Plan, Release, Timing
from ansible_collections.greenlight.serving.plugins.module_utils._engine.verdict import Gate
from ansible_collections.greenlight.serving.plugins.module_utils._glue import argspec_asg
from ansible_collections.greenlight.serving.plugins.module_utils._platforms import asg_group, asg_release, aws_rules
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.asg_refresh import Waits
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.asg_snapshot import Snapshot
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.asg_steps import Steps
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.asg_view import View
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.aws_step import Step

from .ecs_params import BLUE, GREEN, PRODUCTION, TEST

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
TEMPLATE = "lt-0123456789abcdef0"
ROLLOUT, EARLIER = "20260301T115000Z-aaaaaa", "20260228T100000Z-bbbbbb"
MINE = {"greenlight:service": "digits"}
OPTIONS: dict[str, Any] = {
    "region": "us-east-1",
    "name": "digits",
    "label": "registry.example.com/digits:7",
    "template": {
        "image_id": "ami-0123456789abcdef0",
        "instance_type": "m7i.large",
        "security_groups": ["sg-1"],
        "user_data": "#cloud-config\nrelease: @GREENLIGHT_RELEASE@\n",
    },
    "network": {"subnets": ["subnet-b", "subnet-a"]},
    "load_balancer": {
        "target_port": 8080,
        "production_listener_arn": PRODUCTION,
        "test_listener_arn": TEST,
        "blue_target_group_arn": BLUE,
        "green_target_group_arn": GREEN,
    },
    "capacity": {"min": 2, "max": 6, "desired": 3},
    "restore": {"role_arn": "arn:aws:iam::123456789012:role/digits-restore"},
    "probes": [{"name": "ready", "path": "/v2/health/ready"}],
    "record": {"bucket": "example-greenlight"},
}


def params(**changes: Any) -> dict[str, Any]:
    """The options with changes, by dotted path."""
    options = copy.deepcopy(OPTIONS)
    for path, value in changes.items():
        *parents, name = path.split(".")
        place = options
        for parent in parents:
            place = place.setdefault(parent, {})
        place[name] = value
    result = ArgumentSpecValidator(**argspec_asg.specification()).validate(options)
    assert not result.error_messages, result.error_messages
    validated: dict[str, Any] = result.validated_parameters
    return validated


PARAMS = params()
NEW = asg_release.release(PARAMS).id
OLD = "0123456789ab"
VERSIONS = {OLD: "1", NEW: "2"}


def versions(*releases: str) -> dict[str, dict[str, Any]]:
    found = {}
    for release in releases or (OLD, NEW):
        data = {"ImageId": "ami-0123456789abcdef0"}
        number = VERSIONS[release]
        found[number] = {"VersionNumber": int(number), "release": release, "LaunchTemplateData": data}
    return found


def instance(name: str, release: str, state: str = "InService", health: str = "Healthy") -> dict[str, Any]:
    return {
        "InstanceId": name,
        "LifecycleState": state,
        "HealthStatus": health,
        "AvailabilityZone": "us-east-1a",
        "LaunchTemplate": {"LaunchTemplateId": TEMPLATE, "Version": VERSIONS.get(release, "9")},
    }


def group(colour: str, release: str, *instances: dict[str, Any], desired: int | None = None, **more: Any) -> Any:
    """As described, with its tags as a mapping. `tags` in `more` come on top."""
    tags = {**MINE, **more.pop("tags", {})}
    count = len(instances) if desired is None else desired
    sizes = {"MinSize": min(2, count), "MaxSize": 6 if count else 0, "DesiredCapacity": count}
    return {
        "AutoScalingGroupName": f"digits-{colour}",
        "AutoScalingGroupARN": f"arn:group:{colour}",
        "CreatedTime": NOW - timedelta(days=1),
        "LaunchTemplate": {"LaunchTemplateId": TEMPLATE, "Version": VERSIONS[release]},
        "TargetGroupARNs": [BLUE if colour == "blue" else GREEN],
        "Instances": list(instances),
        "SuspendedProcesses": [],
        **asg_group.settings(PARAMS),
        **sizes,
        "tags": tags,
        **more,
    }


def three(release: str, prefix: str = "i-") -> list[dict[str, Any]]:
    return [instance(f"{prefix}{release[:2]}{number}", release) for number in range(3)]


def rule(which: str, blue: int = 100, proof: str = "") -> dict[str, Any]:
    return {
        "RuleArn": f"arn:aws:elasticloadbalancing:us-east-1:123456789012:listener-rule/app/digits/a/b/{which}",
        "Priority": "100",
        "tags": MINE,
        "Conditions": aws_rules.conditions(PARAMS, proof),
        "Actions": aws_rules.actions({BLUE: blue, GREEN: 100 - blue}),
    }


def refresh(release: str = NEW, status: str = "InProgress", done: int = 0, **more: Any) -> dict[str, Any]:
    preferences = {
        "MinHealthyPercentage": 100,
        "MaxHealthyPercentage": 150,
        "InstanceWarmup": 60,
        "CheckpointPercentages": [25, 100],
        "CheckpointDelay": 900,
        "BakeTime": 900,
        "ScaleInProtectedInstances": "Refresh",
        "StandbyInstances": "Terminate",
        "AlarmSpecification": {"Alarms": ["greenlight/digits/heartbeat"]},
    }
    return {
        "InstanceRefreshId": "refresh-1",
        "Status": status,
        "StartTime": NOW - timedelta(minutes=10),
        "PercentageComplete": done,
        "Preferences": preferences,
        "DesiredConfiguration": {
            "LaunchTemplate": {"LaunchTemplateId": TEMPLATE, "Version": VERSIONS.get(release, "9")}
        },
        **more,
    }


def healthy(*groups: dict[str, Any]) -> dict[str, Any]:
    """Every instance in service is healthy at its target group."""
    return {
        each["TargetGroupARNs"][0]: tuple(
            {"Target": {"Id": one["InstanceId"], "Port": 8080}, "TargetHealth": {"State": "healthy"}}
            for one in each["Instances"]
            if one["LifecycleState"] == "InService"
        )
        for each in groups
    }


def snapshot(*groups: dict[str, Any], **more: Any) -> Snapshot:
    """The rule gives everything to blue, unless `more` says otherwise."""
    by_colour = {each["AutoScalingGroupName"].rpartition("-")[2]: each for each in groups}
    made = Snapshot(
        at=1.0,
        clock=NOW,
        groups=by_colour,
        versions=versions(),
        template=TEMPLATE,
        production_rules=(rule("production"),),
        test_rules=(rule("test"),),
        health=healthy(*groups),
    )
    return replace(made, **more)


def rested(release: str = OLD, **more: Any) -> Snapshot:
    """The blue group serves a release alone."""
    return snapshot(group("blue", release, *three(release)), **more)


def plan(release: str = NEW, **changes: Any) -> Plan:
    known: dict[str, Any] = {"previous": OLD, "heartbeat": Heartbeat(10.0, 160.0), "checkpoints": True, **changes}
    return Plan("digits", "asg", Release(release), "rolling", Gate(), Timing(), ROLLOUT, **known)


def view(seen: Snapshot, release: str = NEW, given: Mapping[str, Any] = PARAMS, waits: Waits | None = None) -> View:
    return View(seen, given, release, release == NEW, OLD, waits=waits or Waits())


def steps(seen: Snapshot, given: Mapping[str, Any] = PARAMS, **changes: Any) -> Steps:
    wanted = plan(**changes)
    return Steps(view(seen, wanted.release.id, given), wanted, "proof")


def operations(found: list[Step]) -> list[str]:
    return [step.operation for step in found]
