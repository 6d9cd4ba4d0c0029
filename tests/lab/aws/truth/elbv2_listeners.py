# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listeners, rules and their actions: what AWS refuses and moto lets through."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tests.lab.aws.truth.base import Params, Refusal, Rule
from tests.lab.aws.truth.elbv2_common import API, CONFIGURATION, GUIDE, VALIDATION, constrained, first

ACTION = "InvalidLoadBalancerAction"
WEIGHT = "The weight for each target group must be between 0 and 999, inclusive"


def certificate(params: Params, facts: Any) -> Refusal | None:
    listener = facts.listener(params.get("ListenerArn"))
    protocol = params.get("Protocol") or (listener.protocol if listener else None)
    given = params.get("Certificates") or (listener.certificates if listener else ())
    if protocol == "HTTPS" and not given:
        return Refusal(VALIDATION, "A certificate must be specified for HTTPS listeners")
    if protocol == "HTTP" and params.get("Certificates"):
        return Refusal(VALIDATION, "A certificate cannot be specified for HTTP listeners")
    return None


def spoken(params: Params, _facts: Any) -> Refusal | None:
    """What the lab's data plane can't carry is refused rather than carried wrongly."""
    if params.get("Protocol") == "HTTPS":
        return Refusal("UnsupportedProtocol", "The lab's listeners speak HTTP only")
    if params.get("Transforms"):
        return Refusal(CONFIGURATION, "The lab's rules have no transforms")
    return None


def port_taken(params: Params, facts: Any) -> Refusal | None:
    """The same listener with the same settings is the same call once more, and succeeds."""
    changed = facts.listener(params.get("ListenerArn"))
    balancer = facts.balancer(changed.load_balancer_arn if changed else params.get("LoadBalancerArn"))
    if balancer is None or params.get("Port") is None:
        return None
    for listener in balancer.listeners.values():
        if listener is changed or int(listener.port) != int(params["Port"]):
            continue
        if changed is None and _same(listener, params):
            return None
        message = f"A listener already exists on this port for this load balancer '{balancer.arn}'"
        return Refusal("DuplicateListener", message)
    return None


def _same(listener: Any, params: Params) -> bool:
    known = [_core(action.data) for action in listener.default_actions]
    asked = [_core(action) for action in params.get("DefaultActions") or ()]
    return listener.protocol == params.get("Protocol") and known == asked


def _core(action: Mapping[str, Any]) -> tuple[Any, ...]:
    return action["Type"], _targets(action), action.get("FixedResponseConfig"), action.get("RedirectConfig")


def actions(params: Params, facts: Any) -> Refusal | None:
    """CreateListener and ModifyListener name them DefaultActions, CreateRule and ModifyRule Actions."""
    given = params.get("DefaultActions") or params.get("Actions") or ()
    balancer = _balancer(params, facts)
    return first(_action(action, balancer, facts) for action in given)


def _balancer(params: Params, facts: Any) -> Any:
    rule = facts.rule(params.get("RuleArn"))
    listener = facts.listener(rule.listener_arn if rule else params.get("ListenerArn"))
    return facts.balancer(listener.load_balancer_arn if listener else params.get("LoadBalancerArn"))


def _action(action: Mapping[str, Any], balancer: Any, facts: Any) -> Refusal | None:
    kind = action["Type"]
    if kind in ("authenticate-oidc", "authenticate-cognito", "jwt-validation"):
        return Refusal(ACTION, f"Actions of type '{kind}' are supported only on HTTPS listeners")
    if kind == "forward":
        return _forward(action, balancer, facts)
    if kind == "fixed-response":
        return _fixed(action.get("FixedResponseConfig") or {})
    return _redirect(action.get("RedirectConfig") or {}) if kind == "redirect" else None


def _targets(action: Mapping[str, Any]) -> list[tuple[str, int]]:
    config = action.get("ForwardConfig") or {}
    groups = [(one["TargetGroupArn"], int(one.get("Weight", 1))) for one in config.get("TargetGroups") or ()]
    return groups or [(arn, 1) for arn in [action.get("TargetGroupArn")] if arn]


