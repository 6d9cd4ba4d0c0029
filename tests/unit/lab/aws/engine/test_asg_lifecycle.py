# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One instance's way: hooks, draining, standby, detaching, target groups."""

from __future__ import annotations

import pytest

from tests.lab.aws.engine import asg_hooks, asg_step
from tests.lab.aws.engine.asg_model import LAUNCHING_HOOK, TERMINATING_HOOK, Hook, Instance
from tests.unit.lab.aws.engine.asg_world import TARGETS, World

OTHER = TARGETS.replace("blue", "green")


def held(instance: Instance) -> asg_hooks.LifecycleAction:
    [action] = instance.actions
    return action


def test_a_launching_hook_holds_before_service_and_the_load_balancer() -> None:
    world = World()
    group = world.create(1, hooks={"warm": Hook("warm", LAUNCHING_HOOK, timeout=100)})
    world.run(50)
    instance = world.one(group)
    assert (instance.state, instance.activity.status) == ("Pending:Wait", "MidLifecycleAction")
    assert world.registered == {}
    held(instance).result = asg_hooks.CONTINUE
    world.run(1)
    assert instance.state == "InService"
    assert instance.serving_since == world.at  # grace and warm-up count from here


@pytest.mark.parametrize("how", ["answer", "timeout"])
def test_an_abandoned_launch_is_ended_and_replaced(how: str) -> None:
    world = World()
    group = world.create(1, hooks={"warm": Hook("warm", LAUNCHING_HOOK, timeout=30)})
    world.run(5)
    first = world.one(group)
    if how == "answer":
        held(first).result = asg_hooks.ABANDON
        world.run(1)
    else:
        world.run(40)
    assert not first.active
    assert first.activity.status == "Cancelled"
    expected = "Heartbeat Timeout" if how == "timeout" else "Completed with ABANDON"
    assert expected in first.activity.message
    world.run(2)
    assert len(group.active()) == 1
    assert world.serving(group) == 0


def test_a_timeout_takes_the_default_result() -> None:
    world = World()
    group = world.create(1, hooks={"warm": Hook("warm", LAUNCHING_HOOK, timeout=30, result="CONTINUE")})
    world.run(20)
    assert world.serving(group) == 0
    world.run(15)
    assert world.serving(group) == 1


def test_a_heartbeat_moves_the_deadline_but_not_for_ever() -> None:
    world = World()
    group = world.create(1, hooks={"warm": Hook("warm", LAUNCHING_HOOK, timeout=30)})
    world.run(25)
    action = held(world.one(group))
    asg_hooks.beat(action, world.fleet.moment())
    assert action.deadline == world.at + 30
    world.at = action.last - 1
    asg_hooks.beat(action, world.fleet.moment())
    assert action.deadline == action.last
    assert action.last - 2 == pytest.approx(100 * 30, abs=3)


def test_all_hooks_of_a_launch_are_waited_for_and_one_can_abandon() -> None:
    world = World()
    hooks = {name: Hook(name, LAUNCHING_HOOK) for name in ("a", "b")}
    group = world.create(1, hooks=hooks)
    world.run(15)
    instance = world.one(group)
    instance.actions[0].result = asg_hooks.CONTINUE
    world.run(5)
    assert instance.state == "Pending:Wait"
    instance.actions[1].result = asg_hooks.ABANDON
    world.run(1)
    assert not instance.active


def test_a_terminating_hook_waits_after_draining_and_goes_on_with_either_result() -> None:
    for result in (asg_hooks.CONTINUE, asg_hooks.ABANDON):
        world = World()
        group = world.steady(1, hooks={"drain": Hook("drain", TERMINATING_HOOK)})
        instance = world.one(group)
        world.resize(group, 0)
        world.run(15)
        assert instance.state == "Terminating"
        world.run(10)
        assert instance.state == "Terminating:Wait"
        assert world.machines[instance.id].ended is None
        held(instance).result = result
        world.run(2)
        assert (instance.state, world.machines[instance.id].ended is None) == ("Terminating:Proceed", False)


