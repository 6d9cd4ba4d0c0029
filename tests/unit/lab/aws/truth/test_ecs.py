# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every ECS refusal, with AWS's code and text, and that a good request passes all rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from tests.lab.aws.api.ecs_known import TaskDefinition
from tests.lab.aws.core import chance
from tests.lab.aws.engine import ecs_deploy
from tests.lab.aws.engine.ecs_config import complete_config
from tests.lab.aws.engine.ecs_model import Ids, Moment, Revision, Service
from tests.lab.aws.ports import RuleShape
from tests.lab.aws.truth import ecs
from tests.lab.aws.truth.base import Refusal, Truth

ELB = "arn:aws:elasticloadbalancing:us-east-1:123456789012:"
BLUE, GREEN, LOOSE, MACHINES = (ELB + f"targetgroup/{name}/1" for name in ("blue", "green", "loose", "machines"))
PRODUCTION, TEST = (ELB + f"listener-rule/app/lb/1/2/{name}" for name in ("production", "test"))
ROLE = "arn:aws:iam::123456789012:role/infrastructure"
AWSVPC = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def definition(family: str, **changes: Any) -> TaskDefinition:
    fields: dict[str, Any] = {
        "arn": f"arn:aws:ecs:us-east-1:123456789012:task-definition/{family}:1",
        "family": family,
        "active": True,
        "network_mode": "awsvpc",
        "compatibilities": ("EC2", "FARGATE"),
        "cpu": "256",
        "memory": "512",
        "containers": ({"name": "app", "portMappings": [{"containerPort": 8080}]}, {"name": "side"}),
        "tags": (),
    }
    return TaskDefinition(**{**fields, **changes})


@dataclass
class Facts:
    """Stands for api.ecs_known.Known."""

    services: dict[str, Service] = field(default_factory=dict)
    weights: dict[str, int] = field(default_factory=lambda: {BLUE: 100, GREEN: 0})

    @property
    def scheduler(self) -> Any:
        return SimpleNamespace(everything=list(self.services.values()))

    def service(self, name: str, cluster: str | None) -> Service | None:
        return self.services.get(name)

    def task_definition(self, reference: str) -> TaskDefinition | None:
        known = {
            "web:1": definition("web"),
            "old:1": definition("old", active=False),
            "machine:1": definition("machine", compatibilities=("EC2",)),
        }
        return known.get(reference.split("/")[-1])

    def zone(self, subnet: str) -> str | None:
        return "us-east-1a" if subnet == "subnet-1" else None

    def security_group(self, group: str) -> bool:
        return group == "sg-1"

    def target_type(self, group: str) -> str | None:
        return {BLUE: "ip", GREEN: "ip", LOOSE: "ip", MACHINES: "instance"}.get(group)

    def attached(self, group: str) -> bool:
        return group != LOOSE

    def rule(self, arn: str) -> RuleShape | None:
        return RuleShape(self.weights) if arn in (PRODUCTION, TEST) else None


def service(token: str = "", status: str = "ACTIVE", **request: Any) -> Service:
    made = Service("web", "c", Ids(lambda *key: chance(1, *key), "x"), NOW, 2, complete_config({}), token=token)
    made.request, made.status = request, status
    shown = {"taskDefinition": "web:1", "networkConfiguration": AWSVPC, "loadBalancers": [balancer()]}
    ecs_deploy.begin(made, Revision("1", "web:1", (), shown=shown), Moment(0, NOW))
    return made


def balancer(**changes: Any) -> dict[str, Any]:
    return {"targetGroupArn": BLUE, "containerName": "app", "containerPort": 8080, **changes}


def advanced(**changes: Any) -> dict[str, Any]:
    entry = {
        "alternateTargetGroupArn": GREEN,
        "productionListenerRule": PRODUCTION,
        "testListenerRule": TEST,
        "roleArn": ROLE,
        **changes,
    }
    return {"loadBalancers": [balancer(advancedConfiguration=entry)]}


def asked(operation: str, params: dict[str, Any], facts: Facts | None = None) -> Refusal | None:
    truth = Truth()
    truth.add("ecs", ecs.RULES, facts or Facts())
    return truth.refusal("ecs", operation, params)


def create(**changes: Any) -> dict[str, Any]:
    params = {
        "cluster": "c",
        "serviceName": "web",
        "taskDefinition": "web:1",
        "desiredCount": 2,
        "launchType": "FARGATE",
        "networkConfiguration": AWSVPC,
        "loadBalancers": [balancer()],
    }
    return {key: value for key, value in {**params, **changes}.items() if value is not None}


INVALID, CLIENT, UNSUPPORTED = "InvalidParameterException", "ClientException", "UnsupportedFeatureException"

