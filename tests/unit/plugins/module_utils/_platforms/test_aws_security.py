# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups: a way that nobody may take is found before anything moves."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine.finding import Finding
from ansible_collections.greenlight.serving.plugins.module_utils._platforms import aws_security

GROUPS = "network.security_groups"

LISTENERS = {"production": {"Port": 443}, "test": {"Port": 8443}}


def group(name: str, *permissions: dict[str, Any]) -> dict[str, Any]:
    return {"GroupId": name, "IpPermissions": list(permissions)}


def admits(port: int, source: str, protocol: str = "tcp") -> dict[str, Any]:
    """From a security group or a network."""
    by = {"UserIdGroupPairs": [{"GroupId": source}]} if source.startswith("sg-") else {"IpRanges": [{"CidrIp": source}]}
    return {"IpProtocol": protocol, "FromPort": port, "ToPort": port, **by}


OPEN = group("sg-front", admits(443, "0.0.0.0/0"), admits(8443, "10.0.0.0/8"))
INNER = group("sg-tasks", admits(8080, "sg-front"))


def problems(
    outer: list[dict[str, Any]], inner: list[dict[str, Any]], route: str = "production", turns: bool = False
) -> list[str]:
    return [finding.field for finding in found(outer, inner, route, turns)]


def found(outer: list[dict[str, Any]], inner: list[dict[str, Any]], route: str, turns: bool) -> list[Finding]:
    return list(aws_security.findings(route, turns, 8080, GROUPS, LISTENERS, outer, inner))


def test_open_ways_have_no_finding() -> None:
    assert problems([OPEN], [INNER]) == []
    assert problems([OPEN], [INNER], "test_listener") == []
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    assert problems([OPEN], [group("sg-tasks", everything)], "direct") == []


@pytest.mark.parametrize(
    ("outer", "inner", "route", "field"),
    [
        ([OPEN], [group("sg-tasks")], "production", "network.security_groups"),
        ([OPEN], [group("sg-tasks", admits(8081, "sg-front"))], "production", "network.security_groups"),
        ([OPEN], [group("sg-tasks", admits(8080, "sg-other"))], "production", "network.security_groups"),
        ([group("sg-front", admits(443, "0.0.0.0/0"))], [INNER], "test_listener", "route"),
        ([group("sg-front", admits(443, "0.0.0.0/0", "udp"))], [INNER], "production", "route"),
        ([OPEN], [INNER], "direct", "route"),
    ],
)
def test_closed_ways_are_found(
    outer: list[dict[str, Any]], inner: list[dict[str, Any]], route: str, field: str
) -> None:
    assert problems(outer, inner, route) == [field]


def test_groups_that_could_not_be_read_are_not_judged() -> None:
    assert problems([], []) == []


def test_rounds_at_a_hold_take_turns_with_production_which_must_be_open_too() -> None:
    test_only = [group("sg-front", admits(8443, "10.0.0.0/8"))]
    assert problems(test_only, [INNER], "test_listener", turns=True) == ["route"]
    assert problems(test_only, [INNER], "test_listener") == []
    assert problems([OPEN], [INNER], "test_listener", turns=True) == []
    tasks = [group("sg-tasks", admits(8080, "sg-front"), admits(8080, "10.0.0.0/8"))]
    assert problems(test_only, tasks, "direct", turns=True) == ["route"]
    told = str(found(test_only, [INNER], "test_listener", turns=True)[0])
    assert "takes turns with production at every hold, but port 443 of sg-front admits nobody" in told