def _forward(action: Mapping[str, Any], balancer: Any, facts: Any) -> Refusal | None:
    groups = _targets(action)
    if not groups:
        return Refusal(VALIDATION, "A target group must be specified")
    if action.get("TargetGroupArn") not in (None, *(arn for arn, _ignored in groups)):
        message = "TargetGroupArn and ForwardConfig must name the same target group"
        return Refusal(ACTION, message)
    if len(groups) > 5:
        return Refusal(ACTION, "A forward action can have at most '5' target groups")
    if len({arn for arn, _ignored in groups}) < len(groups):
        return Refusal(VALIDATION, "A target group can be specified only once in an action")
    if any(not 0 <= weight <= 999 for _ignored, weight in groups):
        return Refusal(VALIDATION, WEIGHT)
    return first(_group(arn, balancer, facts) for arn, _ignored in groups)


def _group(arn: str, balancer: Any, facts: Any) -> Refusal | None:
    group = facts.group(arn)
    if group is None:
        return Refusal("TargetGroupNotFound", "One or more target groups not found")
    if balancer is None:
        return None
    if group.vpc_id != balancer.vpc_id:
        message = f"The following target groups are in a different VPC than load balancer '{balancer.arn}': '{arn}'"
        return Refusal(CONFIGURATION, message)
    if any(user != balancer.arn for user in facts.users(arn)):
        message = f"The following target groups cannot be associated with more than one load balancer: {arn}"
        return Refusal("TargetGroupAssociationLimit", message)
    return None


def _fixed(config: Mapping[str, Any]) -> Refusal | None:
    status = str(config.get("StatusCode") or "")
    if not re.fullmatch(r"(2|4|5)\d\d", status):
        return Refusal(
            VALIDATION,
            f"1 validation error detected: Value '{status}' at 'actions.1.member.fixedResponseConfig.statusCode' "
            "failed to satisfy constraint: Member must satisfy regular expression pattern: ^(2|4|5)\\d\\d$",
        )
    if len(config.get("MessageBody") or "") > 1024:
        return Refusal(VALIDATION, "The message body of a fixed response cannot be longer than '1024' characters")
    return None


def _redirect(config: Mapping[str, Any]) -> Refusal | None:
    if config.get("StatusCode") not in ("HTTP_301", "HTTP_302"):
        return Refusal(VALIDATION, "The status code of a redirect must be HTTP_301 or HTTP_302")
    own = {"Protocol": "#{protocol}", "Host": "#{host}", "Port": "#{port}", "Path": "/#{path}"}
    if any(config.get(part) not in (None, same) for part, same in own.items()):
        return None
    return Refusal(ACTION, "The redirect configuration would cause a redirect loop")


def conditions(params: Params, _facts: Any) -> Refusal | None:
    given = params.get("Conditions")
    if given is None:
        return None
    if not given:
        return Refusal(VALIDATION, "A condition must be specified")
    if sum(len(list(_values(condition))) for condition in given) > 5:
        return Refusal(VALIDATION, "A rule can only have '5' condition values")
    headers = [(one.get("HttpHeaderConfig") or {}).get("HttpHeaderName") or "" for one in given]
    if "host" in (name.lower() for name in headers):
        return Refusal(VALIDATION, "The 'host' header is matched by a condition of type 'host-header'")
    return None


def _values(condition: Mapping[str, Any]) -> Iterable[Any]:
    yield from condition.get("Values") or ()
    yield from condition.get("RegexValues") or ()
    for config in condition.values():
        if isinstance(config, Mapping):
            yield from config.get("Values") or ()
            yield from config.get("RegexValues") or ()


def priority_taken(params: Params, facts: Any) -> Refusal | None:
    listener = facts.listener(params["ListenerArn"])
    wanted = int(params["Priority"])
    taken = listener and any(not rule.is_default and int(rule.priority) == wanted for rule in listener.rules.values())
    return Refusal("PriorityInUse", f"Priority '{wanted}' is currently in use") if taken else None


