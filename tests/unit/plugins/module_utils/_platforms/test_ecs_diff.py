# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drift: defaults that AWS fills in are none, every other difference is seen, and the mending call mends it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._platforms import ecs_diff, ecs_release

from .ecs_params import BLUE, params

WANTED = ecs_release.settings(params())
BALANCERS = ecs_release.load_balancers(params(), BLUE, "rule-p", "rule-t")
FIELDS = ecs_release.deployment_fields(params())


def described(**changes: Any) -> dict[str, Any]:
    """A service as DescribeServices answers it when nothing drifted, with changes."""
    service = {
        **WANTED,
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": ["subnet-b", "subnet-a"],
                "securityGroups": ["sg-1"],
                "assignPublicIp": "DISABLED",
            }
        },
        "platformVersion": "LATEST",
        "loadBalancers": BALANCERS,
        "desiredCount": 2,
        "capacityProviderStrategy": [],
        "deployments": [{"serviceConnectConfiguration": {"enabled": False}}],
    }
    return service | changes


def test_what_aws_fills_in_is_no_drift() -> None:
    filled = {**WANTED["deploymentConfiguration"], "bakeTimeInMinutes": 0, "lifecycleHooks": []}
    filled["alarms"] = {"alarmNames": [], "enable": False, "rollback": False}
    service = described(deploymentConfiguration=filled)
    assert ecs_diff.setting_differences(service, WANTED) == []
    assert ecs_diff.deployment_differences(service, FIELDS, BALANCERS) == []


def test_a_service_from_before_a_field_existed_has_its_default() -> None:
    older = {**WANTED["deploymentConfiguration"]}
    older["deploymentCircuitBreaker"] = {"enable": True, "rollback": True}
    older.pop("strategy")
    assert ecs_diff.setting_differences(described(deploymentConfiguration=older), WANTED) == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"healthCheckGracePeriodSeconds": 5}, "healthCheckGracePeriodSeconds"),
        ({"availabilityZoneRebalancing": "DISABLED"}, "availabilityZoneRebalancing"),
        ({"enableExecuteCommand": True}, "enableExecuteCommand"),
        ({"enableECSManagedTags": False}, "enableECSManagedTags"),
        ({"propagateTags": "NONE"}, "propagateTags"),
        ({"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]}, "capacityProviderStrategy"),
        ({"placementConstraints": [{"type": "distinctInstance"}]}, "placementConstraints"),
        ({"placementStrategy": [{"type": "spread"}]}, "placementStrategy"),
        (
            {"deploymentConfiguration": {**WANTED["deploymentConfiguration"], "maximumPercent": 150}},
            "deploymentConfiguration.maximumPercent",
        ),
        (
            {"deploymentConfiguration": {**WANTED["deploymentConfiguration"], "bakeTimeInMinutes": 5}},
            "deploymentConfiguration.bakeTimeInMinutes",
        ),
    ],
)
def test_every_setting_that_drifts_is_seen_and_its_change_mends_it(change: dict[str, Any], path: str) -> None:
    service = described(**change)
    assert [difference.path for difference in ecs_diff.setting_differences(service, WANTED)] == [path]
    mended = service | ecs_diff.setting_changes(service, WANTED)
    assert ecs_diff.setting_differences(mended, WANTED) == []


def test_a_desired_count_is_compared_only_when_it_is_managed() -> None:
    assert ecs_diff.setting_differences(described(desiredCount=9), WANTED) == []
    managed = ecs_release.settings(params(manage_desired_count=True))
    assert [str(each) for each in ecs_diff.setting_differences(described(desiredCount=9), managed)] == [
        "desiredCount: 9 -> 2"
    ]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (
            {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-a"], "securityGroups": ["sg-1"]}}},
            "networkConfiguration.subnets",
        ),
        ({"platformVersion": "1.3.0"}, "platformVersion"),
        ({"loadBalancers": [{**BALANCERS[0], "containerPort": 9}]}, "loadBalancers.0.containerPort"),
        ({"loadBalancers": [*BALANCERS, {"targetGroupArn": "another"}]}, "loadBalancers.1"),
        ({"serviceRegistries": [{"registryArn": "arn:x"}]}, "serviceRegistries"),
        ({"deployments": [{"volumeConfigurations": [{"name": "x"}]}]}, "volumeConfigurations"),
        ({"deployments": [{"vpcLatticeConfigurations": [{"roleArn": "x"}]}]}, "vpcLatticeConfigurations"),
        ({"deployments": [{"serviceConnectConfiguration": {"enabled": True}}]}, "serviceConnectConfiguration"),
    ],
)
def test_every_field_of_a_deployment_that_drifts_is_seen(change: dict[str, Any], path: str) -> None:
    found = ecs_diff.deployment_differences(described(**change), FIELDS, BALANCERS)
    assert [difference.path for difference in found] == [path]


def test_a_task_definition_as_aws_describes_it_is_what_was_registered() -> None:
    wanted = ecs_release.registration(params(), "0123456789ab")
    wanted.pop("tags")
    container = {**wanted["containerDefinitions"][0], "mountPoints": [], "volumesFrom": [], "systemControls": []}
    found = {
        **wanted,
        "containerDefinitions": [container],
        "taskDefinitionArn": "arn:x",
        "revision": 3,
        "status": "ACTIVE",
        "compatibilities": ["EC2", "FARGATE"],
        "requiresAttributes": [{"name": "x"}],
        "registeredBy": "arn:y",
        "placementConstraints": [],
        "volumes": [],
        "release": "0123456789ab",
        "tags": {},
    }
    assert ecs_diff.definition_differences(found, wanted) == []
    found["containerDefinitions"] = [{**container, "image": "other", "privileged": True}]
    assert [each.path for each in ecs_diff.definition_differences(found, wanted)] == [
        "containerDefinitions.model.image",
        "containerDefinitions.model.privileged",
    ]


def test_environment_variables_are_named_and_their_values_never_shown() -> None:
    def definition(*containers: tuple[str, dict[str, str]]) -> dict[str, Any]:
        listed = [
            {"name": name, "environment": [{"name": key, "value": value} for key, value in variables.items()]}
            for name, variables in containers
        ]
        return {"containerDefinitions": listed}

    secret, beside = "hunter2hunter2", ("sidecar", {"TOKEN": "hunter2hunter2"})
    wanted = definition(("model", {"A": "new-value", "SAME": "x", "ADDED": "new-value"}))
    found = definition(("model", {"A": secret, "SAME": "x", "DB_PASSWORD": secret}), beside)
    lines = [str(each) for each in ecs_diff.definition_differences(found, wanted)]
    assert lines[:3] == [
        "containerDefinitions.model.environment.A: changed",
        "containerDefinitions.model.environment.ADDED: not set -> set",
        "containerDefinitions.model.environment.DB_PASSWORD: set -> not set",
    ]
    assert len(lines) == 4
    assert "TOKEN" in lines[3]
    for shown in (lines, [str(each) for each in ecs_diff.definition_differences({}, wanted)]):
        assert secret not in str(shown)
        assert "new-value" not in str(shown)


def test_a_difference_reads_as_what_is_and_what_is_wanted() -> None:
    assert str(ecs_diff.Difference("a.b", None, 3)) == "a.b: not set -> 3"
    assert str(ecs_diff.Difference("a.b", "x", [])) == "a.b: x -> not set"


def test_tags_of_others_stay() -> None:
    assert ecs_diff.tag_changes({"team": "a", "theirs": "x"}, {"team": "b", "new": "y"}) == {"team": "b", "new": "y"}
