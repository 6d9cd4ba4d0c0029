# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instance refresh: bounds, order, checkpoints, skipping, bake, what the group is afterwards."""

from __future__ import annotations

import pytest

from tests.lab.aws.engine import asg_step
from tests.lab.aws.engine.asg_model import LAUNCHING_HOOK, Group, Hook
from tests.lab.aws.engine.asg_refresh_model import Refresh
from tests.unit.lab.aws.engine.asg_world import World, template


@pytest.mark.parametrize(
    ("desired", "low", "high", "least", "most"),
    [
        (3, 100, 150, 3, 4),  # launch one, then end one
        (3, 100, 100, 3, 4),  # bounds that exclude each other: launch first
        (2, 90, 100, 2, 3),  # as above, by rounding up
        (10, 90, 100, 9, 10),  # both set and room below: end first
        (10, 90, 120, 9, 12),
        (4, 50, 200, 2, 6),
        (3, 0, 100, 0, 3),  # all at once
        (10, 90, None, 9, 10),
        (2, 90, None, 1, 2),  # no upper bound: both at once, below the lower one (A6)
        (1, 100, None, 0, 1),
    ],
)
def test_the_group_stays_within_its_bounds(desired: int, low: int, high: int | None, least: int, most: int) -> None:
    world = World()
    group = world.steady(desired)
    refresh = world.refresh(group, low=low, high=high)
    assert world.finish(refresh) == "Successful"
    assert (world.least, world.most) == (least, most)
    assert world.versions(group) == {"2": desired}
    world.run(60)
    assert (len(group.instances), len(group.active())) == (desired, desired)


def test_a_refresh_is_pending_then_in_progress_and_counts_what_is_updated() -> None:
    world = World()
    group = world.steady(4)
    refresh = world.refresh(group, low=100, high=150)
    world.run(2)
    assert (refresh.status, group.refresh) == ("Pending", refresh)
    seen: list[tuple[int, int]] = []
    world.until(lambda: bool(seen.append((refresh.percent, refresh.left)) or refresh.over))
    assert refresh.status == "Successful"
    assert {0, 50, 100} <= {percent for percent, _ignored in seen}
    assert {(0, 2), (50, 0)} <= set(seen)  # in service and not yet warm: nothing more to update, nothing complete
    assert [percent for percent, _ignored in seen] == sorted(percent for percent, _ignored in seen)
    assert (refresh.percent, refresh.left, refresh.ended_at) == (100, 0, world.utc())


def test_the_groups_own_template_changes_at_the_end_and_not_before() -> None:
    world = World()
    group = world.steady(2)
    refresh = world.refresh(group, low=100, high=200)
    world.until(lambda: world.serving(group, "2") == 2)
    assert not refresh.over
    assert group.template == template("1")
    world.finish(refresh)
    assert group.template == template("2")


def test_without_a_desired_configuration_the_groups_own_is_launched_again() -> None:
    world = World()
    group = world.steady(2, version="$Default")
    before = set(group.instances)
    world.default = "2"
    refresh = world.refresh(group, version=None, low=0)
    assert world.finish(refresh) == "Successful"
    assert not before & {one.id for one in group.active()}
    assert world.versions(group) == {"2": 2}
    assert group.template == template("$Default")


def test_new_instances_are_waited_for_until_they_are_healthy_and_warm() -> None:
    world = World()
    group = world.steady(2, grace=200.0)
    refresh = world.refresh(group, version="4", low=100, high=150)
    world.until(lambda: world.serving(group, "4") == 1)
    since = world.at
    world.until(lambda: world.versions(group)["1"] == 1)
    assert world.at - since >= 100  # "late" gets healthy after 100 s
    assert world.finish(refresh) == "Successful"
    assert world.least == 2


def test_where_no_load_balancer_checks_none_is_waited_for() -> None:
    world = World(used=False)
    group = world.steady(2)
    assert world.finish(world.refresh(group, low=100, high=150), 300) == "Successful"


