# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The views against botocore's output shapes, and which fields of UpdateService start a deployment."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from botocore.model import Shape

from tests.lab.aws.api.ecs_known import SILENT, TRIGGERS, balanced, container
from tests.lab.aws.api.ecs_views import Views
from tests.lab.aws.engine import ecs_hooks
from tests.lab.aws.engine.ecs_config import complete_config
from tests.lab.aws.engine.ecs_model import ContainerSpec, HealthCheck, LoadBalancer
from tests.lab.aws.ports import AlarmState
from tests.unit.lab.aws.engine.ecs_world import GREEN, GROUP, PRODUCTION, World

MODEL = botocore.session.get_session().get_service_model("ecs")
LAB: Any = SimpleNamespace(account="123456789012", arn=lambda service, rest: f"arn:aws:{service}:us-east-1:1:{rest}")


def documentation(shape: Shape) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", shape.documentation)))


def unknown(value: Any, shape: Shape, path: str = "") -> list[str]:
    """Members that the shape does not have, or that are of another kind: moto would drop or break on them."""
    if shape.type_name == "structure":
        if not isinstance(value, Mapping):
            return [path]
        extra = [f"{path}.{key}" for key in value if key not in shape.members]
        known = {key: item for key, item in value.items() if key in shape.members}
        return extra + [
            hit for key, item in known.items() for hit in unknown(item, shape.members[key], f"{path}.{key}")
        ]
    if shape.type_name == "list":
        return [hit for item in value for hit in unknown(item, shape.member, f"{path}[]")]
    enum = getattr(shape, "enum", None)
    return [f"{path}={value}"] if enum and value not in enum else []


def test_every_field_of_update_service_is_classified_as_the_model_says() -> None:
    members = MODEL.shape_for("UpdateServiceRequest").members
    starts = {name for name, shape in members.items() if "triggers a new service deployment" in documentation(shape)}
    keeps = {name for name, shape in members.items() if "doesn't trigger a new service" in documentation(shape)}
    assert starts == set(TRIGGERS)
    assert keeps == set(SILENT)
    unsaid = {"cluster", "service", "forceNewDeployment", "deploymentController", "gatewayConnectors", "monitoring"}
    assert set(members) - starts - keeps == unsaid


@pytest.mark.parametrize("bad", [None, "sick", "absent"])
def test_views_fit_the_shapes(bad: str | None) -> None:
    world, views = World(), Views(LAB)
    service = world.create(deploymentCircuitBreaker={"enable": True, "rollback": True})
    service.params = {"launchType": "FARGATE", "propagateTags": "NONE", "schedulingStrategy": "REPLICA"}
    world.until_steady(service)
    if bad:
        world.update(service, bad)
    statuses = set()
    for _ignored in range(60):
        world.run(1)
        statuses.add(service.current.status)
        assert unknown(views.service(service, tags=True), MODEL.shape_for("Service")) == []
        for entry in service.history:
            assert unknown(views.brief(service, entry), MODEL.shape_for("ServiceDeploymentBrief")) == []
            assert unknown(views.service_deployment(service, entry), MODEL.shape_for("ServiceDeployment")) == []
        for task in service.tasks.values():
            assert unknown(views.task(service, task, None, tags=True), MODEL.shape_for("Task")) == []
    for revision in service.revisions:
        assert unknown(views.revision(service, revision), MODEL.shape_for("ServiceRevision")) == []
    assert statuses >= ({"SUCCESSFUL"} if bad is None else {"IN_PROGRESS", "ROLLBACK_SUCCESSFUL"})


# The text of ServiceDeployment.lifecycleStage names this stage; the enumeration of its shape forgets it.
FORGOTTEN = ".lifecycleStage=PRE_PRODUCTION_TRAFFIC_SHIFT"


