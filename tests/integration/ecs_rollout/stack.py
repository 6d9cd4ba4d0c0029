# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A load balancer, a cluster and a bucket in the lab for one service, and the parameters of ecs_rollout for it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Self

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Event
from ansible_collections.greenlight.serving.plugins.module_utils._glue import argspec_ecs
from ansible_collections.greenlight.serving.plugins.module_utils._glue.kit_ecs import run
from tests.lab.aws.running import RunningLab
from tests.lab.images.registry import HERE as IMAGES
from tests.lab.images.registry import reference

PRODUCTION, TEST, CONTAINER = 8000, 8001, 8080
GOLDEN = json.loads((IMAGES / "models" / "golden.json").read_text())[0]
GOLDEN_PROBE: dict[str, Any] = {
    "name": "a zero",
    "path": "/v2/models/digits/infer",
    "body_json": {
        "inputs": [{"name": "image", "shape": [1, 64], "datatype": "FP32", "data": GOLDEN["pixels"]}],
        "outputs": [{"name": "label"}, {"name": "confidence"}],
    },
    "expect": {
        "json": {"outputs": [{"name": "label", "data": [GOLDEN["gate"]["label"]]}, {"name": "confidence"}]},
        "numeric": {"path": "outputs[1].data[0]", **GOLDEN["gate"]["confidence"]},
    },
}


