# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input: each is named with its field, what is allowed and how to mend it, and all of it at once."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._platforms import ecs_input

from .ecs_params import BLUE, DIGEST, PRODUCTION, params

IMAGE = "registry.example.com/digits"
PARAMETER = "arn:aws:ssm:us-east-1:123456789012:parameter/t"
HEALTH = {"command": ["CMD", "true"]}

BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"name": "digits/one"}, "name", "letters, digits"),
    ({"name": "x" * 256}, "name", "255"),
    ({"name": "dig\nits"}, "name", "letters, digits"),
    ({"name": "{{ name }}"}, "name", "letters, digits"),
    ({"task_definition.family": "../up"}, "task_definition.family", "letters, digits"),
    ({"container.name": "ünicode"}, "task_definition.containers[0].name", "letters, digits"),
    ({"container.image": IMAGE}, "task_definition.containers[0].image", "names no digest"),
    ({"container.image": f"{IMAGE}:7"}, "task_definition.containers[0].image", "names no digest"),
    ({"container.image": f"{IMAGE}:latest", "allow_image_tag": True}, "task_definition.containers[0].image", "latest"),
    ({"container.image": IMAGE, "allow_image_tag": True}, "task_definition.containers[0].image", "latest"),
    ({"container.image": f"{IMAGE}@sha256:abc"}, "task_definition.containers[0].image", "64 hex digits"),
    ({"container.image": f"user:pw@registry/x@{DIGEST}"}, "task_definition.containers[0].image", "plain image"),
    ({"container.image": f"https://registry/x@{DIGEST}"}, "task_definition.containers[0].image", "plain image"),
    ({"container.essential": False}, "task_definition.containers", "essential"),
    ({"container.port_mappings": [{"container_port": 0}]}, "port_mappings[0].container_port", "1 to 65535"),
    ({"container.port_mappings": [{"container_port": 65536}]}, "port_mappings[0].container_port", "1 to 65535"),
    (
        {"container.port_mappings": [{"container_port": 8080}, {"container_port": 8080}]},
        "task_definition.containers.port_mappings",
        "twice",
    ),
    ({"container.environment": {"DEBUG": True}}, "environment.DEBUG", "YAML bool"),
    ({"container.environment": {"RATE": 1e3}}, "environment.RATE", "YAML float"),
    ({"container.environment": {"EMPTY": None}}, "environment.EMPTY", "YAML NoneType"),
    ({"container.environment": {"DB_PASSWORD": "x"}}, "environment.DB_PASSWORD", "looks like a secret"),
    ({"container.environment": {"KEY": "AKIAABCDEFGHIJKLMNOP"}}, "environment.KEY", "looks like a secret"),
    ({"container.environment": {"X": "q8Zt1Vw3Lk9Bn5Rm7Xc2Yd4F"}}, "environment.X", "looks like a secret"),
    ({"container.environment": {"GREENLIGHT_RELEASE": "x"}}, "environment.GREENLIGHT_RELEASE", "by greenlight itself"),
    ({"container.secrets": {"TOKEN": "plain text"}}, "secrets.TOKEN", "must be the ARN"),
    ({"container.stop_timeout": 121}, "stop_timeout", "0 to 120"),
    ({"container.health_check": {**HEALTH, "interval": 4}}, "health_check.interval", "5 to 300"),
    ({"container.health_check": {**HEALTH, "timeout": 61}}, "health_check.timeout", "2 to 60"),
    ({"container.health_check": {**HEALTH, "retries": 0}}, "health_check.retries", "1 to 10"),
    ({"container.log_configuration": {"driver": "syslog"}}, "log_configuration.driver", "awslogs"),
    ({"container.mount_points": [{"volume": "nowhere", "path": "/x"}]}, "mount_points", "not defined"),
    ({"container.depends_on": [{"container": "model"}]}, "depends_on", "another container"),
    ({"load_balancer.container_name": "other"}, "load_balancer.container_name", "names no container"),
    ({"load_balancer.container_port": 9000}, "load_balancer.container_port", "is not a port of container model"),
    ({"task_definition.cpu": 300}, "task_definition.cpu", "256, 512"),
    ({"task_definition.memory": 4096}, "task_definition.memory", "no Fargate size"),
    ({"container.memory": 1024}, "task_definition.memory", "less than its containers"),
    ({"task_definition.ephemeral_storage_gib": 20}, "ephemeral_storage_gib", "21 to 200"),
    ({"container.environment": {"BIG": "x y " * 20000}}, "task_definition", "65536 bytes"),
    ({"task_definition.execution_role_arn": "digits"}, "execution_role_arn", "ARN of an IAM role"),
    (
        {"task_definition.task_role_arn": "arn:aws:iam::999999999999:role/x"},
        "task_definition.task_role_arn",
        "another account",
    ),
    ({"load_balancer.role_arn": "arn:aws-cn:iam::123456789012:role/x"}, "load_balancer.role_arn", "partition"),
    (
        {
            "container.secrets": {"T": "arn:aws:ssm:us-east-1:123456789012:parameter/t"},
            "task_definition.execution_role_arn": None,
        },
        "execution_role_arn",
        "is needed",
    ),
    ({"network.subnets": []}, "network.subnets", "1 to 16"),
    ({"network.subnets": ["subnet-a", "subnet-a"]}, "network.subnets", "twice"),
    ({"network.security_groups": [f"sg-{n}" for n in range(6)]}, "network.security_groups", "1 to 5"),
    ({"load_balancer.green_target_group_arn": BLUE}, "load_balancer.green_target_group_arn", "not be the blue"),
    ({"load_balancer.test_listener_arn": PRODUCTION}, "load_balancer.test_listener_arn", "not be the production"),
    ({"load_balancer.test_listener_arn": None, "route": "test_listener"}, "route", "needs"),
    ({"load_balancer.rule": {"priority": 0}}, "load_balancer.rule.priority", "1 to 50000"),
    ({"load_balancer.rule": {"path_patterns": []}}, "load_balancer.rule", "needs a path pattern"),
    ({"load_balancer.rule": {"path_patterns": [f"/{x}" for x in "abcde"]}}, "load_balancer.rule", "4 values"),
    ({"load_balancer.rule": {"path_patterns": ["v2/*"]}}, "load_balancer.rule.path_patterns", "begin with"),
    ({"load_balancer.rule": {"path_patterns": ["/a b"]}}, "load_balancer.rule", "without spaces"),
    ({"load_balancer.rule": {"host_headers": ["x\r\nY: z"]}}, "load_balancer.rule", "without spaces"),
    ({"desired_count": 5001}, "desired_count", "at most 5000"),
    ({"deployment.minimum_healthy_percent": 101}, "deployment.minimum_healthy_percent", "0 to 100"),
    ({"deployment.maximum_percent": 99}, "deployment.maximum_percent", "100 to 200"),
    ({"deployment.circuit_breaker": {"threshold_value": 0}}, "threshold_value", "1 to 10000"),
    ({"health_check_grace_seconds": -1}, "health_check_grace_seconds", "0 to"),
    ({"health_check_grace_seconds": 3600}, "health_check_grace_seconds", "longer than the whole rollout"),
    ({"tags": {"aws:x": "y"}}, "tags.aws:x", "not begin with aws:"),
    ({"tags": {"greenlight:release": "y"}}, "tags.greenlight:release", "greenlight:"),
    ({"tags": {f"t{n}": "x" for n in range(49)}}, "tags", "48"),
]


