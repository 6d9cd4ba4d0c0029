# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A served model on an Auto Scaling group behind a load balancer: everything by boto3, as a user would make it."""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.lab.aws.running import RunningLab
from tests.lab.images import registry

PORT, SERVER = 8000, 8080
SOON = 60.0  # real seconds: a deadline, not an expectation
AMI = "ami-0123456789abcdef0"
NUMBERS = itertools.count(1)


def user_data(tag: str, release: str, **environment: object) -> str:
    """What `roles/asg_fleet` renders, in short: an image and its environment, with drain on termination."""
    model = {"GREENLIGHT_RELEASE": release, "PORT": SERVER, **environment}
    serving = {
        "SERVING_IMAGE": registry.reference(tag),
        "SERVING_PORT": SERVER,
        "SERVING_HOOK": "drain",
        "SERVING_DRAIN_SECONDS": 10,
    }
    files = {
        "/etc/greenlight/serving.env": lines(serving),
        "/etc/greenlight/model.env": lines(model),
        "/etc/systemd/system/greenlight-serving.service": "[Service]\nRestart=no\nTimeoutStopSec=60\n",
        "/etc/systemd/system/greenlight-drain.service": "[Service]\n",
    }
    written = [{"path": path, "content": content} for path, content in files.items()]
    return base64.b64encode(f"#cloud-config\n{json.dumps({'write_files': written})}\n".encode()).decode()


def lines(pairs: dict[str, Any]) -> str:
    return "".join(f"{name}={value}\n" for name, value in pairs.items())


def until(found: Callable[[], Any], seconds: float = SOON) -> Any:
    """Ask until the answer is true; fails when it never is."""
    end = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < end, f"never: {answer}"
        time.sleep(0.1)
    return answer


