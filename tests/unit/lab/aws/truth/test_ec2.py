# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2's refusals."""

from __future__ import annotations

from dataclasses import dataclass

from tests.lab.aws.truth.base import Truth
from tests.lab.aws.truth.ec2 import RULES


@dataclass
class Facts:
    interfaces: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def interfaces_with(self, group: str) -> list[str]:
        return list(self.interfaces) if group == "sg-1" else []

    def groups_naming(self, group: str) -> list[str]:
        return list(self.groups) if group == "sg-1" else []

    def group_id(self, name: str) -> str | None:
        return "sg-1" if name == "one" else None


def deleting(facts: Facts, **params: str) -> str | None:
    truth = Truth()
    truth.add("ec2", RULES, facts)
    refusal = truth.refusal("ec2", "DeleteSecurityGroup", params)
    return f"{refusal.code}: {refusal.message}" if refusal else None


IN_USE = "DependencyViolation: resource sg-1 has a dependent object"


def test_a_group_on_an_interface_stays() -> None:
    assert deleting(Facts(interfaces=("eni-1",)), GroupId="sg-1") == IN_USE
    assert deleting(Facts(interfaces=("eni-1",)), GroupName="one") == IN_USE


def test_a_group_that_another_groups_rule_names_stays() -> None:
    assert deleting(Facts(groups=("sg-2",)), GroupId="sg-1") == IN_USE


def test_an_unused_one_goes() -> None:
    assert deleting(Facts(), GroupId="sg-1") is None
    assert deleting(Facts(interfaces=("eni-1",)), GroupId="sg-2") is None
    assert deleting(Facts(interfaces=("eni-1",)), GroupName="unknown") is None
