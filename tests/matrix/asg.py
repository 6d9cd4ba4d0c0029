# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live matrix on EC2 Auto Scaling: its cells, their service and options, and what must be left in the end.

All pairs that make sense take 20 cells.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.integration.asg_rollout.stack import COUNT, Stack
from tests.lab.aws.running import RunningLab
from tests.lab.load.attribution import Loss

from . import asg_disturb, ecs, watch
from .asg_disturb import left
from .cells import GOOD, Cell, Kinds
from .judge import End, Expected
from .moments import MatrixError
from .run import Act, Platform
from .watch import TICK

KINDS = Kinds(
    strategies=("canary", "rolling", "blue_green"),
    releases={
        GOOD: "good",
        "never-healthy": "never healthy",
        "crash-after": "crashes after it was healthy",
        "wrong-answers": "200 but wrong",
        "slow-answers": "slow",
        "no-capacity": "good, but EC2 has no room for it",
    },
    disturbances=("none", "zone-lost", "instance-killed", "controller-killed"),
    few=20,
    prefix="asg-",
    senseless=frozenset(
        {
            ("crash-after", "instance-killed"),  # it is a crash
            ("never-healthy", "instance-killed"),  # it never served
            ("no-capacity", "instance-killed"),  # nothing can be launched in its place, whoever rolls out
            ("no-capacity", "zone-lost"),
            ("slow-answers", "zone-lost"),  # so are those that have to do the work of the lost ones
        }
    ),
)
# Percent of the traffic at the first step that users meet. Rolling: one new instance of those that there are.
WEIGHTS = {"rolling": 100 / COUNT, "blue_green": 0.0, "canary": 10.0}
ZONES = 2  # of the lab; instances are spread evenly
MOST_OF_A_ZONE = -(-COUNT // ZONES)
RATE = 50.0  # per second: two cores also bear up to six machines and a playbook
ANSWER = 3.0  # seconds that the lab's slow release takes for each
CALM = 60.0  # real seconds until what is on its way out is gone


@contextmanager
def served(lab: RunningLab) -> Iterator[tuple[Stack, str]]:
    """A service with release 1 live, and the release's id. Raises MatrixError when it can't be made."""
    stack = Stack(lab, f"m{secrets.token_hex(3)}").build()
    ecs.careful(stack)
    try:
        first = stack.roll_out("1")
        if first["state"] != "live":
            raise MatrixError(f"release 1 ended as {first['state']}: {first['reason']}")
        yield stack, first["release"]["id"]
    finally:
        lab.control("DELETE", "ec2")
        client = lab.client("autoscaling")
        for colour in ("blue", "green"):
            if stack.group(colour):
                client.delete_auto_scaling_group(AutoScalingGroupName=f"{stack.name}-{colour}", ForceDelete=True)


# ---- what must be left -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Fleet:
    """Both groups, as Auto Scaling and the load balancer describe them. `versions`: of the instances that serve."""

    shares: dict[str, int]
    named: str  # template version that the group with all the traffic names
    versions: list[str]
    desired: int
    healthy: int
    suspended: list[str]
    idle: list[int]  # instances, least, most and desired of the other group; [] = there is none
    schedules: list[str]


def left_over(fleet: Fleet) -> list[str]:
    """What is not as it is between two rollouts, a sentence each."""
    found = []
    if sorted(fleet.shares.values()) != [0, 100]:
        found.append(f"the production rule gives {fleet.shares}")
    if set(fleet.versions) != {fleet.named}:
        versions = ", ".join(fleet.versions) or "none"
        found.append(f"instances of template versions {versions} serve, the group names {fleet.named}")
    if not len(fleet.versions) == fleet.healthy == fleet.desired == COUNT:
        told = f"{len(fleet.versions)} instances, {fleet.healthy} healthy, {fleet.desired} desired"
        found.append(f"{told}, expected {COUNT} each")
    if any(fleet.idle):
        found.append(f"the other group has {fleet.idle[0]} instances, and counts {fleet.idle[1:]}")
    found += [f"{name} is still suspended" for name in fleet.suspended]
    return found + [f"schedule {name} is still there" for name in fleet.schedules]


def fleet(stack: Stack) -> Fleet:
    shares = stack.shares()
    live, idle = sorted(shares, key=lambda colour: -shares[colour])
    group, other = stack.group(live), stack.group(idle)
    counts = [other[name] for name in ("MinSize", "MaxSize", "DesiredCapacity")] if other else []
    return Fleet(
        shares=shares,
        named=group["LaunchTemplate"]["Version"],
        versions=stack.versions(live),
        desired=group["DesiredCapacity"],
        healthy=stack.healthy_in(live),
        suspended=[each["ProcessName"] for each in group["SuspendedProcesses"]],
        idle=[len(stack.versions(idle)), *counts] if other else [],
        schedules=stack.schedules(),
    )


def end(cell: Cell, stack: Stack) -> End:
    """What Auto Scaling describes when all is calm, or what is not after a minute."""
    deadline = time.monotonic() + CALM
    while left_over(seen := fleet(stack)) and time.monotonic() < deadline:
        time.sleep(0.5)
    moved = next((each["Status"] for each in stack.refreshes()), "") if cell.strategy == "rolling" else ""
    return End(stack.release(seen.named), moved, left_over(seen))


def expected(cell: Cell) -> Expected:
    """A run after one that was left alone wants release 1, which serves; the others bring the release.

    After a refresh, that run finds the group frozen and the alarm armed, ends both, and judges what serves once more.
    """
    if left(cell):
        return Expected("live" if cell.strategy == "rolling" else "unchanged", new=False)
    return Expected("live" if cell.good else "rolled_back", cell.good)


# ---- what users may see ----------------------------------------------------------------------------


def weight(cell: Cell) -> float | None:
    """None where a zone is lost: how many of the instances that are left are new ones is Auto Scaling's choice."""
    if cell.strategy == "rolling" and cell.disturbance == "zone-lost":
        return None
    return WEIGHTS[cell.strategy]


def killed_share(cell: Cell) -> float:
    """Most of the traffic that what we take away can have."""
    most = {"instance-killed": 1, "zone-lost": MOST_OF_A_ZONE}
    return most.get(cell.disturbance, 0) / COUNT


def latency(cell: Cell) -> float:
    """Seconds that an answer of what we take away takes: the more of them are in flight."""
    return ANSWER if cell.release == "slow-answers" else watch.LATENCY


def crashes(cell: Cell) -> bool:
    """Whether users meet a release that crashes: a refresh shows it before it is judged."""
    return cell.strategy == "rolling" and cell.release == "crash-after"


def losses(cell: Cell, stack: Stack, rate: float, act: Act) -> list[Loss]:
    """What we killed, and what crashed by itself."""
    killed = {name: at - TICK for name, at in act.killed.items()}
    found = watch.losses(stack, killed, rate, killed_share(cell), latency(cell))
    if crashes(cell):
        died = crashed(stack.lab.control("GET", "log?since=0"), stack.name)
        found += watch.losses(stack, died, rate, 1 / COUNT)
    return found


def crashed(events: Sequence[Mapping[str, Any]], name: str) -> dict[str, float]:
    """Instances of a service whose server ended by itself, by the lab's log, and when: a TICK early."""
    ended = [event for event in events if event["name"] == "server_ended"]
    mine = [event for event in ended if event["fields"]["group"].startswith(f"{name}-")]
    return {event["fields"]["instance"]: datetime.fromisoformat(event["at"]).timestamp() - TICK for event in mine}


def promised(cell: Cell, rate: float) -> str:
    told = []
    if share := killed_share(cell):
        told.append(
            f"{watch.allowed(rate, share, latency(cell))} by the {cell.disturbance.partition('-')[0]} we take away"
        )
    if crashes(cell):
        told.append(f"{watch.allowed(rate, 1 / COUNT)} by each instance that crashes")
    return f"failed requests at most: {', '.join(told) or '0'}"


PLATFORM = Platform(KINDS, RATE, served, asg_disturb.act, end, expected, weight, losses, promised)
