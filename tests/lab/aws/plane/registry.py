# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The targets of all target groups, shared by the API's threads, the engines and the data plane."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, field

from tests.lab.aws.engine import targets as rules
from tests.lab.aws.engine.targets import Group, Result, Target

Key = tuple[str, int]


@dataclass
class Members:
    """One group: settings, registrations, and how many requests it was chosen for."""

    group: Group
    targets: dict[Key, Target] = field(default_factory=dict)
    turn: int = 0


class Registry:
    """Each method is atomic. `propagation`: AWS seconds until the load balancer has heard of a change."""

    def __init__(self, propagation: float) -> None:
        self.propagation = propagation
        self._groups: dict[str, Members] = {}
        self._lock = threading.Lock()

    def put(self, group: Group) -> None:
        """A new group, or new settings of one."""
        with self._lock:
            members = self._groups.setdefault(group.arn, Members(group))
            members.group = group

    def drop(self, group: str) -> list[Target]:
        """Forget the group; returns the targets it still had."""
        with self._lock:
            members = self._groups.pop(group, None)
            return list(members.targets.values()) if members else []

    def register(self, group: str, target: Target, used: bool, now: float) -> bool:
        """False for an unknown group. A target that is registered and not draining stays as it is."""
        with self._lock:
            members = self._groups.get(group)
            if members is None:
                return False
            known = members.targets.get(target.key)
            if known is None or known.state == "draining":
                members.targets[target.key] = rules.register(target, used, now, self.propagation)
            return True

    def deregister(self, group: str, key: Key, now: float) -> None:
        with self._lock:
            members = self._groups.get(group)
            if members and (target := members.targets.get(key)):
                members.targets[key] = rules.deregister(target, members.group, now, self.propagation)

    def targets(self, group: str) -> list[Target]:
        """In the order registered; none for an unknown group."""
        with self._lock:
            members = self._groups.get(group)
            return list(members.targets.values()) if members else []

    def find(self, group: str, key: Key) -> Target | None:
        with self._lock:
            members = self._groups.get(group)
            return members.targets.get(key) if members else None

    def turn(self, group: str) -> tuple[Group, list[Target], int] | None:
        """For one request: settings, targets, and its number in the group."""
        with self._lock:
            members = self._groups.get(group)
            if members is None:
                return None
            members.turn += 1
            return members.group, list(members.targets.values()), members.turn

    def step(self, used: Collection[str], now: float) -> list[tuple[str, Target]]:
        """Let time pass; returns (group, target) of those that left."""
        left = []
        with self._lock:
            for arn, members in self._groups.items():
                for key, target in list(members.targets.items()):
                    after = rules.step(target, arn in used, now, self.propagation)
                    if after is None:
                        del members.targets[key]
                        left.append((arn, target))
                    else:
                        members.targets[key] = after
        return left

    def due(self, now: float) -> list[tuple[Group, Target]]:
        """The checks to send now; they count as sent."""
        found = []
        with self._lock:
            for members in self._groups.values():
                for key, target in members.targets.items():
                    if rules.is_due(target, now):
                        members.targets[key] = rules.sent(target, members.group, now)
                        found.append((members.group, target))
        return found

    def checked(self, group: str, key: Key, result: Result, now: float) -> tuple[Target, Target] | None:
        """(before, after) of a target that a check came back for; None if it has left."""
        with self._lock:
            members = self._groups.get(group)
            if members is None or key not in members.targets:
                return None
            before = members.targets[key]
            others = any(other.state == "healthy" for other in members.targets.values() if other.key != key)
            members.targets[key] = after = rules.checked(before, members.group, result, now, others)
            return before, after
