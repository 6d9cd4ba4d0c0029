# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from tests.lab.aws.engine.security import admits


def permission(
    *blocks: str, protocol: str = "tcp", first: int | None = 8080, last: int | None = 8080, groups: tuple[str, ...] = ()
) -> dict[str, Any]:
    return {
        "IpProtocol": protocol,
        "FromPort": first,
        "ToPort": last,
        "IpRanges": [{"CidrIp": block} for block in blocks],
        "UserIdGroupPairs": [{"GroupId": group} for group in groups],
    }


@pytest.mark.parametrize(
    ("permissions", "admitted"),
    [
        ([], False),
        ([permission("0.0.0.0/0")], True),
        ([permission("127.0.0.1/32")], True),
        ([permission("10.0.0.0/8")], False),
        ([permission("10.0.0.0/8", "127.0.0.0/8")], True),
        ([permission("0.0.0.0/0", first=8081, last=9000)], False),
        ([permission("0.0.0.0/0", first=8000, last=9000)], True),
        ([permission("0.0.0.0/0", protocol="udp")], False),
        ([permission("0.0.0.0/0", protocol="icmp", first=-1, last=-1)], False),
        ([permission("0.0.0.0/0", protocol="-1", first=None, last=None)], True),
        ([permission("0.0.0.0/0", protocol="6")], True),
        ([permission(groups=("sg-lb",))], True),
        ([permission(groups=("sg-other",))], False),
        ([permission(groups=("sg-lb",), first=1, last=80)], False),
        ([permission("10.0.0.0/8"), permission(groups=("sg-lb",))], True),
    ],
)
def test_a_rule_admits_by_port_protocol_and_source(permissions: list[dict[str, Any]], admitted: bool) -> None:
    assert admits([permissions], 8080, "127.0.0.1", ["sg-lb"]) is admitted


def test_any_group_of_the_interface_is_enough_and_none_means_no_traffic() -> None:
    assert admits([[], [permission("0.0.0.0/0")]], 8080, "127.0.0.1")
    assert not admits([], 8080, "127.0.0.1", ["sg-lb"])
