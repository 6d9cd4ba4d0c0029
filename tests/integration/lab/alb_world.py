# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab of one's own with a load balancer in front of targets that the test scripts."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.unit.lab.aws.plane.harness import Backend, Script

LAB = [sys.executable, "-m", "tests.lab.aws"]
PORT = 8000
NAMES = itertools.count(1)  # several worlds share a lab


@contextmanager
def running(directory: Path, scale: float = 0.05) -> Iterator[dict[str, Any]]:
    """Its state file's content."""
    state = directory / "aws.json"
    options = ["--state", str(state), "--scale", str(scale)]
    subprocess.run([*LAB, "up", *options], check=True, stdout=subprocess.DEVNULL, timeout=60)
    try:
        yield json.loads(state.read_text())
    finally:
        subprocess.run([*LAB, "down", "--state", str(state)], check=True, timeout=60)


class World:
    """Made through the API, as a user would."""

    def __init__(self, lab: dict[str, Any]) -> None:
        self.lab = lab
        self.elb, self.ec2 = self.api("elbv2"), self.api("ec2")
        self.backends: list[Backend] = []
        self.lb_group = self.security_group([{"CidrIp": "0.0.0.0/0"}])
        self.task_group = self.security_group([], self.lb_group)

    def api(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=self.lab["region"],
            endpoint_url=self.lab["endpoint"],
            aws_access_key_id=self.lab["access_key"],
            aws_secret_access_key=self.lab["secret_key"],
            config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
        )

    def name(self, prefix: str) -> str:
        return f"{prefix}-{next(NAMES)}"

    def security_group(self, blocks: list[dict[str, str]], source: str | None = None) -> str:
        made = self.ec2.create_security_group(
            GroupName=self.name("group"), Description="of a test", VpcId=self.lab["vpc_id"]
        )["GroupId"]
        pairs = [{"GroupId": source}] if source else []
        permission = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 65535}
        permission |= {"IpRanges": blocks, "UserIdGroupPairs": pairs}
        self.ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[permission])
        return str(made)

    def balancer(self, **given: Any) -> dict[str, Any]:
        settings = {"Subnets": self.lab["subnets"]["public"][:2], "SecurityGroups": [self.lb_group]}
        return dict(self.elb.create_load_balancer(Name=self.name("lb"), **settings | given)["LoadBalancers"][0])

    def group(self, **given: Any) -> str:
        settings = {"Protocol": "HTTP", "Port": 8080, "VpcId": self.lab["vpc_id"], "TargetType": "ip"}
        check = {"HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 2, "HealthyThresholdCount": 2}
        made = self.elb.create_target_group(Name=self.name("tg"), **settings | check | given)
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    def listener(self, balancer: dict[str, Any], *actions: dict[str, Any], port: int = PORT) -> str:
        given = list(actions) or [fixed(503)]
        made = self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=port, DefaultActions=given
        )
        return str(made["Listeners"][0]["ListenerArn"])

    def target(self, script: Script | None = None, group: str | None = None, security_group: str = "") -> Backend:
        """A process behind an interface in the first private subnet."""
        interface = self.ec2.create_network_interface(
            SubnetId=self.lab["subnets"]["private"][0], Groups=[security_group or self.task_group]
        )
        backend = Backend(interface["NetworkInterface"]["PrivateIpAddress"], script)
        self.backends.append(backend)
        if group:
            self.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": backend.address}])
        return backend

    def health(self, group: str, *targets: dict[str, Any]) -> list[tuple[str, str]]:
        """(state, reason) of each target."""
        given = {"Targets": list(targets)} if targets else {}
        found = self.elb.describe_target_health(TargetGroupArn=group, **given)["TargetHealthDescriptions"]
        return [(one["TargetHealth"]["State"], one["TargetHealth"].get("Reason", "")) for one in found]


def forward(group: str) -> dict[str, Any]:
    return {"Type": "forward", "TargetGroupArn": group}


def weighted(groups: dict[str, int]) -> dict[str, Any]:
    shares = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in groups.items()]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": shares}}


def fixed(status: int, body: str = "") -> dict[str, Any]:
    config = {"StatusCode": str(status), "ContentType": "text/plain", "MessageBody": body}
    return {"Type": "fixed-response", "FixedResponseConfig": config}


def get(address: str, path: str = "/", port: int = PORT, timeout: float = 10.0, **headers: str) -> tuple[int, bytes]:
    connection = HTTPConnection(address, port, timeout=timeout)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
