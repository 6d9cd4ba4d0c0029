# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A world for the ECS engine's tests: the real scheduler over fake ports and a fake clock.

A container's image says how its process behaves: `good`, `sick` (never passes a health check),
`crash` (exits 3 s after its start), `late` (healthy after 50 s), `relapse` (healthy, then sick after
20 s), `flap` (healthy, then exits after 20 s), `deaf` (ignores SIGTERM), `absent` (no such image).
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.lab.aws.core import chance
from tests.lab.aws.engine import ecs_deploy
from tests.lab.aws.engine.ecs_config import complete_config
from tests.lab.aws.engine.ecs_model import ContainerSpec, LoadBalancer, Moment, Revision, Service, Task
from tests.lab.aws.engine.ecs_scheduler import Scheduler
from tests.lab.aws.ports import AlarmState, ImageNotFound, Interface, ProcessState, RuleShape, TargetHealth

ELB = "arn:aws:elasticloadbalancing:us-east-1:123456789012:"
GROUP, GREEN = ELB + "targetgroup/blue/1", ELB + "targetgroup/green/1"
PRODUCTION, TEST = ELB + "listener-rule/app/lb/1/2/production", ELB + "listener-rule/app/lb/1/2/test"
ROLE = "arn:aws:iam::123456789012:role/infrastructure"
SUBNETS = ("subnet-a", "subnet-b", "subnet-c")
ZONES = {"subnet-a": "us-east-1a", "subnet-b": "us-east-1b", "subnet-c": "us-east-1c"}
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
EXITS = {"crash": 3.0, "flap": 20.0}


@dataclass
class Process:
    image: str
    address: str
    since: float
    environment: Mapping[str, str]
    ended: int | None = None
    check_due: float | None = None


