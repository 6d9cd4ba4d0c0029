# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Auto Scaling engine knows: groups, instances, lifecycle actions, activities.

As with ECS, `Moment.now` (AWS seconds) is reckoned with and `Moment.utc` is shown. Nothing here acts: see
`asg_step` and the modules it calls. Words and states are those of botocore's autoscaling model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tests.lab.aws.engine.asg_refresh_model import Refresh, Template
from tests.lab.aws.engine.asg_tracking_model import Policy
from tests.lab.aws.engine.ecs_model import Moment, Rng

# Source: EC2 Auto Scaling user guide, "Amazon EC2 Auto Scaling instance lifecycle".
STARTING = ("Pending", "Pending:Wait", "Pending:Proceed")
ACTIVE = (*STARTING, "InService")  # what counts towards the desired capacity
ENDING = ("Terminating", "Terminating:Wait", "Terminating:Proceed")
STANDBY = ("EnteringStandby", "Standby")
LAUNCHING_HOOK, TERMINATING_HOOK = "autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING"
HEALTHY, UNHEALTHY = "Healthy", "Unhealthy"
# botocore autoscaling/2011-01-01, SuspendProcesses: the processes there are.
PROCESSES = (
    "Launch",
    "Terminate",
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
)
ACTIVITIES = 1000  # kept of one group; AWS keeps those of six weeks


@dataclass(frozen=True)
class Pace:
    """AWS seconds that AWS does not name; short, as the lab's boots are."""

    refresh_start: float = 5.0  # a refresh is Pending for so long
    retry: float = 20.0  # after a failed launch, in a zone; doubled each time
    retry_most: float = 300.0


@dataclass(frozen=True)
class Hook:
    """A lifecycle hook. Defaults: botocore, PutLifecycleHook."""

    name: str
    transition: str
    timeout: float = 3600.0  # HeartbeatTimeout
    result: str = "ABANDON"  # DefaultResult
    metadata: str = ""

    @property
    def longest(self) -> float:
        """botocore, LifecycleHook.GlobalTimeout: 48 hours or 100 timeouts, whichever is smaller."""
        return min(172800.0, 100 * self.timeout)


@dataclass
class LifecycleAction:
    """One instance held by one hook. `result` "" while it waits."""

    hook: Hook
    token: str
    deadline: float
    last: float  # no heartbeat moves the deadline beyond this
    result: str = ""


@dataclass
class Activity:
    id: str
    description: str
    cause: str
    started: datetime
    status: str = "InProgress"
    message: str = ""
    progress: int = 0
    ended: datetime | None = None
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Instance:
    """An instance of a group. `template` has a number as its version, `since` is when the state was entered."""

    id: str
    template: Template
    subnet: str
    zone: str
    created: Moment
    activity: Activity
    state: str = "Pending"
    since: float = 0.0
    instance_type: str = ""  # known when it is launched
    health: str = HEALTHY
    unhealthy_because: str = ""
    protected: bool = False
    asked: bool = False  # EC2 was asked to launch it
    launch_error: str = ""
    hooked: bool = False  # the hooks of the transition under way were run
    actions: list[LifecycleAction] = field(default_factory=list)
    serving_since: float | None = None  # InService since then: grace and warm-up count from here
    passed: bool = False  # healthy at the load balancer once
    registered: dict[str, int] = field(default_factory=dict)  # target group ARN -> port
    refresh: str = ""  # the instance refresh that launched it
    replaced: bool = False  # another was launched for it: it no longer counts
    after: str = "Terminated"  # where a deregistration leads: Terminated, Standby or Detached
    ended: Activity | None = None
    retired: bool = False  # its machine was told that it will be terminated
    dead: bool = False  # its machine is gone: nothing to drain, nobody to run a hook

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    def enter(self, state: str, moment: Moment) -> None:
        self.state, self.since = state, moment.now


@dataclass(frozen=True)
class Bounds:
    """Healthy percentages; `high` None: not set, which is not the same as 100 (botocore, RefreshPreferences)."""

    low: int
    high: int | None