CREATE = [
    (create(taskDefinition="gone:1"), CLIENT, "TaskDefinition not found."),
    (create(taskDefinition="old:1"), CLIENT, "TaskDefinition is inactive"),
    (create(taskDefinition=None), INVALID, "TaskDefinition cannot be empty."),
    (create(taskDefinition="machine:1"), INVALID, "Task definition does not support launch_type FARGATE."),
    (create(placementStrategy=[{"type": "spread"}]), INVALID, "Placement strategies are not supported with FARGATE"),
    (create(placementConstraints=[{"type": "memberOf"}]), INVALID, "Placement constraints are not supported"),
    (create(networkConfiguration=None), INVALID, "Network Configuration must be provided when networkMode 'awsvpc'"),
    (
        create(networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-9"]}}),
        INVALID,
        "The subnet ID 'subnet-9' does not exist",
    ),
    (
        create(networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-9"]}}),
        INVALID,
        "The security group 'sg-9' does not exist",
    ),
    (
        create(loadBalancers=[balancer(targetGroupArn=MACHINES)]),
        INVALID,
        f"The provided target group {MACHINES} has target type instance, which is incompatible with the awsvpc"
        " network mode specified in the task definition.",
    ),
    (
        create(loadBalancers=[balancer(targetGroupArn=LOOSE)]),
        INVALID,
        f"The target group with targetGroupArn {LOOSE} does not have an associated load balancer.",
    ),
    (create(loadBalancers=[balancer(targetGroupArn=BLUE + "9")]), INVALID, "does not exist."),
    (create(loadBalancers=[balancer(targetGroupArn=None)]), INVALID, "targetGroupArn is required"),
    (
        create(loadBalancers=[balancer(containerName="other")]),
        INVALID,
        "The container other does not exist in the task definition.",
    ),
    (
        create(loadBalancers=[balancer(containerPort=80)]),
        INVALID,
        "The container app did not have a container port 80 defined.",
    ),
    (
        create(loadBalancers=[balancer(containerName="side")]),
        INVALID,
        "The container side did not have a container port 8080 defined.",
    ),
    (create(loadBalancers=[balancer(), balancer()]), INVALID, f"Duplicate targetGroupArn found: {BLUE}"),
    (
        create(deploymentConfiguration={"minimumHealthyPercent": 100, "maximumPercent": 100}),
        INVALID,
        "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.",
    ),
    (create(deploymentConfiguration={"maximumPercent": 90}), INVALID, "maximumPercent must be at least 100."),
    (create(deploymentConfiguration={"minimumHealthyPercent": 101}), INVALID, "between 0 and 100."),
    (create(deploymentConfiguration={"strategy": "GREEN"}), INVALID, "Invalid deployment strategy GREEN."),
    (
        create(
            deploymentConfiguration={
                "deploymentCircuitBreaker": {"thresholdConfiguration": {"type": "COUNT", "value": 0}}
            }
        ),
        INVALID,
        "thresholdConfiguration must have a type and a value greater than 0.",
    ),
    (create(desiredCount=None), INVALID, "DesiredCount cannot be null."),
    (create(desiredCount=-1), INVALID, "greater than or equal to 0."),
    (create(launchType="EC2"), UNSUPPORTED, "the launch type EC2."),
    (create(capacityProviderStrategy=[{"capacityProvider": "FARGATE"}]), INVALID, "Specify either a launch type or"),
    (create(schedulingStrategy="DAEMON"), UNSUPPORTED, "the scheduling strategy DAEMON."),
    (create(deploymentController={"type": "EXTERNAL"}), UNSUPPORTED, "the deployment controller EXTERNAL."),
    (create(serviceRegistries=[{}]), UNSUPPORTED, "serviceRegistries."),
    (create(serviceConnectConfiguration={"enabled": True}), UNSUPPORTED, "serviceConnectConfiguration."),
    (create(clientToken="x" * 37), INVALID, "clientToken must be up to 36"),
    (create(**advanced(roleArn=None)), INVALID, "roleArn is required in advancedConfiguration."),
    (create(**advanced(productionListenerRule=None)), INVALID, "productionListenerRule is required"),
    (create(**advanced(alternateTargetGroupArn=BLUE)), INVALID, f"Duplicate targetGroupArn found: {BLUE}"),
    (create(**advanced(alternateTargetGroupArn=LOOSE)), INVALID, "does not have an associated load balancer."),
    (create(**advanced(testListenerRule=PRODUCTION)), INVALID, "cannot be used as both production and test listener"),
    (create(**advanced(testListenerRule=TEST + "9")), INVALID, "One or more rules not found"),
    (
        create(**advanced(productionListenerRule=ELB + "listener/app/lb/1/2")),
        INVALID,
        "productionListenerRule has an invalid ARN format. Must be RuleArn for ALB or ListenerArn for NLB. Got:",
    ),
    (
        create(loadBalancers=[*advanced()["loadBalancers"], balancer(targetGroupArn=ELB + "targetgroup/x/1")]),
        INVALID,
        "does not exist.",
    ),
]


@pytest.mark.parametrize(("params", "code", "message"), CREATE)
def test_create_service_is_refused(params: dict[str, Any], code: str, message: str) -> None:
    refusal = asked("CreateService", params)
    assert refusal is not None
    assert refusal.code == code
    assert message in refusal.message


@pytest.mark.parametrize(
    "params",
    [
        create(),
        create(**advanced()),
        create(**advanced(testListenerRule=None)),
        create(loadBalancers=None),
        create(desiredCount=0, launchType=None),
        create(deploymentConfiguration={"strategy": "ROLLING", "alarms": {"enable": False, "alarmNames": []}}),
        create(deploymentConfiguration={"minimumHealthyPercent": 50, "maximumPercent": 100}),
    ],
)
def test_good_services_pass(params: dict[str, Any]) -> None:
    assert asked("CreateService", params) is None


def test_all_or_none_have_an_advanced_configuration() -> None:
    params = create(loadBalancers=[*advanced()["loadBalancers"], balancer(targetGroupArn=LOOSE)])
    facts = Facts()
    facts.attached = lambda _ignored: True  # type: ignore[method-assign]
    refusal = asked("CreateService", params, facts)
    assert refusal is not None
    assert refusal.message.startswith("Either all or none of the provided loadBalancers")


def test_a_second_service_of_the_name_needs_the_same_request_and_token() -> None:
    params = create(clientToken="t")
    facts = Facts({"web": service("t", **params)})
    assert asked("CreateService", params, facts) is None
    for other in (create(), create(clientToken="u"), create(clientToken="t", desiredCount=3)):
        refusal = asked("CreateService", other, facts)
        assert refusal == Refusal(INVALID, "Creation of service was not idempotent.")
    draining = Facts({"web": service(status="DRAINING")})
    assert asked("CreateService", create(), draining) == Refusal(
        INVALID, "Unable to Start a service that is still Draining."
    )
    assert asked("CreateService", create(), Facts({"web": service(status="INACTIVE")})) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"taskDefinition": "old:1"}, "TaskDefinition is inactive"),
        ({"taskDefinition": "gone:1"}, "TaskDefinition not found."),
        ({"loadBalancers": [balancer(containerPort=80)]}, "did not have a container port 80 defined."),
        ({"deploymentConfiguration": {"maximumPercent": 100}}, "cannot be 100 as this will block deployments."),
        ({"placementStrategy": [{"type": "spread"}]}, "Placement strategies are not supported"),
        ({"desiredCount": -2}, "greater than or equal to 0."),
        (
            {"deploymentConfiguration": {"strategy": "CANARY"}},
            "The deployment strategy cannot be changed while a service deployment is in progress.",
        ),
    ],
)
def test_update_service_is_refused(change: dict[str, Any], message: str) -> None:
    refusal = asked("UpdateService", {"cluster": "c", "service": "web", **change}, Facts({"web": service()}))
    assert refusal is not None
    assert message in refusal.message


