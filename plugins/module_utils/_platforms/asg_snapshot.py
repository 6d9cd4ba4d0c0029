# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service on EC2 Auto Scaling as the APIs answered, in their own shapes, with what can be looked up in it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

# botocore autoscaling/2011-01-01, InstanceRefreshStatus
OPEN = frozenset({"Pending", "InProgress", "Baking", "Cancelling", "RollbackInProgress"})
NEVER = datetime.min.replace(tzinfo=UTC)
LEAVING = ("Terminating", "Terminated", "Detach")  # what the name of a state on the way out begins with


@dataclass(frozen=True)
class Snapshot:
    """As the APIs answered, in their own shapes."""

    at: float
    clock: datetime = NEVER  # when the groups were read, by AWS's clock
    groups: Mapping[str, Json] = field(default_factory=dict)  # colour -> group with `tags`; absent ones are left out
    versions: Mapping[str, Json] = field(default_factory=dict)  # number -> template version, with its `release`
    template: str = ""  # id of the launch template; "" = there is none
    refreshes: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)  # colour -> refreshes, newest first
    activities: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)  # colour -> activities, newest first
    production_rules: tuple[Json, ...] = ()
    test_rules: tuple[Json, ...] = ()
    health: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)  # target group ARN -> descriptions
    addresses: Mapping[str, str] = field(default_factory=dict)  # instance id -> private address, as far as asked
    alarm: Json | None = None  # the heartbeat alarm
    schedules: tuple[Json, ...] = ()  # the one-time schedules of this service, as ListSchedules answers
    hooks: Mapping[str, Json] = field(default_factory=dict)  # colour -> our lifecycle hook
    policies: Mapping[str, Json] = field(default_factory=dict)  # name -> scaling policy, of either group

    def release_of(self, version: Any) -> str:
        """The release that a template version carries; "" = none of ours."""
        return str(self.versions.get(str(version), {}).get("release", ""))

    def version_of(self, release: str) -> str:
        """The number of the newest template version that carries a release; "" = there is none."""
        numbers = [int(n) for n, version in self.versions.items() if release and version.get("release") == release]
        return str(max(numbers)) if numbers else ""

    def configured(self, colour: str) -> str:
        """The template version that a group names: a number, $Latest, $Default, or "" (another template, or none)."""
        named = (self.groups.get(colour) or {}).get("LaunchTemplate") or {}
        return str(named.get("Version", "")) if named.get("LaunchTemplateId") == self.template else ""

    def version_of_instance(self, instance: Mapping[str, Any]) -> str:
        named = instance.get("LaunchTemplate") or {}
        return str(named.get("Version", "")) if named.get("LaunchTemplateId") == self.template else ""

    def instances(self, colour: str, staying: bool = False) -> list[Json]:
        """The instances of a group; `staying`: without those on their way out."""
        listed = (self.groups.get(colour) or {}).get("Instances") or []
        return [one for one in listed if not (staying and str(one.get("LifecycleState", "")).startswith(LEAVING))]

    def desired(self, colour: str) -> int:
        return int((self.groups.get(colour) or {}).get("DesiredCapacity", 0))

    def refresh(self, colour: str) -> Json | None:
        """The refresh that is under way in a group."""
        return next((one for one in self.refreshes.get(colour, ()) if one.get("Status") in OPEN), None)

    def refreshing(self) -> bool:
        """A refresh is under way in either group."""
        return any(self.refresh(colour) for colour in self.refreshes)