def test_a_launching_hook_delays_the_warm_up() -> None:
    world = World()
    hook = Hook("warm", LAUNCHING_HOOK, timeout=300, result="CONTINUE")
    group = world.steady(1)
    group.hooks = {"warm": hook}
    refresh = world.refresh(group, low=100, high=200)
    world.run(250)
    assert (refresh.percent, world.one(group, 1).state) == (0, "Pending:Wait")
    assert world.finish(refresh) == "Successful"


def test_a_replacement_takes_the_place_in_its_zone() -> None:
    world = World()
    group = world.steady(3)
    world.finish(world.refresh(group, low=100, high=150))
    assert world.zones(group) == [1, 1, 1]


def test_within_a_zone_the_oldest_goes_first() -> None:
    world = World()
    group = world.steady(1, subnets=("subnet-a",))
    world.resize(group, 2)
    world.run(60)
    first, second = group.instances
    world.refresh(group, low=100, high=150)
    world.until(lambda: world.serving(group, "2") == 2)
    assert [one.id for one in group.active() if one.template.version == "1"] == [second]
    assert not group.instances[first].active


def waits(world: World, group: Group, refresh: Refresh) -> list[tuple[int, float]]:
    """(new instances in service, seconds) of each rest at a checkpoint."""
    found: list[tuple[int, float]] = []
    resting = None
    while not refresh.over:
        world.run(1)
        assert world.at < 10000
        if refresh.paused_until is not None and resting is None:
            resting = (world.serving(group, "2"), world.at)
        if refresh.paused_until is None and resting is not None:
            found.append((resting[0], world.at - resting[1]))
            resting = None
    return found


def test_a_checkpoint_rests_for_its_delay_and_the_last_one_does_not() -> None:
    world = World()
    group = world.steady(10)
    refresh = world.refresh(group, low=80, high=100, checkpoints=(20, 50, 100), delay=300.0)
    rests = waits(world, group, refresh)
    assert [count for count, _ignored in rests] == [
        2,
        5,
    ]  # "never more than what the minimum healthy percentage allows"
    assert all(seconds == pytest.approx(300, abs=2) for _ignored, seconds in rests)
    assert refresh.status == "Successful"
    assert world.least >= 8


def test_checkpoints_below_what_one_replacement_reaches_are_skipped() -> None:
    world = World()
    group = world.steady(2)
    refresh = world.refresh(group, low=100, high=150, checkpoints=(10, 40, 100), delay=100.0)
    assert [count for count, _ignored in waits(world, group, refresh)] == [1]


def test_a_checkpoint_that_is_reached_during_the_wait_at_another_is_waited_at_next() -> None:
    world = World()
    group = world.steady(5)
    refresh = world.refresh(group, low=100, high=120, checkpoints=(10, 40, 100), delay=200.0)
    world.until(lambda: refresh.paused_until is not None)
    old = next(one for one in group.active() if one.template.version == "1")
    world.terminate(old.id)
    world.run(150)
    assert world.serving(group, "2") == 2
    assert [count for count, _ignored in waits(world, group, refresh)] == [2, 2]
    assert world.versions(group) == {"2": 5}


def test_one_instance_alone_reaches_all_checkpoints_at_once() -> None:
    world = World()
    group = world.steady(1)
    refresh = world.refresh(group, low=100, high=200, checkpoints=(50, 100), delay=1000.0)
    assert waits(world, group, refresh) == []
    assert world.versions(group) == {"2": 1}


def test_a_last_checkpoint_below_100_ends_the_refresh_there() -> None:
    world = World()
    group = world.steady(10)
    refresh = world.refresh(group, low=90, high=110, checkpoints=(10, 20), delay=60.0)
    assert [count for count, _ignored in waits(world, group, refresh)] == [1]
    assert (refresh.status, refresh.percent, refresh.left) == ("Successful", 20, 8)
    assert world.versions(group) == {"1": 8, "2": 2}


def test_a_scale_out_launches_the_desired_configuration_and_may_reach_a_checkpoint_again() -> None:
    world = World()
    group = world.steady(4)
    refresh = world.refresh(group, low=100, high=125, checkpoints=(50, 100), delay=200.0)
    world.until(lambda: refresh.paused_until is not None)
    assert world.serving(group, "2") == 2
    world.run(150)
    world.resize(group, 6)
    world.run(40)
    assert world.versions(group)["2"] == 4
    assert world.finish(refresh) == "Successful"
    assert world.versions(group) == {"2": 6}


