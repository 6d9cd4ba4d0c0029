# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that AWS would refuse are refused before any call, all at once, each naming its field."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._alb.limits import check

GOOD: dict[str, Any] = {
    "name": "digits-blue",
    "state": "present",
    "vpc_id": "vpc-1",
    "protocol": "HTTP",
    "port": 8080,
    "target_type": "ip",
    "health_check": None,
    "deregistration_delay": None,
    "slow_start": None,
    "algorithm": None,
    "minimum_healthy": None,
    "tags": {},
}


def fields(**options: Any) -> list[str]:
    return [finding.field for finding in check({**GOOD, **options})]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"name": "a"},
        {"name": "a" * 32},
        {"port": 1},
        {"port": 65535},
        {"deregistration_delay": 0},
        {"deregistration_delay": 3600},
        {"slow_start": 0, "algorithm": "weighted_random"},
        {"slow_start": 30, "algorithm": "round_robin"},
        {"slow_start": 900},
        {"health_check": {"interval": 5, "timeout": 4, "healthy_threshold": 2, "unhealthy_threshold": 10}},
        {"health_check": {"path": "/" + "a" * 1023, "matcher": "200,202,204-299", "port": "traffic-port"}},
        {"health_check": {"port": "9000", "path": "/v2/health/ready?x=1"}},
        {"minimum_healthy": {"dns_failover_count": "off", "dns_failover_percentage": "100"}},
        {"minimum_healthy": {"unhealthy_routing_count": "2", "unhealthy_routing_percentage": "off"}},
        {"tags": {"a" * 128: "b" * 256}},
    ],
)
def test_what_aws_takes(options: dict[str, Any]) -> None:
    assert fields(**options) == []


@pytest.mark.parametrize(
    ("options", "field"),
    [
        *(({"name": name}, "name") for name in ("", "a" * 33, "-a", "a-", "a_b", "a\n", "é", "{{ x }}", "../a")),
        ({"vpc_id": None}, "vpc_id"),
        ({"port": None}, "port"),
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"deregistration_delay": 3601}, "deregistration_delay"),
        ({"deregistration_delay": -1}, "deregistration_delay"),
        ({"slow_start": 29}, "slow_start"),
        ({"slow_start": 901}, "slow_start"),
        ({"slow_start": 30, "algorithm": "least_outstanding_requests"}, "slow_start"),
        ({"health_check": {"interval": 4}}, "health_check.interval"),
        ({"health_check": {"timeout": 121}}, "health_check.timeout"),
        ({"health_check": {"interval": 10, "timeout": 10}}, "health_check.timeout"),
        ({"health_check": {"healthy_threshold": 1}}, "health_check.healthy_threshold"),
        ({"health_check": {"unhealthy_threshold": 11}}, "health_check.unhealthy_threshold"),
        *(
            ({"health_check": {"path": path}}, "health_check.path")
            for path in ("", "ready", "http://x/", "/a\r\nb", "/a b", "/" + "a" * 1024)
        ),
        *(({"health_check": {"port": port}}, "health_check.port") for port in ("0", "65536", "-1", "http")),
        *(
            ({"health_check": {"matcher": codes}}, "health_check.matcher")
            for codes in ("", "200-", "600", "500", "200,", "299-200", "200 202", "abc")
        ),
        ({"minimum_healthy": {"unhealthy_routing_count": "off"}}, "minimum_healthy.unhealthy_routing_count"),
        ({"minimum_healthy": {"dns_failover_count": "0"}}, "minimum_healthy.dns_failover_count"),
        ({"minimum_healthy": {"dns_failover_count": "False"}}, "minimum_healthy.dns_failover_count"),
        ({"minimum_healthy": {"dns_failover_percentage": "101"}}, "minimum_healthy.dns_failover_percentage"),
        ({"tags": {str(number): "" for number in range(51)}}, "tags"),
        ({"tags": {"aws:x": ""}}, "tags"),
        ({"tags": {"": ""}}, "tags"),
        ({"tags": {"a": "b" * 257}}, "tags"),
    ],
)
def test_what_aws_refuses(options: dict[str, Any], field: str) -> None:
    assert fields(**options) == [field]


def test_everything_at_once() -> None:
    wrong = {"name": "-", "port": 0, "vpc_id": None, "health_check": {"interval": 1, "path": "x"}, "slow_start": 1}
    assert sorted(fields(**wrong)) == [
        "health_check.interval",
        "health_check.path",
        "name",
        "port",
        "slow_start",
        "vpc_id",
    ]


def test_to_remove_it_the_name_is_enough() -> None:
    assert fields(state="absent", vpc_id=None, port=None) == []
    assert fields(state="absent", name="-") == ["name"]
