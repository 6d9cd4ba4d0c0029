# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2's API: moto's own, behind the truth filter."""

from __future__ import annotations

from typing import Any

import moto.ec2.urls
from moto.backends import get_backend
from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses import EC2Response

from tests.lab.aws.api.base import bind, replace
from tests.lab.aws.api.ec2_instances import CODES
from tests.lab.aws.api.ec2_templates import Templates
from tests.lab.aws.core import AwsError, Lab
from tests.lab.aws.truth import ec2 as truth


class LabEC2(Templates):
    service = "ec2"
    errors = EC2ClientError
    protocol = "ec2"

    def terminate_instances(self) -> ActionResult:
        """Those of a group end as they would by its own hand: in their time, with their servers told."""
        ours = [name for name in self._named() if name in self.lab.hosts.hosts]
        others = [name for name in self._named() if name not in ours]
        changed = [
            _transition(one.id, before.name, one.state)
            for one, before in (self.ec2_backend.terminate_instances(others) if others else ())
        ]
        for name in ours:
            before = self.lab.hosts.hosts[name].state
            self.lab.hosts.terminate(name)
            changed.append(_transition(name, before, self.lab.hosts.hosts[name].state))
        return ActionResult({"TerminatingInstances": changed})

    def stop_instances(self) -> ActionResult:
        self._not_ours("StopInstances")
        result: ActionResult = super().stop_instances()
        return result

    def start_instances(self) -> ActionResult:
        self._not_ours("StartInstances")
        result: ActionResult = super().start_instances()
        return result

    def _named(self) -> list[str]:
        return list(self.parameters().get("InstanceIds") or ())

    def _not_ours(self, operation: str) -> None:
        if any(name in self.lab.hosts.hosts for name in self._named()):
            raise AwsError("UnsupportedOperation", f"The lab has no {operation} for instances of Auto Scaling groups.")


def _transition(name: str, before: str, after: str) -> dict[str, Any]:
    """An InstanceStateChange."""
    previous, current = ({"Name": state, "Code": CODES[state]} for state in (before, after))
    return {"InstanceId": name, "PreviousState": previous, "CurrentState": current}


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
    """Once, before the first call."""
    LabEC2.answered = {}
    lab.truth.add("ec2", truth.RULES, Facts(lab.account, lab.region))
    replace(moto.ec2.urls.url_paths, EC2Response, bind(LabEC2, lab))
