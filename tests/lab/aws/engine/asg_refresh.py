# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance refresh with the Rolling strategy, and its rollback, step by step. Pure.

Sources: EC2 Auto Scaling user guide, "How an instance refresh works", "Add checkpoints to an instance refresh", "Undo
changes with a manual or auto rollback"; botocore autoscaling, RefreshPreferences. Inferred: texts of StatusReason, the
order within a batch (fullest zone first, then the oldest), that alarms are not watched during a rollback.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from tests.lab.aws.engine import asg_capacity, asg_lifecycle, asg_refresh_ends
from tests.lab.aws.engine.asg_actions import Facts
from tests.lab.aws.engine.asg_model import Bounds, Group, Instance, Pace, oldest, ready, stamp
from tests.lab.aws.engine.asg_refresh_model import MOVING, Refresh
from tests.lab.aws.engine.ecs_model import Moment

PATIENCE = 3600.0  # "Amazon EC2 Auto Scaling keeps retrying for an hour" (user guide, "Limitations")
LONGEST = 14 * 86400.0  # "the maximum amount of time that an instance refresh can continue … is 14 days"
TAKEN = "an instance was taken out of service in response to an instance refresh."


@dataclass(frozen=True)
class Count:
    """How a refresh stands. `old`: still to be replaced and allowed to be; `held`: not allowed now, waited for."""

    old: list[Instance]
    held: list[Instance]
    fresh: list[Instance]  # active, and not to be replaced
    updated: int  # of them ready
    size: int  # instances that are to be new in the end


def step(group: Group, facts: Facts, moment: Moment, pace: Pace) -> None:
    refresh = group.refresh
    if refresh is None or not group.runs("InstanceRefresh"):
        return
    if refresh.status == "Pending" and moment.now - refresh.since >= pace.refresh_start:
        asg_refresh_ends.begin(group, refresh)
    if refresh.status in ("InProgress", "Baking") and _alarmed(group, refresh, facts, moment):
        return
    if refresh.status in MOVING:
        _move(group, refresh, facts, moment)
    elif refresh.status == "Baking" and refresh.bake_until is not None and moment.now >= refresh.bake_until:
        asg_refresh_ends.succeed(group, refresh, moment)
    elif refresh.status == "Cancelling":
        asg_refresh_ends.cancelled(group, refresh, moment)


def _alarmed(group: Group, refresh: Refresh, facts: Facts, moment: Moment) -> bool:
    """Whether an alarm ends the refresh, or holds it for want of data."""
    states = {name: facts.alarms[name].state for name in refresh.preferences.alarms if name in facts.alarms}
    ringing = [name for name, state in states.items() if state == "ALARM"]
    if ringing:
        asg_refresh_ends.fail(group, refresh, f"CloudWatch alarm(s) in ALARM state: {', '.join(ringing)}.", moment)
        return True
    blind = [name for name in refresh.preferences.alarms if states.get(name) != "OK"]
    if blind:
        refresh.reason = f"Waiting for data points of CloudWatch alarm(s): {', '.join(blind)}."
    return bool(blind)


def _move(group: Group, refresh: Refresh, facts: Facts, moment: Moment) -> None:
    count = take_count(group, refresh, moment)
    _progress(group, refresh, count, moment)
    if _stuck(group, refresh, count, moment):
        return
    goal = _goal(refresh, count)
    if _waits(group, refresh, count, goal, moment):
        return
    if count.updated >= goal and _last(refresh, count, goal) and not _surplus(group, refresh):
        if refresh.back:
            asg_refresh_ends.rolled_back(group, refresh, moment)
        else:
            asg_refresh_ends.bake(group, refresh, moment)
        return
    _replace(group, refresh, facts, count, goal, moment)