def test_skip_matching_leaves_what_matches() -> None:
    world = World()
    group = world.steady(3)
    first = world.refresh(group, low=100, high=150, checkpoints=(34,), delay=0.0)
    world.finish(first)
    kept = {one.id for one in group.active() if one.template.version == "2"}
    assert len(kept) == 2
    second = world.refresh(group, low=100, high=150, skip_matching=True)
    assert world.finish(second) == "Successful"
    assert kept <= {one.id for one in group.active()}
    assert world.versions(group) == {"2": 3}


def test_skip_matching_with_nothing_to_do_succeeds_at_once() -> None:
    world = World()
    group = world.steady(3, version="2")
    before = set(group.instances)
    refresh = world.refresh(group, skip_matching=True)
    world.run(8)
    assert (refresh.status, set(group.instances)) == ("Successful", before)


def test_without_skip_matching_even_matching_instances_are_replaced() -> None:
    world = World()
    group = world.steady(2, version="2")
    before = set(group.instances)
    world.finish(world.refresh(group, low=100, high=150))
    assert not before & {one.id for one in group.active()}


def test_the_bake_time_comes_last() -> None:
    world = World()
    group = world.steady(2)
    refresh = world.refresh(group, low=100, high=200, bake=120.0)
    world.until(lambda: refresh.status == "Baking")
    since = world.at
    assert (refresh.percent, group.template) == (100, template("1"))
    world.finish(refresh)
    assert world.at - since == pytest.approx(120, abs=2)
    assert group.template == template("2")


@pytest.mark.parametrize(("choice", "status", "left"), [("Refresh", "Successful", 0), ("Ignore", "Successful", 1)])
def test_protected_instances_are_replaced_or_passed_over(choice: str, status: str, left: int) -> None:
    world = World()
    group = world.steady(3)
    world.one(group).protected = True
    refresh = world.refresh(group, low=100, high=150, protected=choice)
    assert world.finish(refresh) == status
    assert world.versions(group)["1"] == left


def test_protected_instances_are_waited_for_for_an_hour() -> None:
    world = World()
    group = world.steady(3)
    protected = world.one(group)
    protected.protected = True
    refresh = world.refresh(group, low=100, high=150)
    world.run(1000)
    assert world.versions(group) == {"1": 1, "2": 2}
    assert refresh.reason == f"Waiting for instances in Standby or protected from scale in: {protected.id}."
    protected.protected = False
    world.run(200)
    assert refresh.status == "Successful"
    second = world.refresh(group, version="1", low=100, high=150)
    world.one(group).protected = True
    assert world.finish(second, 5000) == "Failed"
    assert "Timed out after waiting an hour" in second.reason


@pytest.mark.parametrize(("choice", "remains"), [("Terminate", False), ("Ignore", True)])
def test_standby_instances_are_ended_or_passed_over(choice: str, remains: bool) -> None:
    world = World()
    group = world.steady(2)
    instance = world.one(group)
    asg_step.stand_by(group, instance, True, world.fleet.moment())
    world.run(30)
    refresh = world.refresh(group, low=100, high=200, standby=choice)
    assert world.finish(refresh) == "Successful"
    world.run(60)
    assert (instance.id in group.instances) is remains


def test_a_suspended_instance_refresh_rests() -> None:
    world = World()
    group = world.steady(2)
    refresh = world.refresh(group, low=100, high=150)
    group.suspended = {"InstanceRefresh": "for the test"}
    world.run(200)
    assert (refresh.status, world.versions(group)) == ("Pending", {"1": 2})
    group.suspended = {}
    assert world.finish(refresh) == "Successful"


def test_a_scale_in_ends_the_oldest_template_first() -> None:
    world = World()
    group = world.steady(4)
    refresh = world.refresh(group, low=100, high=125, checkpoints=(50, 100), delay=1000.0)
    world.until(lambda: refresh.paused_until is not None)
    world.run(40)
    world.resize(group, 3)
    world.run(2)
    assert world.versions(group)["2"] == 2
    assert world.versions(group)["1"] <= 2
