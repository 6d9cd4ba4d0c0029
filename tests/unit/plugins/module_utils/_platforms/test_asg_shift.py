# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two groups behind one weighted rule: who serves, what the timers do, and what is called at each step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from math import inf
from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Movement
from ansible_collections.greenlight.serving.plugins.module_utils._platforms import asg_shift
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.asg_shift import DONE, Keep
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.asg_snapshot import Snapshot
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.asg_steps import Steps

from .asg_world import (
    EARLIER,
    NEW,
    NOW,
    OLD,
    ROLLOUT,
    group,
    instance,
    operations,
    params,
    rested,
    rule,
    snapshot,
    three,
    view,
)
from .asg_world import steps as made
from .ecs_params import BLUE, GREEN
from .test_asg_refresh import fits

CANARY = params(strategy="canary", steps=[{"weight": 10}, {"weight": 50}, {"weight": 100}])
HOLD = ROLLOUT[-6:]  # what the ids of its holds begin with
UNTIMED = {**CANARY, "restore": {**CANARY["restore"], "role_arn": None}}
LATER = NOW + timedelta(seconds=600)


def steps(seen: Snapshot, given: Mapping[str, Any] = CANARY, **changes: Any) -> Steps:
    return made(seen, given, heartbeat=None, checkpoints=False, **changes)


def kept(weight: int, until: datetime = LATER, rollout: str = ROLLOUT) -> dict[str, str]:
    return {"greenlight:keep": str(Keep(rollout, weight, until))}


def timers(*weights: int, until: datetime = LATER, rollout: str = ROLLOUT) -> tuple[dict[str, Any], ...]:
    return tuple({"Name": asg_shift.timer(CANARY, rollout, each, "blue", until).name} for each in weights)


def shifting(weight: int, armed: int | None = None, *, well: bool = True, **more: Any) -> Snapshot:
    """Blue serves, green comes with the new release; the rule gives it `weight`, and `armed` was armed last."""
    tags = kept(armed) if armed is not None else {}
    old = group("blue", OLD, *three(OLD), tags={"greenlight:frozen": "AZRebalance", **tags})
    state = "InService" if well else "Pending"
    new = group(
        "green", NEW, *(instance(f"i-new{n}", NEW, state) for n in range(3)), tags={"greenlight:rollout": ROLLOUT}
    )
    return snapshot(old, new, **{"production_rules": (rule("production", 100 - weight),), **more})


# ---- what is written down ------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [Keep(ROLLOUT, 10, NOW), Keep(ROLLOUT, DONE, NOW)])
def test_what_a_group_is_kept_for_is_read_as_it_was_written(keep: Keep) -> None:
    assert asg_shift.keep_of({"tags": {"greenlight:keep": str(keep)}}) == keep


@pytest.mark.parametrize("text", ["", "x", "x/y/z", f"{ROLLOUT}/10/tomorrow", f"{ROLLOUT}/-1/2026-03-01T12:00:00Z"])
def test_a_tag_that_says_nothing_is_none(text: str) -> None:
    assert asg_shift.keep_of({"tags": {"greenlight:keep": text}}) is None


def test_a_timer_says_everything_by_its_name_which_fits_the_api() -> None:
    wanted = asg_shift.timer(CANARY, ROLLOUT, 100, "green", NOW)
    assert len(wanted.name) <= 64
    assert asg_shift.timers(CANARY, ("greenlight-other", wanted.name)) == [wanted]
    assert asg_shift.timers(params(name="another"), (wanted.name,)) == []


def test_a_timer_restores_the_weights_with_one_call_few_retries_and_goes() -> None:
    wanted = asg_shift.timer(CANARY, ROLLOUT, 10, "blue", NOW)
    asked = asg_shift.schedule(CANARY, wanted, "arn:aws:elasticloadbalancing:us-east-1:1:listener-rule/app/x/y/z/r")
    assert fits("CreateSchedule", asked, "scheduler")
    assert (asked["ScheduleExpression"], asked["ActionAfterCompletion"]) == ("at(2026-03-01T12:00:00)", "DELETE")
    assert asked["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert asked["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 3}
    call = json.loads(asked["Target"]["Input"])
    assert fits("ModifyRule", call, "elbv2")
    weights = {each["TargetGroupArn"]: each["Weight"] for each in call["Actions"][0]["ForwardConfig"]["TargetGroups"]}
    assert weights == {BLUE: 100, GREEN: 0}


