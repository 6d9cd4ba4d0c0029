# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be of the options names its field; the plan is what strategy and steps mean."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Step
from ansible_collections.greenlight.serving.plugins.module_utils._platforms import asg_input, asg_plan, asg_release

from .asg_world import NEW, PARAMS, params
from .test_asg_refresh import fits

MOST, GREEN = "maintenance.maximum_healthy_percent", "load_balancer.green_target_group_arn"
CANARY: dict[str, Any] = {"strategy": "canary"}
LAST = Step(100, 60.0)


def test_the_example_is_right() -> None:
    assert asg_input.findings(PARAMS) == []
    assert asg_input.findings(params(**CANARY)) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "x"}, "name"),
        ({"name": "a b c"}, "name"),
        ({"template.image_id": "resolve:ssm:/aws/service/ami"}, "template.image_id"),
        ({"template.security_groups": []}, "template.security_groups"),
        ({"template.root_volume": {"size_gib": 0}}, "template.root_volume.size_gib"),
        ({"template.root_volume": {"iops": 100}}, "template.root_volume.iops"),
        ({"template.user_data": "#cloud-config\n"}, "template.user_data"),
        ({"template.user_data": "@GREENLIGHT_RELEASE@" + "x" * 16384}, "template.user_data"),
        ({"template.user_data": "@GREENLIGHT_RELEASE@ AKIAIOSFODNN7EXAMPLE"}, "template.user_data"),
        ({"network.subnets": ["subnet-a", "subnet-a"]}, "network.subnets"),
        ({"capacity.desired": 7}, "capacity"),
        ({"capacity.min": 4}, "capacity"),
        ({"maintenance": {"minimum_healthy_percent": 90, "maximum_healthy_percent": 200}}, MOST),
        ({"scaling": [{"name": "a", "metric": "cpu", "target": 0}]}, "scaling.a.target"),
        ({"drain_seconds": 10}, "drain_seconds"),
        ({"hold_seconds": 59}, "hold_seconds"),
        ({"restore.event_age": 30}, "restore.event_age"),
        ({"steps": [{"weight": 0}, {"weight": 100}]}, "steps"),
        ({"steps": [{"weight": 50}, {"weight": 50}]}, "steps"),
        ({"steps": [{"weight": 50}]}, "steps"),
        ({"canary": {"weight": 5}}, "canary"),
        ({"route": "test_listener"}, "route"),
        ({"heartbeat": {"enable": False}}, "heartbeat.enable"),
        ({"wait": False}, "wait"),
        ({**CANARY, "restore.role_arn": None}, "restore.role_arn"),
        ({**CANARY, "canary": {}, "steps": [{"weight": 100}]}, "steps"),
        ({"strategy": "blue_green", "steps": [{"weight": 10}, {"weight": 100}]}, "steps"),
        ({**CANARY, "load_balancer.test_listener_arn": None}, "route"),
        ({GREEN: PARAMS["load_balancer"]["blue_target_group_arn"]}, GREEN),
    ],
)  # fmt: skip
def test_what_cannot_be_names_its_field(changes: dict[str, Any], field: str) -> None:
    given = params(**changes)
    if given["canary"] is not None and given["steps"]:
        given["canary"] = {"weight": 10}
    assert field in [finding.field for finding in asg_input.findings(given)]


@pytest.mark.parametrize(
    "changes", [{"heartbeat": {"enable": False}}, {"wait": False}, {**CANARY, "restore.role_arn": None}]
)
def test_exposure_may_be_accepted_by_name(changes: dict[str, Any]) -> None:
    assert asg_input.findings(params(unattended="accept_exposure", **changes)) == []


def test_a_secret_in_user_data_is_never_shown() -> None:
    given = params(**{"template.user_data": "@GREENLIGHT_RELEASE@ AKIAIOSFODNN7EXAMPLE"})
    assert "AKIA" not in "; ".join(map(str, asg_input.findings(given)))
    assert asg_input.findings({**given, "allow_plain_user_data": True}) == []


# ---- the plan ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({}, (Step(25, 60.0), Step(100, 60.0))),
        ({"steps": [{"weight": 50, "bake": 5.0, "pause": True}, {"weight": 100}]}, (Step(50, 5.0, True), LAST)),
        (CANARY, (Step(0), Step(10, 60.0), Step(100, 60.0))),
        ({**CANARY, "canary": {"weight": 5}}, (Step(0), Step(5, 60.0), Step(100, 60.0))),
        ({"strategy": "blue_green"}, (Step(0), Step(100, 60.0))),
        ({**CANARY, "steps": [{"weight": 0, "bake": 9.0}, {"weight": 100}]}, (Step(0, 9.0), Step(100, 60.0))),
    ],
)  # fmt: skip
def test_steps_are_checkpoints_or_weights(changes: dict[str, Any], steps: tuple[Step, ...]) -> None:
    assert asg_plan.steps(params(**changes)) == steps


def test_a_refresh_goes_on_by_itself_and_a_rule_waits_for_its_timer() -> None:
    rolling, canary = asg_plan.chain(PARAMS, 10.0), asg_plan.chain(params(**CANARY), 10.0)
    assert (rolling.goes_on, rolling.hold, rolling.after) == (True, 900.0, 0.0)
    assert (canary.goes_on, canary.propagation, canary.after) == (False, 10.0, 1050.0)


# ---- the release ---------------------------------------------------------------------------------


def test_a_release_is_its_template_and_knows_its_own_name() -> None:
    data = asg_release.template_data(PARAMS, NEW)
    assert fits("CreateLaunchTemplate", {"LaunchTemplateName": "digits", "LaunchTemplateData": data}, "ec2")
    assert base64.b64decode(data["UserData"]).decode() == f"#cloud-config\nrelease: {NEW}\n"
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert data["BlockDeviceMappings"][0]["Ebs"]["Encrypted"] is True
    assert data["NetworkInterfaces"][0]["AssociatePublicIpAddress"] is False
    tags = {tag["Key"]: tag["Value"] for tag in data["TagSpecifications"][0]["Tags"]}
    assert (tags["greenlight:release"], tags["greenlight:service"]) == (NEW, "digits")
    assert asg_release.label_of({"LaunchTemplateData": data}) == "registry.example.com/digits:7"


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"label": "another"}, True),
        ({"tags": {"team": "a"}}, True),
        ({"capacity.max": 9}, True),
        ({"template.security_groups": ["sg-2"]}, False),
        ({"template.user_data": "@GREENLIGHT_RELEASE@ 2"}, False),
        ({"template.instance_type": "g5.xlarge"}, False),
    ],
)
def test_only_what_an_instance_is_makes_another_release(changes: dict[str, Any], same: bool) -> None:
    assert (asg_release.release(params(**changes)).id == NEW) is same


def test_a_version_is_known_by_its_description_and_only_by_ours() -> None:
    described = {"VersionDescription": asg_release.description(PARAMS, NEW)}
    assert asg_release.release_of(described, PARAMS) == NEW
    assert asg_release.release_of(described, params(name="another")) == ""
    assert asg_release.release_of({"VersionDescription": "by hand"}, PARAMS) == ""
