# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refreshes that go wrong: alarms, failing instances, rollback by hand and by itself, cancellation."""

from __future__ import annotations

import pytest

from tests.lab.aws.engine import asg_refresh_ends
from tests.lab.aws.engine.asg_model import Group
from tests.lab.aws.engine.asg_refresh_model import Refresh
from tests.lab.aws.ports import AlarmState
from tests.unit.lab.aws.engine.asg_world import World, template

OK, RINGS, BLIND = AlarmState("OK"), AlarmState("ALARM"), AlarmState("INSUFFICIENT_DATA")


def roll_back(world: World, group: Group, refresh: Refresh) -> None:
    asg_refresh_ends.roll_back(group, refresh, asg_refresh_ends.MANUAL, world.fleet.moment())


def home(world: World, group: Group, count: int) -> bool:
    """The group is as it was: `count` instances of version 1 serve, nothing else is left, the settings are the same."""
    world.run(80)
    return (world.versions(group), len(group.instances), group.template) == ({"1": count}, count, template("1"))


@pytest.mark.parametrize("after", [1, 12, 30, 60, 90, 150, 200])
def test_a_rollback_at_any_moment_brings_the_group_home_within_its_bounds(after: int) -> None:
    world = World()
    group = world.steady(4)
    refresh = world.refresh(group, low=100, high=150, bake=1000.0)
    world.run(after)
    roll_back(world, group, refresh)
    assert refresh.status == "RollbackInProgress"
    assert world.finish(refresh) == "RollbackSuccessful"
    assert (world.least, world.most <= 6) == (4, True)
    assert home(world, group, 4)
    assert refresh.percent == 0
    assert refresh.rollback_reason == asg_refresh_ends.MANUAL


def test_a_rollback_keeps_what_was_never_replaced() -> None:
    world = World()
    group = world.steady(4)
    before = set(group.instances)
    refresh = world.refresh(group, low=100, high=125, checkpoints=(25, 100), delay=5000.0)
    world.until(lambda: refresh.paused_until is not None)
    roll_back(world, group, refresh)
    assert (refresh.rollback_percent, refresh.rollback_left, refresh.left) == (25, 3, 3)
    world.finish(refresh)
    assert len(before & set(group.instances)) == 3
    assert home(world, group, 4)


def test_a_release_that_never_gets_healthy_leaves_the_rest_untouched_and_rolls_back_after_an_hour() -> None:
    world = World()
    group = world.steady(3)
    before = set(group.instances)
    refresh = world.refresh(group, version="3", low=100, high=150, auto_rollback=True)
    world.run(3500)
    assert (refresh.status, world.least) == ("InProgress", 3)
    assert world.finish(refresh, 1000) == "RollbackSuccessful"
    assert refresh.rollback_reason.startswith("Automatic rollback: Timed out after waiting an hour")
    assert before == set(group.instances) & before
    assert home(world, group, 3)


def test_without_auto_rollback_it_fails_and_the_group_goes_back_to_its_size() -> None:
    world = World()
    group = world.steady(3)
    refresh = world.refresh(group, version="3", low=100, high=150)
    assert world.finish(refresh, 5000) == "Failed"
    world.run(60)
    assert world.versions(group) == {"1": 3}  # "leaving the other 90 percent of the group untouched"
    assert (world.least, group.template) == (3, template("1"))


def test_a_launch_that_fails_is_tried_for_an_hour() -> None:
    world = World()
    group = world.steady(2)
    refresh = world.refresh(group, version="5", low=100, high=150, auto_rollback=True)
    world.run(600)
    assert (refresh.status, world.least) == ("InProgress", 2)
    assert len(group.active()) == 2
    assert any(one.status == "Failed" for one in group.activities)
    assert world.finish(refresh, 4000) == "RollbackSuccessful"
    assert home(world, group, 2)


def test_trouble_that_passes_is_forgotten() -> None:
    world = World()
    group = world.steady(2)
    world.shortage = {"us-east-1a", "us-east-1b", "us-east-1c"}
    refresh = world.refresh(group, low=100, high=150)
    world.run(1800)
    assert refresh.trouble_since is not None
    world.shortage.clear()
    assert world.finish(refresh) == "Successful"
    assert refresh.trouble_since is None


@pytest.mark.parametrize("back", [True, False])
@pytest.mark.parametrize("when", ["InProgress", "Baking"])
def test_an_alarm_rolls_back_or_fails(back: bool, when: str) -> None:
    world = World(states={"beat": OK})
    group = world.steady(2)
    refresh = world.refresh(group, low=100, high=200, bake=500.0, auto_rollback=back, alarms=("beat",))
    world.until(lambda: refresh.status == when)
    world.run(20)
    world.states["beat"] = RINGS
    world.run(1)
    assert refresh.status == ("RollbackInProgress" if back else "Failed")
    assert "beat" in refresh.reason
    if back:
        assert world.finish(refresh) == "RollbackSuccessful"  # the alarm that goes on ringing is not looked at
        assert home(world, group, 2)


