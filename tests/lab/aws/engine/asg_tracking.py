# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Target tracking: what a policy makes of its metric, once a minute. Pure.

Source: EC2 Auto Scaling user guide, "Target tracking scaling policies": scale-out when one policy wants it, scale-in
when all do and no instance warms up, capacity in proportion to the metric. Its two alarms, as accounts show them: three
minutes above the target, fifteen minutes below 90 percent of it. The lab evaluates them itself.
"""

from __future__ import annotations

import math

from tests.lab.aws.engine import asg_capacity
from tests.lab.aws.engine.asg_actions import Facts
from tests.lab.aws.engine.asg_model import Group, Instance
from tests.lab.aws.engine.asg_tracking_model import Policy
from tests.lab.aws.engine.ecs_model import Moment

MINUTE = 60.0
ABOVE, BELOW = 3, 15  # data points of AlarmHigh and AlarmLow
SLACK = 0.9  # of the target: AlarmLow's threshold


def track(group: Group, facts: Facts, moment: Moment) -> None:
    """Take each policy's data point when a minute has passed, and follow it."""
    due = [one for one in group.policies.values() if moment.now - one.sampled_at >= MINUTE]
    for policy in due:
        policy.sampled_at = moment.now
        if policy.name in facts.metrics:
            policy.values = [*policy.values, facts.metrics[policy.name]][-BELOW:]
    if not due or not group.runs("AlarmNotification"):
        return
    live = [one for one in group.policies.values() if one.enabled]
    out = [(wanted(group, one, moment), one) for one in live if _high(one)]
    if out:
        _resize(group, *max(out, key=lambda pair: pair[0]), "High", moment)
    elif live and all(_low(one) for one in live) and not any(_warming(group, one, moment) for one in live):
        low = max(((wanted(group, one, moment), one) for one in live), key=lambda pair: pair[0])
        _resize(group, *low, "Low", moment)


def wanted(group: Group, policy: Policy, moment: Moment) -> int:
    """The capacity that would bring the metric to its target, by its last value and what has warmed up."""
    serving = [one for one in group.active() if one.state == "InService"]
    warm = len(serving) - len(_warming(group, policy, moment))
    return math.ceil(warm * policy.values[-1] / policy.target)


def _high(policy: Policy) -> bool:
    recent = policy.values[-ABOVE:]
    return len(recent) == ABOVE and min(recent) > policy.target


def _low(policy: Policy) -> bool:
    below = len(policy.values) == BELOW and max(policy.values) < SLACK * policy.target
    return policy.scale_in and below


def _warming(group: Group, policy: Policy, moment: Moment) -> list[Instance]:
    warmup = policy.warmup if policy.warmup is not None else group.warmup or 0.0
    serving = [one for one in group.active() if one.state == "InService"]
    return [one for one in serving if moment.now - (one.serving_since or 0.0) < warmup]


def _resize(group: Group, capacity: int, policy: Policy, kind: str, moment: Moment) -> None:
    desired = min(max(capacity, group.low), group.high)
    if (kind == "High" and desired <= group.desired) or (kind == "Low" and desired >= group.desired):
        return
    alarm = next((one["AlarmName"] for one in policy.alarms if f"Alarm{kind}" in one["AlarmName"]), f"Alarm{kind}")
    why = f"a monitor alarm {alarm} in state ALARM triggered policy {policy.name}"
    asg_capacity.resize(group, desired, why, moment)
