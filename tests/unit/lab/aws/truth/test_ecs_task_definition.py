# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What RegisterTaskDefinition refuses, above all for Fargate, with AWS's text."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.aws.truth.base import Refusal, Truth
from tests.lab.aws.truth.ecs_task_definition import RULES, SIZES

ROLE = "arn:aws:iam::123456789012:role/execution"


def asked(params: dict[str, Any]) -> Refusal | None:
    truth = Truth()
    truth.add("ecs", RULES)
    return truth.refusal("ecs", "RegisterTaskDefinition", params)


def register(**changes: Any) -> dict[str, Any]:
    params: dict[str, Any] = {
        "family": "web",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{"name": "app", "image": "x", "portMappings": [{"containerPort": 80}]}],
    }
    return {key: value for key, value in {**params, **changes}.items() if value is not None}


def with_container(**fields: Any) -> dict[str, Any]:
    return register(containerDefinitions=[{"name": "app", "image": "x", **fields}])


REGISTER = [
    (register(networkMode="bridge"), "Fargate only supports network mode ‘awsvpc’."),
    (register(networkMode=None), "Fargate only supports network mode ‘awsvpc’."),
    (register(cpu=None), "Fargate requires that 'cpu' be defined at the task level."),
    (register(memory=None), "Fargate requires that 'memory' be defined at the task level."),
    (register(memory="4096"), "No Fargate configuration exists for given values."),
    (register(cpu="300"), "No Fargate configuration exists for given values."),
    (register(cpu="lots"), "No Fargate configuration exists for given values."),
    (register(placementConstraints=[{"type": "memberOf"}]), "do not support constraints."),
    (register(tags=[]), "Tags can not be empty."),
    (with_container(privileged=True), "Fargate compatible task definitions do not support privileged."),
    (
        with_container(portMappings=[{"containerPort": 80, "hostPort": 8080}]),
        "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
    ),
    (
        with_container(logConfiguration={"logDriver": "awslogs"}),
        "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
    ),
    (
        with_container(secrets=[{"name": "A", "valueFrom": "arn"}]),
        "you must also specify a value for 'executionRoleArn'.",
    ),
    (with_container(stopTimeout=121), "the maximum stopTimeout on Fargate is 120 seconds."),
    (with_container(essential=False), "does not have any essential container."),
]


@pytest.mark.parametrize(("params", "message"), REGISTER)
def test_register_task_definition_is_refused(params: dict[str, Any], message: str) -> None:
    refusal = asked(params)
    assert refusal is not None
    assert refusal.code == "ClientException"
    assert message in refusal.message


@pytest.mark.parametrize(
    "params",
    [
        register(),
        register(cpu=".5 vCPU", memory="1 GB"),
        register(cpu="1 vcpu", memory="2GB"),
        with_container(portMappings=[{"containerPort": 80, "hostPort": 80}], stopTimeout=120),
        {**with_container(logConfiguration={"logDriver": "awslogs"}), "executionRoleArn": ROLE},
        {"family": "ec2", "containerDefinitions": [{"name": "a", "privileged": True}]},
    ],
)
def test_good_task_definitions_pass(params: dict[str, Any]) -> None:
    assert asked(params) is None


@pytest.mark.parametrize(
    ("cpu", "low", "high", "step"),
    [
        (512, 1024, 4096, 1024),
        (1024, 2048, 8192, 1024),
        (2048, 4096, 16384, 1024),
        (4096, 8192, 30720, 1024),
        (8192, 16 * 1024, 60 * 1024, 4096),
        (16384, 32 * 1024, 120 * 1024, 8192),
    ],
)
def test_the_fargate_table(cpu: int, low: int, high: int, step: int) -> None:
    assert (SIZES[cpu][0], SIZES[cpu][-1], SIZES[cpu][1] - SIZES[cpu][0]) == (low, high, step)
    assert asked(register(cpu=str(cpu), memory=str(high))) is None
    assert asked(register(cpu=str(cpu), memory=str(high + step))) is not None
