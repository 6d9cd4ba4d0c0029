# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a probe may go: URLs, and the addresses that no probe may ever connect to.

A base URL may come from a file that somebody else wrote, and names resolve to whatever their owner likes.
So what decides is the binary address a connection is about to be made to, in every disguise: decimal and
octal notation are undone by the resolver, an IPv4 address inside an IPv6 one is unwrapped here.
Standard library only, Python 3.9.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Optional, Union
from urllib.parse import SplitResult, urlsplit

from .._engine.finding import Finding

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

# What clouds answer metadata and credentials at, beside the link-local range.
_METADATA = tuple(
    map(
        ipaddress.ip_network,
        (
            "fd00:ec2::/32",  # AWS: IMDS ::254, time ::123, DNS ::253, pod identity ::23 (EC2 and EKS user guides)
            "fd20:ce::254/128",  # Google Cloud: Compute Engine docs, "metadata server endpoints"
            "100.100.100.200/32",  # Alibaba Cloud: ECS docs, "instance metadata"
            "168.63.129.16/32",  # Azure: Virtual Network docs, "What is IP address 168.63.129.16"
        ),
    )
)
_NO_HOST = ipaddress.ip_network("0.0.0.0/8")  # RFC 1122 3.2.1.3: never a destination; Linux takes 0.0.0.0 for itself
_RESERVED = ipaddress.ip_network("240.0.0.0/4")  # RFC 1112 4; holds the broadcast address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
_COMPATIBLE = ipaddress.ip_network("::/96")  # RFC 4291 2.5.5.1, deprecated
_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNSAFE = re.compile(r"[^\x21-\x7e]")  # outside these a URL would be rewritten on its way, or break the request
LONGEST_URL = 2048


@dataclass(frozen=True)
class Base:
    """A parsed base URL. `prefix` has no slash at its end."""

    scheme: str
    host: str
    port: int
    prefix: str

    @property
    def authority(self) -> str:
        """The Host header: the port only where it isn't the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def forbidden(address: str, allow_loopback: bool) -> str:
    """Why no probe may connect to this address (a numeric one, as a resolver gives it); "" = it may."""
    given = ipaddress.ip_address(address.partition("%")[0])
    for at in _disguised(given):
        reason = _forbidden(at, allow_loopback)
        if reason:
            return reason
    return ""


def _disguised(address: Address) -> list[Address]:
    """The address, and the IPv4 addresses that it carries inside."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped:  # the same thing as the IPv4 address, and judged as that
        return [address.ipv4_mapped]
    found: list[Address] = [address]
    if address.sixtofour:
        found.append(address.sixtofour)
    if address.teredo:
        found.extend(address.teredo)
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return found


def _forbidden(address: Address, allow_loopback: bool) -> str:
    if address.is_unspecified or address in _NO_HOST:
        return f"{address} is no host's address"
    if address.is_loopback:
        return "" if allow_loopback else f"{address} is a loopback address"
    if address.is_link_local:
        return f"{address} is a link-local address"
    if address.is_multicast or address in _RESERVED:
        return f"{address} is a multicast or reserved address"
    if any(address in network for network in _METADATA):
        return f"{address} is a cloud's metadata address"
    return ""


def parse_base(given: object, field: str, allow_loopback: bool) -> tuple[Optional[Base], list[Finding]]:
    """A base URL, or everything that is wrong with it."""
    problem = _unusable(given)
    if problem:
        mend = "Give http://host:port or https://host, with a path in front of all probes where needed."
        return None, [Finding(field, _without_credentials(given), problem, mend)]
    parts = urlsplit(str(given))
    base = Base(parts.scheme, str(parts.hostname), parts.port or _DEFAULT_PORTS[parts.scheme], parts.path.rstrip("/"))
    refused = _literally_forbidden(base.host, allow_loopback)
    if refused:
        mend = "Set reach.allow_loopback where that is meant." if "loopback" in refused else "Give the service's own."
        return None, [Finding(field, str(given), f"no probe may go there: {refused}", mend)]
    return base, []


def _unusable(given: object) -> str:
    """What is wrong with the URL's form; "" = nothing."""
    if not isinstance(given, str) or not given:
        return "a URL is wanted"
    if len(given) > LONGEST_URL or _UNSAFE.search(given):
        return f"at most {LONGEST_URL} printable ASCII characters without blanks"
    try:
        parts = urlsplit(given)
        port = parts.port
    except ValueError:
        return "a URL with a host, and a port between 1 and 65535 if any"
    return _unusable_parts(parts, port)


def _unusable_parts(parts: SplitResult, port: Optional[int]) -> str:
    if parts.scheme not in _DEFAULT_PORTS:
        return "http or https only"
    if not parts.hostname or port == 0 or "\\" in parts.netloc:
        return "a URL with a host, and a port between 1 and 65535 if any"
    if "@" in parts.netloc:
        return "no user or password in the URL"
    if parts.query or parts.fragment:
        return "no query and no fragment"
    return ""


def _without_credentials(given: object) -> str:
    return re.sub(r"//[^/]*@", "//…@", str(given))[:120]


def _literally_forbidden(host: str, allow_loopback: bool) -> str:
    try:
        return forbidden(host, allow_loopback)
    except ValueError:
        return ""  # a name, or a notation that only the resolver knows: judged when it is resolved
