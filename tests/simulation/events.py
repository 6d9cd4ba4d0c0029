# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens in the world, by itself or by somebody's hand, while a rollout is under way."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation.cloud import Cloud
from tests.simulation.parts import FOREIGN, NEVER
from tests.simulation.ports import World


def happens(world: World, name: str, at: float, length: float) -> None:
    """An event of the schedule, put into the world's calendar."""
    begin, end, fault = EVENTS[name]
    cloud = world.cloud

    def first() -> None:
        world.met[fault, world.phase] += 1
        begin(cloud)

    cloud.world.append((at, first))
    if end is not None:
        cloud.world.append((at + length, lambda: end(cloud)))
    cloud.world.sort(key=lambda each: each[0])


def _flap(cloud: Cloud) -> None:
    for task in cloud.tasks:
        if task.state == "healthy" and cloud.rng.random() < 0.5:
            task.become("unhealthy", cloud.now + 6.0)
            cloud.lost_by_world = cloud.now


def _close(cloud: Cloud) -> None:
    cloud.closed_zone = "z1"
    for task in [task for task in cloud.tasks if task.zone == "z1"]:
        cloud.die(task, by_world=True)


def _open(cloud: Cloud) -> None:
    cloud.closed_zone = ""


def _sick(cloud: Cloud) -> None:
    cloud.sick = cloud.rng.choice(("silent", "wrong"))


def _well(cloud: Cloud) -> None:
    cloud.sick = ""


def _starve(cloud: Cloud) -> None:
    cloud.starved = True


def _feed(cloud: Cloud) -> None:
    cloud.starved, cloud.lost_by_world = False, cloud.now


def _close_store(cloud: Cloud) -> None:
    cloud.storeless = True


def _open_store(cloud: Cloud) -> None:
    cloud.storeless = False


def _gone(cloud: Cloud) -> None:
    cloud.gone = frozenset({"old"})


def _foreign(cloud: Cloud) -> None:
    """Somebody deploys by hand."""
    if cloud.service is None:
        return
    cloud.definitions.add(FOREIGN)
    cloud.deploy(FOREIGN, by="ann by the console")


def _scale(cloud: Cloud) -> None:
    """An autoscaler."""
    cloud.desired = cloud.rng.choice((2, 3, 4, 5))
    cloud.lost_by_world = cloud.now


def _meddle(cloud: Cloud) -> None:
    """Somebody moves the weights by hand."""
    rollout = cloud.open()
    if rollout is None or not rollout.native or not rollout.hold:
        return
    other = [share for share in (0, 20, 50, 100) if abs(share - cloud.share) >= 20]
    cloud.share = cloud.applied = cloud.rng.choice(other)
    cloud.applies_at, cloud.meddled = NEVER, cloud.now


def _mend(cloud: Cloud) -> None:
    rollout = cloud.open()
    if rollout is not None and cloud.meddled < NEVER:
        cloud.weigh(rollout.weights[rollout.step - 1] if rollout.step else 0)


def _move(cloud: Cloud) -> None:
    """Zone rebalancing: one more first, then one less."""
    service = cloud.service
    healthy = [task for task in cloud.tasks if task.state == "healthy"]
    if service is None or cloud.open() is not None or len(healthy) <= cloud.desired:
        if service is not None and cloud.open() is None:
            cloud.start(service.release, 1)
        return
    healthy[0].become("draining", cloud.now + 3.0)


Change = Callable[[Cloud], None]
EVENTS: dict[str, tuple[Change, Change | None, str]] = {
    "flap": (_flap, None, "F13 flap"),
    "sick": (_sick, _well, "F14 all sick"),
    "zone": (_close, _open, "F15 zone lost"),
    "starved": (_starve, _feed, "F16 no capacity"),
    "storeless": (_close_store, _open_store, "F10 no store"),
    "gone": (_gone, None, "F17 old image gone"),
    "foreign": (_foreign, None, "F19 foreign deployment"),
    "scaled": (_scale, None, "F19 autoscaler"),
    "moved": (_move, None, "F19 rebalanced"),
    "meddled": (_meddle, _mend, "F19 weights moved by hand"),
}