def test_a_machine_hears_of_its_end_and_may_complete_the_hook_itself() -> None:
    world = World()
    group = world.steady(1, hooks={"drain": Hook("drain", TERMINATING_HOOK)})
    instance = world.one(group)
    world.finished = {instance.id: "another"}
    world.resize(group, 0)
    world.run(2)
    assert world.retired == [instance.id]
    world.run(40)
    assert instance.state == "Terminating:Wait"
    world.finished = {instance.id: "drain"}
    world.run(2)
    assert world.machines[instance.id].ended is not None
    assert world.retired == [instance.id]


def test_standby_and_detaching_are_no_end() -> None:
    world = World()
    group = world.steady(2)
    asg_step.stand_by(group, world.one(group), True, world.fleet.moment())
    asg_step.detach(group, world.one(group, 1), True, world.fleet.moment())
    world.run(30)
    assert world.retired == []


def test_a_dead_machine_neither_drains_nor_runs_hooks() -> None:
    world = World()
    group = world.steady(2, hooks={"drain": Hook("drain", TERMINATING_HOOK)})
    instance = world.one(group)
    world.terminate(instance.id)
    world.run(8)
    assert instance.id not in group.instances
    assert len(group.active()) == 2
    causes = [one.cause for one in group.activities]
    assert any("EC2 health check indicating it has been terminated or stopped" in cause for cause in causes)


def test_a_machine_that_ends_while_pending_is_replaced() -> None:
    world = World()
    group = world.create(1)
    world.run(3)
    first = world.one(group)
    world.terminate(first.id)
    world.run(2)
    assert first.activity.status == "Failed"
    world.run(30)
    assert world.serving(group) == 1
    assert first.id not in group.instances


def test_standby_leaves_the_load_balancer_and_comes_back() -> None:
    world = World()
    group = world.steady(2)
    instance = world.one(group)
    asg_step.stand_by(group, instance, True, world.fleet.moment())
    assert (instance.state, group.desired) == ("EnteringStandby", 1)
    world.run(30)
    assert instance.state == "Standby"
    assert len(group.active()) == 1
    asg_step.return_to_service(group, instance, world.fleet.moment())
    assert group.desired == 2
    world.run(30)
    assert instance.state == "InService"
    assert world.health(TARGETS, instance.id, 8080) is not None
    assert len(group.instances) == 2


def test_standby_without_shrinking_is_replaced() -> None:
    world = World()
    group = world.steady(2)
    asg_step.stand_by(group, world.one(group), False, world.fleet.moment())
    world.run(60)
    assert (world.serving(group), len(group.instances)) == (2, 3)


def test_a_detached_instance_runs_on_outside() -> None:
    world = World()
    group = world.steady(2)
    instance = world.one(group)
    asg_step.detach(group, instance, True, world.fleet.moment())
    world.run(30)
    assert instance.id not in group.instances
    assert world.machines[instance.id].ended is None
    assert len(group.active()) == 1


def test_target_groups_attached_and_detached_later() -> None:
    world = World()
    group = world.steady(1)
    instance = world.one(group)
    group.target_groups = [TARGETS, OTHER]
    world.run(2)
    assert set(instance.registered) == {TARGETS, OTHER}
    group.target_groups = [OTHER]
    world.run(2)
    assert set(instance.registered) == {OTHER}
    health = world.health(TARGETS, instance.id, 8080)
    assert health is not None
    assert health.state == "draining"


def test_an_instance_ended_by_request_may_shrink_the_group() -> None:
    world = World()
    group = world.steady(3)
    asg_step.terminate(group, world.one(group), True, world.fleet.moment())
    asg_step.terminate(group, world.one(group, 1), False, world.fleet.moment())
    world.run(60)
    assert (group.desired, len(group.active())) == (2, 2)
    assert any("shrinking the capacity from 3 to 2" in one.cause for one in group.activities)
