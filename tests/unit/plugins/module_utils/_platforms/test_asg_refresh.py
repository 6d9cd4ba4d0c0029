# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instance refreshes: what is asked for, whose they are, and where they wait."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Movement
from ansible_collections.greenlight.serving.plugins.module_utils._platforms import asg_refresh
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.asg_refresh import Waits
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.asg_snapshot import Snapshot

from .asg_world import NEW, NOW, OLD, PARAMS, TEMPLATE, group, instance, params, refresh, rested, snapshot, three, view

TARGET = {"LaunchTemplateId": TEMPLATE, "Version": "2"}


def fits(operation: str, arguments: dict[str, Any], service: str = "autoscaling") -> bool:
    model = botocore.session.get_session().get_service_model(service).operation_model(operation)
    return not ParamValidator().validate(arguments, model.input_shape).has_errors()


def half(done: int = 34, status: str = "InProgress", seconds: float = 0.0, **more: Any) -> Snapshot:
    """One of three instances is of the new release."""
    instances = [instance("i-new", NEW), *three(OLD)[1:]]
    seen = snapshot(group("blue", OLD, *instances), refreshes={"blue": (refresh(done=done, status=status, **more),)})
    return replace(seen, clock=NOW + timedelta(seconds=seconds))


def test_what_is_asked_for_can_be_rolled_back_and_is_watched() -> None:
    asked = asg_refresh.forward(PARAMS, "blue", TARGET, 3, watched=True)
    assert fits("StartInstanceRefresh", asked)
    preferences = asked["Preferences"]
    assert asked["DesiredConfiguration"] == {"LaunchTemplate": TARGET}
    assert (preferences["MinHealthyPercentage"], preferences["MaxHealthyPercentage"]) == (100, 150)
    assert (preferences["AutoRollback"], preferences["SkipMatching"]) == (True, False)
    assert preferences["CheckpointDelay"] == preferences["BakeTime"] == 900
    assert preferences["AlarmSpecification"] == {"Alarms": ["greenlight/digits/heartbeat"]}
    assert asg_refresh.ours({"Preferences": preferences})
    assert "AlarmSpecification" not in asg_refresh.forward(PARAMS, "blue", TARGET, 3, watched=False)["Preferences"]


def test_the_way_back_does_not_wait_and_leaves_what_matches() -> None:
    asked = asg_refresh.straight(PARAMS, "blue", TARGET)
    assert fits("StartInstanceRefresh", asked)
    assert asked["Preferences"]["SkipMatching"] is True
    assert not {"CheckpointPercentages", "BakeTime", "AlarmSpecification"} & set(asked["Preferences"])
    assert asg_refresh.ours(asked)


@pytest.mark.parametrize("without", ["MaxHealthyPercentage", "StandbyInstances", "ScaleInProtectedInstances"])
def test_a_refresh_with_other_preferences_is_somebody_elses(without: str) -> None:
    theirs = refresh()
    del theirs["Preferences"][without]
    assert not asg_refresh.ours(theirs)
    found = view(rested(refreshes={"blue": (theirs,)})).deployment()
    assert found is not None
    assert found.by == "somebody else"


def test_a_refresh_to_no_release_of_ours_is_named() -> None:
    by_hand = {**refresh("", done=40), "DesiredConfiguration": {}}
    told = view(rested(refreshes={"blue": (by_hand,)})).foreign()
    assert told == "instance refresh refresh-1 of digits-blue to no named version, status InProgress, 40 % done"
    assert view(rested(refreshes={"blue": (refresh(),)})).foreign() == ""


@pytest.mark.parametrize(
    ("status", "movement"),
    [
        ("Pending", Movement.MOVING),
        ("Baking", Movement.MOVING),
        ("Successful", Movement.MOVED),
        ("RollbackInProgress", Movement.TURNING_BACK),
        ("RollbackSuccessful", Movement.TURNED_BACK),
        ("Failed", Movement.STOPPED),
        ("Cancelled", Movement.STOPPED),
    ],
)
def test_every_status_has_its_movement(status: str, movement: Movement) -> None:
    found = view(rested(refreshes={"blue": (refresh(status=status),)})).deployment()
    assert found is not None
    assert (found.movement, found.by, found.id) == (movement, "greenlight", "refresh-1")


def test_all_statuses_of_the_api_are_known() -> None:
    shape = botocore.session.get_session().get_service_model("autoscaling").shape_for("InstanceRefreshStatus")
    assert set(shape.enum) == set(asg_refresh.MOVEMENTS)


# ---- where it waits ------------------------------------------------------------------------------


