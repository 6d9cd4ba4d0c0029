# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Auto Scaling looks up elsewhere: launch templates, subnets, target groups, load; and requests in its words.

Implements `asg_fleet.Lookups`; the rules of `truth/autoscaling.py` are handed it as facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.lab.aws.api.ec2_instances import PARAMETER, InstanceRecords
from tests.lab.aws.api.elbv2_facts import Facts
from tests.lab.aws.core import AwsError, Lab
from tests.lab.aws.engine.asg_model import Bounds, Group, Hook, Instance
from tests.lab.aws.engine.asg_refresh_model import Template
from tests.lab.aws.engine.asg_tracking_model import Policy
from tests.lab.aws.load import Meter

VALIDATION = "ValidationError"
DEFAULT_VERSION = "$Default"


class Known:
    def __init__(self, lab: Lab, records: InstanceRecords, meter: Meter) -> None:
        self.lab, self.records, self.meter = lab, records, meter
        self.facts = Facts(lab.account, lab.region)

    # ---- groups

    def group(self, name: str) -> Group:
        """Raises AwsError for one that is not there."""
        found = self.lab.fleet.groups.get(name)
        if found is None:
            raise AwsError(VALIDATION, f"AutoScalingGroup name not found - AutoScalingGroup {name} not found")
        return found

    def instance(self, name: str) -> tuple[Group, Instance]:
        found = self.lab.fleet.find(name)
        if found is None:
            raise AwsError(VALIDATION, f"Instance Id not found - No managed instance found for instance ID: {name}")
        return found

    # ---- asg_fleet.Lookups

    def port(self, target_group: str) -> int | None:
        found = self.facts.group(target_group)
        return int(found.port) if found is not None and found.port else None

    def version(self, template: Template) -> str:
        found = self.records.template(template.id)
        if found is None:
            return ""
        if template.version == "$Latest":
            return str(found.latest_version_number)
        if template.version == DEFAULT_VERSION:
            return str(found.default_version_number)
        return template.version if self.records.data(template.id, template.version) is not None else ""

    def metric(self, group: Group, policy: Policy) -> float | None:
        return self.meter.value(group, policy)

    # ---- the truth filter's questions

    def exists(self, name: str) -> bool:
        return name in self.lab.fleet.groups

    def zone(self, subnet: str) -> str | None:
        return self.records.zone(subnet)

    def target_type(self, target_group: str) -> str | None:
        found = self.facts.group(target_group)
        return str(found.target_type or "instance") if found is not None else None

    def image_of(self, template: Template) -> str:
        """ImageId as the version gives it; "" when there is none."""
        data = self.records.data(template.id, self.version(template))
        return str((data or {}).get("ImageId") or "")

    def image_exists(self, given: str) -> bool:
        return self.records.image(given) is not None

    def alarm(self, name: str) -> str | None:
        found = self.lab.fleet.alarms.alarm(name) if self.lab.fleet.alarms else None
        return None if found is None else found.state

    def reversible(self, template: Template) -> bool:
        """A refresh away from this can be rolled back: a numbered version with an AMI's id."""
        return template.numbered and not self.image_of(template).startswith(PARAMETER)

    def specification(self, given: Mapping[str, Any]) -> Template | None:
        """A LaunchTemplateSpecification, by id or name; None when there is no such template."""
        found = self.records.template(given.get("LaunchTemplateId") or "", given.get("LaunchTemplateName") or "")
        return None if found is None else Template(found.id, found.name, given.get("Version") or DEFAULT_VERSION)


# ---- requests in the engine's words


def hook(given: Mapping[str, Any], known: Hook | None = None) -> Hook:
    """PutLifecycleHook, or a LifecycleHookSpecification; what is not given stays as it was."""
    before = known or Hook(given["LifecycleHookName"], given.get("LifecycleTransition") or "")
    return Hook(
        before.name,
        given.get("LifecycleTransition") or before.transition,
        float(given.get("HeartbeatTimeout") or before.timeout),
        given.get("DefaultResult") or before.result,
        given.get("NotificationMetadata") or before.metadata,
    )


def maintenance(given: Mapping[str, Any] | None) -> Bounds | None:
    """An InstanceMaintenancePolicy; -1 clears it (botocore)."""
    if not given or int(given.get("MinHealthyPercentage", -1)) < 0 or int(given.get("MaxHealthyPercentage", -1)) < 0:
        return None
    return Bounds(int(given["MinHealthyPercentage"]), int(given["MaxHealthyPercentage"]))


def health_types(given: str) -> tuple[str, ...]:
    """EC2 is always among them."""
    return ("EC2", *(name.strip() for name in given.split(",") if name.strip() not in ("", "EC2")))


def sources(given: Mapping[str, Any]) -> list[str]:
    """Target groups named as such and as traffic sources."""
    named: Iterable[str] = (one["Identifier"] for one in given.get("TrafficSources") or ())
    return list(dict.fromkeys([*(given.get("TargetGroupARNs") or ()), *named]))


def flag(value: Any, default: bool = False) -> bool:
    return default if value is None else str(value).lower() == "true"


def page(items: list[Any], given: Mapping[str, Any], size: int = 50, most: int = 100) -> tuple[list[Any], str | None]:
    """(items of this page, NextToken or None). Raises AwsError for a token that is none."""
    token, count = given.get("NextToken") or "0", min(most, int(given.get("MaxRecords") or size))
    if not str(token).isdigit():
        raise AwsError("InvalidNextToken", "The NextToken value is not valid.")
    first = int(token)
    return items[first : first + count], str(first + count) if first + count < len(items) else None
