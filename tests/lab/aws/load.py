# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What target tracking measures, once every AWS minute: the CPU time of instances, the requests of target groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.lab.aws.engine.asg_model import Group
from tests.lab.aws.engine.asg_tracking_model import CPU, Policy
from tests.lab.aws.hosts import HostPool
from tests.lab.aws.ports import Clock

MINUTE = 60.0  # ASGAverageCPUUtilization and ALBRequestCountPerTarget have periods of one minute


class Meter:
    """`requests`: target group ARN -> requests so far. A server has one virtual CPU to itself."""

    def __init__(self, clock: Clock, hosts: HostPool, requests: Callable[[], Mapping[str, int]]) -> None:
        self._clock, self._hosts, self._requests = clock, hosts, requests
        self._at = clock.now()
        self._cpu: dict[str, float] = {}
        self._counts: Mapping[str, int] = {}
        self._percent: dict[str, float] = {}  # instance -> CPU utilization over the last minute
        self._rate: dict[str, float] = {}  # target group -> requests in the last minute

    def tick(self) -> None:
        """Take the minute that has passed, if one has."""
        elapsed = self._clock.now() - self._at
        if elapsed < MINUTE:
            return
        cpu, counts = {name: self._hosts.cpu_seconds(name) for name in self._hosts.hosts}, self._requests()
        real = elapsed * self._clock.scale
        self._percent = {name: 100 * max(0.0, cpu[name] - self._cpu.get(name, 0.0)) / real for name in cpu}
        self._rate = {arn: (count - self._counts.get(arn, 0)) * MINUTE / elapsed for arn, count in counts.items()}
        self._cpu, self._counts, self._at = cpu, counts, self._clock.now()

    def value(self, group: Group, policy: Policy) -> float | None:
        """The average over the instances that have warmed up; None when there is none."""
        warmup = policy.warmup if policy.warmup is not None else group.warmup or 0.0
        now = self._clock.now()
        warm = [
            one.id
            for one in group.instances.values()
            if one.state == "InService" and one.serving_since is not None and now - one.serving_since >= warmup
        ]
        if not warm:
            return None
        if policy.metric == CPU:
            told = self._hosts.faults.utilization(group.name)
            known = [self._percent[name] for name in warm if name in self._percent]
            return told if told is not None else sum(known) / len(known) if known else None
        return self._rate.get(policy.group, 0.0) / len(warm)
