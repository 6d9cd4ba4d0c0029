# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ECS engine knows: tasks, deployments, service deployments, revisions, services.

Two kinds of time: `Moment.now` in AWS seconds is what the engine reckons with, `Moment.utc` is what
the API shows. Nothing here acts; `ecs_tasks`, `ecs_rolling` and `ecs_deploy` are the step functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.lab.aws.engine.ecs_native_model import AlarmWatch, Native
from tests.lab.aws.ports import Interface

# Task life cycle, in order. Source: Amazon ECS Developer Guide, "Amazon ECS task lifecycle".
STARTING = ("PROVISIONING", "PENDING", "ACTIVATING")
LIVE = (*STARTING, "RUNNING")  # desiredStatus RUNNING
ENDING = ("DEACTIVATING", "STOPPING", "DEPROVISIONING")
EVENTS = 100  # botocore ecs/2014-11-13, Service.events: "a maximum of 100 of the latest events"

Rng = Callable[..., float]


@dataclass(frozen=True)
class Moment:
    now: float  # AWS seconds
    utc: datetime
    scale: float = 1.0  # real seconds per AWS second

    def later(self, seconds: float) -> datetime:
        """The wall-clock instant so many AWS seconds from now: what the API shows as `expiresAt`."""
        return self.utc + timedelta(seconds=seconds * self.scale)


@dataclass(frozen=True)
class HealthCheck:
    """A container's health check; defaults are those of botocore ecs/2014-11-13, HealthCheck."""

    command: tuple[str, ...]
    interval: float = 30.0
    timeout: float = 5.0
    retries: int = 3
    start_period: float = 0.0


@dataclass(frozen=True)
class ContainerSpec:
    name: str
    image: str
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)  # name -> ARN
    ports: tuple[int, ...] = ()
    essential: bool = True
    stop_timeout: float = 30.0  # seconds between SIGTERM and SIGKILL; ContainerDefinition.stopTimeout
    health_check: HealthCheck | None = None


@dataclass(frozen=True)
class LoadBalancer:
    """One entry of a service's loadBalancers. Its tasks are registered in `group`.

    With an advancedConfiguration `group` and `alternate` are the pair that revisions take in turn, and the
    rules (ARNs; "" = none) lead to them.
    """

    group: str  # target group ARN
    container: str
    port: int
    alternate: str = ""  # the other target group of the pair
    production: str = ""
    test: str = ""
    role: str = ""  # the infrastructure role


@dataclass(frozen=True)
class Revision:
    """A service revision: everything whose change starts a deployment. Immutable."""

    id: str
    task_definition: str  # ARN
    containers: tuple[ContainerSpec, ...]
    subnets: tuple[str, ...] = ()
    zones: Mapping[str, str] = field(default_factory=dict)  # subnet -> Availability Zone
    security_groups: tuple[str, ...] = ()
    load_balancers: tuple[LoadBalancer, ...] = ()
    shown: Mapping[str, Any] = field(default_factory=dict)  # the API's words, as DescribeServiceRevisions returns them
    created_at: datetime | None = None


@dataclass
class Check:
    """How a container health check stands."""

    started_at: float | None = None  # a check that runs now
    ended_at: float | None = None
    failures: int = 0  # in a row
    verdict: str = "UNKNOWN"  # UNKNOWN HEALTHY UNHEALTHY


@dataclass
class Task:
    """One task. `deployment` owns it; `started_by` is the deployment that started it."""

    id: str
    revision: Revision
    deployment: str
    started_by: str
    subnet: str
    created: Moment
    status: str = "PROVISIONING"
    since: float = 0.0  # AWS seconds when the status was entered
    interface: Interface | None = None
    start_error: str = ""  # set by the scheduler when an interface or an image cannot be had
    launched: bool = False  # its processes were asked for
    running: Moment | None = None
    pull_started_at: datetime | None = None
    pull_stopped_at: datetime | None = None
    healthy_once: bool = False
    checks: dict[str, Check] = field(default_factory=dict)
    exit_codes: dict[str, int] = field(default_factory=dict)
    stop_code: str = ""
    stop_reason: str = ""
    stopping_at: datetime | None = None
    stopped: Moment | None = None
    signalled_at: float | None = None
    killed: frozenset[str] = frozenset()  # containers that got SIGKILL
    released: bool = False  # the interface was given back
    version: int = 1
    tags: list[dict[str, str]] = field(default_factory=list)

    @property
    def live(self) -> bool:
        return self.status in LIVE

    @property
    def address(self) -> str:
        return self.interface.address if self.interface else ""

    @property
    def zone(self) -> str:
        return self.interface.zone if self.interface else self.revision.zones.get(self.subnet, "")

    def key(self, container: str) -> str:
        """The name of a container's process in the process table."""
        return f"{self.id}/{container}"

    def targets(self) -> tuple[tuple[str, str, int], ...]:
        """(group, address, port) of every target this task is registered as."""
        if not self.interface:
            return ()
        return tuple((lb.group, self.address, lb.port) for lb in self.revision.load_balancers)


