# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pairwise cover does not meet: strategies in every order, kills in every stage, answers lost on the way back.

Each story is a cell of its own; it tells what was not as it must be, a sentence each.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.integration.ecs_rollout.stack import Stack
from tests.lab.aws.running import RunningLab

from . import ecs, users, watch
from . import ecs_disturb as disturb
from .cells import Cell
from .ecs import KINDS, WEIGHTS
from .watch import Watch


@dataclass(frozen=True)
class Scene:
    """Where a story takes place; `told`: how its rollouts ended, for the results."""

    stack: Stack
    folder: Path
    told: list[str]

    def roll_out(self, strategy: str, release: str, expected: str, **changes: Any) -> list[str]:
        """One rollout in this process, and what is wrong with its end."""
        result = self.stack.roll_out(release, **ecs.options(self.stack, strategy, release, **changes))
        with (self.folder / "progress.txt").open("a") as log:
            log.writelines(f"{line.at:.1f} {line.who}: {line.text}\n" for line in self.stack.lines)
        self.told.append(f"{strategy}: {result['state']}")
        wrong = result["state"] != expected
        return [f"{strategy} of {release} ended as {result['state']}: {result['reason']}"] if wrong else []

    def rollout(self, strategy: str, release: str) -> disturb.Rollout:
        """One to be disturbed."""
        cell = Cell(strategy, release, "killed-left")
        return disturb.Rollout(self.stack, cell, ecs.options(self.stack, strategy, release), self.folder)


Teller = Callable[[Scene], list[str]]


@dataclass(frozen=True)
class Story:
    """`exposed`: percent of the traffic at which the release may answer wrongly for `NOTICED` seconds; 0 = never."""

    name: str
    tell: Teller
    exposed: int = 0


# ---- every strategy after every other ------------------------------------------------------------


# Strategies in a row after a blue_green one: every strategy comes after every other.
ORDERS = (
    ("rolling", "canary", "rolling", "linear", "blue_green"),
    ("canary", "linear", "rolling", "blue_green"),
    ("linear", "canary", "blue_green"),
)


def in_a_row(strategies: tuple[str, ...], scene: Scene) -> list[str]:
    found = []
    for strategy, release in zip(strategies, itertools.cycle("21")):
        found += scene.roll_out(strategy, release, "live")
    return found


# ---- the controller dies in the second of two rollouts -------------------------------------------

# Stage, percent of traffic -> what the cloud makes of it alone. The alarm ends with BAKE_TIME, so that what was told to
# go on after the last hold is kept. Source: Amazon ECS Developer Guide, "How CloudWatch alarms detect Amazon ECS
# deployment failures".
STAGES = {
    "scale-up": ("SCALE_UP", 0, "ROLLBACK_SUCCESSFUL"),
    "before-users": ("PRE_PRODUCTION_TRAFFIC_SHIFT", 0, "ROLLBACK_SUCCESSFUL"),
    "at-10-percent": ("PRE_PRODUCTION_TRAFFIC_SHIFT", 10, "ROLLBACK_SUCCESSFUL"),
    "at-100-percent": ("POST_PRODUCTION_TRAFFIC_SHIFT", 100, "ROLLBACK_SUCCESSFUL"),
    "clean-up": ("CLEAN_UP", 100, "SUCCESSFUL"),
}


def shifted(newest: dict[str, Any]) -> float:
    """Percent of production traffic that the target revision has."""
    target = newest.get("targetServiceRevision") or {}
    return float(target.get("requestedProductionTrafficWeight", 0))


