# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live matrix on ECS: its cells, their service and options, and what serves in the end.

All pairs take 35 cells (5 releases x 7 disturbances alone are as many). The first 20 meet every strategy with every
release, and as many of the other pairs as 20 cells can.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.ecs_rollout.stack import Stack
from tests.lab.aws.running import RunningLab
from tests.lab.load.attribution import Loss

from . import ecs_disturb, watch
from .cells import Cell, Kinds
from .judge import End, Expected
from .moments import MatrixError
from .run import Act, Platform
from .watch import TICK, UNHEALTHY

KINDS = Kinds(
    strategies=("canary", "linear", "blue_green", "rolling"),
    releases={
        "2": "good",
        "never-healthy": "never healthy",
        "crash-after": "crashes after it was healthy",
        "wrong-answers": "200 but wrong",
        "slow-answers": "slow",
    },
    disturbances=(
        "none",
        "killed-rerun",
        "killed-left",
        "api-down",
        "weights-late",
        "second-operator",
        "throttled-lost",
    ),
    few=20,
)
WEIGHTS = {"canary": 10, "linear": 25, "blue_green": 0}  # percent, of the first step that users meet
SLOW = 2.8  # seconds that a right answer may take where the release is slow, which takes three
DRAIN = 120  # AWS seconds, six real ones: more than the slowest answer takes, or draining would cut it
CRASH = 5.0  # seconds after which the lab's crashing release does; it must show before users meet it
TARGETS = 2
RATE = 200.0
MOST = 100  # tasks that DescribeTasks tells at once; botocore, DescribeTasksRequest.tasks


def options(stack: Stack, strategy: str, release: str, **changes: Any) -> dict[str, Any]:
    """Options of ecs_rollout; ECS waits at a hold for 20 of its minutes, a real one."""
    ready = CRASH + 1 if release == "crash-after" else 0.6
    known = stack.native(strategy, release, min_ready=ready, deadline=300, rollback_deadline=300)
    return {**known, "hold_timeout": 20, "probes": probes(stack, release), **changes}


def probes(stack: Stack, release: str) -> list[dict[str, Any]]:
    """The service's, and how long an answer may take where that is what is wrong."""
    (probe,) = stack.options()["probes"]
    if release == "slow-answers":
        probe = {**probe, "timeout": 2 * SLOW, "latency_budget": SLOW, "over_budget": "fail"}
    return [probe]


def careful(stack: Stack) -> None:
    """Target groups that a busy machine does not confuse, and that cut no slow answer."""
    balancer, delay = stack.lab.client("elbv2"), {"Key": "deregistration_delay.timeout_seconds", "Value": str(DRAIN)}
    for group in (stack.facts["blue"], stack.facts["green"]):
        balancer.modify_target_group(TargetGroupArn=group, UnhealthyThresholdCount=UNHEALTHY)
        balancer.modify_target_group_attributes(TargetGroupArn=group, Attributes=[delay])


@contextmanager
def served(lab: RunningLab, release: str = "1") -> Iterator[tuple[Stack, str]]:
    """A service with a release live, and the release's id. Raises MatrixError when it can't be made."""
    stack = Stack(lab, f"m{secrets.token_hex(3)}").build()
    careful(stack)
    first = stack.roll_out(release, **options(stack, "blue_green", release))
    if first["state"] != "live":
        raise MatrixError(f"release {release} ended as {first['state']}: {first['reason']}")
    try:
        yield stack, first["release"]["id"]
    finally:
        lab.control("DELETE", "chaos")
        stack.lab.client("ecs").delete_service(cluster=stack.facts["cluster"], service=stack.name, force=True)


def act(cell: Cell, stack: Stack, folder: Path) -> Act:
    rollout = ecs_disturb.Rollout(stack, cell, options(stack, cell.strategy, cell.release), folder)
    result = ecs_disturb.ACTS[cell.disturbance](rollout)
    ecs_disturb.settled(rollout)
    return Act(result, {})


def end(_cell: Cell, stack: Stack) -> End:
    """The release of the task definition that the service names, and how its newest deployment ended."""
    found = stack.lab.client("ecs").describe_task_definition(
        taskDefinition=stack.service()["taskDefinition"], include=["TAGS"]
    )
    tags = {tag["key"]: tag["value"] for tag in found.get("tags") or []}
    return End(str(tags.get("greenlight:release", "")), str(ecs_disturb.newest(stack)["status"]))


def expected(cell: Cell) -> Expected:
    """Left alone, the cloud always goes back."""
    if cell.disturbance == "killed-left":
        return Expected("", new=False)
    return Expected("live" if cell.good else "rolled_back", cell.good)


def weight(cell: Cell) -> float | None:
    """None for rolling: it exposes a release before it is judged, and says so."""
    return WEIGHTS.get(cell.strategy)


def losses(cell: Cell, stack: Stack, rate: float, _act: Act) -> list[Loss]:
    """A loss for each task of the service whose container ended by itself, and for each time when none was left.

    Only a rolling deployment lets users meet a release that crashes. ECS notes an end later than it is.
    """
    if not crashes(cell):
        return []
    ecs, cluster = stack.lab.client("ecs"), stack.facts["cluster"]
    arns = ecs.list_tasks(cluster=cluster, serviceName=stack.name, desiredStatus="STOPPED")["taskArns"]
    tasks: list[dict[str, Any]] = []
    for first in range(0, len(arns), MOST):
        tasks += ecs.describe_tasks(cluster=cluster, tasks=arns[first : first + MOST])["tasks"]
    ended = [task for task in tasks if task.get("stopCode") == "EssentialContainerExited"]
    died = {task["taskArn"][-8:]: task["stoppingAt"].timestamp() - TICK for task in ended}
    return watch.losses(stack, died, rate, 1 / TARGETS)


def crashes(cell: Cell) -> bool:
    return cell.strategy == "rolling" and cell.release == "crash-after"


def promised(cell: Cell, rate: float) -> str:
    most = watch.allowed(rate, 1 / TARGETS) if crashes(cell) else 0
    return f"at most {most} failed requests for each target that crashes" if most else "no request may fail"


PLATFORM = Platform(KINDS, RATE, served, act, end, expected, weight, losses, promised)