# ---- who serves ----------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [0, 10, 100])
def test_the_old_group_serves_until_its_tag_says_that_it_is_done_whatever_the_weights(weight: int) -> None:
    assert view(shifting(weight, 100), given=CANARY).live == "blue"
    assert view(shifting(weight, 100), given=CANARY).serving() == OLD


def test_then_the_new_one_serves_and_the_old_one_only_keeps_its_capacity() -> None:
    done = view(shifting(100, DONE), given=CANARY)
    assert (done.live, done.serving(), done.arrival.group) == ("green", NEW, None)
    deployment = done.deployment()
    assert deployment is not None
    assert (deployment.movement, deployment.id) == (Movement.MOVED, ROLLOUT)


def test_the_tag_of_another_rollout_counts_for_nothing() -> None:
    old = group("blue", OLD, *three(OLD), tags=kept(10, rollout=EARLIER))
    new = group("green", NEW, *three(NEW), tags={"greenlight:rollout": ROLLOUT})
    assert view(snapshot(old, new), given=CANARY).live == "blue"
    turned = snapshot(old, new, production_rules=(rule("production", 0),))
    assert view(turned, given=CANARY).live == "green"


def test_instances_of_no_known_release_in_the_other_group_are_somebody_elses() -> None:
    theirs = snapshot(group("blue", OLD, *three(OLD)), {**group("green", OLD, *three(OLD)), "LaunchTemplate": {}})
    assert view(theirs, given=CANARY).foreign() == "group digits-green has 3 instances of no known release"


# ---- BEGIN ----


def test_the_other_group_is_made_empty_then_gets_counts_and_template_in_one_call() -> None:
    found = steps(rested()).begin()
    assert operations(found) == ["create_or_update_tags", "suspend_processes", "create_auto_scaling_group"]
    assert [found[-1].arguments[name] for name in ("MinSize", "DesiredCapacity", "MaxSize")] == [0, 0, 0]
    frozen = group("blue", OLD, *three(OLD), tags={"greenlight:frozen": "AZRebalance"})
    frozen["SuspendedProcesses"] = [{"ProcessName": "AZRebalance"}]
    found = steps(snapshot(frozen, group("green", OLD))).begin()
    assert operations(found) == [
        "create_or_update_tags",
        "suspend_processes",
        "create_or_update_tags",
        "modify_rule",
        "update_auto_scaling_group",
    ]
    assert found[-1].arguments["DesiredCapacity"] == 3  # carried over
    assert found[-1].arguments["LaunchTemplate"]["Version"] == "2"
    assert "test rule, 100 % to digits-green" in found[3].line


def test_a_group_that_comes_again_forgets_what_it_was_kept_for() -> None:
    again = group("green", OLD, tags={"greenlight:rollout": EARLIER, **kept(DONE, rollout=EARLIER)})
    tagging = [
        step
        for step in steps(snapshot(group("blue", OLD, *three(OLD)), again)).begin()
        if "rollout" in str(step.arguments)
    ]
    assert {tag["Key"]: tag["Value"] for tag in tagging[0].arguments["Tags"]} == {
        "greenlight:keep": "",
        "greenlight:rollout": ROLLOUT,
    }


def test_nothing_more_is_begun_once_it_comes() -> None:
    assert steps(shifting(0, well=False)).begin() == []


# ---- where it holds, and PROCEED ----


def test_it_holds_before_the_first_weight_once_every_instance_is_healthy() -> None:
    assert view(shifting(0, well=False), given=CANARY).held() is None
    held = view(shifting(0), given=CANARY).held()
    assert held is not None
    assert (held.id, held.weight, held.next_weight, held.last, held.left) == (f"{HOLD}/0", 0, 10, False, inf)
    assert held.alone == "no timer runs yet, for nobody meets it"


def test_the_timer_is_armed_before_the_weights_move_and_what_it_is_kept_for_before_that() -> None:
    tag, timer, shift = steps(shifting(0)).proceed()
    assert [step.operation for step in (tag, timer, shift)] == [
        "create_or_update_tags",
        "create_schedule",
        "modify_rule",
    ]
    assert all(f"(hold {HOLD}/0)" in step.line for step in (tag, timer, shift))
    assert tag.arguments["Tags"][0]["Value"] == f"{ROLLOUT}/10/2026-03-01T12:15:00Z"
    assert timer.arguments["ScheduleExpression"] == "at(2026-03-01T12:15:00)"
    tagged = shifting(0, 10)
    tagged.groups["blue"]["tags"]["greenlight:keep"] = tag.arguments["Tags"][0]["Value"]
    assert operations(steps(tagged).proceed()) == ["create_schedule", "modify_rule"]
    armed = replace(tagged, schedules=timers(10, until=NOW + timedelta(seconds=900)))
    assert operations(steps(armed).proceed()) == ["modify_rule"]


