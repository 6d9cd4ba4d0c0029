# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Native deployments: where they stand, who is asked, and the calls of each verb."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Heartbeat, Held
from ansible_collections.greenlight.serving.plugins.module_utils._platforms import (
    aws_heart,
    aws_rules,
    ecs_hold,
    ecs_release,
)
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.ecs_snapshot import Snapshot
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.ecs_steps import Steps
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.ecs_view import View

from .ecs_params import BLUE, GREEN, params
from .ecs_world import NEW, OLD, START, plan, rule, snapshot
from .test_ecs_steps import fits_the_api, operations

CANARY = params(**{"strategy": "canary", "heartbeat.enable": True})
CONFIGURED = ecs_release.settings(CANARY)
EXPIRES = START + timedelta(minutes=60)


def native(stage: str, has: float = 0.0, waits: bool = True, status: str = "IN_PROGRESS", **more: Any) -> Snapshot:
    """A canary from OLD, in the blue group, to NEW, in the green one."""
    seen = snapshot((OLD, "SUCCESSFUL"), (NEW, status), serves=NEW, service=CONFIGURED)
    newest, *rest = seen.deployments
    hook = {"hookId": "hook-1", "targetType": "PAUSE", "status": "AWAITING_ACTION", "expiresAt": EXPIRES}
    newest |= {
        "lifecycleStage": stage,
        "lifecycleHookDetails": [hook] if waits else [],
        "deploymentConfiguration": CONFIGURED["deploymentConfiguration"],
    }
    newest["targetServiceRevision"]["requestedProductionTrafficWeight"] = has
    revisions = dict(seen.revisions)
    for arn, group in (("revision-0", BLUE), ("revision-1", GREEN)):
        revisions[arn] = {**revisions[arn], "resolvedConfiguration": {"loadBalancers": [{"targetGroupArn": group}]}}
    weights = [{"TargetGroupArn": BLUE, "Weight": round(100 - has)}, {"TargetGroupArn": GREEN, "Weight": round(has)}]
    shifted = {**rule("production"), "Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}]}
    changes = {"production_rules": (shifted,), "clock": START, "deployments": (newest, *rest), "revisions": revisions}
    return replace(seen, **{**changes, **more})


def looked(seen: Snapshot) -> View:
    return View(seen, CANARY, NEW)


def verbs(seen: Snapshot, **changes: Any) -> Steps:
    return Steps(looked(seen), plan(heartbeat=Heartbeat(10.0, 160.0), **changes), "proof")


def alarm(armed: bool) -> dict[str, Any]:
    return {**aws_heart.alarm(CANARY, armed), "StateValue": "OK"}


# ---- where it stands -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "has", "following", "last"),
    [
        ("PRE_PRODUCTION_TRAFFIC_SHIFT", 0.0, 10, False),
        ("PRE_PRODUCTION_TRAFFIC_SHIFT", 10.0, 100, False),
        ("POST_PRODUCTION_TRAFFIC_SHIFT", 100.0, 100, True),
    ],
)
def test_a_pause_says_what_comes_next_and_how_long_it_waits(stage: str, has: float, following: int, last: bool) -> None:
    seen = native(stage, has)
    found = ecs_hold.held(looked(seen).raw_to(NEW), seen.clock)
    assert found == Held(stage, "hook-1", 3600.0, following, last)
    assert looked(seen).share() == round(has)


def test_nobody_is_waited_for_between_two_pauses_or_when_it_is_over() -> None:
    for seen in (native("SCALE_UP", waits=False), native("CLEAN_UP", 100.0, status="ROLLBACK_IN_PROGRESS")):
        assert ecs_hold.held(looked(seen).raw_to(NEW), seen.clock) is None
        assert verbs(seen).proceed() == []


def test_while_ecs_shifts_the_weights_disagree_and_that_is_no_problem() -> None:
    assert looked(native("PRE_PRODUCTION_TRAFFIC_SHIFT", 10.0)).problem() == ""
    assert "production rule" in looked(native("", 10.0, waits=False, status="STOPPED")).problem()


def test_what_serves_is_read_from_the_revision_that_was_completed() -> None:
    assert looked(native("PRE_PRODUCTION_TRAFFIC_SHIFT", 10.0)).live_group() == BLUE
    done = native("CLEAN_UP", 100.0, waits=False, status="SUCCESSFUL")
    assert (looked(done).live_group(), looked(done).problem()) == (GREEN, "")
    assert verbs(done).begin() == []  # the groups are a pair: that they are swapped is no difference
    assert verbs(done).configure()[1:] == []


def test_targets_of_both_groups_are_seen_and_an_address_once() -> None:
    def health(address: str, state: str) -> dict[str, Any]:
        return {"Target": {"Id": address, "Port": 8080}, "TargetHealth": {"State": state}}

    both = {
        BLUE: (health("10.0.0.1", "healthy"), health("10.0.0.2", "draining")),
        GREEN: (health("10.0.0.2", "healthy"),),
    }
    found = looked(native("PRE_PRODUCTION_TRAFFIC_SHIFT", health=both)).targets()
    assert [(target.id, target.state) for target in found] == [
        ("10.0.0.1:8080", "healthy"),
        ("10.0.0.2:8080", "healthy"),
    ]


def test_somebody_elses_pause_is_named_with_its_end() -> None:
    seen = native("POST_PRODUCTION_TRAFFIC_SHIFT", 100.0)
    foreign = replace(seen, definitions={arn: {**one, "release": ""} for arn, one in seen.definitions.items()})
    text = looked(foreign).foreign()
    assert "stage POST_PRODUCTION_TRAFFIC_SHIFT, paused until 2026-03-01T01:00:00+0000" in text
    assert "ECS rolls back by itself" in text
    assert verbs(foreign).proceed() == []


