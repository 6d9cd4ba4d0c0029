# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens in the world of EC2 Auto Scaling, by itself or by somebody's hand, while a rollout is under way."""

from __future__ import annotations

import base64

from tests.simulation.asg_cloud import AsgCloud
from tests.simulation.asg_parts import NEVER, SICK, Group, Refresh
from tests.simulation.asg_scenario import LEAST, MOST, params
from tests.simulation.everywhere import EVERYWHERE, Events, opened
from tests.simulation.parts import FOREIGN


def _all(cloud: AsgCloud) -> list[Group]:
    return list(cloud.groups.values())


def _flap(cloud: AsgCloud) -> None:
    for group in _all(cloud):
        for one in group.healthy():
            if cloud.rng.random() < 0.5:
                one.become("unhealthy", cloud.now + SICK)
                cloud.lost_by_world = cloud.now


def _lost(cloud: AsgCloud) -> None:
    """An instance fails, or was a spot one that is wanted back."""
    there = [(group, one) for group in _all(cloud) for one in group.healthy()]
    if there:
        cloud.lose(*cloud.rng.choice(there))


def _close(cloud: AsgCloud) -> None:
    cloud.closed_zone = "b"
    for group in _all(cloud):
        for one in [one for one in group.staying() if one.zone == "b"]:
            cloud.lose(group, one)


def _keep_timers(cloud: AsgCloud) -> None:
    cloud.undeletable = True


def _let_timers(cloud: AsgCloud) -> None:
    cloud.undeletable = False


def serving(cloud: AsgCloud) -> Group | None:
    """The group that has most of the traffic."""
    there = [group for group in _all(cloud) if group.desired]
    return max(there, key=cloud.claimed, default=None)


def _foreign(cloud: AsgCloud) -> None:
    """Somebody starts a refresh by hand, to a version of his own."""
    group = serving(cloud)
    if group is None or group.refresh() is not None:
        return
    data = {"UserData": _encoded(FOREIGN)}
    cloud.add_version("by hand", data)
    cloud.count += 1
    made = Refresh(f"refresh-{cloud.count}", str(len(cloud.versions)), {}, cloud.now, grew=cloud.now, by="console")
    group.refreshes.insert(0, made)


def _encoded(name: str) -> str:
    return base64.b64encode(str(params(name, "rolling", 0.0)["template"]["user_data"]).encode()).decode()


def _scale(cloud: AsgCloud) -> None:
    """The autoscaler, where nobody suspended it."""
    group = serving(cloud)
    if group is None or cloud.closed or "AlarmNotification" in group.suspended or not cloud.weight(group):
        return
    cloud.chosen = cloud.rng.choice([count for count in range(LEAST, MOST) if count != cloud.chosen])
    group.described["DesiredCapacity"], cloud.lost_by_world = cloud.chosen, cloud.now


def _move(cloud: AsgCloud) -> None:
    """Zone rebalancing, where nobody suspended it: one more first, then one less."""
    group = serving(cloud)
    if group is not None and group.refresh() is None and "AZRebalance" not in group.suspended:
        group.moved = cloud.launch(group, group.version)


def _moved(cloud: AsgCloud) -> None:
    for group in _all(cloud):
        group.moved = False


def _meddle(cloud: AsgCloud) -> None:
    """Somebody moves the weights of a shift that is under way."""
    both = [group for group in _all(cloud) if group.desired and group.healthy()]
    if len(both) < 2 or not cloud.schedules:
        return
    actions = cloud.rules["production"]["Actions"]
    is_now = cloud.claimed(both[0])
    share = cloud.rng.choice([each for each in (20, 50, 80) if abs(each - is_now) >= 20])
    cloud.meant = actions
    cloud.weigh(_actions({both[0].target_group: share, both[1].target_group: 100 - share}))
    cloud.meddled = cloud.now


def _mend(cloud: AsgCloud) -> None:
    if cloud.meddled < NEVER and cloud.meant:
        cloud.weigh(cloud.meant)


def _actions(weights: dict[str, int]) -> list[dict[str, object]]:
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]
    return [{"Type": "forward", "Order": 1, "ForwardConfig": {"TargetGroups": groups}}]


EVENTS: Events = {
    **EVERYWHERE,
    "flap": (_flap, None, "F13 flap"),
    "instance": (_lost, None, "F13 instance lost"),
    "zone": (_close, opened, "F15 zone lost"),
    "foreign": (_foreign, None, "F19 foreign refresh"),
    "scaled": (_scale, None, "F19 autoscaler"),
    "moved": (_move, _moved, "F19 rebalanced"),
    "meddled": (_meddle, _mend, "F19 weights moved by hand"),
    "undeletable": (_keep_timers, _let_timers, "F24 timer undeletable"),
}
