# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups: does an interface admit a connection? Pure.

Source: "Security group rules" in the VPC user guide: rules only ever allow; a rule that names a security
group allows the private addresses of the interfaces that carry it; no rule, no traffic.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

Permissions = Sequence[Mapping[str, Any]]  # IpPermissions, as DescribeSecurityGroups shows them
TCP = {"tcp", "6", "-1"}  # names and numbers under which a rule covers TCP


def admits(groups: Sequence[Permissions], port: int, source_address: str, source_groups: Collection[str] = ()) -> bool:
    """Whether any of the interface's `groups` lets TCP in to `port` from that peer.

    `groups`: the inbound rules of each security group on the interface that is connected to;
    `source_groups`: ids of the security groups on the peer's interface, if it has one.
    """
    return any(
        _covers(permission, port) and _allows(permission, source_address, source_groups)
        for permissions in groups
        for permission in permissions
    )


def _covers(permission: Mapping[str, Any], port: int) -> bool:
    protocol = str(permission["IpProtocol"]).lower()
    if protocol not in TCP:
        return False
    first, last = permission.get("FromPort"), permission.get("ToPort")
    if protocol == "-1" or first is None or last is None:
        return True
    return int(first) <= port <= int(last)


def _allows(permission: Mapping[str, Any], address: str, groups: Collection[str]) -> bool:
    blocks = [entry["CidrIp"] for entry in permission.get("IpRanges") or ()]
    named = [entry["GroupId"] for entry in permission.get("UserIdGroupPairs") or () if entry.get("GroupId")]
    return any(group in groups for group in named) or any(_inside(address, block) for block in blocks)


@lru_cache(maxsize=4096)
def _inside(address: str, block: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(block, strict=False)