def test_the_next_timer_is_armed_before_the_last_one_goes() -> None:
    at_ten = shifting(10, 10, schedules=timers(10))
    held = view(at_ten, given=CANARY).held()
    assert held is not None
    assert (held.id, held.left, held.next_weight) == (f"{HOLD}/10", 600, 50)
    assert held.alone == "without our word EventBridge Scheduler gives the traffic back in 600 s"
    assert operations(steps(at_ten).proceed()) == ["create_or_update_tags", "create_schedule", "modify_rule"]
    moved = shifting(50, 50, schedules=timers(10, 50))
    assert view(moved, given=CANARY).held() is None
    (gone,) = steps(moved).proceed()
    assert (gone.operation, gone.arguments["Name"]) == ("delete_schedule", timers(10)[0]["Name"])
    held = view(shifting(50, 50, schedules=timers(50)), given=CANARY).held()
    assert held is not None
    assert held.id == f"{HOLD}/50"


def test_the_word_at_the_last_hold_is_one_tag() -> None:
    (done,) = steps(shifting(100, 100, schedules=timers(100))).proceed()
    assert done.arguments["Tags"][0]["Value"].startswith(f"{ROLLOUT}/done/")


def test_without_a_timer_nothing_is_kept_waiting_for_one() -> None:
    held = view(shifting(10, 10), given=UNTIMED).held()
    assert held is not None
    assert (held.left, held.alone) == (inf, "no timer runs, so without our word it stays like this")
    tag, shift = steps(shifting(0), UNTIMED).proceed()
    assert tag.arguments["Tags"][0]["Value"] == f"{ROLLOUT}/10/2026-03-01T12:00:00Z"
    assert shift.operation == "modify_rule"


# ---- a timer that fired ----


@pytest.mark.parametrize(
    ("armed", "left", "fired"),
    [
        (10, (), True),  # its time is over, and it is gone
        (10, (10,), False),  # about to shift
        (50, (50,), True),  # a late one, of the step before
        (DONE, (), True),
    ],
)
def test_weights_that_are_the_old_ones_again_are_a_way_back_of_the_clouds(
    armed: int, left: tuple[int, ...], fired: bool
) -> None:
    seen = shifting(0, armed, schedules=timers(*left), clock=LATER)
    deployment = view(seen, given=CANARY).deployment()
    assert deployment is not None
    assert (deployment.movement is Movement.TURNED_BACK) is fired
    assert deployment.reason == ("EventBridge Scheduler restored the weights of the group that serves" if fired else "")


def test_a_timer_that_was_lost_leaves_no_time() -> None:
    held = view(shifting(10, 10, clock=LATER + timedelta(seconds=5)), given=CANARY).held()
    assert held is not None
    assert held.left == -5


# ---- FINISH and the way back ----


def following(back: Steps) -> Steps:
    """With what a run knows that has seen the rule give blue nothing for as long as the load balancer may be late."""
    quiet = {"blue": back.view.snapshot.clock - timedelta(seconds=CANARY["timing"]["propagation"])}
    return replace(back, view=replace(back.view, quiet=quiet))


def test_the_old_group_goes_when_no_call_of_a_timer_can_come_any_more() -> None:
    seen = shifting(100, DONE, schedules=timers(100))
    assert operations(following(steps(seen)).finish())[0] == "delete_schedule"
    waiting = shifting(100, DONE)
    assert following(steps(waiting)).finish() == []
    assert (
        steps(waiting).keeps() == "digits-blue keeps its capacity for 750 s more: a call of the timer might still come"
    )
    still = replace(waiting, clock=LATER + timedelta(seconds=149))
    assert following(steps(still)).finish() == []
    over = following(steps(replace(waiting, clock=LATER + timedelta(seconds=150))))
    assert over.finish()[-1].operation == "update_auto_scaling_group"
    assert over.keeps() == ""


def test_counts_move_again_when_all_of_the_load_has_come() -> None:
    """An autoscaler that measures a part of it would take instances away from all of it."""
    done = shifting(100, DONE, schedules=timers(100), clock=LATER + timedelta(seconds=150))
    done.groups["green"]["tags"]["greenlight:frozen"] = "AlarmNotification"
    early = steps(done)
    assert operations(early.finish()) == ["delete_schedule"]
    gone = steps(replace(done, schedules=()))
    assert gone.finish() == []
    assert gone.keeps() == "digits-blue keeps its capacity until the load balancer follows its rule"
    assert "delete_tags" in operations(following(early).finish())


