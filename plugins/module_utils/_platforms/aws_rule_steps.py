# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both rules in front of a service: made, mended, opened, removed. Pure: gives the calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from . import aws_rules
from .aws_names import SERVICE_TAG, service_key, short, tag_list, text
from .aws_step import Step

Json = dict[str, Any]
Params = Mapping[str, Any]


WHICH_TAG = "greenlight:rule"  # production or test


def tags(params: Params) -> dict[str, str]:
    """What everything of the service carries."""
    own = {key: text(value) for key, value in (params.get("tags") or {}).items()}
    return {**own, SERVICE_TAG: service_key(params)}


def rules(params: Params, production: Json | None, test: Json | None, live: str, proof: str) -> list[Step]:
    """Make and mend both. `live`: ARN of the target group that serves; `proof`: "" = nothing is to be closed."""
    balancer = params["load_balancer"]
    steps = []
    for which, rule, header in (("production", production, proof), ("test", test, "")):
        listener = balancer.get(f"{which}_listener_arn")
        if rule:
            steps += _mend(params, which, rule, header)
        elif listener:
            marked = tag_list({**tags(params), WHICH_TAG: which}, "Key", "Value")
            arguments = aws_rules.creation(params, listener, live, header, marked)
            note = ", closed to the public until the release is proven" if header else ""
            steps.append(Step("elbv2", "create_rule", arguments, f"CreateRule: {which} rule{note}"))
    return steps


def _mend(params: Params, which: str, rule: Json, proof: str) -> list[Step]:
    steps = []
    conditions = aws_rules.conditions(params, proof or aws_rules.proof_of(rule))
    if not aws_rules.same_conditions(rule, conditions):
        closing = bool(proof) and not aws_rules.proof_of(rule)
        what = "close it until the release is proven" if closing else "conditions"
        arguments: Json = {"RuleArn": rule["RuleArn"], "Conditions": conditions}
        steps.append(Step("elbv2", "modify_rule", arguments, f"ModifyRule: {which} rule, {what}"))
    priority = params["load_balancer"]["rule"]["priority"]
    if str(rule.get("Priority")) != str(priority):
        arguments = {"RulePriorities": [{"RuleArn": rule["RuleArn"], "Priority": priority}]}
        line = f"SetRulePriorities: {which} rule, {rule.get('Priority')} -> {priority}"
        steps.append(Step("elbv2", "set_rule_priorities", arguments, line))
    return steps


def opened(params: Params, rule: Json | None) -> list[Step]:
    """Let the public in."""
    if not rule or not aws_rules.proof_of(rule):
        return []
    arguments = {"RuleArn": rule["RuleArn"], "Conditions": aws_rules.conditions(params)}
    return [Step("elbv2", "modify_rule", arguments, "ModifyRule: open the production rule to the public")]


def undone(production: Json | None, test: Json | None) -> list[Step]:
    """Without a service there is nothing they could lead to."""
    named = (("test", test), ("production", production))
    return [
        Step("elbv2", "delete_rule", {"RuleArn": rule["RuleArn"]}, f"DeleteRule: {which} rule")
        for which, rule in named
        if rule
    ]


def removed(params: Params, listed: Iterable[Json]) -> list[Step]:
    """Of the rules of both listeners those that carry this service's tag."""
    mine = [rule for rule in listed if tagged(rule, params)]
    return [
        Step("elbv2", "delete_rule", {"RuleArn": rule["RuleArn"]}, f"DeleteRule: {short(rule['RuleArn'])}")
        for rule in mine
    ]


def tagged(rule: Mapping[str, Any], params: Params) -> bool:
    return not rule.get("IsDefault") and (rule.get("tags") or {}).get(SERVICE_TAG) == service_key(params)
