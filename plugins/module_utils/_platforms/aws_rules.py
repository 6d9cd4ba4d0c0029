# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The production and the test rule in front of a service. Pure.

Shapes as in https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Rule.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .aws_names import SERVICE_TAG, given, service_key

Json = dict[str, Any]

PROOF_HEADER = "x-greenlight-proof"


def weights(rule: Mapping[str, Any] | None) -> dict[str, int]:
    """Target group ARN -> weight; a rule that names one group alone gives it everything."""
    found: dict[str, int] = {}
    for action in (rule or {}).get("Actions", []):
        if action.get("Type") == "forward":
            groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
            if not groups and action.get("TargetGroupArn"):
                groups = [{"TargetGroupArn": action["TargetGroupArn"], "Weight": 1}]
            found |= {group["TargetGroupArn"]: int(group.get("Weight", 1)) for group in groups}
    return found


def ours(rules: Iterable[Mapping[str, Any]], params: Mapping[str, Any], known: str = "") -> Json | None:
    """The rule that belongs to this service: the one that the cloud names (`known`), else one that carries our tag.

    A rule of somebody else that forwards to the same groups is never ours. `rules`: with tags, see `aws_rule_tags`.
    """
    balancer = params["load_balancer"]
    groups = {balancer["blue_target_group_arn"], balancer["green_target_group_arn"]}
    key = service_key(params)
    mine = [
        dict(rule)
        for rule in rules
        if not rule.get("IsDefault")
        and groups & set(weights(rule))
        and ((known and rule["RuleArn"] == known) or (rule.get("tags") or {}).get(SERVICE_TAG) == key)
    ]
    for rule in mine:
        if known and rule["RuleArn"] == known:
            return rule
    for rule in mine:
        if str(rule.get("Priority")) == str(balancer["rule"]["priority"]):
            return rule
    return mine[0] if mine else None


def proof_of(rule: Mapping[str, Any] | None) -> str:
    """The value of the header that lets a probe in while the rule is closed; "" = it is open."""
    for condition in (rule or {}).get("Conditions", []):
        header = condition.get("HttpHeaderConfig") or {}
        if str(header.get("HttpHeaderName", "")).lower() == PROOF_HEADER:
            return str(next(iter(header.get("Values") or []), ""))
    return ""


def conditions(params: Mapping[str, Any], proof: str = "") -> list[Json]:
    """What a request must look like; with `proof`, it must carry that header value, too."""
    rule = params["load_balancer"]["rule"]
    wanted: list[Json] = []
    if rule.get("path_patterns"):
        wanted.append({"Field": "path-pattern", "PathPatternConfig": {"Values": list(rule["path_patterns"])}})
    if rule.get("host_headers"):
        wanted.append({"Field": "host-header", "HostHeaderConfig": {"Values": list(rule["host_headers"])}})
    if proof:
        header = {"HttpHeaderName": PROOF_HEADER, "Values": [proof]}
        wanted.append({"Field": "http-header", "HttpHeaderConfig": header})
    return wanted


def _flat(items: Iterable[Mapping[str, Any]]) -> set[tuple[str, str, frozenset[str]]]:
    flat: set[tuple[str, str, frozenset[str]]] = set()
    for item in items:
        config: Mapping[str, Any] = next((value for key, value in item.items() if key.endswith("Config") and value), {})
        values = config.get("Values") or item.get("Values") or []
        flat.add((str(item.get("Field")), str(config.get("HttpHeaderName", "")).lower(), frozenset(map(str, values))))
    return flat


def same_conditions(rule: Mapping[str, Any], wanted: list[Json]) -> bool:
    return _flat(rule.get("Conditions", [])) == _flat(wanted)


def forward(params: Mapping[str, Any], live: str) -> list[Json]:
    """Everything to the live group; the other one stays attached, so that its targets are checked."""
    return actions(shares(params, live, 100))


def shares(params: Mapping[str, Any], group: str, weight: int) -> dict[str, int]:
    """Target group ARN -> weight: so many percent to one of the two, the rest to the other."""
    balancer = params["load_balancer"]
    pair = (balancer["blue_target_group_arn"], balancer["green_target_group_arn"])
    return {each: weight if each == group else 100 - weight for each in pair}


def actions(wanted: Mapping[str, int]) -> list[Json]:
    """A rule's actions for these weights."""
    groups = [{"TargetGroupArn": group, "Weight": weight} for group, weight in wanted.items()]
    return [{"Type": "forward", "Order": 1, "ForwardConfig": {"TargetGroups": groups}}]


def creation(params: Mapping[str, Any], listener: str, live: str, proof: str, tags: list[Json]) -> Json:
    """CreateRule's input."""
    return given(
        {
            "ListenerArn": listener,
            "Priority": params["load_balancer"]["rule"]["priority"],
            "Conditions": conditions(params, proof),
            "Actions": forward(params, live),
            "Tags": tags,
        }
    )