@pytest.mark.parametrize("change", [{}, {"desiredCount": 0}, {"forceNewDeployment": True}, advanced()])
def test_good_updates_pass(change: dict[str, Any]) -> None:
    assert asked("UpdateService", {"cluster": "c", "service": "web", **change}, Facts({"web": service()})) is None


def test_a_service_is_deleted_at_zero_or_by_force() -> None:
    facts = Facts({"web": service()})
    refusal = asked("DeleteService", {"cluster": "c", "service": "web"}, facts)
    assert refusal == Refusal(INVALID, "The service cannot be stopped while it is scaled above 0.")
    assert asked("DeleteService", {"cluster": "c", "service": "web", "force": True}, facts) is None
    facts.services["web"].desired = 0
    assert asked("DeleteService", {"cluster": "c", "service": "web"}, facts) is None


def test_a_cluster_with_services_is_not_deleted() -> None:
    refusal = asked("DeleteCluster", {"cluster": "c"}, Facts({"web": service()}))
    assert refusal is not None
    assert refusal.code == "ClusterContainsServicesException"
    assert asked("DeleteCluster", {"cluster": "c"}, Facts({"web": service(status="INACTIVE")})) is None


def test_every_rule_names_its_page() -> None:
    assert all(rule.source.startswith(("https://docs.aws.amazon.com/", "seen in")) for rule in ecs.RULES)
