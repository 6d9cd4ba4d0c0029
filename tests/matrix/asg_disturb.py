# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to a rollout on EC2 on its way: nothing, a machine, a zone or the controller lost.

Each rollout is an ansible-playbook of its own; what is to happen happens once the new release stands.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.asg_rollout.playing import Playing
from tests.integration.asg_rollout.stack import COUNT, Stack

from .cells import GOOD, Cell
from .ecs import CRASH, probes
from .moments import STANDS, MatrixError, until
from .run import Act

HOLD = 60  # real seconds until a schedule restores the weights: the shortest that is allowed
# AWS seconds, half a real minute: a lost machine is replaced and the release judged anew before a refresh goes on.
CHECKPOINT = 600
GRACE = 100  # AWS seconds, five real ones: a new machine that is lost is replaced after them
# Where the controller is killed and run again: the alarm waits for that, and so does Auto Scaling.
PATIENT = {"hold_seconds": 1000, "heartbeat": {"interval": 0.7, "period": 30, "periods": 16}}
# Seconds of judgement with users: so long a release that goes wrong after some answers takes to show it.
SOURS = 15.0
BACK = ("RollbackSuccessful", "RollbackFailed", "Successful", "Failed", "Cancelled")


def left(cell: Cell) -> bool:
    """Whether nobody runs a killed rollout again, so that the cloud has to take it back alone."""
    return cell.disturbance == "controller-killed" and cell.release in ("never-healthy", "crash-after", "wrong-answers")


def image(cell: Cell) -> str:
    """The tag in the lab's registry. In a canary, wrong answers begin when users are there, or none would be met."""
    if cell.release == "no-capacity":
        return GOOD
    return "souring" if exposed(cell) and not cell.good else cell.release


def exposed(cell: Cell) -> bool:
    """Whether users meet the release at a weight of its own: what is wrong at once never gets one."""
    return cell.strategy != "rolling" and (cell.good or (cell.strategy, cell.release) == ("canary", "wrong-answers"))


def options(stack: Stack, cell: Cell) -> dict[str, Any]:
    """Options of asg_rollout."""
    known = stack.options()
    ready = CRASH + 1 if cell.release == "crash-after" else 0.6
    gate = {**known["gate"], "deadline": 40, "initial_delay": 0 if cell.disturbance == "none" else STANDS}
    made = {
        "strategy": cell.strategy,
        "hold_seconds": CHECKPOINT if cell.strategy == "rolling" else HOLD,
        "health_check_grace_seconds": GRACE,
        "timing": {**known["timing"], "min_ready": ready, "deadline": 2500, "rollback_deadline": 300},
        "gate": gate,
        "probes": probes(stack, cell.release),
    }
    if exposed(cell) and not cell.good:
        made["canary"] = {"weight": 10, "bake": SOURS}
    if cell.strategy == "rolling" and cell.disturbance == "controller-killed" and not left(cell):
        made |= PATIENT
    return made


@dataclass(frozen=True)
class Scene:
    """A cell's service and files; `runs`: its playbooks so far."""

    stack: Stack
    cell: Cell
    folder: Path
    runs: list[Playing]

    def play(self, tag: str, **changes: Any) -> Playing:
        given = {**options(self.stack, self.cell), **changes}
        self.runs.append(Playing.start(self.stack, self.folder / f"run-{len(self.runs) + 1}", tag, **given))
        return self.runs[-1]


def act(cell: Cell, stack: Stack, folder: Path) -> Act:
    """The rollout and its disturbance, to the end; no playbook outlives it."""
    if cell.release == "no-capacity":
        stack.lab.control("PUT", "ec2", {"capacity": [{"group": f"^{stack.name}-"}]})
    scene = Scene(stack, cell, folder, [])
    try:
        return ACTS[cell.disturbance](scene)
    finally:
        for playing in scene.runs:
            if playing.running:
                playing.kill()
        if cell.release == "no-capacity":
            stack.lab.control("DELETE", "ec2")


def none(scene: Scene) -> Act:
    return Act(scene.play(image(scene.cell)).result(), {})


def begun(scene: Scene) -> Playing:
    """A rollout that has come to where the new release stands. Raises MatrixError if it was over before."""
    refresh = newest(scene.stack).get("InstanceRefreshId")
    playing = scene.play(image(scene.cell))
    stands = standing(scene, refresh)
    until("the new release to stand", lambda: not playing.running or stands())
    if not playing.running:
        raise MatrixError(f"it was over before: {playing.told()[-600:]}")
    return playing


