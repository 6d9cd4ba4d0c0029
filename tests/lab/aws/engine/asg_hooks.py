# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lifecycle hooks: who is held, for how long, with which result. Pure.

Source: EC2 Auto Scaling user guide, "Amazon EC2 Auto Scaling lifecycle hooks" and "How lifecycle hooks work":
a launch that is abandoned is terminated and replaced and its other hooks don't wait; a termination goes on with
either result, ABANDON ends the wait for the other hooks, too.
"""

from __future__ import annotations

from tests.lab.aws.engine.asg_model import Group, Instance, LifecycleAction
from tests.lab.aws.engine.ecs_model import Moment

ABANDON, CONTINUE = "ABANDON", "CONTINUE"


def hold(group: Group, instance: Instance, transition: str, moment: Moment) -> bool:
    """Start the hooks of the transition, once; whether there is any."""
    instance.hooked = True
    instance.actions = [
        LifecycleAction(hook, group.ids.uuid("token"), moment.now + hook.timeout, moment.now + hook.longest)
        for hook in group.hooks.values()
        if hook.transition == transition
    ]
    return bool(instance.actions)


def verdict(instance: Instance, moment: Moment) -> str:
    """CONTINUE, ABANDON, or "" while somebody is waited for. Timeouts take the hook's default result."""
    for action in instance.actions:
        if not action.result and moment.now >= action.deadline:
            action.result = action.hook.result
    results = {action.result for action in instance.actions}
    if ABANDON in results:
        return ABANDON
    return "" if "" in results else CONTINUE


def abandoned(instance: Instance, moment: Moment) -> str:
    """Why the launch failed, as its activity says."""
    action = next(one for one in instance.actions if one.result == ABANDON)
    how = "Heartbeat Timeout" if moment.now >= action.deadline else "Lifecycle Action Completed with ABANDON Result"
    text = "Instance failed to complete user's Lifecycle Action: Lifecycle Action with token"
    return f"{text} {action.token} was abandoned: {how}"


def waiting(instance: Instance, hook: str, token: str) -> LifecycleAction | None:
    """The action that a call names: by hook and, if given, token."""
    for action in instance.actions:
        if action.hook.name == hook and token in ("", action.token) and not action.result:
            return action
    return None


def beat(action: LifecycleAction, moment: Moment) -> None:
    """RecordLifecycleActionHeartbeat: "extends the timeout period by the timeout value"."""
    action.deadline = min(action.last, moment.now + action.hook.timeout)