@dataclass
class Deployment:
    """A row of a service's `deployments`. `rollout`: IN_PROGRESS, COMPLETED or FAILED."""

    id: str  # ecs-svc/…
    revision: Revision
    created_at: datetime
    updated_at: datetime
    status: str = "PRIMARY"  # PRIMARY ACTIVE INACTIVE
    rollout: str = "IN_PROGRESS"
    reason: str = ""
    failed: int = 0
    start_failures: int = 0  # in a row, for the restart throttle
    retry_at: float = 0.0
    warned: bool = False  # the event about tasks that cannot be started, or about no room, was given


@dataclass
class ServiceDeployment:
    """What DescribeServiceDeployments shows: one release of a service, with its rollback."""

    id: str
    deployment: str
    target: Revision
    sources: tuple[Revision, ...]
    config: Mapping[str, Any]  # deploymentConfiguration when it began
    created_at: datetime
    updated_at: datetime
    status: str = "PENDING"
    reason: str = ""
    started_at: datetime | None = None
    stage: str = ""  # lifecycleStage; blue/green strategies only
    breaker: str = "MONITORING"  # TRIGGERED MONITORING MONITORING_COMPLETE DISABLED
    failures: int = 0
    threshold: int = 0
    finished_at: datetime | None = None
    stopped_at: datetime | None = None
    rollback: Revision | None = None
    rollback_reason: str = ""
    rollback_started_at: datetime | None = None
    counts: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)  # revision -> requested, running, pending
    native: Native | None = None  # of BLUE_GREEN, LINEAR and CANARY alone
    watch: AlarmWatch = field(default_factory=AlarmWatch)
    baking: float | None = None  # rolling with alarms: steady since, in AWS seconds

    @property
    def over(self) -> bool:
        return self.status in ("SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED")


@dataclass(frozen=True)
class ServiceEvent:
    id: str
    created_at: datetime
    message: str


class Ids:
    """Identifiers that depend on the lab's seed and their own key alone."""

    def __init__(self, rng: Rng, salt: str) -> None:
        self._rng, self._salt, self._count = rng, salt, 0

    def _digits(self, kind: str, alphabet: str, length: int) -> str:
        self._count += 1
        key = (self._salt, kind, self._count)
        return "".join(alphabet[int(self._rng(*key, place) * len(alphabet))] for place in range(length))

    def task(self) -> str:
        return self._digits("task", "0123456789abcdef", 32)

    def deployment(self) -> str:
        return "ecs-svc/" + self._digits("deployment", "123456789", 19)

    def revision(self) -> str:
        return self._digits("revision", "123456789", 19)

    def service_deployment(self) -> str:
        return self._digits("service-deployment", "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789", 21)

    def hook(self) -> str:
        """As in the Developer Guide, "Pause hooks for Amazon ECS service deployments": ecs-{hookType}-{id}."""
        return "ecs-pause-" + self._digits(
            "hook", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 43
        )

    def uuid(self) -> str:
        text = self._digits("uuid", "0123456789abcdef", 32)
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


@dataclass
class Service:
    """A service with all it ever had. `config` and `desired` may change without a deployment."""

    name: str
    cluster: str  # name
    ids: Ids
    created_at: datetime
    desired: int
    config: dict[str, Any]  # deploymentConfiguration, complete
    grace: float = 0.0  # healthCheckGracePeriodSeconds
    status: str = "ACTIVE"  # ACTIVE DRAINING INACTIVE
    params: dict[str, Any] = field(default_factory=dict)  # the request's other fields, as last set
    tags: list[dict[str, str]] = field(default_factory=list)
    task_tags: list[dict[str, str]] = field(default_factory=list)  # what the next tasks get
    token: str = ""  # clientToken of CreateService
    request: Mapping[str, Any] = field(default_factory=dict)  # CreateService as asked, for its idempotency
    deployments: list[Deployment] = field(default_factory=list)  # newest first, PRIMARY is the first
    completed: Deployment | None = None  # the last deployment that reached a steady state
    history: list[ServiceDeployment] = field(default_factory=list)  # newest first
    revisions: list[Revision] = field(default_factory=list)
    tasks: dict[str, Task] = field(default_factory=dict)
    events: list[ServiceEvent] = field(default_factory=list)  # newest first
    steady: bool = False

    @property
    def primary(self) -> Deployment:
        return self.deployments[0]

    @property
    def current(self) -> ServiceDeployment:
        return self.history[0]

    def live(self, deployment: str | None = None) -> list[Task]:
        """Tasks that ECS wants to run, oldest first; of one deployment or of all."""
        return [t for t in self.tasks.values() if t.live and deployment in (None, t.deployment)]

    def say(self, moment: Moment, message: str, task_set: str = "") -> None:
        """Add an event; `message` without the leading "(service …)" or "(service …, taskSet …)"."""
        name = f"(service {self.name}, taskSet {task_set})" if task_set else f"(service {self.name})"
        self.events.insert(0, ServiceEvent(self.ids.uuid(), moment.utc, f"{name} {message}"))
        del self.events[EVENTS:]