# ---- the verbs -----------------------------------------------------------------------------------


def test_going_on_names_its_action_and_its_pause() -> None:
    (step,) = verbs(native("PRE_PRODUCTION_TRAFFIC_SHIFT")).proceed()
    assert step.arguments == {"serviceDeploymentArn": "deployment-1", "hookId": "hook-1", "action": "CONTINUE"}
    assert step.line == "ContinueServiceDeployment CONTINUE hook-1"
    assert fits_the_api(step)


def test_the_way_back_answers_a_pause_and_stops_what_moves() -> None:
    (step,) = verbs(native("PRE_PRODUCTION_TRAFFIC_SHIFT", 10.0), previous=OLD).roll_back()
    assert (step.operation, step.arguments["action"]) == ("continue_service_deployment", "ROLLBACK")
    (step,) = verbs(native("SCALE_UP", waits=False), previous=OLD).roll_back()
    assert (step.operation, step.arguments["stopType"]) == ("stop_service_deployment", "ROLLBACK")
    assert fits_the_api(step)


def test_a_way_back_by_a_deployment_ends_without_us() -> None:
    done = native("CLEAN_UP", 100.0, waits=False, status="SUCCESSFUL")
    (step,) = verbs(done, previous=OLD).roll_back()
    configured = step.arguments["deploymentConfiguration"]
    assert (configured["lifecycleHooks"], configured["alarms"]["enable"]) == ([], False)
    assert configured["strategy"] == "CANARY"
    assert fits_the_api(step)


def test_at_home_what_the_way_back_switched_off_is_switched_on_again() -> None:
    """Else the next run would find the service changed."""
    back = {
        **CONFIGURED["deploymentConfiguration"],
        "lifecycleHooks": [],
        "alarms": {"alarmNames": [], "enable": False},
    }
    service = {**CONFIGURED, "deploymentConfiguration": back}
    home = snapshot((NEW, "SUCCESSFUL"), (OLD, "SUCCESSFUL"), serves=OLD, service=service)
    (step,) = verbs(home, previous=OLD).roll_back()
    assert step.arguments["deploymentConfiguration"]["lifecycleHooks"]
    assert step.arguments["deploymentConfiguration"]["alarms"]["enable"]
    assert set(step.arguments) == {"cluster", "service", "deploymentConfiguration"}  # it starts no deployment
    assert fits_the_api(step)
    mended = {**CONFIGURED, "deploymentConfiguration": step.arguments["deploymentConfiguration"]}
    there = snapshot((NEW, "SUCCESSFUL"), (OLD, "SUCCESSFUL"), serves=OLD, service=mended)
    assert verbs(there, previous=OLD).roll_back() == []
    assert not [line for line in verbs(there, previous=OLD).configure() if "deploymentConfiguration" in line.line]


def test_on_the_way_home_nothing_is_switched_on() -> None:
    back = {
        **CONFIGURED["deploymentConfiguration"],
        "lifecycleHooks": [],
        "alarms": {"alarmNames": [], "enable": False},
    }
    service = {**CONFIGURED, "deploymentConfiguration": back}
    moving = snapshot((NEW, "SUCCESSFUL"), (OLD, "IN_PROGRESS"), serves=OLD, service=service)
    assert verbs(moving, previous=OLD).roll_back() == []


def test_the_alarm_is_there_before_the_service_names_it() -> None:
    seen = snapshot((OLD, "SUCCESSFUL"))
    found = Steps(View(seen, CANARY, NEW), plan(), "proof").configure()
    assert operations(found) == ["put_metric_alarm", "update_service"]
    assert found[0].arguments["TreatMissingData"] == "notBreaching"
    assert all(fits_the_api(step) for step in found)
    changes = found[1].arguments["deploymentConfiguration"]
    assert (changes["strategy"], changes["alarms"]["alarmNames"]) == ("CANARY", [found[0].arguments["AlarmName"]])


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        (None, ["made, at rest"]),
        (alarm(False), ["silence is a breach from now on: ECS rolls back when this run dies"]),
        (alarm(True), []),
        ({**alarm(True), "Period": 60}, ["mended"]),
    ],
)
def test_arming_makes_and_then_arms(found: dict[str, Any] | None, lines: list[str]) -> None:
    steps = verbs(replace(snapshot((OLD, "SUCCESSFUL")), alarm=found)).arm()
    assert [step.line for step in steps] == [f"PutMetricAlarm: heartbeat alarm, {line}" for line in lines]


def test_the_alarm_rests_again_only_when_nothing_moves() -> None:
    assert verbs(native("SCALE_UP", waits=False, alarm=alarm(True))).disarm() == []
    still = replace(snapshot((OLD, "SUCCESSFUL")), alarm=alarm(True))
    (step,) = verbs(still).disarm()
    assert step.arguments["TreatMissingData"] == "notBreaching"
    assert verbs(replace(still, alarm=alarm(False))).disarm() == []


def test_removal_takes_the_alarm_too() -> None:
    seen = replace(snapshot((NEW, "SUCCESSFUL"), serves=NEW), alarm=alarm(False))
    assert "delete_alarms" in operations(verbs(seen).remove())


@pytest.mark.parametrize("which", [BLUE, GREEN])
def test_a_rule_without_its_service_names_one_group_alone(which: str) -> None:
    assert aws_rules.weights(rule("production", live=which))[which] == 100
