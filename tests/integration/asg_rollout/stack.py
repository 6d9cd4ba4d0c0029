# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A load balancer and a bucket in the lab for one service on EC2, and the parameters of asg_rollout for it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.greenlight.serving.plugins.module_utils._glue import argspec_asg
from ansible_collections.greenlight.serving.plugins.module_utils._glue.kit_asg import run
from tests.integration.ecs_rollout.stack import CONTAINER, GOLDEN_PROBE
from tests.integration.ecs_rollout.stack import Stack as Front
from tests.lab.images.registry import reference

IMAGE = "ami-0123456789abcdef0"
COUNT = 3


def user_data(tag: str) -> str:
    """What the role writes, as far as the lab reads it."""
    return f"""#cloud-config
write_files:
  - path: /etc/greenlight/serving.env
    content: |
      SERVING_IMAGE={reference(tag)}
      SERVING_PORT={CONTAINER}
  - path: /etc/greenlight/model.env
    content: |
      GREENLIGHT_RELEASE=@GREENLIGHT_RELEASE@
      PORT={CONTAINER}
  - path: /etc/systemd/system/greenlight-serving.service
    content: |
      [Service]
      EnvironmentFile=/etc/greenlight/serving.env
      ExecStart=/usr/bin/docker run --rm --name greenlight-serving --env-file /etc/greenlight/model.env x
      TimeoutStopSec=10
"""


@dataclass
class Stack(Front):
    """What roles would have made before asg_rollout runs."""

    target_type: str = "instance"

    def build(self) -> Self:
        self.front()
        self.role("restore", "scheduler")
        return self

    def options(self, tag: str = "1") -> dict[str, Any]:
        """The options of a task that rolls out the image of that tag. Auto Scaling waits in its own seconds."""
        facts, state = self.facts, self.state
        return {
            "endpoint_url": state["endpoint"],
            "region": state["region"],
            "access_key": state["access_key"],
            "secret_key": state["secret_key"],
            "name": self.name,
            "strategy": "rolling",
            "label": reference(tag),
            "template": {
                "image_id": IMAGE,
                "instance_type": "m7i.large",
                "security_groups": [facts["tasks"]],
                "user_data": user_data(tag),
            },
            "network": {"subnets": state["subnets"]["private"]},
            "load_balancer": {
                "target_port": CONTAINER,
                "production_listener_arn": facts["production"],
                "test_listener_arn": facts["test"],
                "blue_target_group_arn": facts["blue"],
                "green_target_group_arn": facts["green"],
            },
            "capacity": {"min": 2, "max": 6, "desired": COUNT},
            "health_check_grace_seconds": 200,
            "warmup_seconds": 10,
            "hold_seconds": 400,
            "heartbeat": {"interval": 0.7, "period": 30, "periods": 6},
            "restore": {"role_arn": facts["restore"], "late": 2.0},
            "probes": [GOLDEN_PROBE],
            "gate": {"interval": 0.2, "count": 3, "deadline": 60, "error_limit": 60},
            "timing": {
                "deadline": 1500,
                "rollback_deadline": 150,
                "min_ready": 0.6,
                "bake": 0.5,
                "poll": 0.3,
                "settle": 0.5,
                "propagation": 0.3,
                "lease": 6,
            },
            "aws_config": {"connect_timeout": 1, "read_timeout": 2},
            "reach": {"allow_loopback": True},
            "record": {"bucket": facts["bucket"]},
        }

    def parameters(self, tag: str = "1", **changes: Any) -> dict[str, Any]:
        """The same, validated."""
        result = ArgumentSpecValidator(**argspec_asg.specification()).validate({**self.options(tag), **changes})
        assert not result.error_messages, result.error_messages
        validated: dict[str, Any] = result.validated_parameters
        return validated

    def roll_out(self, tag: str = "1", check_mode: bool = False, **changes: Any) -> dict[str, Any]:
        self.lines = []
        return run(self.parameters(tag, **changes), check_mode, self._report)

    # ---- what others see ----

    def group(self, colour: str = "blue") -> dict[str, Any]:
        """{} = there is none."""
        names = [f"{self.name}-{colour}"]
        found = self.lab.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=names)
        return next(iter(found["AutoScalingGroups"]), {})

    def versions(self, colour: str = "blue") -> list[str]:
        """The template version of every instance of the group that stays, as Auto Scaling describes them."""
        listed = self.group(colour).get("Instances", [])
        staying = [one for one in listed if not one["LifecycleState"].startswith("Terminat")]
        return sorted(one["LaunchTemplate"]["Version"] for one in staying)

    def refreshes(self, colour: str = "blue") -> list[dict[str, Any]]:
        """Newest first."""
        answer = self.lab.client("autoscaling").describe_instance_refreshes(
            AutoScalingGroupName=f"{self.name}-{colour}"
        )
        found: list[dict[str, Any]] = answer["InstanceRefreshes"]
        return found

    def shares(self) -> dict[str, int]:
        """Percent of production traffic by colour."""
        rules = self.lab.client("elbv2").describe_rules(ListenerArn=self.facts["production"])["Rules"]
        (rule,) = [rule for rule in rules if not rule["IsDefault"]]
        weights = {
            each["TargetGroupArn"]: each["Weight"] for each in rule["Actions"][0]["ForwardConfig"]["TargetGroups"]
        }
        return {colour: weights.get(self.facts[colour], 0) for colour in ("blue", "green")}

    def schedules(self) -> list[str]:
        """Of all services: a schedule's name is a hash."""
        return [each["Name"] for each in self.lab.client("scheduler").list_schedules()["Schedules"]]

    def release(self, version: str) -> str:
        """The release that a version of the launch template holds, by its description."""
        found = self.lab.client("ec2").describe_launch_template_versions(
            LaunchTemplateName=self.name, Versions=[version]
        )["LaunchTemplateVersions"]
        return str(found[0].get("VersionDescription", "")).rpartition(":")[2]

    def healthy_in(self, colour: str) -> int:
        found = self.lab.client("elbv2").describe_target_health(TargetGroupArn=self.facts[colour])
        return [one["TargetHealth"]["State"] for one in found["TargetHealthDescriptions"]].count("healthy")

    def record(self) -> dict[str, Any]:
        key = f"greenlight/asg/{self.state['region']}/{self.name}.json"
        answer = self.lab.client("s3").get_object(Bucket=self.facts["bucket"], Key=key)
        found: dict[str, Any] = json.load(answer["Body"])
        return found

    def told(self) -> str:
        return "\n".join(f"{line.who} {line.text}" for line in self.lines)

    def played(self, folder: Path, tag: str, **changes: Any) -> list[str]:
        """A playbook for the stack that leaves the result in result.json; the command that runs it."""
        options = {**self.options(tag), **changes}
        kept = {"content": "{{ rollout | to_json }}", "dest": str(folder / "result.json"), "mode": "0600"}
        rollout = {"greenlight.serving.asg_rollout": options, "register": "rollout"}
        task = {"block": [rollout], "always": [{"ansible.builtin.copy": kept}]}
        play = {"hosts": "digits", "gather_facts": False, "tasks": [task]}
        (folder / "play.yml").write_text(json.dumps([play]))
        (folder / "hosts").write_text(f"digits ansible_connection=local ansible_python_interpreter={sys.executable}\n")
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        return [program, "-i", str(folder / "hosts"), str(folder / "play.yml")]
