# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validated parameters of ecs_rollout, and answers of the API that fit them."""

from __future__ import annotations

import copy
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.greenlight.serving.plugins.module_utils._glue import argspec_ecs

PREFIX = "arn:aws:elasticloadbalancing:us-east-1:123456789012"
BLUE, GREEN = (
    f"{PREFIX}:targetgroup/digits-blue/1111111111111111",
    f"{PREFIX}:targetgroup/digits-green/2222222222222222",
)
PRODUCTION, TEST = f"{PREFIX}:listener/app/digits/aaaa/prod", f"{PREFIX}:listener/app/digits/aaaa/test"
DIGEST = "sha256:" + "7d865e959b2466918c9863afca942d0fb89d7c9ac0c99bafc3749504ded97730"

OPTIONS: dict[str, Any] = {
    "region": "us-east-1",
    "cluster": "serving",
    "name": "digits",
    "strategy": "rolling",
    "heartbeat": {"enable": False},
    "task_definition": {
        "cpu": 256,
        "memory": 512,
        "execution_role_arn": "arn:aws:iam::123456789012:role/digits-execution",
        "containers": [
            {
                "name": "model",
                "image": f"registry.example.com/digits:7@{DIGEST}",
                "port_mappings": [{"container_port": 8080}],
                "environment": {"MODEL": "digits"},
            }
        ],
    },
    "network": {"subnets": ["subnet-b", "subnet-a"], "security_groups": ["sg-1"]},
    "load_balancer": {
        "container_name": "model",
        "container_port": 8080,
        "production_listener_arn": PRODUCTION,
        "test_listener_arn": TEST,
        "blue_target_group_arn": BLUE,
        "green_target_group_arn": GREEN,
        "role_arn": "arn:aws:iam::123456789012:role/digits-infrastructure",
    },
    "probes": [{"name": "ready", "path": "/v2/health/ready"}],
    "record": {"bucket": "example-greenlight"},
}


def params(**changes: Any) -> dict[str, Any]:
    """The options with changes, by dotted path: params(**{"network.subnets": []}); "containers" is the first one's."""
    options = copy.deepcopy(OPTIONS)
    for path, value in changes.items():
        at: Any = options
        *parents, last = path.split(".")
        for name in parents:
            at = at["task_definition"]["containers"][0] if name == "container" else at.setdefault(name, {})
        at[last] = value
    result = ArgumentSpecValidator(**argspec_ecs.specification()).validate(options)
    assert not result.error_messages, result.error_messages
    validated: dict[str, Any] = result.validated_parameters
    return validated