def test_what_was_healthy_in_a_group_without_traffic_is_on_its_way_out() -> None:
    """A run that comes after a kill judges the release that serves as one that serves alone."""
    late = steps(shifting(100, DONE))
    assert {one.state for one in late.view.targets() if one.release == OLD} == {"healthy"}
    known = following(late).view.targets()
    assert {one.state for one in known if one.release == OLD} == {"draining"}
    assert {one.state for one in known if one.release == NEW} == {"healthy"}


def test_the_weights_come_back_first_then_the_timers_go_then_the_new_group() -> None:
    found = steps(shifting(50, 50, schedules=timers(10, 50))).roll_back()
    assert operations(found)[:4] == ["modify_rule", "delete_schedule", "delete_schedule", "update_auto_scaling_group"]
    assert "100 % to digits-blue" in found[0].line
    assert found[3].arguments["AutoScalingGroupName"] == "digits-green"


def test_the_new_group_stays_and_counts_stay_still_until_the_balancer_follows_its_rule() -> None:
    """Seconds: as `timing.propagation` says, from the first snapshot on in which the rule gives the group nothing."""
    back = steps(shifting(0, 10, clock=NOW))
    follows = timedelta(seconds=CANARY["timing"]["propagation"])
    assert back.roll_back() == []  # nobody knows yet since when
    known = replace(back.view, quiet={"green": NOW - follows + timedelta(seconds=1)})
    assert replace(back, view=known).roll_back() == []
    over = replace(back, view=replace(back.view, quiet={"green": NOW - follows})).roll_back()
    assert operations(over)[0] == "update_auto_scaling_group"


def test_a_new_rollout_waits_for_the_timers_of_the_one_before() -> None:
    waiting = shifting(100, DONE, clock=LATER)
    assert "update_auto_scaling_group" not in operations(steps(waiting, release=OLD).begin())


def test_since_when_a_group_has_no_traffic_is_remembered_from_the_first_snapshot_on() -> None:
    known: dict[str, datetime] = {}
    for weights in ({BLUE: 90, GREEN: 10}, {BLUE: 100, GREEN: 0}):
        asg_shift.hush(known, weights, CANARY, NOW)
    asg_shift.hush(known, {BLUE: 100, GREEN: 0}, CANARY, LATER)
    whole = timedelta(seconds=1)  # the clock has no fractions
    assert known == {"green": NOW + whole}
    asg_shift.hush(known, {BLUE: 0, GREEN: 100}, CANARY, LATER)
    assert known == {"blue": LATER + whole}


def test_a_canary_that_was_refused_halfway_leaves_no_count_frozen() -> None:
    seen = rested()
    live = {**seen.groups["blue"], "tags": {**seen.groups["blue"]["tags"], "greenlight:frozen": "AZRebalance"}}
    live["SuspendedProcesses"] = [{"ProcessName": "AZRebalance"}]
    left = replace(seen, groups={**seen.groups, "blue": live})
    assert operations(steps(left).disarm()) == ["resume_processes", "delete_tags"]


def test_after_the_end_the_old_group_is_made_whole_before_it_gets_traffic() -> None:
    empty = shifting(100, DONE)
    new = empty.groups["green"]
    old = group("blue", OLD, tags=kept(DONE))
    weights = {"production_rules": (rule("production", 0),)}
    found = steps(snapshot(old, new, **weights)).roll_back()
    assert operations(found)[-1] == "update_auto_scaling_group"
    assert found[-1].arguments["DesiredCapacity"] == 3
    sizes = {name: new[name] for name in ("MinSize", "MaxSize", "DesiredCapacity")}
    coming = {**group("blue", OLD, instance("i-1", OLD, "Pending"), tags=kept(DONE)), **sizes}
    assert "modify_rule" not in operations(steps(snapshot(coming, new, **weights)).roll_back())
    whole = {**group("blue", OLD, *three(OLD), tags=kept(DONE)), **sizes}
    assert operations(steps(snapshot(whole, new, **weights)).roll_back())[-1] == "modify_rule"


def test_the_share_is_that_of_the_release_and_rolling_has_none() -> None:
    assert (view(shifting(10, 10), given=CANARY).share(), view(shifting(10, 10)).share()) == (10, None)
    assert view(shifting(100, DONE), given=CANARY).share() == 100
