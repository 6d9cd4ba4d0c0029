# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._platforms.ecs_ground import ground, listener

STEM = "arn:aws:elasticloadbalancing:eu-central-1:123456789012"
PRODUCTION = f"{STEM}:listener-rule/app/digits/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d02a6cabee"
TEST = f"{STEM}:listener-rule/app/digits/50dc6c495c0c9188/0f0f0f0f0f0f0f0f/1683b2d02a6cabee"


def service(**advanced: Any) -> dict[str, Any]:
    return {
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": ["subnet-b", "subnet-a"],
                "securityGroups": ["sg-1"],
                "assignPublicIp": "DISABLED",
            }
        },
        "loadBalancers": [
            {
                "containerName": "model",
                "containerPort": 8080,
                "targetGroupArn": "blue",
                "advancedConfiguration": {
                    "alternateTargetGroupArn": "green",
                    "productionListenerRule": PRODUCTION,
                    "roleArn": "role",
                    **advanced,
                },
            }
        ],
    }


def test_everything_is_named_as_ecs_rollout_wants_it() -> None:
    definition = {"executionRoleArn": "execution", "taskRoleArn": "task"}
    assert ground(service(testListenerRule=TEST), definition) == {
        "network": {"subnets": ["subnet-a", "subnet-b"], "security_groups": ["sg-1"], "assign_public_ip": False},
        "load_balancer": {
            "container_name": "model",
            "container_port": 8080,
            "production_listener_arn": f"{STEM}:listener/app/digits/50dc6c495c0c9188/f2f7dc8efc522ab2",
            "test_listener_arn": f"{STEM}:listener/app/digits/50dc6c495c0c9188/0f0f0f0f0f0f0f0f",
            "blue_target_group_arn": "blue",
            "green_target_group_arn": "green",
            "role_arn": "role",
        },
        "execution_role_arn": "execution",
        "task_role_arn": "task",
    }


def test_without_a_test_listener_there_is_none() -> None:
    assert ground(service(), {})["load_balancer"]["test_listener_arn"] is None


@pytest.mark.parametrize("there", [None, {}, {"loadBalancers": []}, service(productionListenerRule="")])
def test_nothing_of_ours_is_nothing(there: dict[str, Any] | None) -> None:
    assert ground(there, {}) == {}


def test_only_a_rule_has_a_listener() -> None:
    assert listener("arn:aws:ecs:eu-central-1:123456789012:service/a/b") == ""
