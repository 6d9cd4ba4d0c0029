# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens in the world, by itself or by somebody's hand, while a rollout is under way."""

from __future__ import annotations

from tests.simulation.cloud import Cloud
from tests.simulation.everywhere import EVERYWHERE, Events, opened
from tests.simulation.parts import FOREIGN, NEVER


def _flap(cloud: Cloud) -> None:
    for task in cloud.tasks:
        if task.state == "healthy" and cloud.rng.random() < 0.5:
            task.become("unhealthy", cloud.now + 6.0)
            cloud.lost_by_world = cloud.now


def _close(cloud: Cloud) -> None:
    cloud.closed_zone = "z1"
    for task in [task for task in cloud.tasks if task.zone == "z1"]:
        cloud.die(task, by_world=True)


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


EVENTS: Events = {
    **EVERYWHERE,
    "flap": (_flap, None, "F13 flap"),
    "zone": (_close, opened, "F15 zone lost"),
    "foreign": (_foreign, None, "F19 foreign deployment"),
    "scaled": (_scale, None, "F19 autoscaler"),
    "moved": (_move, None, "F19 rebalanced"),
    "meddled": (_meddle, _mend, "F19 weights moved by hand"),
}
