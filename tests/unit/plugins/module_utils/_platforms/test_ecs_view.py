# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a snapshot means: who serves, what moves, whose each target is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Movement, Target
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.aws_names import short
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.ecs_names import readable
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.ecs_read import why_stopped
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.ecs_view import View

from .ecs_params import BLUE, GREEN
from .ecs_world import DEFINITIONS, NEW, OLD, PARAMS, rule, snapshot, view

BEFORE = (OLD, "SUCCESSFUL")


@pytest.mark.parametrize(
    ("history", "serves", "serving"),
    [
        ((BEFORE,), OLD, OLD),
        ((BEFORE, (NEW, "IN_PROGRESS")), NEW, OLD),
        ((BEFORE, (NEW, "SUCCESSFUL")), NEW, NEW),
        ((BEFORE, (NEW, "ROLLBACK_SUCCESSFUL")), OLD, OLD),
        (((NEW, "IN_PROGRESS"),), NEW, ""),
        ((BEFORE, ("", "SUCCESSFUL")), "", ""),
        ((), OLD, OLD),  # its deployments are forgotten after 90 days
    ],
)
def test_what_serves_is_what_was_completed_last(history: Any, serves: str, serving: str) -> None:
    assert view(snapshot(*history, serves=serves)).serving() == serving


def test_our_task_definition_under_other_service_fields_is_nobodys_release() -> None:
    seen = snapshot((NEW, "SUCCESSFUL"), serves=NEW, service={"platformVersion": "1.3.0"})
    assert view(seen).serving() == ""


@pytest.mark.parametrize(
    ("status", "movement"),
    [
        ("PENDING", Movement.MOVING),
        ("IN_PROGRESS", Movement.MOVING),
        ("SUCCESSFUL", Movement.MOVED),
        ("STOPPED", Movement.STOPPED),
        ("ROLLBACK_REQUESTED", Movement.TURNING_BACK),
        ("ROLLBACK_IN_PROGRESS", Movement.TURNING_BACK),
        ("ROLLBACK_SUCCESSFUL", Movement.TURNED_BACK),
        ("ROLLBACK_FAILED", Movement.STOPPED),
    ],
)
def test_a_deployment_is_shown_as_it_moves(status: str, movement: Movement) -> None:
    found = view(snapshot(BEFORE, (NEW, status), serves=NEW)).deployment_to(NEW)
    assert found is not None
    assert (found.id, found.movement, found.by) == ("deployment-1", movement, "greenlight")


def test_a_deployment_says_why_and_counts_failed_tasks() -> None:
    seen = snapshot(BEFORE, (NEW, "ROLLBACK_IN_PROGRESS"), serves=NEW)
    primary = {"taskDefinition": DEFINITIONS[NEW], "failedTasks": 4}
    seen = replace(
        seen, service={**(seen.service or {}), "deployments": [primary]}, stopped=("model: exit code 1", "older")
    )
    found = view(seen).deployment_to(NEW)
    assert found is not None
    assert (found.failures, found.reason) == (4, "the circuit breaker was triggered model: exit code 1")


def test_of_two_deployments_to_a_release_the_newest_counts() -> None:
    found = view(snapshot((NEW, "STOPPED"), BEFORE, (NEW, "IN_PROGRESS"), serves=NEW)).deployment_to(NEW)
    assert found is not None
    assert found.id == "deployment-2"


def test_other_peoples_deployments_are_told_apart_by_whether_their_release_is_known() -> None:
    known = view(snapshot(BEFORE, (OLD, "IN_PROGRESS")))
    assert known.other() is not None
    assert known.foreign() == ""
    unknown = view(snapshot(BEFORE, ("", "IN_PROGRESS"), serves=""))
    assert unknown.other() is None
    assert "digits:4" in unknown.foreign()
    quiet = view(snapshot(BEFORE))
    assert (quiet.other(), quiet.foreign()) == (None, "")


def test_a_rule_that_sends_elsewhere_than_ecs_serves_is_a_problem() -> None:
    assert view(snapshot(BEFORE)).problem() == ""
    assert "digits-green" in view(snapshot(BEFORE, production_rules=(rule("production", live=GREEN),))).problem()


def task(name: str, address: str, release: str, **more: Any) -> dict[str, Any]:
    details = [{"name": "privateIPv4Address", "value": address}] if address else []
    return {
        "taskArn": f"arn:aws:ecs:us-east-1:1:task/serving/{name}",
        "taskDefinitionArn": DEFINITIONS[release],
        "lastStatus": "RUNNING",
        "availabilityZone": "us-east-1a",
        "attachments": [{"type": "ElasticNetworkInterface", "details": details}],
        **more,
    }


def health(address: str, state: str, **more: str) -> dict[str, Any]:
    return {"Target": {"Id": address, "Port": 8080}, "TargetHealth": {"State": state, **more}}


def test_every_target_has_its_release_and_every_task_its_place() -> None:
    seen = snapshot(
        BEFORE,
        (NEW, "IN_PROGRESS"),
        serves=NEW,
        tasks=(task("a", "10.0.0.1", OLD), task("b", "10.0.0.2", NEW), task("c", "10.0.0.3", NEW), task("d", "", NEW)),
        health={
            BLUE: (
                health("10.0.0.1", "healthy"),
                health("10.0.0.2", "unhealthy", Reason="Target.Timeout", Description="Request timed out"),
                health("10.0.0.9", "draining"),
                health("10.0.0.8", "draining"),
            )
        },
    )
    gone = Target("10.0.0.9:8080", OLD, "healthy", zone="us-east-1b", task="z", address="10.0.0.9:8080")
    looking = View(seen, PARAMS, NEW, remembered={"10.0.0.9": gone})
    assert [(target.id, target.release, target.state, target.task) for target in looking.targets()] == [
        ("10.0.0.1:8080", OLD, "healthy", "a"),
        ("10.0.0.2:8080", NEW, "unhealthy", "b"),
        ("10.0.0.9:8080", OLD, "draining", "z"),
        ("10.0.0.8:8080", "", "draining", ""),
        ("10.0.0.3:8080", NEW, "unregistered", "c"),
        ("d", NEW, "unregistered", "d"),
    ]
    assert looking.targets()[1].reason == "Target.Timeout: Request timed out"
    assert looking.targets()[0].zone == "us-east-1a"


def test_messages_lose_what_nobody_reads() -> None:
    said = (
        "(service digits, taskSet ecs-svc/433) has begun draining connections on task 0123456789abcdef0123456789abcdef "
        "in (target-group arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/digits-blue/7b67)"
    )
    assert readable(said) == "has begun draining connections on task 01234567 in (target-group digits-blue)"
    assert short("arn:aws:ecs:us-east-1:1:task-definition/digits:7") == "digits:7"
    assert short(BLUE) == "digits-blue"


def test_a_stopped_task_says_why_with_its_containers() -> None:
    stopped = {
        "stoppedReason": "Essential container in task exited",
        "containers": [{"name": "model", "exitCode": 1}, {"name": "log", "reason": "OutOfMemory"}, {"name": "ok"}],
    }
    assert why_stopped(stopped) == "Essential container in task exited; model: exit code 1; log: OutOfMemory"
    assert why_stopped({}) == ""
