# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rollout_info tells of every service, whatever it runs on: its record, its lock, its address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._clients.aws import Aws
from .._engine.lease import Lease, Request
from .._engine.model import Record
from .._platforms.aws_names import service_key
from .._store.s3 import S3Store, key_of
from . import shown

Json = dict[str, Any]


def store(aws: Aws, params: Mapping[str, Any]) -> S3Store | None:
    """None without a bucket."""
    place = params["record"]
    if not place["bucket"]:
        return None
    service = service_key(params)
    return S3Store(aws, place["bucket"], key_of(place["prefix"], params["platform"], aws.region, service), service)


def unfinished(record: Record | None, kept: S3Store | None) -> Json:
    """The rollout that nobody ended, and since when it stands where it stands: the record is written when it moves."""
    if record is None or kept is None or not record.unfinished:
        return {}
    return {**record.unfinished, "since": kept.record_written}


def held(kept: S3Store | None) -> Json:
    """Who holds the lock, and what was asked of the rollout last."""
    if kept is None:
        return {"lock": shown.lock(Lease("")), "request": shown.request(Request(""))}
    found = kept.read_lock()
    return {"lock": shown.lock(found, kept.lock_age), "request": shown.request(kept.read_request())}


def address(aws: Aws, arn: str) -> Json:
    """DNS name and URL of the load balancer that a listener belongs to."""
    (listener,) = aws.read("elbv2", "describe_listeners", ListenerArns=[arn])["Listeners"]
    arns = [listener["LoadBalancerArn"]]
    (balancer,) = aws.read("elbv2", "describe_load_balancers", LoadBalancerArns=arns)["LoadBalancers"]
    scheme, usual = ("https", 443) if listener["Protocol"] == "HTTPS" else ("http", 80)
    port = "" if listener["Port"] == usual else f":{listener['Port']}"
    return {"dns_name": balancer["DNSName"], "url": f"{scheme}://{balancer['DNSName']}{port}"}
