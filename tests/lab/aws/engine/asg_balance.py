# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AZRebalance: zones that differ by two instances or more are brought together, launching before terminating. Pure.

Source: EC2 Auto Scaling user guide, "Auto Scaling benefits for application architecture", rebalancing activities. An
instance refresh balances as it goes; inferred: rebalancing waits for its end, and for all else to be at rest.
"""

from __future__ import annotations

from collections import Counter

from tests.lab.aws.engine import asg_capacity, asg_lifecycle
from tests.lab.aws.engine.asg_actions import Facts
from tests.lab.aws.engine.asg_model import HEALTHY, Group, Instance, ready, stamp
from tests.lab.aws.engine.ecs_model import Moment

PROCESSES = ("AZRebalance", "Launch", "Terminate")
FAR = 2  # instances between the fullest and the emptiest zone


def rebalance(group: Group, facts: Facts, moment: Moment) -> None:
    """One instance at a time: a new one in the emptiest zone, then one of the fullest leaves."""
    if group.refresh is not None or not all(group.runs(name) for name in PROCESSES):
        return
    leaving = [one for one in group.active() if one.replaced and one.health == HEALTHY]
    if leaving:
        _finish(group, leaving[0], moment)
        return
    here = group.active()
    if len(here) != group.desired or any(one.state != "InService" for one in here):
        return
    zones = {group.zones[subnet] for subnet in group.subnets}
    counts = Counter({zone: 0 for zone in zones if group.blocked.get(zone, 0.0) <= moment.now})
    counts.update(one.zone for one in here if one.zone in counts)
    if not counts or max(counts.values()) - min(counts.values()) < FAR:
        return
    fullest = max(sorted(counts), key=lambda zone: counts[zone])
    chosen = asg_capacity.select([one for one in here if one.zone == fullest and not one.protected], group.termination)
    if chosen is not None:
        emptiest = min(sorted(counts), key=lambda zone: counts[zone])
        balance = f"instances were launched to balance instances in zones {emptiest} with other zones"
        cause = f"At {stamp(moment)} {balance} resulting in more than desired number of instances in the group."
        chosen.replaced = asg_capacity.add(group, facts, cause, moment) is not None


def _finish(group: Group, leaving: Instance, moment: Moment) -> None:
    """Its replacement is ready, or nothing came of it."""
    new = asg_capacity.counted(group)
    if len(new) < group.desired:
        leaving.replaced = False
    elif sum(ready(group, one, asg_capacity.warmth(group), moment) for one in new) >= group.desired:
        cause = f"an instance was taken out of service to balance zones. At {stamp(moment)} instance {leaving.id}"
        asg_lifecycle.end(group, leaving, f"{cause} was selected for termination.", moment)
