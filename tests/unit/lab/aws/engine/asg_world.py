# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A world for the Auto Scaling engine's tests: the real fleet over fake ports and a fake clock.

A launch template's version says how its instances behave (`WAYS`): healthy 10 s after they run, never, not before
100 s, or not to be launched at all. A machine runs 10 s after its launch and is gone 5 s after its end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.lab.aws.core import chance
from tests.lab.aws.engine import asg_capacity, asg_refresh_ends
from tests.lab.aws.engine.asg_fleet import Fleet
from tests.lab.aws.engine.asg_model import Group, Instance, ready
from tests.lab.aws.engine.asg_refresh_model import Preferences, Refresh, Template
from tests.lab.aws.engine.asg_tracking_model import Policy
from tests.lab.aws.ports import AlarmState, HostRequest, HostState, LaunchRefused, TargetHealth

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
TARGETS = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/blue/1"
SUBNETS = ("subnet-a", "subnet-b", "subnet-c")
ZONES = {"subnet-a": "us-east-1a", "subnet-b": "us-east-1b", "subnet-c": "us-east-1c"}
WAYS = {"1": "good", "2": "good", "3": "sick", "4": "late", "5": "no image"}
BOOT, SHUT, DRAIN = 10.0, 5.0, 20.0


def template(version: str) -> Template:
    return Template("lt-1", "model", version)


@dataclass
class Machine:
    request: HostRequest
    since: float
    ended: float | None = None
    impaired: bool = False