def standing(scene: Scene, refresh: str | None) -> Callable[[], bool]:
    """Users meet it; else its targets are healthy; else, if they never are, it runs; else it should."""
    stack, cell = scene.stack, scene.cell
    rolling = cell.strategy == "rolling"
    colour = "blue" if rolling else "green"
    before = set(stack.versions("blue"))

    def started() -> bool:
        if cell.release == "no-capacity":
            return bool(failures(stack, colour))
        if cell.release == "never-healthy":
            return bool(set(in_service(stack, colour)) - before)
        if exposed(cell):
            return stack.shares()["green"] > 0
        if rolling:
            now = newest(stack)
            return now.get("InstanceRefreshId") != refresh and now.get("PercentageComplete", 0) >= 100 // COUNT
        return stack.healthy_in(colour) == COUNT

    return started


def newest(stack: Stack) -> dict[str, Any]:
    """The newest refresh; {} = there was none."""
    return next(iter(stack.refreshes()), {})


def in_service(stack: Stack, colour: str) -> list[str]:
    """Template versions."""
    listed = stack.group(colour).get("Instances", [])
    return [one["LaunchTemplate"]["Version"] for one in listed if one["LifecycleState"] == "InService"]


def failures(stack: Stack, colour: str) -> list[str]:
    """Launches that failed."""
    if not stack.group(colour):
        return []
    found = stack.lab.client("autoscaling").describe_scaling_activities(AutoScalingGroupName=f"{stack.name}-{colour}")
    return [one["StatusMessage"] for one in found["Activities"] if one["StatusCode"] == "Failed"]


def machines(stack: Stack) -> list[dict[str, Any]]:
    """The lab's view of the instances that serve, those of the newest template version first."""
    found = [one for one in stack.lab.control("GET", "state")["instances"] if one["group"].startswith(stack.name)]
    serving = [one for one in found if one["lifecycle"] == "InService"]
    return sorted(serving, key=lambda one: -int(one["version"]))


def instance_killed(scene: Scene) -> Act:
    """The machine of an instance of the new release is gone."""
    playing = begun(scene)
    name, at = machines(scene.stack)[0]["instance"], time.time()
    scene.stack.lab.control("PUT", "ec2", {"lost_instances": [name]})
    return Act(playing.result(), {name: at})


def zone_lost(scene: Scene) -> Act:
    """The zone of an instance of the new release is gone, for as long as the rollout takes."""
    playing = begun(scene)
    zone, at = machines(scene.stack)[0]["zone"], time.time()
    scene.stack.lab.control("PUT", "ec2", {"lost_zones": [zone]})
    return Act(playing.result(), {zone: at})


def controller_killed(scene: Scene) -> Act:
    """Playbook and worker at once, at the worst of times: then somebody runs it again, or nobody.

    Where users meet a good release, it is run again only once the timer has restored the weights.
    """
    before = scene.stack.versions("blue")
    playing = begun(scene)
    playing.kill()
    if left(scene.cell):
        return taken_back(scene, before)
    if exposed(scene.cell):
        restored(scene.stack)
        return Act(scene.play(image(scene.cell)).result(), {})
    time.sleep(scene.stack.options()["timing"]["lease"] * 1.3)  # until its lock may be taken over
    policy = "roll_back" if scene.cell.release == "no-capacity" else "resume"
    return Act(scene.play(image(scene.cell), on_unfinished=policy).result(), {})


def restored(stack: Stack) -> None:
    """The old release has all of the traffic again."""
    until("the timer to restore the weights", lambda: stack.shares() == {"blue": 100, "green": 0})


def taken_back(scene: Scene, before: list[str]) -> Act:
    """Nobody comes back until the cloud has; then somebody wants release 1, which serves, and is told of it.

    Raises MatrixError when the cloud ends elsewhere than it began.
    """
    stack = scene.stack
    if scene.cell.strategy == "rolling":
        until("Auto Scaling to take it back", lambda: newest(stack)["Status"] in BACK)
        if newest(stack)["Status"] != "RollbackSuccessful":
            raise MatrixError(f"left alone, the refresh ended as {newest(stack)['Status']}")
    restored(stack)
    until("the old release's instances", lambda: in_service(stack, "blue") == before == stack.versions("blue"))
    again = scene.play("1")
    result = again.result()
    if "unfinished rollout" not in again.told():
        raise MatrixError(f"the next run did not tell of it: {again.told()[-600:]}")
    return Act(result, {})


ACTS: dict[str, Callable[[Scene], Act]] = {
    "none": none,
    "instance-killed": instance_killed,
    "zone-lost": zone_lost,
    "controller-killed": controller_killed,
}
