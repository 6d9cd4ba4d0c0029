# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""rollout_info: what serves, where requests go, and what the record knows. Reads only."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from .._clients.aws import Aws
from .._clients.aws_errors import AwsError
from .._engine.lease import Lease, Request
from .._engine.model import Record
from .._platforms import aws_rules
from .._platforms.aws_names import service_key, short
from .._platforms.ecs_ground import ground
from .._platforms.ecs_read import Reader, Snapshot
from .._platforms.ecs_view import View
from .._store.s3 import S3Store, key_of
from . import shown

Json = dict[str, Any]


def run(params: Mapping[str, Any], _check_mode: bool, aws: Aws) -> Json:
    """Everything about one service. Raises PortError."""
    store = _store(aws, params)
    record = store.load() if store else None
    ids = tuple(release for release in (record.live, record.last_good) if release) if record else ()
    reader = Reader(aws, {**params, "load_balancer": None}, time.monotonic)
    snapshot = reader.snapshot(ids)
    view = View(snapshot, {**params, "load_balancer": None}, record.live if record else "", own=False)
    return {
        "changed": False,
        "exists": snapshot.active is not None,
        "serving": _named(view.serving(), view, record),
        "moving": _moving(snapshot, view),
        "desired": int((snapshot.active or {}).get("desiredCount", 0)),
        "targets": [asdict(target) for target in view.targets()],
        **_traffic(aws, snapshot),
        "ground": _ground(aws, snapshot),
        "events": list(view.events()),
        "record": asdict(record) if record else None,
        "unfinished": _unfinished(record, store),
        **_held(store),
    }


def _store(aws: Aws, params: Mapping[str, Any]) -> S3Store | None:
    """None without a bucket."""
    place = params["record"]
    if not place["bucket"]:
        return None
    service = service_key(params)
    return S3Store(aws, place["bucket"], key_of(place["prefix"], params["platform"], aws.region, service), service)


def _unfinished(record: Record | None, store: S3Store | None) -> Json:
    """The rollout that nobody ended, and since when it stands where it stands: the record is written when it moves."""
    if record is None or store is None or not record.unfinished:
        return {}
    return {**record.unfinished, "since": store.record_written}


def _held(store: S3Store | None) -> Json:
    """Who holds the lock, and what was asked of the rollout last."""
    if store is None:
        return {"lock": shown.lock(Lease("")), "request": shown.request(Request(""))}
    found = store.read_lock()
    return {"lock": shown.lock(found, store.lock_age), "request": shown.request(store.read_request())}


def _named(release: str, view: View, record: Record | None) -> dict[str, str]:
    labels = {**view.labels(), **(record.releases if record else {})}
    return {"id": release, "label": labels.get(release, "")}


def _moving(snapshot: Snapshot, view: View) -> Json | None:
    """The deployment in progress, whoever started it."""
    deployment = snapshot.open_deployment()
    if not deployment:
        return None
    definition = snapshot.target_definition(deployment)
    return {
        "id": deployment["serviceDeploymentArn"],
        "status": deployment["status"],
        "release": _named(snapshot.release_of(definition), view, None),
        "task_definition": short(definition),
        "reason": str(deployment.get("statusReason") or ""),
        "stage": str(deployment.get("lifecycleStage") or ""),
        "held": _hook(deployment),
    }


def _hook(deployment: Mapping[str, Any]) -> Json | None:
    """The pause hook at which ECS waits for somebody's word, whoever made it; None when it waits for nobody.

    botocore 1.44.5, ECS: DeploymentLifecycleHookDetail.
    """
    for hook in deployment.get("lifecycleHookDetails") or []:
        if hook.get("status") == "AWAITING_ACTION":
            expires = hook.get("expiresAt")
            return {
                "id": str(hook.get("hookId", "")),
                "expires": expires.isoformat(timespec="seconds") if isinstance(expires, datetime) else "",
                "then": str(hook.get("timeoutAction", "")),
            }
    return None


def _traffic(aws: Aws, snapshot: Snapshot) -> Json:
    """Weights by target group, as the rules that ECS knows have them; and whether the public is kept out."""
    entry: Json = next(iter((snapshot.service or {}).get("loadBalancers") or []), {})
    advanced = entry.get("advancedConfiguration") or {}
    found: Json = {"weights": {}, "closed": False}
    for which, arn in (
        ("production", advanced.get("productionListenerRule")),
        ("test", advanced.get("testListenerRule")),
    ):
        rules = aws.read("elbv2", "describe_rules", RuleArns=[arn])["Rules"] if arn else []
        for rule in rules:
            found["weights"][which] = {short(group): weight for group, weight in aws_rules.weights(rule).items()}
            if which == "production":
                found["closed"] = bool(aws_rules.proof_of(rule))
    return found


def _ground(aws: Aws, snapshot: Snapshot) -> Json:
    """What the service stands on, and the address of the load balancer in front of it."""
    active = snapshot.active
    found = ground(active, snapshot.definitions.get((active or {}).get("taskDefinition", ""), {}))
    if not found:
        return {}
    try:
        return {**found, **_address(aws, found["load_balancer"]["production_listener_arn"])}
    except AwsError as error:
        if not error.not_found:
            raise
        return {**found, "dns_name": "", "url": ""}


def _address(aws: Aws, arn: str) -> Json:
    (listener,) = aws.read("elbv2", "describe_listeners", ListenerArns=[arn])["Listeners"]
    arns = [listener["LoadBalancerArn"]]
    (balancer,) = aws.read("elbv2", "describe_load_balancers", LoadBalancerArns=arns)["LoadBalancers"]
    scheme, usual = ("https", 443) if listener["Protocol"] == "HTTPS" else ("http", 80)
    port = "" if listener["Port"] == usual else f":{listener['Port']}"
    return {"dns_name": balancer["DNSName"], "url": f"{scheme}://{balancer['DNSName']}{port}"}
