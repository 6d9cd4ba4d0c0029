# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every refusal about strategies, lifecycle hooks and deployment alarms, and that good requests pass."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.aws.engine import ecs_deploy
from tests.lab.aws.engine.ecs_config import complete_config
from tests.lab.aws.engine.ecs_model import Moment, Revision, Service
from tests.unit.lab.aws.truth.test_ecs import BLUE, GREEN, INVALID, NOW, UNSUPPORTED, Facts, advanced, asked, create
from tests.unit.lab.aws.truth.test_ecs import service as made

HOOK = {"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}


def native(strategy: str = "CANARY", **config: Any) -> dict[str, Any]:
    return create(**advanced(), deploymentConfiguration={"strategy": strategy, **config})


def hooked(**changes: Any) -> dict[str, Any]:
    hook = {key: value for key, value in {**HOOK, **changes}.items() if value is not None}
    return native(lifecycleHooks=[hook])


REFUSED = [
    (
        create(deploymentConfiguration={"strategy": "CANARY"}),
        INVALID,
        "advancedConfiguration field is required for all loadBalancers when using a non-ROLLING deployment strategy",
    ),
    (create(loadBalancers=None, deploymentConfiguration={"strategy": "LINEAR"}), INVALID, "must use Elastic Load"),
    (native("BLUE_GREEN"), INVALID, "bakeTimeInMinutes is required when you use the BLUE_GREEN deployment strategy."),
    (native(bakeTimeInMinutes=1441), INVALID, "bakeTimeInMinutes must be between 0 and 1440."),
    (native(canaryConfiguration={"canaryPercent": 0.0}), INVALID, "canaryPercent must be a multiple of 0.1 from 0.1"),
    (native(canaryConfiguration={"canaryPercent": 12.34}), INVALID, "canaryPercent must be a multiple of 0.1"),
    (native(canaryConfiguration={"canaryPercent": 100.1}), INVALID, "canaryPercent must be a multiple of 0.1"),
    (native(canaryConfiguration={"canaryBakeTimeInMinutes": 1441}), INVALID, "canaryBakeTimeInMinutes must be between"),
    (
        native("LINEAR", linearConfiguration={"stepPercent": 2.9}),
        INVALID,
        "stepPercent must be a multiple of 0.1 from 3",
    ),
    (native("LINEAR", linearConfiguration={"stepBakeTimeInMinutes": -1}), INVALID, "stepBakeTimeInMinutes must be"),
    (native(linearConfiguration={"stepPercent": 50.0}), INVALID, "only valid when the deployment strategy is LINEAR."),
    (
        create(deploymentConfiguration={"canaryConfiguration": {"canaryPercent": 5.0}}),
        INVALID,
        "canaryConfiguration is only valid when the deployment strategy is CANARY.",
    ),
    (native(earlySuccessCriteria={"enable": True}), INVALID, "early success criteria only with rolling"),
    (create(deploymentConfiguration={"earlySuccessCriteria": {"enable": True}}), UNSUPPORTED, "earlySuccessCriteria"),
    (create(deploymentConfiguration={"lifecycleHooks": [HOOK]}), UNSUPPORTED, "lifecycleHooks with the deployment"),
    (hooked(targetType="SQS"), INVALID, "Invalid targetType. Valid values are: AWS_LAMBDA, PAUSE"),
    (hooked(targetType=None), UNSUPPORTED, "lifecycle hooks that call Lambda functions."),
    (hooked(targetType="AWS_LAMBDA"), UNSUPPORTED, "lifecycle hooks that call Lambda functions."),
    (hooked(lifecycleStages=None), INVALID, "lifecycleStages is required"),
    (hooked(hookTargetArn="arn:aws:lambda:x"), INVALID, "not applicable for PAUSE hooks."),
    (
        hooked(timeoutConfiguration={"timeoutInMinutes": 20161}),
        INVALID,
        "timeoutInMinutes must be between 1 and 20160.",
    ),
    (hooked(timeoutConfiguration={"action": "WAIT"}), INVALID, "action must be ROLLBACK or CONTINUE."),
    (native(lifecycleHooks=[HOOK] * 11), INVALID, "You can configure a maximum of 10 pause hooks per service."),
    (native(alarms={"enable": True, "rollback": True, "alarmNames": []}), INVALID, "alarmNames cannot be empty"),
    *(
        (hooked(lifecycleStages=[stage]), INVALID, "Invalid lifecycle stage provided for Pause Hook")
        for stage in ("TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT", "SCALE_UP", "BAKE_TIME", "CLEAN_UP")
    ),
]


@pytest.mark.parametrize(("params", "code", "message"), REFUSED)
def test_create_service_is_refused(params: dict[str, Any], code: str, message: str) -> None:
    refusal = asked("CreateService", params)
    assert refusal is not None
    assert (refusal.code, message in refusal.message) == (code, True), refusal.message


@pytest.mark.parametrize(
    "params",
    [
        native(),
        native("LINEAR", linearConfiguration={"stepPercent": 3.0, "stepBakeTimeInMinutes": 0}, bakeTimeInMinutes=0),
        native("BLUE_GREEN", bakeTimeInMinutes=5, lifecycleHooks=[HOOK] * 10),
        native(
            canaryConfiguration={"canaryPercent": 0.1}, alarms={"alarmNames": ["a"], "enable": True, "rollback": True}
        ),
        hooked(timeoutConfiguration={"timeoutInMinutes": 20160, "action": "CONTINUE"}),
        create(deploymentConfiguration={"alarms": {"alarmNames": ["a"], "enable": True, "rollback": True}}),
        create(loadBalancers=None, deploymentConfiguration={"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0}),
    ],
)
def test_good_services_pass(params: dict[str, Any]) -> None:
    assert asked("CreateService", params) is None


def test_without_a_test_rule_the_production_rule_holds_both_groups() -> None:
    params = {**native(), **advanced(testListenerRule=None)}
    assert asked("CreateService", params) is None
    refusal = asked("CreateService", params, Facts(weights={BLUE: 100}))
    assert refusal is not None
    assert refusal.message.startswith("For Application LoadBalancer, testListenerRule is required when")
    assert asked("CreateService", native(), Facts(weights={GREEN: 1})) is None  # the test rule may hold the other one


def running(strategy: str, over: bool, prepared: bool = True) -> Facts:
    """A service whose serving revision has an advancedConfiguration (`prepared`) or none."""
    service: Service = made()
    service.config = complete_config({"strategy": strategy})
    if prepared:
        shown = {**service.primary.revision.shown, **advanced()}
        ecs_deploy.begin(service, Revision("2", "web:1", (), shown=shown), Moment(0, NOW))
    service.current.status = "SUCCESSFUL" if over else "IN_PROGRESS"
    return Facts({"web": service})


def update(**changes: Any) -> dict[str, Any]:
    return {"cluster": "c", "service": "web", **changes}


@pytest.mark.parametrize(("before", "after"), [("ROLLING", "CANARY"), ("CANARY", "LINEAR"), ("CANARY", "ROLLING")])
def test_the_strategy_changes_between_deployments_only(before: str, after: str) -> None:
    change = update(deploymentConfiguration={"strategy": after})
    assert asked("UpdateService", change, running(before, over=True)) is None
    refusal = asked("UpdateService", change, running(before, over=False))
    assert refusal is not None
    assert "cannot be changed while a service deployment is in progress" in refusal.message
    assert asked("UpdateService", update(taskDefinition="web:1"), running(before, over=False)) is None


def test_a_service_without_advanced_configuration_goes_through_a_rolling_deployment_first() -> None:
    change = update(**advanced(), deploymentConfiguration={"strategy": "CANARY"})
    refusal = asked("UpdateService", change, running("ROLLING", over=True, prepared=False))
    assert refusal is not None
    assert refusal.message.startswith("advancedConfiguration field is required")
    assert asked("UpdateService", update(**advanced()), running("ROLLING", over=True, prepared=False)) is None
    assert asked("UpdateService", change, running("ROLLING", over=True)) is None
