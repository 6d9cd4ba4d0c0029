# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""rollout_info of a service on EC2 Auto Scaling: what the cloud says. Reads only."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .._clients.aws import Aws
from .._engine.model import Held, Record
from .._platforms import asg_ground, asg_refresh, aws_rules
from .._platforms.asg_read import Reader
from .._platforms.asg_view import View
from .._platforms.aws_names import short
from .shown import named, with_address

Json = dict[str, Any]

# What a view asks of the parameters, besides those of rollout_info: nothing is wanted here.
NOTHING: Json = {
    "strategy": "canary",
    "steps": None,
    "canary": None,
    "timing": {"bake": 0.0},
    "hold_seconds": 0,
    "restore": {"role_arn": None, "late": 0.0},
}


def read(params: Mapping[str, Any], aws: Aws, record: Record | None) -> Json:
    """Everything of one service but its record. Raises PortError."""
    known: Json = {**NOTHING, **params, "load_balancer": None}
    front = asg_ground.balancer(aws, known, Reader(aws, known, time.monotonic).snapshot())
    known["load_balancer"] = {**front, "rule": {"priority": ""}} if front else None
    snapshot = Reader(aws, known, time.monotonic).snapshot()
    view = View(snapshot, known, record.live if record else "", own=False)
    return {
        "exists": view.group is not None,
        "serving": named(view.serving(), view.labels(), record),
        "moving": _moving(view, record),
        "desired": snapshot.desired(view.live),
        "targets": [asdict(target) for target in view.targets()],
        "weights": {
            which: {short(group): weight for group, weight in aws_rules.weights(rule).items()}
            for which, rule in (("production", view.production_rule), ("test", view.test_rule))
            if rule
        },
        "closed": view.closed,
        "ground": with_address(aws, asg_ground.ground(snapshot, view.live, front)),
        "events": list(view.events()),
    }


def _moving(view: View, record: Record | None) -> Json | None:
    """The refresh or the shift in progress, whoever started it."""
    refresh = view.snapshot.refresh(view.live)
    if refresh:
        version = asg_refresh.version(refresh, view.snapshot.template)
        release = view.snapshot.release_of(version)
        return {
            "id": refresh["InstanceRefreshId"],
            "status": refresh["Status"],
            "release": named(release, view.labels(), record),
            "task_definition": f"{view.snapshot.template}:{version}" if version else "",
            "reason": asg_refresh.why(refresh),
            "stage": f"{refresh.get('PercentageComplete', 0)} % done",
            "held": None,
        }
    arrival = view.arrival if view.params["load_balancer"] else None
    if arrival is None or arrival.group is None:
        return None
    held = arrival.held()
    return {
        "id": arrival.rollout,
        "status": "shifting",
        "release": named(arrival.release, view.labels(), record),
        "task_definition": f"{view.snapshot.template}:{view.snapshot.configured(arrival.colour)}",
        "reason": arrival.fired(),
        "stage": held.stage if held else f"weight {arrival.share()}",
        "held": _shown(view, held),
    }


def _shown(view: View, held: Held | None) -> Json | None:
    kept = view.arrival.kept
    if held is None or kept is None:
        return None
    return {"id": held.id, "expires": kept.until.isoformat(timespec="seconds"), "then": "ROLLBACK"}
