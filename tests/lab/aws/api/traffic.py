# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listener rules and infrastructure roles, as ECS's native deployments see and move them (`ports.Traffic`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from moto.backends import get_backend

from tests.lab.aws.api.elbv2_facts import Facts, forwarded
from tests.lab.aws.core import Lab
from tests.lab.aws.ports import RuleShape

TRUSTED = "ecs.amazonaws.com"


class RuleKeeper:
    """Called with the lab's lock held. `spread`: brings changed records into effect."""

    def __init__(self, lab: Lab, facts: Facts, spread: Callable[[], None]) -> None:
        self._lab, self._facts, self._spread = lab, facts, spread
        self._iam: Any = get_backend("iam")[lab.account]["aws"]

    def rule(self, arn: str) -> RuleShape | None:
        found = self._facts.rule(arn)
        if found is None:
            return None
        siblings = self._facts.listener(found.listener_arn).rules.values()
        only = all(action.data["Type"] == "forward" for rule in siblings for action in rule.actions)
        return RuleShape(forwarded(found.actions[-1].data), only)

    def shift(self, arn: str, weights: Mapping[str, int]) -> None:
        """Source: seen in a real account: ECS rewrites the action as a weighted ForwardConfig of both groups."""
        found = self._facts.rule(arn)
        if found is None:
            self._lab.log("weights_not_moved", rule=arn)
            return
        data = found.actions[-1].data
        kept = (data.get("ForwardConfig") or {}).get("TargetGroupStickinessConfig") or {"Enabled": False}
        groups = [{"TargetGroupArn": group, "Weight": weight} for group, weight in sorted(weights.items())]
        data.pop("TargetGroupArn", None)
        found.actions[-1].__dict__.pop("TargetGroupArn", None)
        data["ForwardConfig"] = {"TargetGroups": groups, "TargetGroupStickinessConfig": kept}
        self._spread()
        self._lab.log("weights_moved", rule=arn, weights=dict(weights))

    def role_error(self, arn: str) -> str:
        """Source: Amazon ECS Developer Guide, "Troubleshooting …": the role must trust ecs.amazonaws.com."""
        found = next((role for role in self._iam.roles.values() if role.arn == arn), None)
        if found is None:
            return "no such role"
        document = json.loads(found.assume_role_policy_document)
        return "" if any(trusts(one) for one in document.get("Statement") or ()) else "ECS is not trusted"


def trusts(statement: Mapping[str, Any]) -> bool:
    """The statement lets ECS assume the role."""
    services = (statement.get("Principal") or {}).get("Service") or []
    return statement.get("Effect") == "Allow" and TRUSTED in ([services] if isinstance(services, str) else services)
