# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2 Auto Scaling, a weighted rule and one-time schedules with a virtual clock.

It promises what AWS promises and no more: a refresh launches first, waits at its checkpoints, goes on by itself, and
rolls back when its alarm rings; a schedule fires late, twice or never; what is scaled follows its load unless that is
suspended. Time jumps from event to event.
"""

from __future__ import annotations

import base64
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.simulation import asg_refresh
from tests.simulation.alarm import Alarm
from tests.simulation.asg_parts import (
    BOOT,
    CHECKS,
    DRAIN,
    GRACE,
    NEVER,
    NO_IMAGE,
    RETRY,
    SICK,
    STARVED,
    ZONES,
    Fire,
    Group,
    Instance,
    Json,
    Picture,
    Refresh,
    weights_of,
)
from tests.simulation.parts import Behaviour

QUIET = 20.0  # seconds of little load until the autoscaler takes a group to its minimum
SHOWN = 3  # refreshes that a read shows


@dataclass
class AsgCloud:
    """The truth, and its movement by time alone."""

    rng: random.Random
    behaviours: dict[str, Behaviour]
    without_image: frozenset[str] = frozenset()
    now: float = 0.0
    groups: dict[str, Group] = field(default_factory=dict)
    versions: list[Json] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)  # version -> what its user data begins with
    tokens: dict[str, str] = field(default_factory=dict)  # client token -> version
    rules: dict[str, Json] = field(default_factory=dict)  # listener -> our rule
    applied: dict[str, int] = field(default_factory=dict)  # the weights that the load balancer follows by now
    applies_at: float = NEVER
    late: float = 0.0  # seconds until the load balancer does what the rule says
    shifted_at: float = 0.0  # when the rule's weights changed last
    schedules: dict[str, tuple[float, Json]] = field(default_factory=dict)  # name -> time, call
    fires: list[Fire] = field(default_factory=list)
    timers_late: float = 0.0  # seconds that a fire comes late, at the most
    timers_twice: bool = False
    timers_lost: bool = False  # a fire comes to nothing
    undeletable: bool = False  # deletions of schedules are turned away
    restored: int = 0  # how often a timer changed the weights
    alarm: Alarm = field(default_factory=lambda: Alarm(window=115.0, every=10.0))
    chosen: int = 3  # instances that the autoscaler wants: nobody resets that
    theirs: frozenset[str] = frozenset()  # processes that a person suspended in the group that serves
    meddled: float = NEVER  # since when somebody's hand decides the weights
    meant: list[Json] = field(default_factory=list)  # the rule's actions before that
    lost_by_world: float = float("-inf")
    crash_rate: float = 0.0
    closed_zone: str = ""
    starved: bool = False
    gone: frozenset[str] = frozenset()  # releases whose AMI is gone
    storeless: bool = False
    sick: str = ""  # a shared dependency: silent or wrong, for everybody
    world: list[tuple[float, Callable[[], None]]] = field(default_factory=list)  # what happens, when; sorted
    lags: bool = False
    history: deque[Picture] = field(default_factory=lambda: deque(maxlen=40))
    kept: Picture | None = None
    due: float | None = None
    count: int = 0
    acted: bool = False  # the cloud rolled back by itself
    watch: Callable[[], None] = lambda: None

    # ---- time ----

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            if self.due is None:
                self.due = self._soonest()
            if self.due > end:
                self.now = end
                return
            self.now = max(self.now, self.due)
            self.step()

    def _soonest(self) -> float:
        due = min(self.applies_at, self.world[0][0] if self.world else NEVER)
        for at, _call in self.schedules.values():
            due = min(due, at if at > self.now else NEVER)
        due = min([due, *(fire.at for fire in self.fires)])
        for group in self.groups.values():
            due = min([due, group.idle_at, *(one.due for one in group.instances)])
            if group.retry_at > self.now:
                due = min(due, group.retry_at)
            refresh = group.refresh()
            if refresh is not None:
                due = min(due, asg_refresh.due(refresh, self.now), self._rings(refresh))
        return due

    def _rings(self, refresh: Refresh) -> float:
        return self.alarm.due(self.now) if refresh.watched and not refresh.back else NEVER

    def step(self) -> None:
        """Everything that is due, and what follows from it."""
        while self.world and self.world[0][0] <= self.now:
            self.world.pop(0)[1]()
        if self.applies_at <= self.now:
            self.applied, self.applies_at = weights_of(self.rules["production"]), NEVER
        self._timers()
        for group in self.groups.values():
            for one in [one for one in group.instances if one.due <= self.now]:
                self._happen(group, one)
        self.settle()

    def settle(self) -> None:
        """What the cloud does at once after a change."""
        for group in self.groups.values():
            self._scale(group)
            refresh = group.refresh()
            if refresh is not None:
                asg_refresh.move(self, group, refresh)
            else:
                self._keep(group)
        self.due = self.kept = None
        if self.lags:
            self.history.append(self.picture())
        self.watch()

    # ---- instances ----

    def how(self, one: Instance) -> Behaviour:
        return self.behaviours[self.names[one.version]]

    def launch(self, group: Group, version: str) -> bool:
        """One more, unless there is no room or no image: then it is tried again later."""
        if group.retry_at > self.now:
            return False
        self.count += 1
        zone, name = ZONES[self.count % len(ZONES)], self.names[version]
        if zone == self.closed_zone:
            zone = ZONES[(self.count + 1) % len(ZONES)]
        no_image = name in self.without_image or name in self.gone
        if self.starved or no_image:
            why = STARVED if self.starved else NO_IMAGE
            group.tell(self.now, "Launching a new EC2 instance", "Failed", StatusMessage=why)
            group.retry_at = self.now + RETRY
            return False
        one = Instance(self.count, version, zone, self.now)
        group.instances.append(one)
        group.tell(self.now, f"Launching a new EC2 instance: {one.id}")
        return True

    def end(self, group: Group, one: Instance, cause: str = "") -> None:
        """It drains, and is gone."""
        if one.state == "draining":
            return
        one.become("draining", self.now + DRAIN)
        group.tell(self.now, f"Terminating EC2 instance: {one.id}", Cause=cause)

    def lose(self, group: Group, one: Instance) -> None:
        """By the world: it serves nobody from now on."""
        if one.state == "healthy":
            self.lost_by_world = self.now
        self.end(group, one, "an instance was taken out of service in response to an EC2 health check failure")

    def _happen(self, group: Group, one: Instance) -> None:
        how = self.how(one)
        if one.state == "pending":
            one.become("initial", self.now + (CHECKS if how.healthy else GRACE))
        elif (one.state == "initial" and how.healthy) or (one.state == "unhealthy" and not how.crash_after):
            one.become("healthy", self.now + self._life(how))
            one.since = self.now
        elif one.state == "healthy" and how.crash_after:
            self.lost_by_world = self.now
            one.become("unhealthy", self.now + SICK)
        elif one.state == "draining":
            group.instances.remove(one)
        elif one.state == "healthy":
            self.lose(group, one)
        else:
            self.end(
                group, one, "an instance was taken out of service in response to an ELB system health check failure"
            )

    def _life(self, how: Behaviour) -> float:
        life = how.crash_after or NEVER
        return min(life, self.rng.expovariate(self.crash_rate)) if self.crash_rate else life

    # ---- a group that is not refreshed ----

    def _keep(self, group: Group) -> None:
        staying = group.staying()
        for _ignored in range(group.desired - len(staying)):
            if not self.launch(group, group.version):
                return
        surplus = len(staying) - group.desired - int(group.moved)
        order = sorted(staying, key=lambda one: (one.state == "healthy", one.version == group.version, one.born))
        for one in order[: max(0, surplus)]:
            self.end(group, one)

    def _scale(self, group: Group) -> None:
        """Target tracking: a group with little load goes to its minimum."""
        loaded = self.applied.get(group.target_group, 0) >= 50
        tracked = bool(group.policies) and "AlarmNotification" not in group.suspended
        if loaded or not tracked or group.desired <= group.described["MinSize"]:
            group.idle_at = NEVER
        elif group.idle_at == NEVER:
            group.idle_at = self.now + QUIET
        elif group.idle_at <= self.now:
            group.described["DesiredCapacity"], group.idle_at = group.described["MinSize"], NEVER

    # ---- the rule and its timers ----

    def weigh(self, actions: list[Json]) -> None:
        """The production rule's weights; the load balancer follows later."""
        rule = self.rules["production"]
        if weights_of(rule) == weights_of({"Actions": actions}):
            return
        rule["Actions"], self.shifted_at, self.meddled = actions, self.now, NEVER
        self.applies_at = self.now + self.late
        if not self.late:
            self.applied, self.applies_at = weights_of(rule), NEVER

    def _timers(self) -> None:
        for name, (at, call) in list(self.schedules.items()):
            if at <= self.now and not any(fire.name == name for fire in self.fires):
                first = self.now + self.rng.random() * self.timers_late
                times = [first, first + 3.0] if self.timers_twice else [first]
                self.fires += [Fire(each, name, {} if self.timers_lost else call) for each in times]
        for fire in [fire for fire in self.fires if fire.at <= self.now]:
            self.fires.remove(fire)
            self.schedules.pop(fire.name, None)  # ActionAfterCompletion DELETE
            rule = self.rules.get("production")
            if fire.call and rule is not None and rule["RuleArn"] == fire.call["RuleArn"]:
                self.restored += weights_of(rule) != weights_of(fire.call)
                self.acted = True  # also when there was nothing to restore yet: the rollout is over
                self.weigh(fire.call["Actions"])

    def timers_for(self, group: Group) -> bool:
        """A call is armed, or on its way, that would give the group traffic."""
        calls = [call for _at, call in self.schedules.values()] + [fire.call for fire in self.fires if fire.call]
        return any(weights_of(call).get(group.target_group) for call in calls)

    # ---- what is true ----

    def weight(self, group: Group) -> int:
        """As the load balancer has it."""
        return self.applied.get(group.target_group, 0)

    def claimed(self, group: Group) -> int:
        """As the rule says."""
        rule = self.rules.get("production")
        return weights_of(rule).get(group.target_group, 0) if rule else 0

    def serving(self) -> set[str]:
        """What runs in the groups that get the public's traffic."""
        return {
            self.names[one.version] for group in self.groups.values() if self.weight(group) for one in group.staying()
        }

    @property
    def closed(self) -> bool:
        """The public is kept out."""
        rule = self.rules.get("production")
        return rule is None or any("HttpHeaderConfig" in each for each in rule["Conditions"])

    def moving(self) -> Refresh | None:
        return next((found for found in (group.refresh() for group in self.groups.values()) if found), None)

    # ---- reads ----

    def picture(self) -> Picture:
        """What a read shows now."""
        if self.kept is None:
            self.kept = self._picture()
        return self.kept

    def _picture(self) -> Picture:
        groups = self.groups.values()
        return Picture(
            at=self.now,
            groups={group.name: group.shown() for group in groups},
            refreshes={
                group.name: [asg_refresh.shown(group, one) for one in group.refreshes[:SHOWN]] for group in groups
            },
            activities={group.name: list(group.activities) for group in groups},
            health={group.target_group: group.health() for group in groups},
            rules={name: dict(rule) for name, rule in self.rules.items()},
            schedules=tuple(self.schedules),
            versions=tuple(self.versions),
            policies={name: policy for group in groups for name, policy in group.policies.items()},
        )

    def seen(self, lag: float) -> Picture:
        """The newest picture that is at least `lag` seconds old; what nobody kept is as it is now."""
        if lag > 0 and self.history:
            for picture in reversed(self.history):
                if picture.at <= self.now - lag:
                    return picture
            return self.history[0]
        return self.picture()

    def add_version(self, description: str, data: Json, token: str = "") -> None:
        """A launch template version; the same token again is the same version."""
        if token and token in self.tokens:
            return
        number = str(len(self.versions) + 1)
        self.versions.append(
            {
                "LaunchTemplateId": "lt-1",
                "VersionNumber": int(number),
                "VersionDescription": description,
                "LaunchTemplateData": data,
            }
        )
        self.names[number] = base64.b64decode(data["UserData"]).decode().split()[0]
        if token:
            self.tokens[token] = number


def whole(group: Group) -> list[Instance]:
    """An instance per wanted one, for a group that was there before anything began."""
    made = [Instance(-number, group.version, ZONES[number], -2 * BOOT - 2 * CHECKS) for number in range(group.desired)]
    for one in made:
        one.become("healthy", NEVER)
    return made
