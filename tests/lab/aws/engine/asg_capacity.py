# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping a group at its desired capacity: launch what is missing, end what is too much, replace the unhealthy. Pure.

Sources: EC2 Auto Scaling user guide, "Instance maintenance policies" (unhealthy instances are terminated while their
replacements are launched, unless a policy says otherwise), "Configure termination policies", "Auto Scaling benefits
for application architecture" (even spread over the zones).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from tests.lab.aws.engine import asg_health, asg_lifecycle
from tests.lab.aws.engine.asg_actions import Facts
from tests.lab.aws.engine.asg_model import UNHEALTHY, Bounds, Group, Instance, ready, stamp
from tests.lab.aws.engine.asg_refresh_model import Template
from tests.lab.aws.engine.ecs_model import Moment

REFRESH = "an instance was launched in response to an instance refresh."
UNWELL = "an instance was launched in response to an unhealthy instance needing to be replaced."


def limits(bounds: Bounds, desired: int) -> tuple[int, int]:
    """Fewest that are ready and most that are there, in instances.

    The lower bound is rounded up (user guide, "How an instance refresh works"). An upper bound that is set and leaves
    no room gives way by one: "it launches a new instance before terminating an old one" (botocore, RefreshPreferences).
    """
    low = min(desired, math.ceil(desired * bounds.low / 100))
    if bounds.high is None:
        return low, desired
    return low, max(math.floor(desired * bounds.high / 100), desired + 1 if low >= desired else desired)


def counted(group: Group) -> list[Instance]:
    """What stands for the desired capacity: active, and nothing was launched in its place."""
    return [one for one in group.active() if not one.replaced]


def warmth(group: Group) -> float:
    return group.warmup if group.warmup is not None else 0.0


def source(group: Group, facts: Facts) -> tuple[Template, str]:
    """What the next instance is launched from, and the tag of the refresh it belongs to.

    User guide, "How an instance refresh works": "If a scale-out event occurs during an instance refresh, Amazon EC2
    Auto Scaling launches new instances with the desired configuration".
    """
    refresh = group.refresh
    if refresh is None or refresh.status in ("Pending", "Cancelling"):
        return Template(group.template.id, group.template.name, facts.current or group.template.version), ""
    return (refresh.source, f"{refresh.id}/back") if refresh.back else (refresh.target, refresh.id)


def place(group: Group, moment: Moment) -> str | None:
    """The subnet for one more instance: in the zone with the fewest; None while no zone takes one."""
    if not group.runs("Launch"):
        return None
    here = Counter(one.zone for one in counted(group))
    open_ = [subnet for subnet in group.subnets if group.blocked.get(group.zones[subnet], 0.0) <= moment.now]
    return min(open_, key=lambda subnet: (here[group.zones[subnet]], group.subnets.index(subnet)), default=None)


def add(group: Group, facts: Facts, cause: str, moment: Moment) -> Instance | None:
    """Launch one more, if a zone takes it."""
    subnet = place(group, moment)
    if subnet is None:
        return None
    template, refresh = source(group, facts)
    return asg_lifecycle.launch(group, template, subnet, cause, moment, refresh)


def fill(group: Group, facts: Facts, moment: Moment) -> None:
    """Launch what is missing."""
    have = len(counted(group))
    change, refreshing = group.change, group.refresh is not None and group.refresh.status != "Pending"
    for number in range(have, group.desired):
        if refreshing:
            cause = f"At {stamp(moment)} {REFRESH}"
        else:
            because = "an instance was started in response to a difference between desired and actual capacity"
            cause = f"{change}At {stamp(moment)} {because}, increasing the capacity from {have} to {group.desired}."
        if add(group, facts, cause, moment) is None:
            return
        if number + 1 == group.desired:
            group.change = ""


def trim(group: Group, moment: Moment) -> None:
    """End what is too much, by the termination policies; protected instances stay.

    What never was healthy goes first. Inferred from "it will eventually fail, leaving the other 90 percent of the
    group untouched" (user guide, "How an instance refresh works"): what a refresh leaves behind costs no others.
    """
    here = counted(group)
    surplus = len(here) - group.desired
    if surplus <= 0 or not group.runs("Terminate"):
        return
    because = "was taken out of service in response to a difference between desired and actual capacity"
    for number in range(surplus):
        left = [one for one in counted(group) if not one.protected]
        chosen = select([one for one in left if not settled(group, one)] or left, group.termination)
        if chosen is None:
            return
        shrinking = f"shrinking the capacity from {len(here) - number} to {len(here) - number - 1}"
        selected = f"At {stamp(moment)} instance {chosen.id} was selected for termination."
        asg_lifecycle.end(group, chosen, f"an instance {because}, {shrinking}. {selected}", moment)
    group.change = ""


def settled(group: Group, instance: Instance) -> bool:
    """In service, and once healthy where the load balancer is asked."""
    return instance.state == "InService" and (instance.passed or "ELB" not in group.health_types)


def select(instances: Sequence[Instance], policies: Sequence[str]) -> Instance | None:
    """The one to end first: from the fullest zone, then by the first policy that has an order for them."""
    if not instances:
        return None
    here = Counter(one.zone for one in instances)
    most = max(here.values())
    return min((one for one in instances if here[one.zone] == most), key=lambda one: (*_order(one, policies), one.id))


def _order(instance: Instance, policies: Sequence[str]) -> tuple[float, ...]:
    """Default: the oldest launch template version, then the oldest instance (which stands for the billing hour)."""
    age, version = instance.created.now, float(instance.template.version) if instance.template.numbered else 0.0
    keys = {"NewestInstance": -age, "OldestInstance": age, "OldestLaunchTemplate": version}
    return (*(keys[name] for name in policies if name in keys), version, age)


def replace_unhealthy(group: Group, facts: Facts, moment: Moment) -> None:
    """Unhealthy instances go: at once, or, where the maintenance policy wants so, after their replacement is ready."""
    sick = [one for one in group.active() if one.health == UNHEALTHY]
    if not sick or not group.runs("ReplaceUnhealthy"):
        return
    if group.maintenance is None:
        for instance in sick:
            _discard(group, instance, moment)
        return
    low, high = limits(group.maintenance, group.desired)
    if group.maintenance.high is None:
        high = group.desired
    well = sum(ready(group, one, warmth(group), moment) for one in group.active())
    for instance in sick:
        if instance.dead or (instance.replaced and well >= low):
            _discard(group, instance, moment)
        elif not instance.replaced:
            if len(group.active()) >= high:
                _discard(group, instance, moment)
            elif add(group, facts, f"At {stamp(moment)} {UNWELL}", moment) is not None:
                instance.replaced = True


def resize(group: Group, desired: int, why: str, moment: Moment) -> None:
    """A new desired capacity; `why` as activities tell it: "a user request …"."""
    if desired != group.desired:
        change = f"changing the desired capacity from {group.desired} to {desired}"
        group.change = f"At {stamp(moment)} {why} {change}.  "
        group.desired = desired


def _discard(group: Group, instance: Instance, moment: Moment) -> None:
    if not group.runs("Terminate"):
        return
    refresh = group.refresh
    if refresh is not None and instance.refresh.startswith(refresh.id) and refresh.trouble_since is None:
        refresh.trouble_since = moment.now
    asg_lifecycle.end(group, instance, instance.unhealthy_because or asg_health.USER, moment)
