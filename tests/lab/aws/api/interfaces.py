# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network interfaces of tasks and load balancers, shown by EC2's API as AWS shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from moto.backends import get_backend

from tests.lab.aws.ports import Interface


class InterfaceRegistry:
    """Implements `network.Registry` over moto's EC2 store."""

    def __init__(self, account: str, region: str) -> None:
        self._ec2: Any = get_backend("ec2")[account][region]

    def subnet(self, subnet: str) -> Any | None:
        """moto's Subnet (`id`, `cidr_block`, `availability_zone`, `vpc_id`), or None."""
        for zone in self._ec2.subnets.values():
            if subnet in zone:
                return zone[subnet]
        return None

    def created(self, interface: Interface, security_groups: Sequence[str], description: str) -> None:
        shown = self._ec2.create_network_interface(
            self.subnet(interface.subnet),
            interface.address,
            group_ids=list(security_groups) or None,
            description=description,
        )
        del self._ec2.enis[shown.id]
        shown.id, shown.mac_address = interface.id, interface.mac
        shown.status, shown.requester_managed = "in-use", True
        self._ec2.enis[interface.id] = shown

    def deleted(self, interface: Interface) -> None:
        self._ec2.enis.pop(interface.id, None)