def take_count(group: Group, refresh: Refresh, moment: Moment) -> Count:
    wanted = refresh.preferences
    old, held = [], []
    for one in group.instances.values():
        if one.id not in refresh.begun or not (one.active or one.state == "Standby"):
            continue
        choice = wanted.standby if one.state == "Standby" else wanted.protected if one.protected else ""
        if refresh.back or choice not in ("Wait", "Ignore"):
            old.append(one)
        elif choice == "Wait":
            held.append(one)
    fresh = [one for one in asg_capacity.counted(group) if one.id not in refresh.begun]
    ignored = sum(one.active for one in group.instances.values() if one.id in refresh.begun)
    ignored -= sum(one.active for one in [*old, *held])
    updated = sum(ready(group, one, wanted.warmup, moment) for one in fresh)
    return Count(old, held, fresh, updated, max(0, group.desired - ignored))


def _progress(group: Group, refresh: Refresh, count: Count, moment: Moment) -> None:
    """InstancesToUpdate shrinks when a new instance serves, PercentageComplete when it has warmed up, too.

    So in the example of the user guide, "Monitor an instance refresh": 50 percent, none left to update, one warming up.
    """
    if count.updated > refresh.updated or _well(group, count, moment):
        refresh.updated, refresh.trouble_since = max(refresh.updated, count.updated), None
    if refresh.back:
        share = (refresh.total - count.updated) / refresh.total if refresh.total else 0.0
        refresh.percent = min(refresh.rollback_percent, max(0, math.floor(100 * share)))
        refresh.left = refresh.rollback_left
    else:
        placed = sum(one.state == "InService" for one in count.fresh)
        refresh.total, refresh.left = count.size, max(0, count.size - placed)
        refresh.percent = math.floor(100 * min(1.0, count.updated / count.size)) if count.size else 100
    if _slow(group, refresh, count, moment) or (count.held and not count.old):
        refresh.trouble_since = moment.now if refresh.trouble_since is None else refresh.trouble_since
    if len(count.fresh) > count.updated:
        unready = [one for one in count.fresh if not ready(group, one, refresh.preferences.warmup, moment)]
        example = next((one.id for one in unready if one.state == "InService"), "")
        warming = f"Waiting for instances to warm up before continuing. For example: {example} is warming up."
        refresh.reason = warming if example else "Waiting for remaining instances to be available."
    elif count.held and not count.old:
        refresh.reason = f"Waiting for instances in Standby or protected from scale in: {count.held[0].id}."
    else:
        refresh.reason = ""


def _well(group: Group, count: Count, moment: Moment) -> bool:
    """Whether nothing is missing, nothing is waited for, and the next launch can be tried."""
    complete = len(asg_capacity.counted(group)) >= group.desired and len(count.fresh) == count.updated
    return complete and bool(count.old or not count.held) and asg_capacity.place(group, moment) is not None


def _slow(group: Group, refresh: Refresh, count: Count, moment: Moment) -> bool:
    """Whether an instance has had its warm-up and is not healthy."""
    warmup = refresh.preferences.warmup
    warm = [one for one in count.fresh if one.serving_since is not None and moment.now - one.serving_since > warmup]
    return any(not ready(group, one, warmup, moment) for one in warm)


def _stuck(group: Group, refresh: Refresh, count: Count, moment: Moment) -> bool:
    """Whether it was given up."""
    if refresh.trouble_since is not None and moment.now - refresh.trouble_since > PATIENCE:
        what = "instances in Standby or protected from scale in" if count.held else "healthy instances"
        asg_refresh_ends.fail(group, refresh, f"Timed out after waiting an hour for {what}.", moment)
    elif moment.now - refresh.since > LONGEST:
        asg_refresh_ends.fail(group, refresh, "Timed out after 14 days.", moment)
    else:
        return False
    return True


def _last(refresh: Refresh, count: Count, goal: int) -> bool:
    """Whether nothing comes after this goal: all is new, or as much as the last checkpoint wants."""
    steps = refresh.preferences.checkpoints
    if refresh.back or not steps or steps[-1] == 100:
        return goal == count.size and not (count.old or count.held)
    return goal == math.ceil(count.size * steps[-1] / 100)


def _goal(refresh: Refresh, count: Count) -> int:
    """How many may be new now: up to the next checkpoint."""
    steps = refresh.preferences.checkpoints
    if refresh.back or not steps:
        return count.size
    following = [percent for percent in steps if percent > refresh.waited] or [steps[-1]]
    return math.ceil(count.size * following[0] / 100)


