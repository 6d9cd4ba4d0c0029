# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2's API: moto's own, behind the truth filter."""

from __future__ import annotations

from typing import Any

import moto.ec2.urls
from moto.backends import get_backend
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses import EC2Response

from tests.lab.aws.api.base import Strict, bind, replace
from tests.lab.aws.core import Lab
from tests.lab.aws.truth import ec2 as truth


class LabEC2(Strict, EC2Response):  # type: ignore[misc]
    service = "ec2"
    errors = EC2ClientError
    protocol = "ec2"


class Facts:
    """What `truth/ec2.py` asks."""

    def __init__(self, account: str, region: str) -> None:
        self._ec2: Any = get_backend("ec2")[account][region]

    def interfaces_with(self, group: str) -> list[str]:
        """Ids of the network interfaces that carry the security group."""
        return [eni.id for eni in self._ec2.enis.values() if any(one.id == group for one in eni.group_set)]

    def groups_naming(self, group: str) -> list[str]:
        """Ids of the other security groups with a rule that names this one."""
        groups = [one for groups in self._ec2.groups.values() for one in groups.values()]
        return [
            other.id
            for other in groups
            if other.id != group
            and any(
                (rule.source_group or {}).get("GroupId") == group
                for rule in (*other.ingress_rules, *other.egress_rules)
            )
        ]

    def group_id(self, name: str) -> str | None:
        """Of a security group, by its name."""
        found = self._ec2.get_security_group_from_name(name)
        return str(found.id) if found else None


def install(lab: Lab) -> None:
    lab.truth.add("ec2", truth.RULES, Facts(lab.account, lab.region))
    replace(moto.ec2.urls.url_paths, EC2Response, bind(LabEC2, lab))
