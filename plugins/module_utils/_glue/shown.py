# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of what rollout_info and rollout_control return: a lock, a request, a release, a load balancer's address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .._clients.aws import Aws
from .._clients.aws_errors import AwsError
from .._engine.lease import Lease, Request
from .._engine.model import Record


def lock(found: Lease, age: float | None = None) -> dict[str, Any]:
    """`age`: seconds since its last beat, by the store's clock. A lock that was freed names who had it last."""
    members = asdict(found)
    shown = {name: members[name] for name in ("owner", "who", "since", "doing", "rollout_id")}
    held = bool(found.owner)
    return {
        "held": held,
        **shown,
        "lease": found.seconds if held else 0.0,
        "age": age if held else None,
        "expired": held and age is not None and age > found.seconds,
    }


def request(asked: Request | None) -> dict[str, Any]:
    """Empty when nothing was ever asked."""
    if asked is None or (not asked.version and not asked.action):
        return {}
    return {name: value for name, value in asdict(asked).items() if name not in ("service", "version")}


def named(release: str, labels: Mapping[str, str], record: Record | None) -> dict[str, str]:
    known = {**labels, **(record.releases if record else {})}
    return {"id": release, "label": known.get(release, "")}


def with_address(aws: Aws, ground: dict[str, Any]) -> dict[str, Any]:
    """What a service stands on, and the address of the load balancer in front of it. Raises PortError."""
    if not ground:
        return {}
    try:
        return {**ground, **_address(aws, ground["load_balancer"]["production_listener_arn"])}
    except AwsError as error:
        if not error.not_found:
            raise
        return {**ground, "dns_name": "", "url": ""}


def _address(aws: Aws, arn: str) -> dict[str, str]:
    (listener,) = aws.read("elbv2", "describe_listeners", ListenerArns=[arn])["Listeners"]
    arns = [listener["LoadBalancerArn"]]
    (balancer,) = aws.read("elbv2", "describe_load_balancers", LoadBalancerArns=arns)["LoadBalancers"]
    scheme, usual = ("https", 443) if listener["Protocol"] == "HTTPS" else ("http", 80)
    port = "" if listener["Port"] == usual else f":{listener['Port']}"
    return {"dns_name": balancer["DNSName"], "url": f"{scheme}://{balancer['DNSName']}{port}"}
