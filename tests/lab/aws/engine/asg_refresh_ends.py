# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an instance refresh begins, turns and ends. Pure.

Sources: botocore autoscaling, InstanceRefresh.Status, RollbackDetails, CancelInstanceRefresh; EC2 Auto Scaling user
guide, "Undo changes with a manual or auto rollback" and "How an instance refresh works": the group's own settings
change when, and only when, a refresh with a desired configuration succeeds.
"""

from __future__ import annotations

from tests.lab.aws.engine.asg_model import ENDING, STANDBY, Group, Instance, oldest
from tests.lab.aws.engine.asg_refresh_model import Refresh
from tests.lab.aws.engine.ecs_model import Moment

MANUAL = "Manual rollback was initiated."


def start(group: Group, refresh: Refresh) -> None:
    """StartInstanceRefresh was taken: Pending."""
    group.refreshes.insert(0, refresh)


def begin(group: Group, refresh: Refresh) -> None:
    """What the group has now is replaced, apart from what matches already if that is to be skipped."""
    refresh.status, refresh.reason = "InProgress", ""
    refresh.begun = {one.id for one in _members(group) if not _matches(one, refresh)}


def _matches(instance: Instance, refresh: Refresh) -> bool:
    if not refresh.preferences.skip_matching:
        return False
    return (instance.template.id, instance.template.version) == (refresh.target.id, refresh.target.version)


def _members(group: Group) -> list[Instance]:
    return [one for one in group.instances.values() if one.active or one.state in STANDBY]


def bake(group: Group, refresh: Refresh, moment: Moment) -> None:
    """All is replaced: the bake time runs, if there is one."""
    if refresh.preferences.bake:
        refresh.status, refresh.reason = "Baking", "Waiting for the bake time to pass."
        refresh.bake_until = moment.now + refresh.preferences.bake
    else:
        succeed(group, refresh, moment)


def succeed(group: Group, refresh: Refresh, moment: Moment) -> None:
    if refresh.desired is not None:
        group.template = refresh.desired
    refresh.percent, refresh.left = 100, 0
    if refresh.preferences.checkpoints and refresh.preferences.checkpoints[-1] < 100:
        refresh.percent, refresh.left = refresh.preferences.checkpoints[-1], len(refresh.begun & set(group.instances))
    _close(group, refresh, "Successful", "", moment)


def fail(group: Group, refresh: Refresh, reason: str, moment: Moment) -> None:
    """It cannot go on: back, where that was asked for, else Failed, with everything as it is."""
    if refresh.back:
        _close(group, refresh, "RollbackFailed", reason, moment)
    elif refresh.preferences.auto_rollback:
        roll_back(group, refresh, f"Automatic rollback: {reason}", moment)
    else:
        _close(group, refresh, "Failed", reason, moment)


def roll_back(group: Group, refresh: Refresh, reason: str, moment: Moment) -> None:
    """What was launched from the desired configuration is replaced by what the group was before."""
    refresh.status, refresh.reason = "RollbackInProgress", reason
    refresh.rollback_reason, refresh.rollback_at = reason, moment.utc
    refresh.rollback_percent, refresh.rollback_left = refresh.percent, refresh.left
    refresh.paused_until = refresh.trouble_since = refresh.bake_until = None
    refresh.updated = 0
    fresh = [one for one in _members(group) if one.refresh == refresh.id]
    refresh.begun = {one.id for one in fresh}
    surplus = sum(one.replaced for one in group.active())
    for one in group.active():
        one.replaced = False
    for one in oldest(fresh)[::-1][:surplus]:  # what was launched first is what goes
        one.replaced = True


def rolled_back(group: Group, refresh: Refresh, moment: Moment) -> None:
    refresh.percent = 0
    _close(group, refresh, "RollbackSuccessful", refresh.rollback_reason, moment)


def cancel(group: Group, refresh: Refresh, wait: bool, moment: Moment) -> None:
    """No further replacements; by default launches and terminations under way are waited for."""
    refresh.status, refresh.transitions = "Cancelling", wait
    refresh.reason = "Cancelled by user."
    for one in group.instances.values():
        one.replaced = False
    cancelled(group, refresh, moment)


def cancelled(group: Group, refresh: Refresh, moment: Moment) -> None:
    """Whether everything under way has ended."""
    moving = [one for one in group.instances.values() if one.state in ENDING or one.state.startswith("Pending")]
    if not (refresh.transitions and moving):
        _close(group, refresh, "Cancelled", refresh.reason, moment)


def _close(group: Group, refresh: Refresh, status: str, reason: str, moment: Moment) -> None:
    refresh.status, refresh.reason, refresh.ended_at = status, reason, moment.utc
    refresh.paused_until = refresh.bake_until = None
    for one in group.instances.values():
        one.replaced = False