def test_an_alarm_without_data_holds_the_refresh() -> None:
    world = World(states={"beat": OK})
    group = world.steady(4)
    refresh = world.refresh(group, low=100, high=125, alarms=("beat",))
    world.until(lambda: world.versions(group)["2"] == 1)
    world.states["beat"] = BLIND
    world.run(400)
    assert world.versions(group)["2"] == 1
    assert refresh.reason == "Waiting for data points of CloudWatch alarm(s): beat."
    world.states["beat"] = OK
    assert world.finish(refresh) == "Successful"


def test_an_alarm_at_a_checkpoint_ends_the_wait() -> None:
    world = World(states={"beat": OK})
    group = world.steady(4)
    wanted = {"checkpoints": (25, 100), "delay": 3000.0, "auto_rollback": True, "alarms": ("beat",)}
    refresh = world.refresh(group, low=100, high=125, **wanted)
    world.until(lambda: refresh.paused_until is not None)
    world.run(100)
    world.states["beat"] = RINGS
    world.run(2)
    assert refresh.status == "RollbackInProgress"
    assert world.finish(refresh, 500) == "RollbackSuccessful"


def test_a_rollback_to_what_cannot_be_launched_fails_after_an_hour() -> None:
    world = World()
    group = world.steady(2)
    refresh = world.refresh(group, low=0)
    world.until(lambda: world.serving(group, "2") == 2)
    world.shortage = {"us-east-1a", "us-east-1b", "us-east-1c"}
    roll_back(world, group, refresh)
    assert world.finish(refresh, 5000) == "RollbackFailed"


@pytest.mark.parametrize("after", [1, 12, 40])
def test_a_cancelled_refresh_waits_for_what_is_under_way_and_changes_nothing_more(after: int) -> None:
    world = World()
    group = world.steady(4)
    refresh = world.refresh(group, low=100, high=150)
    world.run(after)
    new = world.versions(group)["2"]
    asg_refresh_ends.cancel(group, refresh, True, world.fleet.moment())
    assert world.finish(refresh, 200) == "Cancelled"
    assert world.versions(group)["2"] <= new
    world.run(100)
    assert (len(group.active()), group.template) == (4, template("1"))
    assert world.least == 4


def test_a_cancellation_that_does_not_wait_ends_at_once() -> None:
    world = World()
    group = world.steady(2)
    refresh = world.refresh(group, low=100, high=150)
    world.run(10)
    assert any(one.state == "Pending" for one in group.instances.values())
    asg_refresh_ends.cancel(group, refresh, False, world.fleet.moment())
    assert refresh.status == "Cancelled"


def test_a_second_refresh_starts_from_what_the_first_left() -> None:
    world = World()
    group = world.steady(3)
    first = world.refresh(group, low=100, high=150, checkpoints=(34, 100), delay=5000.0)
    world.until(lambda: first.paused_until is not None)
    asg_refresh_ends.cancel(group, first, True, world.fleet.moment())
    world.finish(first)
    world.run(60)
    second = world.refresh(group, low=100, high=150)
    assert world.finish(second) == "Successful"
    assert world.versions(group) == {"2": 3}


def test_an_instance_that_is_killed_meanwhile_is_replaced_by_the_new_version() -> None:
    world = World()
    group = world.steady(3)
    refresh = world.refresh(group, low=100, high=150)
    world.until(lambda: world.serving(group, "2") == 1)
    old = next(one for one in group.active() if one.template.version == "1")
    world.terminate(old.id)
    assert world.finish(refresh) == "Successful"
    world.run(60)
    assert (world.versions(group), len(group.instances)) == ({"2": 3}, 3)


def test_a_loss_that_is_mended_does_not_run_the_refresh_out_of_time() -> None:
    world = World()
    group = world.steady(4)
    refresh = world.refresh(group, low=100, high=125, checkpoints=(50, 100), delay=7000.0)
    world.until(lambda: refresh.paused_until is not None)
    world.terminate(next(one for one in group.active() if one.template.version == "2").id)
    world.run(5)
    assert refresh.trouble_since is not None
    world.run(100)
    assert (refresh.trouble_since, world.serving(group, "2")) == (None, 2)
    assert world.finish(refresh, 9000) == "Successful"


def test_a_group_that_may_not_launch_is_given_up_after_an_hour() -> None:
    world = World()
    group = world.steady(2)
    group.suspended = {"Launch": "for the test"}
    refresh = world.refresh(group, low=100, high=150)
    assert world.finish(refresh, 4000) == "Failed"
    assert world.versions(group) == {"1": 2}


def test_an_instance_killed_in_a_rollback_is_replaced_by_the_old_version() -> None:
    world = World()
    group = world.steady(3)
    refresh = world.refresh(group, low=100, high=150, bake=1000.0)
    world.until(lambda: refresh.status == "Baking")
    roll_back(world, group, refresh)
    world.run(5)
    world.terminate(next(one for one in group.active() if one.template.version == "2").id)
    assert world.finish(refresh) == "RollbackSuccessful"
    assert home(world, group, 3)
