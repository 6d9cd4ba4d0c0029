# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2's refusals."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import pytest

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


def templating(operation: str = "CreateLaunchTemplate", name: str = "model", **data: Any) -> str | None:
    truth = Truth()
    truth.add("ec2", RULES, Facts())
    refusal = truth.refusal("ec2", operation, {"LaunchTemplateName": name, "LaunchTemplateData": data})
    return refusal.code if refusal else None


def encoded(size: int) -> str:
    return base64.b64encode(b"x" * size).decode()


def test_a_good_template_passes() -> None:
    options = {"HttpTokens": "required", "HttpPutResponseHopLimit": "1"}
    assert templating(UserData=encoded(16384), MetadataOptions=options, SecurityGroupIds=["sg-1"]) is None
    assert templating(NetworkInterfaces=[{"Groups": ["sg-1"]}]) is None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"UserData": "#cloud-config"}, "InvalidUserData.Malformed"),
        ({"UserData": encoded(16385)}, "InvalidUserData.Malformed"),
        ({"MetadataOptions": {"HttpPutResponseHopLimit": 65}}, "InvalidParameterValue"),
        ({"MetadataOptions": {"HttpTokens": "always"}}, "InvalidParameterValue"),
        ({"NetworkInterfaces": [{}], "SecurityGroupIds": ["sg-1"]}, "InvalidParameterCombination"),
    ],
)
def test_what_is_wrong_with_a_template_or_a_version(data: dict[str, Any], code: str) -> None:
    assert templating(**data) == code
    assert templating("CreateLaunchTemplateVersion", **data) == code


@pytest.mark.parametrize("name", ["ab", "a b", "x" * 129, ""])
def test_a_name_that_is_none(name: str) -> None:
    assert templating(name=name) == "InvalidLaunchTemplateName.MalformedException"