class Ids:
    """Identifiers that depend on the lab's seed, the group's name and life, and their own count."""

    def __init__(self, rng: Rng, salt: str) -> None:
        self._rng, self._salt, self._count = rng, salt, 0

    def _hex(self, kind: str, length: int) -> str:
        self._count += 1
        key = (self._salt, kind, self._count)
        return "".join("0123456789abcdef"[int(self._rng(*key, place) * 16)] for place in range(length))

    def instance(self) -> str:
        return "i-0" + self._hex("instance", 16)

    def uuid(self, kind: str) -> str:
        text = self._hex(kind, 32)
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


@dataclass
class Group:
    """An Auto Scaling group with all it ever had."""

    name: str
    arn: str
    ids: Ids
    created_at: datetime
    template: Template  # as given: its version may be $Latest or $Default
    low: int  # MinSize
    high: int  # MaxSize
    desired: int
    subnets: tuple[str, ...] = ()
    zones: Mapping[str, str] = field(default_factory=dict)  # subnet -> Availability Zone
    target_groups: list[str] = field(default_factory=list)
    health_types: tuple[str, ...] = ("EC2",)
    grace: float = 0.0
    warmup: float | None = None  # DefaultInstanceWarmup
    cooldown: int = 300
    maintenance: Bounds | None = None
    termination: tuple[str, ...] = ("Default",)
    protect_new: bool = False
    suspended: dict[str, str] = field(default_factory=dict)  # process -> reason
    hooks: dict[str, Hook] = field(default_factory=dict)
    tags: list[dict[str, object]] = field(default_factory=list)
    params: dict[str, object] = field(default_factory=dict)  # what is only shown
    metrics: list[str] = field(default_factory=list)
    policies: dict[str, Policy] = field(default_factory=dict)
    instances: dict[str, Instance] = field(default_factory=dict)
    activities: list[Activity] = field(default_factory=list)  # newest first
    refreshes: list[Refresh] = field(default_factory=list)  # newest first
    blocked: dict[str, float] = field(default_factory=dict)  # zone -> until when no launch is tried there
    failures: dict[str, int] = field(default_factory=dict)  # zone -> launches that failed in a row
    change: str = ""  # why the desired capacity is what it is, for the next activities
    deleting: bool = False
    gone: bool = False

    def runs(self, process: str) -> bool:
        return process not in self.suspended

    def active(self) -> list[Instance]:
        """What counts towards the desired capacity, oldest first."""
        return [one for one in self.instances.values() if one.active and not one.launch_error]

    @property
    def refresh(self) -> Refresh | None:
        """The instance refresh under way, if there is one."""
        return self.refreshes[0] if self.refreshes and not self.refreshes[0].over else None

    def begin(self, moment: Moment, description: str, cause: str, details: Mapping[str, str]) -> Activity:
        """A new scaling activity, the newest."""
        made = Activity(self.ids.uuid("activity"), description, cause, moment.utc, details=details)
        self.activities.insert(0, made)
        del self.activities[ACTIVITIES:]
        return made


def finish(activity: Activity, status: str, moment: Moment, message: str = "") -> None:
    activity.status, activity.message, activity.ended = status, message, moment.utc
    activity.progress = 100


def stamp(moment: Moment) -> str:
    """The time as it stands in an activity's cause."""
    return moment.utc.strftime("%Y-%m-%dT%H:%M:%SZ")


def ready(group: Group, instance: Instance, warmup: float, moment: Moment) -> bool:
    """In service, healthy, and warmed up.

    Source: user guide, "Instance maintenance policy": "An instance is considered healthy and ready to use after it
    successfully completes its first health check and the specified warmup time passes".
    """
    if instance.state != "InService" or instance.health != HEALTHY or instance.serving_since is None:
        return False
    checked = instance.passed or "ELB" not in group.health_types or not group.target_groups
    return checked and moment.now - instance.serving_since >= warmup


def oldest(instances: Sequence[Instance]) -> list[Instance]:
    return sorted(instances, key=lambda one: one.created.now)