def _waits(group: Group, refresh: Refresh, count: Count, goal: int, moment: Moment) -> bool:
    """At a checkpoint: whether the refresh rests. The last one has no delay, those below are skipped."""
    steps = refresh.preferences.checkpoints
    if refresh.back or not steps or not count.size:
        return False
    if refresh.paused_until is not None:
        if moment.now < refresh.paused_until:
            refresh.reason = f"Waiting at the checkpoint of {refresh.waited} percent before continuing."
            return True
        refresh.paused_until = None
        return False
    share = 100 * count.updated / count.size
    refresh.waited = min(refresh.waited, max((step for step in steps if step <= share), default=0))  # after a scale-out
    reached = max((step for step in steps if step <= share), default=0)  # what lies below it is skipped
    if count.updated < goal or reached in (0, steps[-1]) or reached <= refresh.waited or _surplus(group, refresh):
        return False
    refresh.waited, refresh.paused_until = reached, moment.now + refresh.preferences.delay
    refresh.reason = f"Waiting at the checkpoint of {refresh.waited} percent before continuing."
    return True


def _surplus(group: Group, refresh: Refresh) -> bool:
    return any(one.replaced and one.id in refresh.begun for one in group.active())


def _replace(group: Group, refresh: Refresh, facts: Facts, count: Count, goal: int, moment: Moment) -> None:
    """Launch, terminate, or both at once, as the bounds allow."""
    wanted = refresh.preferences
    low, high = asg_capacity.limits(Bounds(wanted.low, wanted.high), group.desired)
    spare = sum(ready(group, one, wanted.warmup, moment) for one in group.active()) - low
    for one in [one for one in count.old if one.state == "Standby"]:
        _end(group, one, moment)
    here = [one for one in count.old if one.active]
    coming = max(0, group.desired - len(asg_capacity.counted(group)))  # missing: launched by itself
    room = min(goal - len(count.fresh), high - len(group.active())) - coming
    for _ignored in range(max(0, room)):
        chosen = _next([one for one in here if not one.replaced])
        if chosen is None:
            break
        chosen.replaced = True  # before: the new one takes its place in the zone, too
        if asg_capacity.add(group, facts, _cause(moment), moment) is None:
            chosen.replaced = False
            refresh.trouble_since = moment.now if refresh.trouble_since is None else refresh.trouble_since
            break
    for one in [one for one in here if one.replaced]:
        spare -= _end_if(group, one, spare, wanted.warmup, moment)
    missing = goal - sum(one.id not in refresh.begun for one in asg_capacity.counted(group))
    if wanted.high is None and low >= group.desired and _settled(group, wanted.warmup, moment):
        spare = 1  # both at once, below the lower bound for a while: what an omitted upper bound means
    for _ignored in range(missing):
        chosen = _next([one for one in here if one.active and not one.replaced])
        if chosen is None:
            break
        spare -= _end_if(group, chosen, spare, wanted.warmup, moment)
        if chosen.active:
            break


def _next(instances: list[Instance]) -> Instance | None:
    here = Counter(one.zone for one in instances)
    return max(oldest(instances), key=lambda one: here[one.zone], default=None)


def _end_if(group: Group, instance: Instance, spare: int, warmup: float, moment: Moment) -> int:
    """End it where that leaves enough; returns how many ready ones that took."""
    serves = ready(group, instance, warmup, moment)
    if serves and spare <= 0:
        return 0
    _end(group, instance, moment)
    return int(serves)


def _end(group: Group, instance: Instance, moment: Moment) -> None:
    if group.runs("Terminate"):
        selected = f"At {stamp(moment)} instance {instance.id} was selected for termination."
        asg_lifecycle.end(group, instance, f"{TAKEN} {selected}", moment)


def _settled(group: Group, warmup: float, moment: Moment) -> bool:
    here = group.active()
    return len(here) >= group.desired and all(ready(group, one, warmup, moment) for one in here)


def _cause(moment: Moment) -> str:
    return f"At {stamp(moment)} {asg_capacity.REFRESH}"