def reordered(params: Params, facts: Any) -> Refusal | None:
    """ "You can reorder the rules as long as there are no priority conflicts in the new order." """
    wanted = {entry["RuleArn"]: int(entry["Priority"]) for entry in params["RulePriorities"]}
    rules = [facts.rule(arn) for arn in wanted]
    if None in rules:
        return Refusal("RuleNotFound", "One or more rules not found")
    refused = first(_fixed_rule(rule, "modified") for rule in rules)
    if refused:
        return refused
    others = [
        int(rule.priority)
        for arn in {rule.listener_arn for rule in rules}
        for rule in facts.listener(arn).rules.values()
        if not rule.is_default and rule.arn not in wanted
    ]
    taken = [*others, *wanted.values()]
    for priority in wanted.values():
        if taken.count(priority) > 1:
            return Refusal("PriorityInUse", f"Priority '{priority}' is currently in use")
    return None


def removable(params: Params, facts: Any) -> Refusal | None:
    rule = facts.rule(params["RuleArn"])
    if rule is None:
        return Refusal("RuleNotFound", "One or more rules not found")
    return _fixed_rule(rule, "deleted")


def modifiable(params: Params, facts: Any) -> Refusal | None:
    rule = facts.rule(params["RuleArn"])
    if rule is None:
        return Refusal("RuleNotFound", "One or more rules not found")
    return _fixed_rule(rule, "modified")


def _fixed_rule(rule: Any, what: str) -> Refusal | None:
    if not rule.is_default:
        return None
    return Refusal("OperationNotPermitted", f"Default rule '{rule.arn}' cannot be {what}")


QUOTAS = GUIDE + "load-balancer-limits.html"
RULES = [
    Rule("CreateListener", constrained("Port", 1, 65535), API + "CreateListener.html (Port)"),
    Rule("ModifyListener", constrained("Port", 1, 65535), API + "ModifyListener.html (Port)"),
    Rule("CreateListener", certificate, API + "CreateListener.html (Certificates: required for HTTPS)"),
    Rule("ModifyListener", certificate, API + "ModifyListener.html (Certificates: required for HTTPS)"),
    Rule("CreateListener", spoken, "not AWS: the README of the lab, what it leaves out"),
    Rule("ModifyListener", spoken, "not AWS: the README of the lab, what it leaves out"),
    Rule("CreateListener", port_taken, API + "CreateListener.html (Errors: DuplicateListener)"),
    Rule("ModifyListener", port_taken, API + "ModifyListener.html (Errors: DuplicateListener)"),
    Rule("CreateListener", actions, API + "CreateListener.html (DefaultActions, Errors)"),
    Rule("ModifyListener", actions, API + "ModifyListener.html (DefaultActions, Errors)"),
    Rule("CreateRule", constrained("Priority", 1, 50000), API + "CreateRule.html (Priority)"),
    Rule("CreateRule", spoken, "not AWS: the README of the lab, what it leaves out"),
    Rule("ModifyRule", spoken, "not AWS: the README of the lab, what it leaves out"),
    Rule("CreateRule", priority_taken, API + "CreateRule.html (Errors: PriorityInUse)"),
    Rule("CreateRule", conditions, QUOTAS + " (condition values per rule: 5)"),
    Rule("ModifyRule", modifiable, API + "ModifyRule.html (Errors: RuleNotFound, OperationNotPermitted)"),
    Rule("ModifyRule", conditions, QUOTAS + " (condition values per rule: 5)"),
    Rule("CreateRule", actions, API + "CreateRule.html (Actions, Errors)"),
    Rule("ModifyRule", actions, API + "ModifyRule.html (Actions, Errors)"),
    Rule("SetRulePriorities", reordered, API + "SetRulePriorities.html"),
    Rule("DeleteRule", removable, API + "DeleteRule.html (Errors: RuleNotFound, OperationNotPermitted)"),
]
