# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens in every simulated world, whatever the platform, and how it gets into a world's calendar."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.simulation.ports import World

Change = Callable[[Any], None]  # of a platform's cloud
Events = Mapping[str, tuple[Change, Change | None, str]]  # name -> how it begins, how it ends, which fault it is


def happens(events: Events, world: World, drawn: Iterable[tuple[str, float, float]]) -> None:
    """The events of a schedule (name, seconds from now, how long), put into the world's calendar."""
    for name, after, length in sorted(drawn, key=lambda each: each[1]):
        _note(world, world.cloud.now + after, length, *events[name])
    world.cloud.world.sort(key=lambda each: each[0])


def _note(world: World, at: float, length: float, begin: Change, end: Change | None, fault: str) -> None:
    cloud = world.cloud

    def first() -> None:
        world.met[fault, world.phase] += 1
        begin(cloud)

    cloud.world.append((at, first))
    if end is not None:
        cloud.world.append((at + length, lambda: end(cloud)))


def opened(cloud: Any) -> None:
    """The closed zone is back."""
    cloud.closed_zone = ""


def _sick(cloud: Any) -> None:
    cloud.sick = cloud.rng.choice(("silent", "wrong"))


def _well(cloud: Any) -> None:
    cloud.sick = ""


def _starve(cloud: Any) -> None:
    cloud.starved = True


def _feed(cloud: Any) -> None:
    cloud.starved, cloud.lost_by_world = False, cloud.now


def _close_store(cloud: Any) -> None:
    cloud.storeless = True


def _open_store(cloud: Any) -> None:
    cloud.storeless = False


def _gone(cloud: Any) -> None:
    cloud.gone = frozenset({"old"})


EVERYWHERE: Events = {
    "sick": (_sick, _well, "F14 all sick"),
    "starved": (_starve, _feed, "F16 no capacity"),
    "storeless": (_close_store, _open_store, "F10 no store"),
    "gone": (_gone, None, "F17 old image gone"),
}
