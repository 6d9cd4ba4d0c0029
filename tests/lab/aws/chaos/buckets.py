# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ECS's request rates: a token bucket per group of operations. Pure.

Source: Amazon ECS API reference, "Request throttling for the Amazon ECS API" (per account and region;
burst size and tokens refilled a second).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

RATES: Mapping[str, tuple[float, float]] = {  # group: burst, refilled a second
    "cluster modify": (20, 1),
    "cluster read": (50, 20),
    "task definition modify": (20, 1),
    "task definition read": (50, 20),
    "task definition delete": (5, 1),
    "task modify": (100, 40),
    "task read": (100, 20),
    "service modify": (50, 5),
    "service read": (100, 20),
    "service deployment": (50, 20),
    "service revision": (50, 20),
    "task protection": (200, 80),
    "tag modify": (20, 10),
}
GROUPS: Mapping[str, str] = {
    "CreateCluster": "cluster modify",
    "DeleteCluster": "cluster modify",
    "UpdateCluster": "cluster modify",
    "UpdateClusterSettings": "cluster modify",
    "PutClusterCapacityProviders": "cluster modify",
    "DescribeClusters": "cluster read",
    "ListClusters": "cluster read",
    "RegisterTaskDefinition": "task definition modify",
    "DeregisterTaskDefinition": "task definition modify",
    "DescribeTaskDefinition": "task definition read",
    "ListTaskDefinitions": "task definition read",
    "ListTaskDefinitionFamilies": "task definition read",
    "DeleteTaskDefinitions": "task definition delete",
    "RunTask": "task modify",
    "StartTask": "task modify",
    "StopTask": "task modify",
    "DescribeTasks": "task read",
    "ListTasks": "task read",
    "CreateService": "service modify",
    "UpdateService": "service modify",
    "DeleteService": "service modify",
    "DescribeServices": "service read",
    "ListServices": "service read",
    "ListServiceDeployments": "service deployment",
    "DescribeServiceDeployments": "service deployment",
    "StopServiceDeployment": "service deployment",
    "ContinueServiceDeployment": "service deployment",
    "DescribeServiceRevisions": "service revision",
    "GetTaskProtection": "task protection",
    "UpdateTaskProtection": "task protection",
    "TagResource": "tag modify",
    "UntagResource": "tag modify",
}


@dataclass
class Bucket:
    burst: float
    rate: float  # tokens a second
    tokens: float
    filled: float  # when, in AWS seconds

    def take(self, now: float) -> bool:
        self.tokens = min(self.burst, self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Buckets:
    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    def admits(self, service: str, operation: str, now: float) -> bool:
        """`now` in AWS seconds. Operations without a documented rate are always admitted."""
        group = GROUPS.get(operation) if service == "ecs" else None
        if group is None:
            return True
        if group not in self._buckets:
            burst, rate = RATES[group]
            self._buckets[group] = Bucket(burst, rate, burst, now)
        return self._buckets[group].take(now)
