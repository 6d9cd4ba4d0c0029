# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cell: a service with release 1, load on it, a rollout that is disturbed, and what users saw."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any

from tests.integration.ecs_rollout.stack import Stack
from tests.lab.aws.running import RunningLab
from tests.lab.load.attribution import Detection, Loss, Move, Traffic, budget
from tests.lab.load.generator import BackgroundLoad, Load

from . import disturb, judge
from .cells import Cell

SCALE = 0.05  # real seconds per AWS second
TARGETS = 2
STREAM_SHARE, STREAM_SECONDS = 0.02, 0.5
AFTERWARDS = 1.5  # seconds: streams end, and nothing may be wrong any more
SLOW = 2.0  # seconds that a right answer may take; the slow release takes three
CRASH = 5.0  # seconds after which the lab's crashing release does; it must show before users meet it
# Health checks every 5 AWS seconds, 2 to be unhealthy, 2 for each.
DETECTION = Detection(interval=5 * SCALE, threshold=2, timeout=2 * SCALE, propagation=0.5)


def options(stack: Stack, cell: Cell) -> dict[str, Any]:
    """Options of ecs_rollout; ECS waits at a hold for 10 of its minutes, 30 real seconds."""
    ready = CRASH + 1 if cell.release == "crash-after" else 0.6
    known = stack.native(cell.strategy, cell.release, min_ready=ready, deadline=150, rollback_deadline=150)
    (probe,) = stack.options()["probes"]
    slow = {**probe, "timeout": 2 * SLOW, "latency_budget": SLOW, "over_budget": "fail"}
    return {**known, "hold_timeout": 10, "probes": [slow]}


def play(lab: RunningLab, cell: Cell, rate: float, folder: Path) -> tuple[judge.Seen, list[str]]:
    """Raises MatrixError when the service can't even be made."""
    folder.mkdir(parents=True, exist_ok=True)
    stack = Stack(lab, f"m{secrets.token_hex(3)}").build()
    given = options(stack, cell)
    first = stack.roll_out("1", **{**given, "strategy": "blue_green"})
    if first["state"] != "live":
        raise disturb.MatrixError(f"release 1 ended as {first['state']}: {first['reason']}")
    load = Load(stack.url, rate, 900.0, 200_000, STREAM_SHARE, stream_seconds=STREAM_SECONDS)
    rollout = disturb.Rollout(stack, cell, given, folder)
    with BackgroundLoad(load, folder / "requests.jsonl") as traffic:
        since = time.time()
        result = disturb.ACTS[cell.disturbance](rollout)
        disturb.settled(rollout)
        ended = time.time()
        time.sleep(AFTERWARDS)
    seen = _seen(rollout, result, first, traffic, Move(cell.name, since, ended + AFTERWARDS), rate)
    stack.lab.client("ecs").delete_service(cluster=stack.facts["cluster"], service=stack.name, force=True)
    return seen, judge.faults(seen)


def _seen(
    rollout: disturb.Rollout,
    result: dict[str, Any],
    first: dict[str, Any],
    traffic: BackgroundLoad,
    move: Move,
    rate: float,
) -> judge.Seen:
    everything = traffic.results()
    wrong = [each.ended for each in everything if each.wrong]
    newest = rollout.newest()
    return judge.Seen(
        cell=rollout.cell,
        state=str(result.get("state", "")),
        reason=str(result.get("reason", "")),
        second=str(result.get("second", "")),
        serves=_serves(rollout.stack),
        before=first["release"]["id"],
        wanted=str((result.get("release") or {}).get("id", "")),
        deployment=str(newest["status"]),
        rate=rate,
        load=traffic.summary(),
        failed=[each for each in everything if each.cause],
        losses=_losses(rollout.cell, move, rate),
        move=move,
        detection=max(wrong) - min(wrong) if wrong else 0.0,
        seconds=move.until - move.since,
    )


def _losses(cell: Cell, move: Move, rate: float) -> list[Loss]:
    """Targets that crash while users meet them: only a rolling deployment lets them. Twice as many as there are."""
    if cell.release != "crash-after" or cell.strategy != "rolling":
        return []
    allowed = budget(Traffic(rate, 1 / TARGETS, 0.05, STREAM_SHARE, STREAM_SECONDS), DETECTION)
    over = move.until - move.since
    return [Loss(f"crash {number + 1}", move.since, over, allowed) for number in range(2 * TARGETS)]


def _serves(stack: Stack) -> str:
    """The release of the task definition that the service names."""
    found = stack.lab.client("ecs").describe_task_definition(
        taskDefinition=stack.service()["taskDefinition"], include=["TAGS"]
    )
    tags = {tag["key"]: tag["value"] for tag in found.get("tags") or []}
    return str(tags.get("greenlight:release", ""))
