# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Auto Scaling engine sees, and what it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.lab.aws.engine.asg_model import Instance
from tests.lab.aws.ports import AlarmState, HostState, TargetHealth

TargetKey = tuple[str, str, int]  # target group ARN, instance id, port


@dataclass(frozen=True)
class Facts:
    """`ports`: of the attached target groups that exist; `current`: the number of the group's template version."""

    hosts: Mapping[str, HostState] = field(default_factory=dict)
    healths: Mapping[TargetKey, TargetHealth] = field(default_factory=dict)
    alarms: Mapping[str, AlarmState] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    current: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)  # policy name -> the last minute's value


@dataclass(frozen=True)
class Launch:
    """EC2 RunInstances; what it answers is put into the instance."""

    instance: Instance


@dataclass(frozen=True)
class Terminate:
    """EC2 TerminateInstances."""

    instance: Instance


@dataclass(frozen=True)
class Retire:
    """The machine's metadata names its target lifecycle state: Terminated."""

    instance: Instance


@dataclass(frozen=True)
class Register:
    instance: Instance
    group: str
    port: int


@dataclass(frozen=True)
class Deregister:
    instance: Instance
    group: str
    port: int


Action = Launch | Retire | Terminate | Register | Deregister
