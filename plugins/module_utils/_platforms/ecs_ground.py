# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service stands on, read from the service itself, in the words of ecs_rollout's options. Pure.

So that a release, or the way back to one, needs no look at anything else. Shapes:
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


def ground(service: Mapping[str, Any] | None, definition: Mapping[str, Any]) -> Json:
    """Network, load balancer and roles; {} without a service or with one that has no rules of ours.

    `definition`: the task definition that the service names.
    """
    entry: Mapping[str, Any] = next(iter((service or {}).get("loadBalancers") or []), {})
    advanced = entry.get("advancedConfiguration") or {}
    if not service or not advanced.get("productionListenerRule"):
        return {}
    network = (service.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    return {
        "network": {
            "subnets": sorted(network.get("subnets") or []),
            "security_groups": list(network.get("securityGroups") or []),
            "assign_public_ip": network.get("assignPublicIp") == "ENABLED",
        },
        "load_balancer": {
            "container_name": entry.get("containerName", ""),
            "container_port": entry.get("containerPort", 0),
            "production_listener_arn": listener(advanced["productionListenerRule"]),
            "test_listener_arn": listener(advanced.get("testListenerRule") or "") or None,
            "blue_target_group_arn": entry.get("targetGroupArn", ""),
            "green_target_group_arn": advanced.get("alternateTargetGroupArn", ""),
            "role_arn": advanced.get("roleArn"),
        },
        "execution_role_arn": definition.get("executionRoleArn"),
        "task_role_arn": definition.get("taskRoleArn"),
    }


def listener(rule: str) -> str:
    """The listener's ARN in a rule's: arn:...:listener-rule/app/NAME/BALANCER/LISTENER/RULE.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_elasticloadbalancingv2.html
    """
    return rule.replace(":listener-rule/", ":listener/").rpartition("/")[0] if ":listener-rule/" in rule else ""
