# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""greenlight.serving.alb_target_group: options in; look, change what differs, look again; a result out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from .._alb.limits import check
from .._alb.target_group import Call, TargetGroup, after, calls, placeholder_arn, unchangeable, view
from .._clients.aws_errors import AwsError
from .._engine.finding import Finding
from .._engine.model import Outcome
from .._platforms.base import PortError
from . import argspec_common
from .argspec_common import Spec

ATTEMPTS = 6  # failures in a row that are borne: 1 + 2 + 4 + 8 + 16 seconds
IN_USE = "ResourceInUse"  # also for a while after the last rule that forwarded to it is gone


class Cloud(Protocol):
    """Reads are retried, writes are sent once; both raise PortError. `_clients.aws.Aws` is one."""

    @property
    def region(self) -> str: ...

    def read(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]: ...

    def write(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]: ...


def argument_spec() -> Spec:
    return {
        **argspec_common.connection(),
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
        "vpc_id": {"type": "str"},
        "protocol": {"type": "str", "default": "HTTP", "choices": ["HTTP", "HTTPS"]},
        "port": {"type": "int"},
        "target_type": {"type": "str", "default": "ip", "choices": ["ip", "instance"]},
        "health_check": {
            "type": "dict",
            "options": {
                "path": {"type": "str"},
                "port": {"type": "str"},
                "protocol": {"type": "str", "choices": ["HTTP", "HTTPS"]},
                "interval": {"type": "int"},
                "timeout": {"type": "int"},
                "healthy_threshold": {"type": "int"},
                "unhealthy_threshold": {"type": "int"},
                "matcher": {"type": "str"},
            },
        },
        "deregistration_delay": {"type": "int"},
        "slow_start": {"type": "int"},
        "algorithm": {"type": "str", "choices": ["round_robin", "least_outstanding_requests", "weighted_random"]},
        "minimum_healthy": {
            "type": "dict",
            "options": {
                "dns_failover_count": {"type": "str"},
                "dns_failover_percentage": {"type": "str"},
                "unhealthy_routing_count": {"type": "str"},
                "unhealthy_routing_percentage": {"type": "str"},
            },
        },
        "tags": {"type": "dict", "default": {}},
    }


def run(
    params: Mapping[str, Any], check_mode: bool, cloud: Cloud, sleep: Callable[[float], None] = time.sleep
) -> dict[str, Any]:
    """Make it so, unless in check mode, and say it. Raises PortError; REFUSED with every finding at once."""
    _refuse(check(params))
    first = look(cloud, params["name"])
    _refuse(unchangeable(first, params))
    todo = calls(first, params)
    if todo and not check_mode:
        goal = _perform(params, first, cloud, sleep)
    else:
        goal = after(first, params, placeholder_arn(params["name"], cloud.region)) if todo else first
    return {
        "changed": bool(todo),
        "target_group": view(goal),
        "diff": {"before": view(first), "after": view(goal)},
    }


def look(cloud: Cloud, name: str) -> TargetGroup:
    """The target group of that name, with its attributes and tags. Three reads; one when there is none."""
    try:
        found = cloud.read("elbv2", "describe_target_groups", Names=[name])["TargetGroups"]
        if not found:
            return TargetGroup()
        arn = found[0]["TargetGroupArn"]
        attributes = cloud.read("elbv2", "describe_target_group_attributes", TargetGroupArn=arn)["Attributes"]
        described = cloud.read("elbv2", "describe_tags", ResourceArns=[arn])["TagDescriptions"]
    except AwsError as error:
        if error.not_found:  # also when it goes away between two reads
            return TargetGroup()
        raise
    tags = [tag for one in described for tag in one.get("Tags", [])]
    return TargetGroup(
        arn=arn,
        described=found[0],
        attributes={attribute["Key"]: attribute["Value"] for attribute in attributes},
        tags={tag["Key"]: tag.get("Value", "") for tag in tags},
    )


def _perform(params: Mapping[str, Any], now: TargetGroup, cloud: Cloud, sleep: Callable[[float], None]) -> TargetGroup:
    """One call at a time; each is decided on a fresh look, so a lost answer is no reason to do anything twice."""
    failures = 0
    while todo := calls(now, params):
        trouble = _write(cloud, todo[0])
        now = look(cloud, params["name"])
        if trouble is None and calls(now, params)[:1] != todo[:1]:
            failures = 0
            continue
        failures += 1  # refused for now, answer lost, or done and not to be seen yet
        if failures == ATTEMPTS or (trouble and _is_final(trouble)):
            raise trouble or PortError(Outcome.UNKNOWN, f"{todo[0].operation} was accepted, but shows no effect.")
        sleep(2.0 ** (failures - 1))
        now = look(cloud, params["name"])
    return now


def _write(cloud: Cloud, call: Call) -> PortError | None:
    """Make a call; what it failed with, if it did."""
    try:
        cloud.write("elbv2", call.operation, **call.arguments)
    except AwsError as error:
        if error.code == IN_USE:
            error.args = (f"{error} Remove the listeners and rules that forward to it first.",)
        return error
    except PortError as error:
        return error
    return None


def _is_final(trouble: PortError) -> bool:
    passing = isinstance(trouble, AwsError) and (trouble.code == IN_USE or trouble.not_found)
    return trouble.outcome == Outcome.REFUSED and not passing


def _refuse(findings: Sequence[Finding]) -> None:
    if findings:
        lines = "\n".join(f"- {finding}" for finding in findings)
        raise PortError(Outcome.REFUSED, f"Nothing was changed. Mend the options:\n{lines}")
