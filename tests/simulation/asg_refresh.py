# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance refresh as EC2 Auto Scaling plays it: it launches first, waits at checkpoints, and goes on by itself.

"Use an instance refresh to update instances in an Auto Scaling group" and "Adding checkpoints to an instance refresh",
Amazon EC2 Auto Scaling User Guide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.asg_parts import HOUR, NEVER, Group, Json, Refresh

if TYPE_CHECKING:
    from tests.simulation.asg_cloud import AsgCloud


def due(refresh: Refresh, now: float) -> float:
    """When something happens to it by time alone."""
    return min((each for each in (refresh.until, refresh.grew + HOUR) if each > now), default=NEVER)


def share(group: Group, refresh: Refresh) -> int:
    """Percent of the wanted instances that are new and well."""
    well = sum(one.version == refresh.to for one in group.healthy())
    return min(100, 100 * well // max(1, group.desired))


def shown(group: Group, refresh: Refresh) -> Json:
    """As DescribeInstanceRefreshes answers."""
    return refresh.shown(share(group, refresh) if refresh.open else 100)


def move(cloud: AsgCloud, group: Group, refresh: Refresh) -> None:
    """What follows at once from how things are."""
    if refresh.watched and not refresh.back and cloud.alarm.rings(cloud.now):
        cloud.acted = True
        refresh.turn("An alarm that is named in the refresh went into the state ALARM.", cloud.now)
    goal = group.version if refresh.back else refresh.to
    _replace(cloud, group, goal)
    well = sum(one.version == goal for one in group.healthy())
    if well > refresh.well:
        refresh.well, refresh.grew = well, cloud.now
    if refresh.until > cloud.now:
        _launch(cloud, group, goal, _needed(refresh.passed, group.desired))
    elif well >= group.desired and all(one.version == goal for one in group.instances):
        _arrived(cloud, group, refresh)
    elif refresh.status == "Baking":
        _launch(cloud, group, goal, group.desired)
    else:
        _on(cloud, group, refresh, goal)
    if refresh.open and refresh.grew + HOUR <= cloud.now and refresh.until <= cloud.now:
        _fail(refresh, cloud.now)


def _needed(percent: int, desired: int) -> int:
    return -(-percent * desired // 100)


def _replace(cloud: AsgCloud, group: Group, goal: str) -> None:
    """Old ones go as far as what is left is as many as wanted: MinHealthyPercentage 100."""
    ready, new = len(group.healthy()), [one for one in group.staying() if one.version == goal]
    for one in sorted(group.staying(), key=lambda each: (each.state == "healthy", each.born)):
        surplus = one in new and len(new) > group.desired
        if one.version == goal and not surplus:
            continue
        if one.state != "healthy" and (ready >= group.desired or one.state in ("pending", "initial")):
            cloud.end(group, one)
        elif one.state == "healthy" and ready > group.desired:
            ready -= 1
            cloud.end(group, one)
        else:
            continue
        if surplus:
            new.remove(one)


def _launch(cloud: AsgCloud, group: Group, goal: str, most: int) -> None:
    """Up to so many new ones, one more at a time than are wanted: MaxHealthyPercentage 150 of three.

    What is lost meanwhile, old or new, is replaced by new ones: "the desired configuration".
    """
    staying = group.staying()
    new = sum(one.version == goal for one in staying)
    most = max(most, group.desired - (len(staying) - new))
    room = group.desired + max(1, group.desired // 2) - len(staying)
    for _ignored in range(min(most - new, room)):
        if not cloud.launch(group, goal):
            return


def _on(cloud: AsgCloud, group: Group, refresh: Refresh, goal: str) -> None:
    """To the next checkpoint, or, on the way back, at once."""
    checkpoints = [] if refresh.back else refresh.preferences.get("CheckpointPercentages", [])
    done = share(group, refresh)
    reached = max((each for each in checkpoints if refresh.passed < each <= done < 100), default=0)
    if reached and len(group.staying()) <= group.desired:
        refresh.passed, refresh.since = reached, cloud.now
        refresh.until = cloud.now + refresh.preferences["CheckpointDelay"]
        return
    following = min((each for each in checkpoints if each > refresh.passed), default=100)
    _launch(cloud, group, goal, _needed(following, group.desired))


def _arrived(cloud: AsgCloud, group: Group, refresh: Refresh) -> None:
    bake = refresh.preferences.get("BakeTime")
    if refresh.back:
        refresh.status = "RollbackSuccessful"
    elif refresh.status != "Baking" and bake:
        refresh.status, refresh.passed, refresh.since, refresh.until = "Baking", 100, cloud.now, cloud.now + bake
    else:
        refresh.status, group.version = "Successful", refresh.to


def _fail(refresh: Refresh, now: float) -> None:
    """An hour without a step nearer."""
    if refresh.back:
        refresh.status, refresh.why = "RollbackFailed", f"{refresh.why} It failed."
    elif refresh.preferences.get("AutoRollback"):
        refresh.turn("Replacements failed for an hour.", now)
    else:
        refresh.status, refresh.why = "Failed", "Replacements failed for an hour."