@dataclass
class World:
    """Implements Clock, InstanceTargets, Hosts, Alarms and Lookups at once."""

    at: float = 0.0
    scale: float = 1.0
    default: str = "1"  # the number $Default stands for
    machines: dict[str, Machine] = field(default_factory=dict)
    registered: dict[tuple[str, str, int], tuple[float, float | None]] = field(default_factory=dict)
    states: dict[str, AlarmState] = field(default_factory=dict)
    shortage: set[str] = field(default_factory=set)  # zones without capacity
    metrics: dict[str, float] = field(default_factory=dict)
    retired: list[str] = field(default_factory=list)  # machines that were told of their end
    finished: dict[str, str] = field(default_factory=dict)  # machine -> the hook it has completed
    gone: list[str] = field(default_factory=list)
    used: bool = True  # a load balancer forwards to the target group
    most: int = 0  # extremes of a group since `watch`
    least: int = 10**6

    def __post_init__(self) -> None:
        self.fleet = Fleet(self, self, self, lambda *key: chance(7, *key))
        self.fleet.alarms = self.fleet.lookups = self
        self.fleet.on_gone = lambda group: self.gone.append(group.name)

    # ---- Clock
    def now(self) -> float:
        return self.at

    def utc(self) -> datetime:
        return EPOCH + timedelta(seconds=self.at)

    # ---- Hosts
    def launch(self, request: HostRequest) -> None:
        if WAYS[request.version] == "no image":
            raise LaunchRefused("InvalidAMIID.NotFound", "The image id '[ami-0]' does not exist")
        if ZONES[request.subnet] in self.shortage:
            raise LaunchRefused("InsufficientInstanceCapacity", "We currently do not have sufficient capacity.")
        self.machines[request.id] = Machine(request, self.at)

    def state(self, instance: str) -> HostState | None:
        machine = self.machines.get(instance)
        if machine is None:
            return None
        if machine.ended is not None:
            return HostState("terminated" if self.at - machine.ended >= SHUT else "shutting-down")
        if self.at - machine.since < BOOT:
            return HostState("pending", "initializing", instance_type="m6i.large")
        status = "impaired" if machine.impaired else "ok"
        return HostState("running", status, instance, "m6i.large", self.finished.get(instance, ""))

    def retire(self, instance: str) -> None:
        self.retired.append(instance)

    def terminate(self, instance: str) -> None:
        machine = self.machines[instance]
        machine.ended = self.at if machine.ended is None else machine.ended

    # ---- InstanceTargets
    def register(self, group: str, target: str, port: int, zone: str, security_groups: Sequence[str]) -> None:
        raise AssertionError("instances are registered by register_instance")

    def register_instance(self, group: str, instance: str, port: int, address: str) -> None:
        self.registered[group, instance, port] = (self.at, None)

    def deregister(self, group: str, target: str, port: int) -> None:
        since, left = self.registered[group, target, port]
        self.registered[group, target, port] = (since, self.at if left is None else left)

    def health(self, group: str, target: str, port: int) -> TargetHealth | None:
        key = (group, target, port)
        if key not in self.registered:
            return None
        since, left = self.registered[key]
        if left is not None:
            return TargetHealth("draining") if self.at - left < DRAIN else None
        age = self.at - since
        machine = self.machines[target]
        way = WAYS[machine.request.version]
        if not self.used:
            return TargetHealth("unused")
        if age < 10:
            return TargetHealth("initial")
        serves = machine.ended is None and (way == "good" or (way == "late" and age >= 100))
        return TargetHealth("healthy" if serves else "unhealthy")

    def attached(self, group: str) -> bool:
        return self.used

    # ---- Alarms and Lookups
    def alarm(self, name: str) -> AlarmState | None:
        return self.states.get(name)

    def port(self, target_group: str) -> int | None:
        return 8080

    def version(self, wanted: Template) -> str:
        return {"$Default": self.default, "$Latest": "5"}.get(wanted.version, wanted.version)

    def metric(self, group: Group, policy: Policy) -> float | None:
        return self.metrics.get(policy.name)

    # ---- the test's hands
    def create(self, desired: int = 3, version: str = "1", **changes: Any) -> Group:
        """A group over three zones with ELB health, grace 60 s and a warm-up of 20 s."""
        group = Group("g", "arn:g", self.fleet.ids("g"), self.utc(), template(version), low=0, high=20, desired=desired)
        group.subnets, group.zones, group.target_groups = SUBNETS, ZONES, [TARGETS]
        group.health_types, group.grace, group.warmup = ("EC2", "ELB"), 60.0, 20.0
        for name, value in changes.items():
            assert hasattr(group, name), name
            setattr(group, name, value)
        self.fleet.groups["g"] = group
        return group

    def steady(self, desired: int = 3, **changes: Any) -> Group:
        """A group whose instances all serve and are warm."""
        group = self.create(desired, **changes)
        self.run(100)
        assert self.serving(group) == desired
        return group

    def run(self, seconds: float, each: Callable[[], None] | None = None) -> None:
        """Let time pass, a second at a time."""
        for _ignored in range(int(seconds)):
            self.at += 1
            self.fleet.tick()
            self._observe()
            if each:
                each()

    def until(self, true: Callable[[], bool], seconds: float = 4000) -> None:
        """Let time pass until it is so; fails when it never is."""
        end = self.at + seconds
        while not true():
            assert self.at < end, "it never was"
            self.run(1)

    def watch(self) -> None:
        self.most, self.least = 0, 10**6

    def _observe(self) -> None:
        for group in self.fleet.groups.values():
            warm = sum(ready(group, one, group.warmup or 0.0, self.fleet.moment()) for one in group.active())
            self.most, self.least = max(self.most, len(group.active())), min(self.least, warm)

    def refresh(self, group: Group, version: str | None = "2", **wanted: Any) -> Refresh:
        """StartInstanceRefresh with a desired configuration (none: `version` None), min 90 and max unset."""
        moment = self.fleet.moment()
        desired = template(version) if version else None
        preferences = Preferences(**{"warmup": group.warmup, **wanted})
        source = template(self.version(group.template))
        made = Refresh(group.ids.uuid("refresh"), preferences, source, desired or source, desired, moment.utc, self.at)
        asg_refresh_ends.start(group, made)
        self.watch()
        return made

    def finish(self, refresh: Refresh, seconds: float = 4000) -> str:
        self.until(lambda: refresh.over, seconds)
        return refresh.status

    def resize(self, group: Group, desired: int) -> None:
        asg_capacity.resize(group, desired, "a user request", self.fleet.moment())

    @staticmethod
    def serving(group: Group, version: str | None = None) -> int:
        """Instances in service; of one version, or of all."""
        live = [one for one in group.instances.values() if one.state == "InService"]
        return sum(version in (None, one.template.version) for one in live)

    @staticmethod
    def versions(group: Group) -> Counter[str]:
        return Counter(one.template.version for one in group.active())

    @staticmethod
    def zones(group: Group) -> list[int]:
        """How many active instances the zones have, in order."""
        return sorted(Counter(one.zone for one in group.active()).values())

    @staticmethod
    def one(group: Group, number: int = 0) -> Instance:
        return list(group.instances.values())[number]