@dataclass
class World:
    """Implements Clock, Targets, Traffic, Alarms, Processes and Network at once."""

    at: float = 0.0
    scale: float = 1.0
    deregistration_delay: float = 20.0
    processes: dict[str, Process] = field(default_factory=dict)
    registered: dict[tuple[str, str, int], tuple[float, float | None]] = field(default_factory=dict)
    signals: list[tuple[float, str, int, str]] = field(default_factory=list)  # at, key, signal, target's state
    leased: set[str] = field(default_factory=set)
    given: int = 0
    rules: dict[str, RuleShape] = field(default_factory=dict)
    shifts: list[tuple[str, int, int]] = field(default_factory=list)  # (rule's last word, blue's, green's weight)
    states: dict[str, AlarmState] = field(default_factory=dict)
    role: str = ""  # why the infrastructure role cannot be taken

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(self, self, self, self, lambda *key: chance(7, *key))
        self.scheduler.traffic = self.scheduler.alarms = self
        self.rules = {PRODUCTION: RuleShape({GROUP: 100, GREEN: 0}), TEST: RuleShape({GROUP: 100, GREEN: 0})}

    # ---- Clock
    def now(self) -> float:
        return self.at

    def utc(self) -> datetime:
        return EPOCH + timedelta(seconds=self.at)

    # ---- Targets
    def register(self, group: str, target: str, port: int, zone: str, security_groups: Sequence[str]) -> None:
        self.registered.setdefault((group, target, port), (self.at, None))

    def deregister(self, group: str, target: str, port: int) -> None:
        since, left = self.registered[group, target, port]
        self.registered[group, target, port] = (since, self.at if left is None else left)

    def attached(self, group: str) -> bool:
        return group == GROUP

    def health(self, group: str, target: str, port: int) -> TargetHealth | None:
        key = (group, target, port)
        if key not in self.registered:
            return None
        since, left = self.registered[key]
        if left is not None:
            if self.at - left < self.deregistration_delay:
                return TargetHealth("draining", "Target.DeregistrationInProgress")
            del self.registered[key]
            return None
        age = self.at - since
        image = next((p.image for p in self.processes.values() if p.address == target and p.ended is None), "")
        if age < 5:
            return TargetHealth("initial", "Elb.InitialHealthChecking")
        well = {"good": True, "deaf": True, "flap": True, "crash": True, "late": age > 50, "relapse": age < 20}
        if well.get(image, False):
            return TargetHealth("healthy")
        return TargetHealth("unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]")

    # ---- Traffic and Alarms
    def rule(self, arn: str) -> RuleShape | None:
        return self.rules.get(arn)

    def shift(self, arn: str, weights: Mapping[str, int]) -> None:
        self.rules[arn] = RuleShape(weights)
        self.shifts.append((arn.split("/")[-1], weights[GROUP], weights[GREEN]))

    def role_error(self, arn: str) -> str:
        return self.role

    def alarm(self, name: str) -> AlarmState | None:
        return self.states.get(name)

    # ---- Processes
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
        if image == "absent":
            raise ImageNotFound("failed to resolve ref absent: not found")
        if image == "privileged":
            raise PermissionError(13, "Permission denied")
        self.processes[key] = Process(image, address, self.at, environment)

    def state(self, key: str) -> ProcessState | None:
        process = self.processes.get(key)
        if process is None:
            return None
        if process.ended is None and self.at - process.since >= EXITS.get(process.image, float("inf")):
            process.ended = 1
        return ProcessState(process.ended is None, process.ended)

    def signal(self, key: str, number: int) -> None:
        process = self.processes[key]
        health = next((self.health(*t) for t in list(self.registered) if t[1] == process.address), None)
        self.signals.append((self.at, key, number, health.state if health else "gone"))
        if number == signal.SIGKILL:
            process.ended = -9
        elif process.image != "deaf":
            process.ended = 0

    def check(self, key: str, command: Sequence[str], timeout: float) -> None:
        self.processes[key].check_due = self.at + 1

    def check_result(self, key: str) -> int | None:
        process = self.processes.get(key)
        if process is None or process.check_due is None or self.at < process.check_due:
            return None
        age = self.at - process.since
        return int(process.image == "sick" or (process.image == "late" and age < 50))

    def forget(self, key: str) -> None:
        self.processes.pop(key, None)

    # ---- Network
    def allocate(self, subnet: str, security_groups: Sequence[str], description: str) -> Interface:
        if subnet not in ZONES:
            raise ValueError(f"no subnet {subnet}")
        self.given += 1
        address = f"127.20.{SUBNETS.index(subnet) * 16}.{self.given}"
        self.leased.add(address)
        return Interface(f"eni-{self.given}", address, subnet, ZONES[subnet], "02:00:00:00:00:01")

    def release(self, interface: Interface) -> None:
        self.leased.remove(interface.address)

    # ---- what tests say
    def moment(self) -> Moment:
        return Moment(self.at, self.utc())

    def create(self, image: str = "good", desired: int = 2, grace: float = 0.0, **config: Any) -> Service:
        """A service with its first deployment; `config` goes into deploymentConfiguration."""
        ids = self.scheduler.ids("c", "web")
        service = Service("web", "c", ids, self.utc(), desired, complete_config(config), grace)
        self.scheduler.add(service)
        self.update(service, image)
        return service

    def update(
        self,
        service: Service,
        image: str,
        balanced: bool = True,
        subnets: tuple[str, ...] = SUBNETS,
        **container: object,
    ) -> None:
        spec = ContainerSpec("app", image, ports=(8080,), **container)  # type: ignore[arg-type]
        lb = LoadBalancer(GROUP, "app", 8080, GREEN, PRODUCTION, TEST, ROLE)
        lbs = (lb,) if balanced else ()
        revision = Revision(service.ids.revision(), f"arn:td/{image}", (spec,), subnets, ZONES, ("sg-1",), lbs)
        ecs_deploy.begin(service, revision, self.moment())

    def run(self, seconds: float, step: float = 0.5) -> None:
        for _ignored in range(int(seconds / step)):
            self.tick(step)

    def tick(self, step: float = 0.5) -> None:
        self.at += step
        self.scheduler.tick()

    def ticks(self, going: Callable[[], object], limit: float = 2000.0) -> Iterator[None]:
        """Tick as long as `going()` is true, and yield after each tick; fails when that takes too long."""
        end = self.at + limit
        while going():
            assert self.at < end, f"still going after {limit} s"
            self.tick()
            yield

    def wait_while(self, going: Callable[[], object], limit: float = 2000.0) -> None:
        for _ignored in self.ticks(going, limit):
            pass

    def until_steady(self, service: Service, limit: float = 600) -> None:
        end = self.at + limit
        while self.at < end:
            self.tick()
            if service.steady:
                return
        raise AssertionError(f"not steady after {limit} s: {[e.message for e in service.events[:5]]}")

    def healthy(self, service: Service) -> int:
        states = [self.health(*target) for task in service.live() for target in task.targets()]
        return sum(state is not None and state.state == "healthy" for state in states)

    def running(self, service: Service) -> list[Task]:
        return [task for task in service.live() if task.status == "RUNNING"]


def messages(service: Service) -> list[str]:
    """Events, oldest first."""
    return [event.message for event in reversed(service.events)]


def images(service: Service) -> list[str]:
    return sorted(task.revision.containers[0].image for task in service.live())