def killed_in(stage: str, scene: Scene) -> list[str]:
    """The second rollout of a service; the controller dies in it and stays dead. Then somebody asks again."""
    wanted, percent, end = STAGES[stage]
    found = []
    # What never gets healthy stays in SCALE_UP, long enough to be killed there and for the alarm to ring.
    rollout = scene.rollout("canary", "never-healthy" if stage == "scale-up" else "2")
    alive = disturb.killed(
        rollout, lambda newest: newest.get("lifecycleStage") == wanted and shifted(newest) >= percent
    )
    disturb.settled(rollout)
    newest = rollout.newest()
    scene.told.append(f"killed in {wanted}: {newest['status']}")
    if not alive:
        found.append(f"it was over before {wanted}")
    if newest["status"] != end:
        found.append(f"left alone it ended as {newest['status']}: {newest.get('statusReason', '')}")
    if end != "SUCCESSFUL" and "alarm" not in str(newest.get("statusReason", "")):
        found.append(f"it was not the heartbeat alarm that acted: {newest.get('statusReason', '')}")
    time.sleep(rollout.options["timing"]["lease"] * 1.3)  # until its lock may be taken over
    # What the cloud took back is begun again; what it completed is gone on with.
    policy = "resume" if end == "SUCCESSFUL" else "roll_back"
    return found + scene.roll_out("blue_green", "2", "live", on_unfinished=policy)


# ---- the way back, while the API is sick ---------------------------------------------------------

BACK_LOST = [
    {"only": "^ecs[.](Continue|Stop)ServiceDeployment$", "throttle": 0.25, "lost": 1.0},
    {"throttle": 0.25},
]


def back_lost(strategy: str, scene: Scene) -> list[str]:
    """A wrong release; every fourth call is throttled, and the answer of the call that goes back is lost."""
    scene.stack.lab.control("PUT", "chaos", {"rules": BACK_LOST})
    found = scene.roll_out(strategy, "wrong-answers", "rolled_back", **disturb.PATIENT)
    counts = scene.stack.lab.control("GET", "chaos")["counts"]
    scene.stack.lab.control("DELETE", "chaos")
    scene.told.append(f"{counts.get('throttle', 0)} calls throttled, {counts.get('lost', 0)} answers lost")
    if not (counts.get("throttle") and counts.get("lost")):
        found.append(f"not every fault was met: {counts}")
    return found


# ---- wrong only once users are there --------------------------------------------------------------

# Seconds: rounds of probes until two went to production with the share of the release, the looks and the call then.
NOTICED = 6.0


def souring(strategy: str, scene: Scene) -> list[str]:
    """Right for as many answers as probes ask for, wrong for users: the first step with traffic must show it."""
    first, bake = WEIGHTS[strategy], 3 * NOTICED
    step = (
        {"canary": {"weight": first, "bake": bake}}
        if strategy == "canary"
        else {"linear": {"step": first, "bake": bake}}
    )
    return scene.roll_out(strategy, "souring", "rolled_back", **step)


def everything() -> list[Story]:
    """In the order of their risk."""
    kills = [Story(f"killed-in-the-second-{stage}", partial(killed_in, stage)) for stage in STAGES]
    lost = [Story(f"{each}-way-back-lost", partial(back_lost, each)) for each in KINDS.strategies if each != "rolling"]
    rows = [Story("in-a-row-" + "-".join(row), partial(in_a_row, row)) for row in ORDERS]
    sour = [Story(f"{each}-souring", partial(souring, each), WEIGHTS[each]) for each in ("canary", "linear")]
    return [*kills, *lost, *rows, *sour]


def play(story: Story, lab: RunningLab, rate: float, folder: Path) -> dict[str, Any]:
    """The story's document. Raises MatrixError when something never happened."""
    folder.mkdir(parents=True, exist_ok=True)
    with ecs.served(lab) as (stack, _ignored):
        scene = Scene(stack, folder, [])
        event = watch.last_event(stack)
        with Watch(story.name, stack.url, rate, folder) as watched:
            found = story.tell(scene)
        most = users.bound(story.exposed, watched.rate, NOTICED)
        seen = watched.users(lambda _detection: most, [])
        if story.exposed and not seen.load.wrong_answers:
            found.append("no user met the release: nothing was shown")
        found += [f"the lab fell over: {line}" for line in watch.fallen(stack, event)] + users.faults(seen)
    state = ", ".join(scene.told)
    return {"cell": story.name, "ok": not found, "faults": found, "state": state, **users.as_dict(seen)}
