# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands for what the rules about Auto Scaling ask, and asks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.lab.aws.engine.asg_model import Group, Instance
from tests.lab.aws.engine.asg_refresh_model import Template
from tests.lab.aws.truth import autoscaling
from tests.lab.aws.truth.base import Refusal, Truth
from tests.unit.lab.aws.engine.asg_world import World, template

ELB = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/"
SPECIFICATION = {"LaunchTemplateId": "lt-1", "Version": "2"}
UPDATE = {"AutoScalingGroupName": "g", "LaunchTemplate": SPECIFICATION, "MinSize": 1}
START = {"AutoScalingGroupName": "g", "DesiredConfiguration": {"LaunchTemplate": SPECIFICATION}}


@dataclass
class Facts:
    """Stands for api.autoscaling_known.Known: a group `g` of three and a template of versions 1 to 4, 4 with no AMI."""

    alarms: dict[str, str] = field(default_factory=lambda: {"beat": "OK", "rings": "ALARM", "new": "INSUFFICIENT_DATA"})

    def __post_init__(self) -> None:
        self.world = World()
        self.g = self.world.steady(3)
        self.g.low, self.g.high = 2, 5

    def exists(self, name: str) -> bool:
        return name == "g"

    def group(self, name: str) -> Group:
        return self.g

    def instance(self, name: str) -> tuple[Group, Instance]:
        return self.g, self.g.instances[name]

    def zone(self, subnet: str) -> str | None:
        return {"subnet-a": "us-east-1a", "subnet-b": "us-east-1b"}.get(subnet)

    def target_type(self, target_group: str) -> str | None:
        return {"machines": "instance", "addresses": "ip"}.get(target_group.split("/")[1])

    def specification(self, given: Mapping[str, Any]) -> Template | None:
        known = given.get("LaunchTemplateId") == "lt-1" or given.get("LaunchTemplateName") == "model"
        return template(given.get("Version") or "$Default") if known else None

    def version(self, wanted: Template) -> str:
        number = {"$Default": "1", "$Latest": "4"}.get(wanted.version, wanted.version)
        return number if number in ("1", "2", "3", "4") else ""

    def image_of(self, wanted: Template) -> str:
        return {"3": "", "4": "ami-0"}.get(self.version(wanted), "ami-1")

    def image_exists(self, given: str) -> bool:
        return given == "ami-1"

    def alarm(self, name: str) -> str | None:
        return self.alarms.get(name)

    def reversible(self, wanted: Template) -> bool:
        return wanted.numbered


def refusal(operation: str, params: Mapping[str, Any], facts: Facts | None = None) -> Refusal | None:
    truth = Truth()
    truth.add("autoscaling", autoscaling.RULES, facts or Facts())
    return truth.refusal("autoscaling", operation, params)


def refused(operation: str, params: Mapping[str, Any], facts: Facts | None = None) -> Refusal:
    found = refusal(operation, params, facts)
    assert found is not None
    return found
