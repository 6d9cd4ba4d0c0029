# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service on EC2 stands on, read from the service itself, in the words of asg_rollout's options. Reads only.

So that a release, or the way back to one, needs no look at anything else. Which of the two listeners a rule is on is
said by the rule's own tag.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import aws_rules
from .asg_group import COLOURS, other
from .asg_snapshot import Snapshot
from .aws_calls import Calls, Json, absent_is_empty
from .aws_names import SERVICE_TAG, service_key
from .aws_rule_steps import WHICH_TAG
from .aws_rule_tags import with_tags


def balancer(calls: Calls, params: Mapping[str, Any], snapshot: Snapshot) -> Json:
    """asg_rollout's load_balancer as far as it can be read; {} = there is none in front."""
    groups = {colour: arn for colour in COLOURS for arn in snapshot.groups.get(colour, {}).get("TargetGroupARNs", [])}
    if not groups:
        return {}
    answer = absent_is_empty(calls, "elbv2", "describe_target_groups", TargetGroupArns=list(groups.values()))
    described = answer.get("TargetGroups", [])
    fronts = [arn for group in described for arn in group.get("LoadBalancerArns", [])]
    if not fronts:
        return {}
    found: Json = {"target_port": int(described[0]["Port"])}
    for listener in calls.pages("elbv2", "describe_listeners", "Listeners", LoadBalancerArn=fronts[0]):
        arn = listener["ListenerArn"]
        rules = with_tags(calls, calls.pages("elbv2", "describe_rules", "Rules", ListenerArn=arn), {})
        for rule in rules:
            if rule["tags"].get(SERVICE_TAG) == service_key(params) and rule["tags"].get(WHICH_TAG):
                found[f"{rule['tags'][WHICH_TAG]}_listener_arn"] = arn
                groups |= _pair(groups, rule)
    named = {f"{colour}_target_group_arn": groups.get(colour, "") for colour in COLOURS}
    return {"test_listener_arn": None, **found, **named} if "production_listener_arn" in found else {}


def _pair(groups: Mapping[str, str], rule: Mapping[str, Any]) -> dict[str, str]:
    """The target group of a group that is not there yet: the rule names both."""
    known = next(iter(groups))
    rest = [arn for arn in aws_rules.weights(rule) if arn != groups[known]]
    return {other(known): rest[0]} if rest else {}


def ground(snapshot: Snapshot, live: str, front: Json) -> Json:
    """Network, load balancer, template and bounds; {} without a group or without a rule of ours."""
    group = snapshot.groups.get(live)
    if group is None or not front:
        return {}
    data = snapshot.versions.get(snapshot.configured(live), {}).get("LaunchTemplateData") or {}
    interfaces = data.get("NetworkInterfaces") or [{}]
    return {
        "network": {"subnets": sorted(str(group.get("VPCZoneIdentifier", "")).split(","))},
        "load_balancer": front,
        "template": {
            "security_groups": list(interfaces[0].get("Groups") or []),
            "instance_profile_arn": (data.get("IamInstanceProfile") or {}).get("Arn"),
        },
        "capacity": {"min": int(group["MinSize"]), "max": int(group["MaxSize"])},
    }
