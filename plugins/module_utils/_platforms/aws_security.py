# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do the security groups let requests through: from the load balancer to the targets, and a probe by its route? Pure.

Where the controller's requests come from is not known here, so a route counts as closed only when its port admits
nobody at all. Shapes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .._engine.finding import Finding

Json = dict[str, Any]
LISTENERS = {"production": "production", "test_listener": "test"}  # of a route


def findings(
    route: str, turns: bool, port: int, field: str, listeners: Mapping[str, Json], outer: list[Json], inner: list[Json]
) -> Iterator[Finding]:
    """`outer`: the load balancer's security groups, `inner`: the targets' (option `field`), who listen on `port`.

    Unread ones ([]) are not judged. `listeners`: production, test -> as described. `turns`: every second round of
    probes goes as users go.
    """
    if outer and inner:
        balancer = {group["GroupId"] for group in outer}
        admitted = [permission for group in inner for permission in _on_port(group, port)]
        if not any(_from_group(permission, balancer) or _from_network(permission) for permission in admitted):
            given = ", ".join(group["GroupId"] for group in inner)
            problem = f"does not admit the load balancer on port {port}, so no target could ever be healthy"
            yield Finding(field, given, problem, f"Admit {', '.join(sorted(balancer))} on port {port}.")
    for way in (route, "production") if turns and route != "production" else (route,):
        if way == "direct":
            closed = bool(inner) and not any(_from_network(each) for group in inner for each in _on_port(group, port))
            if closed:
                yield _closed(way, route, port, inner)
        elif outer and listeners.get(LISTENERS[way]):
            number = int(listeners[LISTENERS[way]]["Port"])
            if not any(_from_anywhere(each) for group in outer for each in _on_port(group, number)):
                yield _closed(way, route, number, outer)


def _closed(way: str, route: str, port: int, groups: list[Json]) -> Finding:
    given = ", ".join(group["GroupId"] for group in groups)
    problem = f"is the way of the probes, but port {port} of {given} admits nobody"
    mend = f"Open port {port} to the controller, or choose another route."
    if way != route:
        problem = f"takes turns with {way} at every hold, but port {port} of {given} admits nobody"
        mend = f"Open port {port} to the controller, or choose strategy: rolling."
    return Finding("route", route, problem, mend)


def _on_port(group: Mapping[str, Any], port: int) -> Iterable[Json]:
    for permission in group.get("IpPermissions", []):
        protocol = str(permission.get("IpProtocol"))
        low, high = permission.get("FromPort", 0), permission.get("ToPort", 65535)
        if protocol == "-1" or (protocol in ("tcp", "6") and low <= port <= high):
            yield permission


def _from_group(permission: Mapping[str, Any], groups: set[str]) -> bool:
    return any(pair.get("GroupId") in groups for pair in permission.get("UserIdGroupPairs", []))


def _from_network(permission: Mapping[str, Any]) -> bool:
    return any(permission.get(kind) for kind in ("IpRanges", "Ipv6Ranges", "PrefixListIds"))


def _from_anywhere(permission: Mapping[str, Any]) -> bool:
    return _from_network(permission) or bool(permission.get("UserIdGroupPairs"))
