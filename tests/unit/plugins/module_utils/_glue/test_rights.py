# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's policy allows every call that stands in the code, and binds what it can to the service."""

from __future__ import annotations

import ast
import functools
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from ansible_collections.greenlight.serving.plugins.module_utils._glue import rights
from tests.rights import action, allowed

CODE = Path(rights.__file__).parents[1]
OTHER = {"asg": "ecs", "ecs": "asg"}
BY_OPERATION = {"cluster.py": "ecs", "target_group.py": "elbv2"}  # their calls name the operation alone
SERVICE: dict[str, Any] = {
    "name": "digits",
    "region": "eu-central-1",
    "partition": "aws",
    "bucket": "example-greenlight",
    "prefix": "greenlight",
    "schedules": "default",
}


def made(platform: str, **changes: Any) -> dict[str, Any]:
    return rights.policy({**SERVICE, "platform": platform, **changes})


@functools.cache
def operations(api: str) -> dict[str, str]:
    """As boto3 names the method -> as the API does; {} = no service has this name."""
    session = botocore.session.get_session()
    if api not in session.get_available_services():
        return {}
    return {xform_name(name): name for name in session.get_service_model(api).operation_names}


def calls(file: Path) -> Iterator[tuple[str, str]]:
    """Service and operation of every call that a file's text names."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call):
            said = [str(each.value) if isinstance(each, ast.Constant) else "" for each in node.args]
            if file.name in BY_OPERATION and isinstance(node.func, ast.Name) and node.func.id == "Call":
                said.insert(0, BY_OPERATION[file.name])
            for api, name in itertools.pairwise(said):
                if name in operations(api):
                    yield api, operations(api)[name]


def of_platform(platform: str) -> set[tuple[str, str]]:
    files = [file for file in CODE.rglob("*.py") if OTHER[platform] not in file.stem.split("_")]
    return {call for file in files for call in calls(file)}


@pytest.mark.parametrize("platform", ["asg", "ecs"])
def test_every_call_of_the_code_is_allowed(platform: str) -> None:
    found = of_platform(platform)
    assert len(found) > 30
    assert {("s3", "PutObject"), ("elbv2", "ModifyRule"), ("elbv2", "CreateTargetGroup")} <= found
    own = {"asg": ("scheduler", "CreateSchedule"), "ecs": ("ecs", "ContinueServiceDeployment")}
    assert own[platform] in found
    assert own[OTHER[platform]] not in found
    denied = sorted(action(api, name) for api, name in found if not allowed(made(platform), api, name))
    shared = {"ecs:"} if platform == "asg" else set()  # the cluster's module serves ECS alone
    assert [each for each in denied if not each.startswith(tuple(shared))] == []


@pytest.mark.parametrize("platform", ["asg", "ecs"])
def test_no_rollout_action_is_allowed_that_nothing_calls(platform: str) -> None:
    """What the roles' stock modules call is seen where the playbooks run."""
    needed = {"ec2:RunInstances"}  # of whoever names the template that a group launches
    tables = {
        "asg": (
            rights.ASG_READS,
            rights.ASG_WRITES,
            {"autoscaling": rights.ASG_GROUPS, "scheduler": rights.ASG_SCHEDULES},
        ),
        "ecs": (rights.ECS_READS, {"ecs": tuple(set(rights.ECS_WRITES["ecs"]) - {"UntagResource", "UpdateCluster"})}),
    }
    named = {f"{api}:{name}" for table in tables[platform] for api, names in table.items() for name in names}
    assert named - needed - {action(*call) for call in of_platform(platform)} == set()


def statement(platform: str, sid: str, **changes: Any) -> dict[str, Any]:
    (found,) = (each for each in made(platform, **changes)["Statement"] if each["Sid"] == sid)
    return dict(found)


@pytest.mark.parametrize(
    ("platform", "wanted"),
    [
        ("asg", ["ec2.amazonaws.com", "scheduler.amazonaws.com"]),
        ("ecs", ["ecs-tasks.amazonaws.com", "ecs.amazonaws.com"]),
    ],
)
def test_only_the_services_own_roles_are_handed_over_and_only_to_what_needs_them(
    platform: str, wanted: list[str]
) -> None:
    passed = statement(platform, "HandOver")
    assert passed["Action"] == ["iam:PassRole"]
    assert passed["Resource"] == ["arn:aws:iam::*:role/digits-*"]
    assert passed["Condition"] == {"StringEquals": {"iam:PassedToService": wanted}}


def test_what_has_a_name_is_named() -> None:
    assert statement("asg", "Groups")["Resource"] == [
        "arn:aws:autoscaling:eu-central-1:*:autoScalingGroup:*:autoScalingGroupName/digits-*"
    ]
    assert statement("asg", "Timer", schedules="restore")["Resource"] == [
        "arn:aws:scheduler:eu-central-1:*:schedule/restore/greenlight-*"
    ]
    assert statement("ecs", "Record")["Resource"] == ["arn:aws:s3:::example-greenlight/greenlight/*"]
    assert statement("ecs", "Record", prefix="")["Resource"] == ["arn:aws:s3:::example-greenlight/*"]
    assert statement("ecs", "Alarm", partition="aws-cn", region="cn-north-1")["Resource"] == [
        "arn:aws-cn:cloudwatch:cn-north-1:*:alarm:greenlight/*"
    ]
    for platform in OTHER:
        for each in made(platform)["Statement"]:
            assert each["Resource"] != ["*"] or "Condition" in each or each["Sid"] == "Account", each["Sid"]


@pytest.mark.parametrize("platform", ["asg", "ecs"])
def test_it_fits_a_managed_policy(platform: str) -> None:
    """White space does not count, and names are at most as long as the roles allow."""
    long = made(platform, name="n" * 32, bucket="b" * 63, prefix="p" * 40, region="ap-southeast-1")
    assert len(json.dumps(long, separators=(",", ":"))) < rights.LARGEST
