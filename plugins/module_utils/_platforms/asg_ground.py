# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service on EC2 Auto Scaling stands on, read from the service itself, in the words of asg_rollout. Pure.

So that a release, or the way back to one, needs no look at anything else. The rules say which listener is which (tag
`RULE_TAG`), and which target groups there are; the groups say the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import aws_rules
from .asg_group import BLUE, GREEN, other
from .aws_names import RULE_TAG, SERVICE_TAG, service_key
from .ecs_ground import listener

Json = dict[str, Any]
Rules = tuple[Mapping[str, Any], ...]


def load_balancer(params: Mapping[str, Any], rules: Rules, groups: Mapping[str, Json]) -> Json | None:
    """Listeners, target groups and rule; None without rules of this service. `groups`: by colour, as described."""
    mine = [rule for rule in rules if (rule.get("tags") or {}).get(SERVICE_TAG) == service_key(params)]
    found = {str(rule["tags"].get(RULE_TAG, "")): rule for rule in mine}
    production = found.get("production")
    if production is None:
        return None
    pair = list(aws_rules.weights(production))
    colour = next((each for each in (BLUE, GREEN) if each in groups), BLUE)
    own = next((arn for arn in (groups.get(colour) or {}).get("TargetGroupARNs") or [] if arn in pair), "")
    rest = next((arn for arn in pair if arn != own), "")
    arns = {colour: own, other(colour): rest}
    return {
        "production_listener_arn": listener(str(production["RuleArn"])),
        "test_listener_arn": listener(str(found["test"]["RuleArn"])) if "test" in found else None,
        "blue_target_group_arn": arns[BLUE],
        "green_target_group_arn": arns[GREEN],
        "rule": {"priority": int(production["Priority"])},
    }


def ground(balancer: Mapping[str, Any] | None, group: Mapping[str, Any] | None, version: Mapping[str, Any]) -> Json:
    """{} without a group or without rules. `group`: the live one; `version`: the template version that it launches."""
    if not balancer or not group:
        return {}
    data = version.get("LaunchTemplateData") or {}
    interface: Mapping[str, Any] = next(iter(data.get("NetworkInterfaces") or []), {})
    return {
        "network": {"subnets": [each for each in str(group.get("VPCZoneIdentifier", "")).split(",") if each]},
        "template": {
            "security_groups": list(interface.get("Groups") or []),
            "instance_profile_arn": (data.get("IamInstanceProfile") or {}).get("Arn"),
        },
        "capacity": {"min": int(group["MinSize"]), "max": int(group["MaxSize"])},
        "load_balancer": {name: value for name, value in balancer.items() if name != "rule"},
    }
