# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step of the ECS engine reads (`Facts`) and what it asks of the outside (`Action`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.lab.aws.engine.ecs_model import Task
from tests.lab.aws.ports import AlarmState, ProcessState, RuleShape, TargetHealth


@dataclass(frozen=True)
class Facts:
    """What was read from the outside, once, before a step."""

    processes: Mapping[str, ProcessState] = field(default_factory=dict)  # by Task.key; missing = never started
    checks: Mapping[str, int | None] = field(default_factory=dict)  # result of the check last started; None = it runs
    targets: Mapping[tuple[str, str, int], TargetHealth] = field(default_factory=dict)  # missing = not registered
    rules: Mapping[str, RuleShape] = field(default_factory=dict)  # by ARN, of the deployment that is under way
    alarms: Mapping[str, AlarmState] = field(default_factory=dict)  # by name, likewise; missing = there is none
    role_errors: Mapping[str, str] = field(default_factory=dict)  # infrastructure role -> why ECS cannot use it


# ---- what a step asks the scheduler to do --------------------------------------------------------


@dataclass(frozen=True)
class Attach:
    """Allocate the task's network interface, into `task.interface` or `task.start_error`."""

    task: Task


@dataclass(frozen=True)
class Launch:
    """Start the processes of all containers; an image that is not there goes into `task.start_error`."""

    task: Task


@dataclass(frozen=True)
class Register:
    task: Task


@dataclass(frozen=True)
class Deregister:
    task: Task


@dataclass(frozen=True)
class Signal:
    key: str
    number: int


@dataclass(frozen=True)
class RunCheck:
    key: str
    command: tuple[str, ...]
    timeout: float


@dataclass(frozen=True)
class Forget:
    """Free the processes of a task that stopped."""

    task: Task


@dataclass(frozen=True)
class Detach:
    """Give the network interface back."""

    task: Task


@dataclass(frozen=True)
class Shift:
    """Write a listener rule's weights: target group ARN -> weight."""

    rule: str
    weights: Mapping[str, int]


Action = Shift | Attach | Launch | Register | Deregister | Signal | RunCheck | Forget | Detach