@pytest.mark.parametrize("answer", ["CONTINUE", "ROLLBACK"])
def test_views_of_a_native_deployment_fit_the_shapes(answer: str) -> None:
    world, views = World(), Views(LAB)
    hook = {"targetType": "PAUSE", "lifecycleStages": ["PRE_PRODUCTION_TRAFFIC_SHIFT"]}
    world.states["beat"] = AlarmState("OK")
    alarms = {"alarmNames": ["beat"], "enable": True, "rollback": True}
    service = world.create(strategy="BLUE_GREEN", bakeTimeInMinutes=0)
    service.params = {"launchType": "FARGATE", "propagateTags": "NONE", "schedulingStrategy": "REPLICA"}
    world.until_steady(service)
    service.config = complete_config({"strategy": "CANARY", "lifecycleHooks": [hook], "alarms": alarms}, service.config)
    world.update(service, "deaf")
    stages: dict[str, str] = {}
    for _ignored in world.ticks(lambda: not service.current.over):
        shown = views.service_deployment(service, service.current)
        assert set(unknown(shown, MODEL.shape_for("ServiceDeployment"))) <= {FORGOTTEN}
        assert unknown(views.service(service, tags=True), MODEL.shape_for("Service")) == []
        for one in shown.get("lifecycleHookDetails", ()):
            assert (one["targetType"], one["timeoutAction"]) == ("PAUSE", "ROLLBACK")
            if one["status"] == "AWAITING_ACTION":
                stages[one["hookId"]] = shown["lifecycleStage"]
        for waiting in service.current.native.hooks if service.current.native else ():
            ecs_hooks.answer(waiting, answer)
    assert list(stages.values()) == ["PRE_PRODUCTION_TRAFFIC_SHIFT"] * (2 if answer == "CONTINUE" else 1)
    end = views.service_deployment(service, service.current)
    assert end["alarms"]["alarmNames"] == ["beat"]
    back = answer == "ROLLBACK"
    assert end["targetServiceRevision"]["requestedProductionTrafficWeight"] == (0.0 if back else 100.0)
    assert end["sourceServiceRevisions"][0]["requestedTestTrafficWeight"] == (100.0 if back else 0.0)
    groups = [views.revision(service, made)["resolvedConfiguration"]["loadBalancers"] for made in service.revisions]
    assert groups == [
        [{"targetGroupArn": GREEN, "productionListenerRule": PRODUCTION}],
        [{"targetGroupArn": GROUP, "productionListenerRule": PRODUCTION}],
    ]


def test_an_entry_of_load_balancers_in_the_engines_words() -> None:
    given = {"targetGroupArn": "b", "containerName": "app", "containerPort": 80}
    assert balanced(given) == LoadBalancer("b", "app", 80)
    advanced = {"alternateTargetGroupArn": "g", "productionListenerRule": "p", "testListenerRule": "t", "roleArn": "r"}
    expected = LoadBalancer("b", "app", 80, "g", "p", "t", "r")
    assert balanced({**given, "advancedConfiguration": advanced}) == expected


def test_during_a_rollback_the_rollback_is_shown() -> None:
    world, views = World(), Views(LAB)
    service = world.create(deploymentCircuitBreaker={"enable": True, "rollback": True})
    world.until_steady(service)
    good = service.primary.revision
    assert "rollback" not in views.service_deployment(service, service.current)
    world.update(service, "sick")
    while service.current.status != "ROLLBACK_IN_PROGRESS":
        world.tick()
    shown = views.service_deployment(service, service.current)
    assert shown["rollback"]["serviceRevisionArn"] == views.revision_arn(service, good)
    assert shown["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
    assert [row["status"] for row in views.service(service)["deployments"]] == ["PRIMARY", "ACTIVE"]
    assert views.service(service)["currentServiceDeployment"] == shown["serviceDeploymentArn"]


def test_a_container_definition_in_the_engines_words() -> None:
    given = {
        "name": "app",
        "image": "x@sha256:1",
        "entryPoint": ["a"],
        "command": ["b"],
        "environment": [{"name": "A", "value": "1"}],
        "secrets": [{"name": "S", "valueFrom": "arn"}],
        "portMappings": [{"containerPort": 8080}],
        "stopTimeout": 60,
        "healthCheck": {"command": ["CMD", "t"], "interval": 10, "startPeriod": 20},
    }
    check = HealthCheck(("CMD", "t"), 10.0, 5.0, 3, 20.0)
    assert container(given) == ContainerSpec(
        "app", "x@sha256:1", ("a", "b"), {"A": "1"}, {"S": "arn"}, (8080,), True, 60.0, check
    )
    assert container({"name": "app", "image": "x"}) == ContainerSpec("app", "x")
