# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cell: a service with release 1, load on it, a rollout that is disturbed, and what users saw."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.integration.ecs_rollout.stack import Stack
from tests.lab.aws.running import RunningLab

from . import disturb, judge, watch
from .cells import Cell
from .watch import UNHEALTHY, Watch

SLOW = 2.8  # seconds that a right answer may take where the release is slow, which takes three
DRAIN = 120  # AWS seconds, six real ones: more than the slowest answer takes, or draining would cut it
CRASH = 5.0  # seconds after which the lab's crashing release does; it must show before users meet it


def options(stack: Stack, strategy: str, release: str, **changes: Any) -> dict[str, Any]:
    """Options of ecs_rollout; ECS waits at a hold for 20 of its minutes, a real one."""
    ready = CRASH + 1 if release == "crash-after" else 0.6
    known = stack.native(strategy, release, min_ready=ready, deadline=300, rollback_deadline=300)
    (probe,) = stack.options()["probes"]
    if release == "slow-answers":
        probe = {**probe, "timeout": 2 * SLOW, "latency_budget": SLOW, "over_budget": "fail"}
    return {**known, "hold_timeout": 20, "probes": [probe], **changes}


@contextmanager
def served(lab: RunningLab, release: str = "1") -> Iterator[tuple[Stack, str]]:
    """A service with a release live, and the release's id. Raises MatrixError when it can't be made."""
    stack = Stack(lab, f"m{secrets.token_hex(3)}").build()
    balancer, delay = lab.client("elbv2"), {"Key": "deregistration_delay.timeout_seconds", "Value": str(DRAIN)}
    for group in (stack.facts["blue"], stack.facts["green"]):
        balancer.modify_target_group(TargetGroupArn=group, UnhealthyThresholdCount=UNHEALTHY)
        balancer.modify_target_group_attributes(TargetGroupArn=group, Attributes=[delay])
    first = stack.roll_out(release, **options(stack, "blue_green", release))
    if first["state"] != "live":
        raise disturb.MatrixError(f"release {release} ended as {first['state']}: {first['reason']}")
    try:
        yield stack, first["release"]["id"]
    finally:
        lab.control("DELETE", "chaos")
        stack.lab.client("ecs").delete_service(cluster=stack.facts["cluster"], service=stack.name, force=True)


def play(cell: Cell, lab: RunningLab, rate: float, folder: Path) -> dict[str, Any]:
    """The cell's document. Raises MatrixError when something never happened."""
    folder.mkdir(parents=True, exist_ok=True)
    with served(lab) as (stack, before):
        rollout = disturb.Rollout(stack, cell, options(stack, cell.strategy, cell.release), folder)
        event = watch.last_event(stack)
        with Watch(cell.name, stack.url, rate, folder) as watched:
            result = disturb.ACTS[cell.disturbance](rollout)
            disturb.settled(rollout)
        # Only a rolling deployment lets users meet a release that crashes.
        met = cell.strategy == "rolling" and cell.release == "crash-after"
        seen = judge.Seen(
            cell=cell,
            state=str(result.get("state", "")),
            reason=str(result.get("reason", "")),
            second=str(result.get("second", "")),
            serves=serves(stack),
            before=before,
            wanted=str((result.get("release") or {}).get("id", "")),
            deployment=str(rollout.newest()["status"]),
            lab=watch.fallen(stack, event),
            users=watched.users(
                partial(judge.most_wrong, cell, watched.rate), watch.crashes(stack, watched.rate) if met else []
            ),
        )
    return judge.as_dict(seen, judge.faults(seen))


def serves(stack: Stack) -> str:
    """The release of the task definition that the service names."""
    found = stack.lab.client("ecs").describe_task_definition(
        taskDefinition=stack.service()["taskDefinition"], include=["TAGS"]
    )
    tags = {tag["key"]: tag["value"] for tag in found.get("tags") or []}
    return str(tags.get("greenlight:release", ""))
