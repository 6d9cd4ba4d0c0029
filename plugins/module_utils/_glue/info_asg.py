# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""rollout_info of a service on EC2 Auto Scaling."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .._clients.aws import Aws
from .._engine.model import Record
from .._platforms import asg_ground, asg_refresh, aws_rules
from .._platforms.asg_group import COLOURS, group_name
from .._platforms.asg_read import Reader
from .._platforms.asg_view import View
from .._platforms.aws_calls import absent_is_empty
from .._platforms.aws_names import short
from .._platforms.aws_rule_tags import with_tags
from . import info_parts

Json = dict[str, Any]
# What a look needs of asg_rollout's options: nothing is wanted, so nothing is compared.
NOTHING: Json = {"strategy": "rolling", "scaling": [], "restore": {}, "heartbeat": {}, "drain_seconds": None}


def read(params: Mapping[str, Any], aws: Aws) -> Json:
    """Everything about one service. Raises PortError."""
    store = info_parts.store(aws, {**params, "cluster": ""})
    record = store.load() if store else None
    given = {**params, **NOTHING, "cluster": "", "route": None}
    balancer = _load_balancer(aws, given)
    given["load_balancer"] = balancer
    snapshot = Reader(aws, given, time.monotonic).snapshot()
    view = View(snapshot, given, record.live if record else "", own=False, previous=record.last_good if record else "")
    live = view.live()
    version = snapshot.versions.get(snapshot.configured(live), {})
    ground = asg_ground.ground(balancer, view.group, version)
    rules = {"production": view.production_rule, "test": view.test_rule}
    return {
        "changed": False,
        "exists": view.group is not None,
        "serving": _named(view.serving(), view, record),
        "moving": _moving(view),
        "desired": snapshot.desired(live),
        "targets": [asdict(target) for target in view.targets()],
        "weights": {
            which: {short(group): weight for group, weight in aws_rules.weights(rule).items()}
            for which, rule in rules.items()
            if rule
        },
        "closed": view.closed,
        "ground": {**ground, **info_parts.address(aws, ground["load_balancer"]["production_listener_arn"])}
        if ground
        else {},
        "events": list(view.events()),
        "record": asdict(record) if record else None,
        "unfinished": info_parts.unfinished(record, store),
        **info_parts.held(store),
    }


def _load_balancer(aws: Aws, params: Mapping[str, Any]) -> Json | None:
    """In front of the groups, from them to their target groups, its listeners and their rules; None = there is none."""
    names = {group_name(params, colour): colour for colour in COLOURS}
    answer = aws.read("autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=list(names))
    groups = {names[group["AutoScalingGroupName"]]: group for group in answer["AutoScalingGroups"]}
    arns = sorted({arn for group in groups.values() for arn in group.get("TargetGroupARNs") or []})
    described = absent_is_empty(aws, "elbv2", "describe_target_groups", TargetGroupArns=arns) if arns else {}
    balancers = sorted({arn for group in described.get("TargetGroups", []) for arn in group["LoadBalancerArns"]})
    rules: list[Json] = []
    for balancer in balancers:
        for listener in aws.pages("elbv2", "describe_listeners", "Listeners", LoadBalancerArn=balancer):
            rules += aws.pages("elbv2", "describe_rules", "Rules", ListenerArn=listener["ListenerArn"])
    return asg_ground.load_balancer(params, with_tags(aws, rules, {}), groups)


def _named(release: str, view: View, record: Record | None) -> dict[str, str]:
    labels = {**view.labels(), **(record.releases if record else {})}
    return {"id": release, "label": labels.get(release, "")}


def _moving(view: View) -> Json | None:
    """The instance refresh, or the group that comes, whoever started it; None = nothing moves."""
    refresh = view.snapshot.refresh(view.live()) or view.snapshot.refresh(view.idle())
    if refresh:
        version = asg_refresh.version(refresh, view.snapshot.template)
        status = str(refresh["Status"])
        return {
            "id": str(refresh["InstanceRefreshId"]),
            "status": f"{status}, {refresh.get('PercentageComplete', 0)} % of the instances",
            "release": _named(view.snapshot.release_of(version), view, None),
            "task_definition": f"version {version}" if version else "",
            "reason": asg_refresh.why(refresh),
            "stage": status,
            "held": None,
        }
    arrival = view.arrival() if view.params["load_balancer"] else None
    if arrival is None or arrival.group is None:
        return None
    name = group_name(view.params, arrival.colour)
    return {
        "id": arrival.rollout or name,
        "status": f"{name} comes, {arrival.share()} % of the traffic",
        "release": _named(arrival.release, view, None),
        "task_definition": name,
        "reason": "",
        "stage": "",
        "held": None,
    }