def test_a_checkpoint_is_a_hold_once_its_instances_are_warm() -> None:
    assert view(half(done=0)).held() is None
    held = view(half()).held()
    assert held is not None
    assert (held.id, held.weight, held.targets, held.next_weight, held.last) == ("refresh-1/25", 25, 1, 100, False)
    assert held.alone.endswith("s, or back once our heartbeat is silent")
    nobody = half()
    nobody.refreshes["blue"][0]["Preferences"].pop("AlarmSpecification")
    held = view(nobody).held()
    assert held is not None
    assert held.alone.endswith("s, whatever we find out")


def test_its_time_counts_from_the_last_snapshot_that_did_not_show_it() -> None:
    waits = Waits()
    assert view(half(done=0), waits=waits).held() is None
    held = view(half(seconds=2), waits=waits).held()
    assert held is not None
    assert held.left == 898
    later = view(half(seconds=700), waits=waits).held()
    assert later is not None
    assert later.left == 200
    assert view(half(seconds=900), waits=waits).held() is None
    assert view(half(seconds=901), waits=waits).held() is None


def test_a_run_that_finds_it_counts_from_the_newest_launch_and_the_warm_up() -> None:
    launch = {"Description": "Launching a new EC2 instance: i-new", "StatusCode": "Successful"}
    ended = {**launch, "StartTime": NOW - timedelta(seconds=400), "EndTime": NOW - timedelta(seconds=300)}
    held = view(replace(half(), activities={"blue": (ended,)})).held()
    assert held is not None
    assert held.left == 900 - (300 - 60)
    blind = view(half()).held()
    assert blind is not None
    assert blind.left == 900 - (600 - 60)  # as if it had waited since the refresh began


def test_a_loss_does_not_end_it_and_another_launch_does() -> None:
    waits = Waits()
    assert view(half(), waits=waits).held() is not None
    dead = [instance("i-new", NEW, "Terminating", "Unhealthy"), instance("i-next", NEW, "Pending"), *three(OLD)[1:]]
    moving = {"refreshes": {"blue": (refresh(done=0),)}}
    assert view(snapshot(group("blue", OLD, *dead, desired=3), **moving), waits=waits).held() is not None
    more = [instance("i-next", NEW), instance("i-new2", NEW, "Pending"), instance("i-new3", NEW, "Pending")]
    assert view(snapshot(group("blue", OLD, *more, desired=3), **moving), waits=waits).held() is None
    assert view(half(), waits=waits).held() is None  # over is over


def test_after_a_loss_the_first_launch_ends_it() -> None:
    """A new instance that dies and its replacement count once, whichever of them goes first."""
    waits, moving = Waits(), {"refreshes": {"blue": (refresh(done=0),)}}
    assert view(half(), waits=waits).held() is not None
    both = [instance("i-new", NEW, health="Unhealthy"), instance("i-next", NEW, "Pending"), *three(OLD)[1:]]
    assert view(snapshot(group("blue", OLD, *both, desired=3), **moving), waits=waits).held() is not None
    again = [instance("i-next", NEW), instance("i-more", NEW, "Pending"), *three(OLD)[1:]]
    assert view(snapshot(group("blue", OLD, *again, desired=3), **moving), waits=waits).held() is None


def test_an_old_instance_that_dies_is_replaced_by_a_new_one_and_that_is_no_end() -> None:
    waits, moving = Waits(), {"refreshes": {"blue": (refresh(done=0),)}}
    assert view(half(), waits=waits).held() is not None
    dead = [instance("i-old", OLD, "Terminating", "Unhealthy"), instance("i-new", NEW), *three(OLD)[2:]]
    assert view(snapshot(group("blue", OLD, *dead, desired=3), **moving), waits=waits).held() is not None
    mended = [instance("i-new", NEW), instance("i-next", NEW, "Pending"), *three(OLD)[2:]]
    assert view(snapshot(group("blue", OLD, *mended, desired=3), **moving), waits=waits).held() is not None
    more = [*mended[:2], instance("i-more", NEW, "Pending"), *three(OLD)[2:]]
    assert view(snapshot(group("blue", OLD, *more, desired=3), **moving), waits=waits).held() is None


def test_the_bake_is_the_last_hold_and_takes_every_instance() -> None:
    held = view(half(done=100, status="Baking")).held()
    assert held is not None
    assert (held.id, held.last, held.weight, held.targets) == ("refresh-1/100", True, 100, 0)


def test_checkpoints_that_a_small_group_would_skip_are_not_asked_for() -> None:
    given = params(steps=[{"weight": 10}, {"weight": 40}, {"weight": 100}])
    asked = asg_refresh.forward(given, "blue", TARGET, 2, watched=True)
    assert asked["Preferences"]["CheckpointPercentages"] == [40, 100]
    assert asg_refresh.forward(given, "blue", TARGET, 10, True)["Preferences"]["CheckpointPercentages"] == [10, 40, 100]
