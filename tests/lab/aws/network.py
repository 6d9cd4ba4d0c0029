# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses: which 127.N belongs to this lab, and network interfaces in its subnets."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Protocol

from tests.lab.aws.ports import Interface

OCTETS = range(16, 127)
TWIN = 128  # 127.N.x.y is the address AWS shows, 127.(N+128).x.y the one its process binds


class Claim:
    """A free N of 127.N.0.0/16, held until `close()` or the holder's death.

    Held by an abstract Unix socket: the kernel frees it with the process and, like loopback addresses,
    it belongs to one network namespace, so labs of other users on this machine are seen, too.
    """

    def __init__(self, candidates: Sequence[int] = OCTETS) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        for octet in candidates:
            try:
                self._socket.bind(f"\0greenlight-lab-127.{octet}")
            except OSError:
                continue
            self.octet = octet
            return
        self._socket.close()
        raise RuntimeError(f"no free network: {len(candidates)} labs are running on this machine")

    def close(self) -> None:
        self._socket.close()


def twin(address: str) -> str:
    """The inner address of a task: `127.20.1.4` -> `127.148.1.4`."""
    first, second, rest = address.split(".", 2)
    if first != "127" or int(second) not in OCTETS:
        raise ValueError(f"{address} is not an address of a lab's network")
    return f"{first}.{int(second) + TWIN}.{rest}"


class Subnet(Protocol):
    id: str
    cidr_block: str
    availability_zone: str


class Registry(Protocol):
    """What EC2's API knows about subnets and interfaces (implemented over moto in `api/interfaces.py`)."""

    def subnet(self, subnet: str) -> Subnet | None: ...

    def created(self, interface: Interface, security_groups: Sequence[str], description: str) -> None:
        """Show it in DescribeNetworkInterfaces."""

    def deleted(self, interface: Interface) -> None: ...


class InterfacePool:
    """Implements `ports.Network`. An address is reused only after all others of its subnet were."""

    def __init__(self, registry: Registry, network: str) -> None:
        self._registry, self._network = registry, IPv4Network(network)
        self._used: set[IPv4Address] = set()
        self._next: dict[str, int] = {}
        self._count = 0

    def allocate(self, subnet: str, security_groups: Sequence[str], description: str) -> Interface:
        """Raises ValueError for a subnet that is unknown, full, or outside the lab's network: nothing can run there."""
        found = self._registry.subnet(subnet)
        if found is None:
            raise ValueError(f"The subnet ID '{subnet}' does not exist")
        block = IPv4Network(found.cidr_block)
        if not block.subnet_of(self._network):
            raise ValueError(f"{subnet} ({block}) is outside {self._network}: the lab runs processes only there")
        address = self._free(subnet, block)
        self._count += 1
        digest = hashlib.sha256(f"{address} {self._count}".encode()).hexdigest()
        mac = "02:" + ":".join(digest[n : n + 2] for n in range(20, 30, 2))
        interface = Interface(f"eni-{digest[:17]}", str(address), found.id, found.availability_zone, mac)
        self._registry.created(interface, security_groups, description)
        return interface

    def release(self, interface: Interface) -> None:
        """Again, or one that is unknown = no change."""
        address = IPv4Address(interface.address)
        if address in self._used:
            self._used.remove(address)
            self._registry.deleted(interface)

    def _free(self, subnet: str, block: IPv4Network) -> IPv4Address:
        # AWS keeps the first four addresses and the last (VPC user guide, "Subnet CIDR blocks").
        first, size = 4, block.num_addresses - 5
        start = self._next.get(subnet, 0)
        for step in range(size):
            offset = (start + step) % size
            address = block[first + offset]
            if address not in self._used:
                self._used.add(address)
                self._next[subnet] = offset + 1
                return address
        raise ValueError(f"The subnet '{subnet}' has no free addresses")
