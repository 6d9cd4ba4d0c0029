# Copyright: greenlight.serving contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the lab's parts know each other: small protocols, so that each is built and tested alone.

Every duration and instant in an engine is in AWS seconds: `Clock.now()` is real time divided by
the lab's time scale. Only `plane/` and `procs.py` know real seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    @property
    def scale(self) -> float:
        """Real seconds per AWS second."""

    def now(self) -> float:
        """AWS seconds since the lab started."""

    def utc(self) -> datetime:
        """Wall-clock time for API answers, timezone-aware."""


@dataclass(frozen=True)
class TargetHealth:
    """As DescribeTargetHealth shows it."""

    state: str  # initial healthy unhealthy unused draining unavailable
    reason: str = ""  # "" | Elb.… | Target.…
    description: str = ""


class Targets(Protocol):
    """The load balancer's side of a target; the ECS (later the Auto Scaling) engine's only way to it."""

    def register(self, group: str, target: str, port: int, zone: str, security_groups: Sequence[str]) -> None:
        """`group`: target group ARN; `target`: the address registered. Again = no change."""

    def deregister(self, group: str, target: str, port: int) -> None:
        """Starts draining; unknown targets are ignored."""

    def health(self, group: str, target: str, port: int) -> TargetHealth | None:
        """None: not registered (any more): never was, or drained and gone."""

    def attached(self, group: str) -> bool:
        """Some listener or rule of a load balancer forwards to this group."""


@dataclass(frozen=True)
class RuleShape:
    """A listener rule, as a deployment that shifts traffic sees it."""

    weights: Mapping[str, int]  # target group ARN -> weight; empty: it forwards nowhere
    forwards_only: bool = True  # its listener has no rule with another action


class Traffic(Protocol):
    """The load balancer's side of a native deployment."""

    def rule(self, arn: str) -> RuleShape | None: ...

    def shift(self, arn: str, weights: Mapping[str, int]) -> None:
        """The rule forwards to these target groups with these weights. A rule that is gone is left alone."""

    def role_error(self, arn: str) -> str:
        """Why ECS cannot take the infrastructure role; "" if it can."""


@dataclass(frozen=True)
class AlarmState:
    state: str  # OK ALARM INSUFFICIENT_DATA
    window: float = 0.0  # seconds over which the alarm is evaluated


class Alarms(Protocol):
    def alarm(self, name: str) -> AlarmState | None: ...


@dataclass(frozen=True)
class ProcessState:
    running: bool
    exit_code: int | None = None  # negative: killed by that signal


class Processes(Protocol):
    """What runs behind a task or an instance: real local processes."""

    def start(
        self,
        key: str,
        image: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        address: str,
        ports: Sequence[int],
        security_groups: Sequence[str],
    ) -> None:
        """Start `image` behind network interface `address`. Raises ImageNotFound before anything runs."""

    def state(self, key: str) -> ProcessState | None: ...

    def pid(self, key: str) -> int | None:
        """Of its first process; None when there is none."""

    def signal(self, key: str, number: int) -> None:
        """Ignored when it is gone."""

    def check(self, key: str, command: Sequence[str], timeout: float) -> None:
        """Run a container health check in the background (AWS seconds)."""

    def check_result(self, key: str) -> int | None:
        """Exit code of the check last started; None while it runs (and before the first)."""

    def forget(self, key: str) -> None:
        """Stop it if it runs (SIGKILL) and free everything held for it."""


class ImageNotFound(Exception):  # noqa: N818  (ECS's own word, as are all names here)
    """No such image: the message is what ECS puts into stoppedReason after CannotPullContainerError."""


class Network(Protocol):
    def allocate(self, subnet: str, security_groups: Sequence[str], description: str) -> Interface:
        """A network interface in the subnet; raises ValueError for an unknown subnet."""

    def release(self, interface: Interface) -> None: ...


@dataclass(frozen=True)
class Interface:
    id: str  # eni-…
    address: str
    subnet: str
    zone: str
    mac: str


@dataclass(frozen=True)
class HostState:
    """An EC2 instance. `status`: what the status checks say."""

    state: str  # pending running shutting-down terminated stopping stopped
    status: str = "ok"  # initializing ok impaired
    address: str = ""
    instance_type: str = ""
    finished: str = ""  # the lifecycle hook that the machine has completed for itself

    @property
    def running(self) -> bool:
        return self.state == "running"


class LaunchRefused(Exception):  # noqa: N818  (EC2's refusal, in its own words)
    """RunInstances failed; `code` is EC2's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class HostRequest:
    """One instance to launch. `template`, `version`: a launch template's id and a version number."""

    id: str
    template: str
    version: str
    subnet: str
    tags: Mapping[str, str]
    group: str = ""


class Hosts(Protocol):
    """EC2's instances: real local processes, booted from their user data."""

    def launch(self, request: HostRequest) -> None:
        """Raises LaunchRefused; nothing has changed then."""

    def state(self, instance: str) -> HostState | None:
        """None: never launched, or forgotten."""

    def retire(self, instance: str) -> None:
        """Its metadata tells that it will be terminated. Again, or an unknown one = no change."""

    def terminate(self, instance: str) -> None:
        """Shut it down in order. Again, or an unknown one = no change."""


class InstanceTargets(Targets, Protocol):
    """The load balancer's side of instances that are registered by their id."""

    def register_instance(self, group: str, instance: str, port: int, address: str) -> None:
        """As `register`; `address` is where the instance is reached."""