@dataclass
class Stack:
    """What roles would have made before ecs_rollout runs."""

    lab: RunningLab
    name: str
    facts: dict[str, Any] = field(default_factory=dict)
    lines: list[Event] = field(default_factory=list)  # what the last rollout reported, waiting aside
    target_type: str = "ip"

    @property
    def state(self) -> dict[str, Any]:
        return self.lab.state

    @property
    def url(self) -> str:
        return f"http://{self.facts['dns']}:{PRODUCTION}"

    # ---- what roles would make ----

    def build(self) -> Self:
        self.front()
        self.facts["cluster"] = self.lab.client("ecs").create_cluster(clusterName=self.name)["cluster"]["clusterName"]
        self.role("execution", "ecs-tasks")
        self.role("infrastructure", "ecs")
        return self

    def front(self) -> None:
        """Security groups, load balancer and bucket, whatever runs behind."""
        self._security()
        self._balancer()
        self.facts["bucket"] = f"greenlight-{self.name}"
        self.lab.client("s3").create_bucket(Bucket=self.facts["bucket"])

    def role(self, name: str, service: str) -> None:
        """A role that a service of AWS may assume."""
        allowed = {
            "Effect": "Allow",
            "Principal": {"Service": f"{service}.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        trust = {"Version": "2012-10-17", "Statement": [allowed]}
        made = self.lab.client("iam").create_role(
            RoleName=f"{self.name}-{name}", AssumeRolePolicyDocument=json.dumps(trust)
        )
        self.facts[name] = made["Role"]["Arn"]

    def _security(self) -> None:
        ec2 = self.lab.client("ec2")
        for which in ("front", "tasks"):
            made = ec2.create_security_group(
                GroupName=f"{self.name}-{which}", Description=which, VpcId=self.state["vpc_id"]
            )
            self.facts[which] = made["GroupId"]
        for port in (PRODUCTION, TEST):
            permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
            ec2.authorize_security_group_ingress(GroupId=self.facts["front"], IpPermissions=[permission])
        permission = {
            "IpProtocol": "tcp",
            "FromPort": CONTAINER,
            "ToPort": CONTAINER,
            "UserIdGroupPairs": [{"GroupId": self.facts["front"]}],
        }
        ec2.authorize_security_group_ingress(GroupId=self.facts["tasks"], IpPermissions=[permission])

    def _balancer(self) -> None:
        elb = self.lab.client("elbv2")
        balancer = elb.create_load_balancer(
            Name=self.name, Subnets=self.state["subnets"]["public"], SecurityGroups=[self.facts["front"]]
        )["LoadBalancers"][0]
        self.facts["balancer"], self.facts["dns"] = balancer["LoadBalancerArn"], balancer["DNSName"]
        patience = [{"Key": "idle_timeout.timeout_seconds", "Value": "600"}]  # a starved machine answers late
        elb.modify_load_balancer_attributes(LoadBalancerArn=self.facts["balancer"], Attributes=patience)
        for which in ("closed", "blue", "green"):
            group = elb.create_target_group(
                Name=f"{self.name}-{which}",
                Protocol="HTTP",
                Port=CONTAINER,
                VpcId=self.state["vpc_id"],
                TargetType=self.target_type,
                HealthCheckPath="/v2/health/ready",
                HealthCheckIntervalSeconds=5,
                HealthCheckTimeoutSeconds=2,
                HealthyThresholdCount=2,
                UnhealthyThresholdCount=2,
                Matcher={"HttpCode": "200"},
            )["TargetGroups"][0]
            self.facts[which] = group["TargetGroupArn"]
            attributes = [{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}]
            elb.modify_target_group_attributes(TargetGroupArn=group["TargetGroupArn"], Attributes=attributes)
        for which, port in (("production", PRODUCTION), ("test", TEST)):
            made = elb.create_listener(
                LoadBalancerArn=self.facts["balancer"],
                Protocol="HTTP",
                Port=port,
                DefaultActions=[{"Type": "forward", "TargetGroupArn": self.facts["closed"]}],
            )
            self.facts[which] = made["Listeners"][0]["ListenerArn"]

    # ---- ecs_rollout ----

    def options(self, tag: str = "1") -> dict[str, Any]:
        """The options of a task that rolls out the image of that tag."""
        facts, state = self.facts, self.state
        return {
            "endpoint_url": state["endpoint"],
            "region": state["region"],
            "access_key": state["access_key"],
            "secret_key": state["secret_key"],
            "cluster": facts["cluster"],
            "name": self.name,
            "strategy": "rolling",
            "heartbeat": {"enable": False},
            "task_definition": {
                "cpu": 256,
                "memory": 512,
                "execution_role_arn": facts["execution"],
                "containers": [
                    {
                        "name": "model",
                        "image": reference(tag),
                        "port_mappings": [{"container_port": CONTAINER}],
                        "environment": {"PORT": str(CONTAINER)},
                        "user": "10001:10001",
                        "stop_timeout": 10,
                    }
                ],
            },
            "network": {"subnets": state["subnets"]["private"], "security_groups": [facts["tasks"]]},
            "load_balancer": {
                "container_name": "model",
                "container_port": CONTAINER,
                "production_listener_arn": facts["production"],
                "test_listener_arn": facts["test"],
                "blue_target_group_arn": facts["blue"],
                "green_target_group_arn": facts["green"],
                "role_arn": facts["infrastructure"],
            },
            "desired_count": 2,
            "health_check_grace_seconds": 60,
            "probes": [GOLDEN_PROBE],
            "gate": {"interval": 0.2, "count": 3, "deadline": 30, "error_limit": 40},
            "timing": {
                "deadline": 100,
                "rollback_deadline": 100,
                "min_ready": 0.6,
                "bake": 0.5,
                "poll": 0.3,
                "settle": 0.5,
            },
            "reach": {"allow_loopback": True},
            "record": {"bucket": facts["bucket"]},
        }

    def native(self, strategy: str, tag: str = "1", **timing: float) -> dict[str, Any]:
        """Options for a strategy with holds. ECS waits in its own minutes and seconds: 20 minutes are a real one."""
        known = self.options(tag)
        times = {**known["timing"], "min_ready": 0.6, "bake": 0.3, "propagation": 0.3, "lease": 6, **timing}
        return {
            "strategy": strategy,
            "hold_timeout": 20,
            "heartbeat": {"interval": 0.7, "period": 30, "periods": 6},
            "timing": times,
            "aws_config": {"connect_timeout": 1, "read_timeout": 2},
        }

    def parameters(self, tag: str = "1", **changes: Any) -> dict[str, Any]:
        """The same, validated."""
        result = ArgumentSpecValidator(**argspec_ecs.specification()).validate({**self.options(tag), **changes})
        assert not result.error_messages, result.error_messages
        validated: dict[str, Any] = result.validated_parameters
        return validated

    def roll_out(self, tag: str = "1", check_mode: bool = False, **changes: Any) -> dict[str, Any]:
        self.lines = []
        return run(self.parameters(tag, **changes), check_mode, self._report)

    def _report(self, event: Event, waiting: bool) -> None:
        if not waiting:
            self.lines.append(event)

    # ---- what others see ----

    def mark(self) -> int:
        """The id of the newest traced call."""
        return max((call["id"] for call in self.lab.trace()), default=0)

    def calls(self, since: int, mutating: bool) -> list[str]:
        """Operations that came since `mark()`."""
        return [call["operation"] for call in self.lab.trace(since) if call["mutating"] is mutating]

    def service(self) -> dict[str, Any]:
        answer = self.lab.client("ecs").describe_services(
            cluster=self.facts["cluster"], services=[self.name], include=["TAGS"]
        )
        found: dict[str, Any] = answer["services"][0]
        return found

    def record(self) -> dict[str, Any]:
        key = f"greenlight/ecs/{self.state['region']}/{self.facts['cluster']}/{self.name}.json"
        answer = self.lab.client("s3").get_object(Bucket=self.facts["bucket"], Key=key)
        found: dict[str, Any] = json.load(answer["Body"])
        return found

    def healthy(self) -> int:
        answer = self.lab.client("elbv2").describe_target_health(TargetGroupArn=self.facts["blue"])
        states = [each["TargetHealth"]["State"] for each in answer["TargetHealthDescriptions"]]
        return states.count("healthy")
