# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims of a network, inner twins, interfaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from tests.lab.aws.network import OCTETS, Claim, InterfacePool, twin
from tests.lab.aws.ports import Interface


@dataclass
class Subnet:
    id: str
    cidr_block: str
    availability_zone: str


class Registry:
    def __init__(self, *subnets: Subnet) -> None:
        self.subnets = {subnet.id: subnet for subnet in subnets}
        self.shown: list[str] = []

    def subnet(self, subnet: str) -> Subnet | None:
        return self.subnets.get(subnet)

    def created(self, interface: Interface, security_groups: Sequence[str], description: str) -> None:
        self.shown.append(interface.id)

    def deleted(self, interface: Interface) -> None:
        self.shown.remove(interface.id)


SMALL = Subnet("subnet-s", "127.20.16.0/28", "us-east-1b")


def pool(*subnets: Subnet) -> tuple[InterfacePool, Registry]:
    registry = Registry(*(subnets or (SMALL,)))
    return InterfacePool(registry, "127.20.0.0/16"), registry


def test_two_labs_never_share_a_network_and_a_claim_ends_with_its_holder() -> None:
    free = list(reversed(OCTETS))  # from the far end: away from labs that run on this machine
    first, second = Claim(free), Claim(free)
    assert first.octet != second.octet
    octet = first.octet
    first.close()
    again = Claim([octet])
    assert again.octet == octet
    again.close()
    second.close()


def test_no_network_left_is_said() -> None:
    held = Claim(list(reversed(OCTETS)))
    with pytest.raises(RuntimeError, match="no free network: 1 labs are running"):
        Claim([held.octet])
    held.close()


def test_the_twin_lies_in_the_upper_half() -> None:
    assert twin("127.20.1.4") == "127.148.1.4"
    assert {int(twin(f"127.{octet}.0.1").split(".")[1]) for octet in OCTETS} <= set(range(144, 255))


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "127.148.1.4"])
def test_only_a_labs_address_has_a_twin(address: str) -> None:
    with pytest.raises(ValueError, match="not an address of a lab"):
        twin(address)


def test_an_interface_lies_in_its_subnet_and_zone_and_ec2_shows_it() -> None:
    network, registry = pool()
    made = network.allocate("subnet-s", ["sg-1"], "task")
    assert made.address == "127.20.16.4"  # AWS keeps the first four
    assert (made.subnet, made.zone) == ("subnet-s", "us-east-1b")
    assert made.id.startswith("eni-")
    assert len(made.id) == 21
    assert registry.shown == [made.id]
    network.release(made)
    assert registry.shown == []


def test_releasing_twice_changes_nothing() -> None:
    network, registry = pool()
    one, other = network.allocate("subnet-s", [], ""), network.allocate("subnet-s", [], "")
    network.release(one)
    network.release(one)
    assert registry.shown == [other.id]


def test_addresses_are_not_reused_before_the_others_were() -> None:
    network, _ignored = pool()
    first = network.allocate("subnet-s", [], "")
    network.release(first)
    seen = []
    for _ignored in range(11):  # 16 - 5 usable
        interface = network.allocate("subnet-s", [], "")
        seen.append(interface.address)
        network.release(interface)
    assert len(set(seen)) == 11
    assert seen[-1] == first.address


def test_identifiers_differ_for_the_same_address() -> None:
    network, _ignored = pool(Subnet("subnet-1", "127.20.0.0/29", "us-east-1a"))  # three usable
    seen = []
    for _ignored in range(4):
        interface = network.allocate("subnet-1", [], "")
        seen.append(interface)
        network.release(interface)
    assert seen[0].address == seen[3].address
    assert len({interface.id for interface in seen}) == 4


def test_a_full_subnet_is_refused() -> None:
    network, _ignored = pool(Subnet("subnet-1", "127.20.0.0/29", "us-east-1a"))
    for _ignored in range(3):
        network.allocate("subnet-1", [], "")
    with pytest.raises(ValueError, match="no free addresses"):
        network.allocate("subnet-1", [], "")


def test_unknown_and_foreign_subnets_are_refused() -> None:
    network, _ignored = pool(Subnet("subnet-x", "10.0.0.0/24", "us-east-1a"))
    with pytest.raises(ValueError, match="does not exist"):
        network.allocate("subnet-nope", [], "")
    with pytest.raises(ValueError, match=r"outside 127\.20\.0\.0/16"):
        network.allocate("subnet-x", [], "")