class Fleet:
    """A load balancer with a rule over two target groups, a launch template, and a group of two in the first."""

    def __init__(self, lab: RunningLab) -> None:
        self.lab, self.name = lab, f"fleet-{next(NUMBERS)}"
        self.ec2, self.elb, self.asg = (lab.client(name, attempts=1) for name in ("ec2", "elbv2", "autoscaling"))
        self.subnets = lab.state["subnets"]
        everyone = [{"CidrIp": "0.0.0.0/0"}]
        self.front = self._security("front", {"IpRanges": everyone})
        self.inside = self._security("inside", {"UserIdGroupPairs": [{"GroupId": self.front}]})
        self.groups = {color: self._targets(color) for color in ("blue", "green")}
        self.address, self.rule = self._balancer()
        self.template = self.ec2.create_launch_template(
            LaunchTemplateName=self.name, LaunchTemplateData=self._data("1", "r1")
        )["LaunchTemplate"]["LaunchTemplateId"]
        self.asg.create_auto_scaling_group(
            AutoScalingGroupName=self.name,
            LaunchTemplate={"LaunchTemplateId": self.template, "Version": "1"},
            MinSize=2, MaxSize=6, DesiredCapacity=2,
            VPCZoneIdentifier=",".join(self.subnets["private"]),
            TargetGroupARNs=[self.groups["blue"]],
            HealthCheckType="ELB", HealthCheckGracePeriod=150, DefaultInstanceWarmup=10,
            LifecycleHookSpecificationList=[{
                "LifecycleHookName": "drain", "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
                "HeartbeatTimeout": 600, "DefaultResult": "CONTINUE",
            }],
            Tags=[{"Key": "Name", "Value": self.name, "PropagateAtLaunch": True}],
        )  # fmt: skip
        until(lambda: self.healthy() == 2)

    def _security(self, kind: str, source: dict[str, Any]) -> str:
        made = self.ec2.create_security_group(
            GroupName=f"{self.name}-{kind}", Description=kind, VpcId=self.lab.state["vpc_id"]
        )["GroupId"]
        permission = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 65535, **source}
        self.ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[permission])
        return str(made)

    def _targets(self, color: str) -> str:
        made = self.elb.create_target_group(
            Name=f"{self.name}-{color}", Protocol="HTTP", Port=SERVER, VpcId=self.lab.state["vpc_id"],
            TargetType="instance", HealthCheckPath="/v2/health/ready", HealthCheckIntervalSeconds=5,
            HealthCheckTimeoutSeconds=4, UnhealthyThresholdCount=2,
        )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
        delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "10"}
        self.elb.modify_target_group_attributes(TargetGroupArn=made, Attributes=[delay])
        return str(made)

    def _balancer(self) -> tuple[str, str]:
        made = self.elb.create_load_balancer(
            Name=self.name, Subnets=self.subnets["public"], SecurityGroups=[self.front]
        )["LoadBalancers"][0]
        closed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}
        listener = self.elb.create_listener(
            LoadBalancerArn=made["LoadBalancerArn"], Protocol="HTTP", Port=PORT, DefaultActions=[closed]
        )["Listeners"][0]["ListenerArn"]
        rule = self.elb.create_rule(
            ListenerArn=listener, Priority=10, Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
            Actions=self.forward(100, 0),
        )["Rules"][0]["RuleArn"]  # fmt: skip
        return made["DNSName"], rule

    def forward(self, blue: int, green: int) -> list[dict[str, Any]]:
        weights = {"blue": blue, "green": green}
        groups = [{"TargetGroupArn": self.groups[color], "Weight": weight} for color, weight in weights.items()]
        return [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]

    def weights(self) -> list[int]:
        (rule,) = self.elb.describe_rules(RuleArns=[self.rule])["Rules"]
        return [group["Weight"] for group in rule["Actions"][0]["ForwardConfig"]["TargetGroups"]]

    def _data(self, tag: str, release: str, **environment: object) -> dict[str, Any]:
        return {
            "ImageId": AMI,
            "InstanceType": "m7i.large",
            "SecurityGroupIds": [self.inside],
            "UserData": user_data(tag, release, **environment),
            "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        }

    def version(self, tag: str, release: str, image: str = AMI, **environment: object) -> str:
        """The number of a new version of the template."""
        made = self.ec2.create_launch_template_version(
            LaunchTemplateId=self.template,
            LaunchTemplateData={**self._data(tag, release, **environment), "ImageId": image},
        )
        return str(made["LaunchTemplateVersion"]["VersionNumber"])

    def refresh(self, version: str, **preferences: Any) -> None:
        wanted = {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150, "AutoRollback": True, **preferences}
        self.asg.start_instance_refresh(
            AutoScalingGroupName=self.name,
            DesiredConfiguration={"LaunchTemplate": {"LaunchTemplateId": self.template, "Version": version}},
            Preferences=wanted,
        )

    def current(self) -> dict[str, Any]:
        """The newest refresh."""
        found: dict[str, Any] = self.asg.describe_instance_refreshes(AutoScalingGroupName=self.name)[
            "InstanceRefreshes"
        ][0]
        return found

    def ended(self) -> str:
        """Wait for the newest refresh: its last status."""
        over = ("Successful", "Failed", "Cancelled", "RollbackSuccessful", "RollbackFailed")
        return str(until(lambda: self.current()["Status"] in over and self.current()["Status"]))

    def group(self) -> dict[str, Any]:
        found: dict[str, Any] = self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[self.name])[
            "AutoScalingGroups"
        ][0]
        return found

    def versions(self) -> Counter[str]:
        """Template versions of what is in service."""
        live = [one for one in self.group()["Instances"] if one["LifecycleState"] == "InService"]
        return Counter(one["LaunchTemplate"]["Version"] for one in live)

    def healthy(self) -> int:
        found = self.elb.describe_target_health(TargetGroupArn=self.groups["blue"])["TargetHealthDescriptions"]
        return [one["TargetHealth"]["State"] for one in found].count("healthy")

    def machines(self) -> list[dict[str, Any]]:
        """The lab's view of the instances in service."""
        found = self.lab.control("GET", "state")["instances"]
        return [one for one in found if one["group"] == self.name and one["lifecycle"] == "InService"]

    def ask(self, address: str = "", port: int = PORT, timeout: float = 10) -> tuple[int, str | None]:
        """(status, release) of one inference's health."""
        connection = http.client.HTTPConnection(address or self.address, port, timeout=timeout)
        try:
            connection.request("GET", "/v2/health/ready")
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.getheader("x-greenlight-release")
        finally:
            connection.close()
