# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What EC2 refuses and moto lets through."""

from __future__ import annotations

from typing import Protocol

from tests.lab.aws.truth.base import Params, Refusal, Rule


class Facts(Protocol):
    def interfaces_with(self, group: str) -> list[str]: ...

    def groups_naming(self, group: str) -> list[str]: ...

    def group_id(self, name: str) -> str | None: ...


def security_group_in_use(params: Params, facts: Facts) -> Refusal | None:
    """Interfaces carry it, or another group's rule names it."""
    group = params.get("GroupId") or facts.group_id(params.get("GroupName", ""))
    if group and (facts.interfaces_with(group) or facts.groups_naming(group)):
        return Refusal("DependencyViolation", f"resource {group} has a dependent object")
    return None


RULES = [
    Rule(
        "DeleteSecurityGroup",
        security_group_in_use,
        "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html",
    ),
]
