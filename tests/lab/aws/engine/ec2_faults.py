# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong with machines on demand: no capacity, machines and zones lost; and load that is only told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CAPACITY = "InsufficientInstanceCapacity"


@dataclass
class Shortage:
    """Launches that are refused: those in `zone`, of `instance_type`, for a group whose name `group` is found in.

    "" matches all. `limit` launches at most; 0 = all of them. `count`: those refused so far.
    """

    zone: str = ""
    instance_type: str = ""
    group: str = ""
    error: str = CAPACITY
    limit: int = 0
    count: int = 0

    def takes(self, zone: str, instance_type: str, group: str) -> bool:
        if self.limit and self.count >= self.limit:
            return False
        return (
            self.zone in ("", zone) and self.instance_type in ("", instance_type) and bool(re.search(self.group, group))
        )


@dataclass
class Faults:
    """`cpu`: CPU utilization in percent that groups are said to have, by regular expression of their names."""

    capacity: list[Shortage] = field(default_factory=list)
    lost_zones: tuple[str, ...] = ()
    lost_instances: tuple[str, ...] = ()
    cpu: dict[str, float] = field(default_factory=dict)

    def refusal(self, zone: str, instance_type: str, group: str) -> tuple[str, str] | None:
        """EC2's error code and text for a launch that fails now."""
        for shortage in self.capacity:
            if shortage.takes(zone, instance_type, group):
                shortage.count += 1
                return shortage.error, refused(shortage.error, zone, instance_type)
        return (CAPACITY, refused(CAPACITY, zone, instance_type)) if zone in self.lost_zones else None

    def utilization(self, group: str) -> float | None:
        return next((percent for name, percent in self.cpu.items() if re.search(name, group)), None)

    def shown(self) -> dict[str, Any]:
        return {
            "capacity": [vars(one) for one in self.capacity],
            "lost_zones": list(self.lost_zones),
            "lost_instances": list(self.lost_instances),
            "cpu": self.cpu,
        }


def refused(code: str, zone: str, instance_type: str) -> str:
    """Source: user guide of EC2 Auto Scaling, "Troubleshoot Amazon EC2 Auto Scaling: EC2 instance launch failures"."""
    if code == CAPACITY:
        return (
            f"We currently do not have sufficient {instance_type} capacity in the Availability Zone you requested"
            f" ({zone}). Our system will be working on provisioning additional capacity. You can currently get"
            f" {instance_type} capacity by not specifying an Availability Zone in your request."
        )
    return f"{code}: refused by the lab's faults ({instance_type}, {zone})."


def parse(document: Any) -> Faults:
    """A JSON object with any of the fields. Raises ValueError naming what is wrong."""
    if not isinstance(document, Mapping):
        raise ValueError("the faults are an object")
    unknown = document.keys() - {"capacity", "lost_zones", "lost_instances", "cpu"}
    if unknown:
        raise ValueError(f"no fault {sorted(unknown)[0]!r}; there are: capacity, lost_zones, lost_instances, cpu")
    capacity = [_shortage(one) for one in _list(document, "capacity")]
    cpu = document.get("cpu", {})
    if not isinstance(cpu, Mapping) or not all(isinstance(value, int | float) for value in cpu.values()):
        raise ValueError("cpu: an object of numbers by group name")
    zones, instances = (tuple(map(str, _list(document, name))) for name in ("lost_zones", "lost_instances"))
    return Faults(capacity, zones, instances, {str(name): float(value) for name, value in cpu.items()})


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    value = document.get(name, [])
    if not isinstance(value, list):
        raise ValueError(f"{name}: a list")
    return value


def _shortage(document: Any) -> Shortage:
    known = Shortage()
    if not isinstance(document, Mapping):
        raise ValueError("capacity: a list of objects")
    for name, value in document.items():
        if name not in vars(known) or name == "count" or type(value) is not type(getattr(known, name)):
            raise ValueError(f"capacity: {name}={value!r} is no field of a rule, or of the wrong kind")
    made = Shortage(**document)
    re.compile(made.group)
    return made