@pytest.mark.parametrize(("change", "field", "problem"), BAD, ids=[f"{n}-{row[1]}" for n, row in enumerate(BAD)])
def test_each_is_found_by_its_field_with_what_is_allowed(change: dict[str, Any], field: str, problem: str) -> None:
    found = [finding for finding in ecs_input.findings(params(**change)) if finding.field.endswith(field)]
    assert any(problem in finding.problem for finding in found), ecs_input.findings(params(**change))
    assert all(finding.mend for finding in found)


def test_good_input_has_no_finding() -> None:
    assert ecs_input.findings(params(**{"load_balancer.rule": {"path_patterns": ["/x", "/v?/health/*"]}})) == []
    assert ecs_input.findings(params()) == []
    assert ecs_input.findings(params(**{"container.image": f"{IMAGE}:7", "allow_image_tag": True})) == []


def test_all_that_is_wrong_is_said_at_once() -> None:
    changes = {"task_definition.cpu": 300, "network.subnets": [], "container.image": IMAGE, "tags": {"aws:x": "y"}}
    assert len(ecs_input.findings(params(**changes))) == 4


def test_a_finding_never_shows_a_secret() -> None:
    secret = "AKIAABCDEFGHIJKLMNOP"
    found = ecs_input.findings(params(**{"container.environment": {"API_TOKEN": secret, "B": secret}}))
    assert len(found) == 2
    assert all(secret not in str(finding) for finding in found)


def test_a_variable_that_only_looks_secret_can_be_allowed_by_name() -> None:
    environment = {"container.environment": {"TOKEN_LIMIT": "4096"}}
    assert ecs_input.findings(params(**environment))
    assert ecs_input.findings(params(**environment, allow_plain_environment=["TOKEN_LIMIT"])) == []
