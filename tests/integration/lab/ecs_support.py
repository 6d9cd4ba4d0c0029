# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab of one's own for the ECS tests, and a served model on it: everything by boto3, as a user would."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.lab.images import registry

ROOT = Path(__file__).resolve().parents[3]
PORT = 8000
SOON = 60.0  # real seconds: a deadline, not an expectation
GRACE = 100  # AWS seconds: starting a process takes real time that no scale shortens
BREAKER = {"enable": True, "rollback": True}


@contextmanager
def running_lab(directory: Path, scale: float = 0.05) -> Iterator[Cloud]:
    """Start a lab, and end it with all its processes."""
    state = directory / "aws.json"
    command = [sys.executable, "-m", "tests.lab.aws"]
    up = [*command, "up", "--scale", str(scale), "--state", str(state)]
    subprocess.run(up, cwd=ROOT, check=True, capture_output=True)
    try:
        yield Cloud(json.loads(state.read_text()))
    finally:
        subprocess.run([*command, "down", "--state", str(state)], cwd=ROOT, check=True, capture_output=True)


@dataclass
class Cloud:
    """A running lab, as its state file tells of it."""

    state: dict[str, Any]

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.state["endpoint"],
            region_name=self.state["region"],
            aws_access_key_id=self.state["access_key"],
            aws_secret_access_key=self.state["secret_key"],
            config=Config(retries={"mode": "standard", "total_max_attempts": 3}),
        )

    def serve(self, name: str, **changes: Any) -> Served:
        """A load balancer with a forwarding listener rule, and a service of version 1 behind it."""
        served = Served(self, name)
        served.balance()
        served.create(**changes)
        return served


@dataclass
class Served:
    cloud: Cloud
    name: str
    groups: dict[str, str] = field(default_factory=dict)
    address: str = ""
    rule: str = ""

    def __post_init__(self) -> None:
        self.ecs, self.elb = self.cloud.client("ecs"), self.cloud.client("elbv2")

    def balance(self) -> None:
        ec2, subnets = self.cloud.client("ec2"), self.cloud.state["subnets"]
        vpc = self.cloud.state["vpc_id"]
        self.open_group = ec2.create_security_group(GroupName=self.name, Description="open", VpcId=vpc)["GroupId"]
        everyone = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 65535, "IpRanges": [{"CidrIp": "127.0.0.0/8"}]}
        ec2.authorize_security_group_ingress(GroupId=self.open_group, IpPermissions=[everyone])
        made = self.elb.create_load_balancer(
            Name=self.name, Subnets=subnets["public"], SecurityGroups=[self.open_group]
        )
        balancer = made["LoadBalancers"][0]
        self.address = balancer["DNSName"]
        for color in ("blue", "green"):
            group = self.elb.create_target_group(
                Name=f"{self.name}-{color}",
                Protocol="HTTP",
                Port=8080,
                VpcId=vpc,
                TargetType="ip",
                HealthCheckPath="/v2/health/ready",
                HealthCheckIntervalSeconds=5,
                HealthCheckTimeoutSeconds=4,
                UnhealthyThresholdCount=2,
            )["TargetGroups"][0]["TargetGroupArn"]
            self.groups[color] = group
            delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "10"}
            self.elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[delay])
        forward = {"TargetGroups": [{"TargetGroupArn": self.groups["blue"], "Weight": 100}]}
        forward["TargetGroups"].append({"TargetGroupArn": self.groups["green"], "Weight": 0})
        action = {"Type": "forward", "ForwardConfig": forward}
        closed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}
        listener = self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=PORT, DefaultActions=[closed]
        )["Listeners"][0]["ListenerArn"]
        self.rule = self.elb.create_rule(
            ListenerArn=listener,
            Priority=10,
            Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
            Actions=[action],
        )["Rules"][0]["RuleArn"]

    def define(self, tag: str = "1", **container: Any) -> str:
        """Register the next revision; returns its ARN."""
        definition = {
            "name": "model",
            "image": registry.reference(tag),
            "portMappings": [{"containerPort": 8080}],
            "environment": [{"name": "GREENLIGHT_RELEASE", "value": tag}],
            **container,
        }
        made = self.ecs.register_task_definition(
            family=self.name,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[definition],
        )
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def create(self, **changes: Any) -> dict[str, Any]:
        self.ecs.create_cluster(clusterName=self.name)
        network = {"subnets": self.cloud.state["subnets"]["private"], "securityGroups": [self.open_group]}
        balancer = {"targetGroupArn": self.groups["blue"], "containerName": "model", "containerPort": 8080}
        params = {
            "cluster": self.name,
            "serviceName": self.name,
            "taskDefinition": changes.pop("taskDefinition", None) or self.define(),
            "desiredCount": 2,
            "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": network},
            "loadBalancers": [balancer],
            "healthCheckGracePeriodSeconds": GRACE,
            "deploymentConfiguration": {"deploymentCircuitBreaker": BREAKER},
            **changes,
        }
        return dict(self.ecs.create_service(**params)["service"])

    def update(self, **changes: Any) -> dict[str, Any]:
        return dict(self.ecs.update_service(cluster=self.name, service=self.name, **changes)["service"])

    def read(self) -> dict[str, Any]:
        return dict(self.ecs.describe_services(cluster=self.name, services=[self.name])["services"][0])

    def deployments(self) -> list[dict[str, Any]]:
        """Service deployments in full, newest first."""
        rows = self.ecs.list_service_deployments(cluster=self.name, service=self.name)["serviceDeployments"]
        arns = [row["serviceDeploymentArn"] for row in rows]
        return list(self.ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"])

    def tasks(self, status: str = "RUNNING") -> list[dict[str, Any]]:
        arns = self.ecs.list_tasks(cluster=self.name, serviceName=self.name, desiredStatus=status)["taskArns"]
        return list(self.ecs.describe_tasks(cluster=self.name, tasks=arns)["tasks"]) if arns else []

    def messages(self) -> list[str]:
        """Events, oldest first."""
        return [event["message"] for event in reversed(self.read()["events"])]

    def settled(self) -> str:
        """Wait until the newest service deployment is over; returns its status."""
        ends = ("SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED")
        return str(until(lambda: (found := self.deployments()[0]["status"]) in ends and found))

    def ask(self, port: int = PORT) -> tuple[int, str]:
        """One request through the load balancer, on a connection of its own: status, and who answered."""
        connection = http.client.HTTPConnection(self.address, port, timeout=10)
        try:
            connection.request("GET", "/v2/health/live")
            response = connection.getresponse()
            response.read()
            return response.status, response.getheader("x-greenlight-release", "")
        finally:
            connection.close()

    def pid(self, task: dict[str, Any]) -> int:
        """Of the task's process, as the lab's control endpoint tells."""
        connection = http.client.HTTPConnection(self.cloud.state["endpoint"].removeprefix("http://"), timeout=10)
        connection.request("GET", "/lab/state")
        state = json.loads(connection.getresponse().read())
        connection.close()
        return int(next(row["pid"] for row in state["tasks"] if task["taskArn"].endswith(row["task"])))


def until(condition: Callable[[], Any], seconds: float = SOON) -> Any:
    """Poll until `condition()` is true, and return what it was."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {condition}")
        time.sleep(0.1)
    return found
