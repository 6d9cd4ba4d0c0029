# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of the real engine and the real platform `asg` on the simulated cloud, and what must be true afterwards."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.greenlight.serving.plugins.module_utils._drive import drive
from ansible_collections.greenlight.serving.plugins.module_utils._engine.evolve import evolve
from ansible_collections.greenlight.serving.plugins.module_utils._engine.finding import Finding
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Observation, Plan
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Ended
from ansible_collections.greenlight.serving.plugins.module_utils._engine.verdict import (
    FAIL,
    INCONCLUSIVE,
    PASS,
    Sample,
)
from ansible_collections.greenlight.serving.plugins.module_utils._glue import argspec_asg, planning
from ansible_collections.greenlight.serving.plugins.module_utils._glue.kit_asg import KIT
from ansible_collections.greenlight.serving.plugins.module_utils._platforms import asg_group, asg_release, aws_rules
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.asg import Asg
from ansible_collections.greenlight.serving.plugins.module_utils._store.none import NoStore
from tests.simulation.asg_calls import Calls, KilledError
from tests.simulation.asg_cloud import AsgCloud, Group, Instance, Json, weights_of

COUNT = 3
LATE = 20.0
BLUE, GREEN = "arn:b:targetgroup/blue/1", "arn:b:targetgroup/green/2"
OPTIONS: Json = {
    "region": "us-east-1",
    "name": "digits",
    "network": {"subnets": ["subnet-a", "subnet-b"]},
    "load_balancer": {
        "target_port": 8080,
        "production_listener_arn": "production",
        "test_listener_arn": "test",
        "blue_target_group_arn": BLUE,
        "green_target_group_arn": GREEN,
    },
    "capacity": {"min": 2, "max": 6, "desired": COUNT},
    "warmup_seconds": 0,
    "hold_seconds": 400,
    "heartbeat": {"interval": 12.0, "period": 30, "periods": 2},
    "restore": {"role_arn": "arn:aws:iam::1:role/r", "late": LATE},
    "probes": [{"name": "p", "path": "/"}],
    "gate": {"interval": 5.0, "count": 3, "deadline": 60, "error_limit": 20},
    "timing": {
        "deadline": 4000, "rollback_deadline": 600, "min_ready": 10, "bake": 6, "poll": 5, "settle": 4,
        "propagation": 1,
    },
    "record": {"bucket": "b"},
}  # fmt: skip


def params(text: str, strategy: str) -> Json:
    """The release whose user data says `text`: good, wrong, sick, old."""
    template = {
        "image_id": "ami-0123456789abcdef0",
        "instance_type": "m7i.large",
        "security_groups": ["sg-1"],
        "user_data": f"{text} @GREENLIGHT_RELEASE@",
    }
    steps = [{"weight": weight} for weight in (34 if strategy == "rolling" else 10, 100)]
    given = {**OPTIONS, "strategy": strategy, "template": template, "label": text, "steps": steps}
    given["steps"] = None if strategy == "blue_green" else steps
    result = ArgumentSpecValidator(**argspec_asg.specification()).validate(given)
    assert not result.error_messages, result.error_messages
    validated: Json = result.validated_parameters
    return validated


@dataclass
class World:
    """What all runs share."""

    cloud: AsgCloud = field(default_factory=lambda: AsgCloud(sick=frozenset({"sick "})))
    store: NoStore = field(default_factory=lambda: NoStore("digits"))
    alarm: Json = field(default_factory=dict)
    rng: random.Random = field(default_factory=lambda: random.Random(7))
    met: dict[str, float] = field(default_factory=dict)  # text -> when a user last met it

    def begin(self) -> World:
        """The old release is live in the blue group."""
        known = params("old", "rolling")
        release, calls = asg_release.release(known).id, Calls(self.cloud)
        version = {
            "VersionDescription": asg_release.description(known, release),
            "LaunchTemplateData": asg_release.template_data(known, release),
        }
        calls.write("ec2", "create_launch_template_version", **version)
        count = {"MinSize": 2, "MaxSize": 6, "DesiredCapacity": COUNT}
        described = asg_group.creation(known, "blue", {"Version": "1"}, count)
        for name in ("AutoScalingGroupName", "LaunchTemplate", "Tags"):
            described.pop(name)
        group = Group("digits-blue", described, "1", asg_group.tags(known))
        group.instances = [Instance(f"i-old{number}", "1", -100.0) for number in range(COUNT)]
        self.cloud.groups[group.name] = group
        for which in ("production", "test"):
            self.cloud.rules[which] = {
                "RuleArn": f"arn:aws:elasticloadbalancing:us-east-1:1:listener-rule/app/d/b/{which}",
                "Priority": "100",
                "Conditions": aws_rules.conditions(known),
                "Actions": aws_rules.forward(known, BLUE),
            }
        self.store.save(evolve(self.store.load(), live=release, releases={release: "old"}))
        return self

    def run(self, text: str, strategy: str, kill_at: int = 0, after: bool = False) -> tuple[Ended | None, list[str]]:
        """One run; None = it was killed. With the calls that it made."""
        calls = Calls(self.cloud, kill_at, after, alarm=self.alarm)
        given = params(text, strategy)
        wanted = evolve(planning.plan(KIT, given, False, KIT.release(given)), lock=None, listen=0.0)
        port = Port(self, given, wanted)
        try:
            ended = drive(
                wanted, Simulated(calls, given, port.now), port, self.store, port, lambda _event, _waiting: None
            )
        except KilledError:
            return None, calls.writes
        return ended, calls.writes

    # ---- what is true ----

    def serving(self) -> set[str]:
        """What the groups run that get traffic."""
        weights = self.cloud.weights()
        found = set()
        for group in self.cloud.groups.values():
            if weights.get(self.cloud.target_group(group)):
                found |= {self.cloud.text_of(one.version).split()[0] for one in group.staying()}
        return found

    def capacity(self) -> int:
        """Healthy instances that get traffic."""
        weights = self.cloud.weights()
        there = [group for group in self.cloud.groups.values() if weights.get(self.cloud.target_group(group))]
        return min((self.cloud.healthy(group) for group in there), default=0)


class Simulated(Asg):
    """Nothing is wrong with the account."""

    def account_findings(self, plan: Plan) -> list[Finding]:
        del plan
        return []


class Port:
    """Prober and clock."""

    def __init__(self, world: World, given: Json, wanted: Plan) -> None:
        self._world = world
        self._params = given
        self._calls = 0
        self.plan = wanted

    def now(self) -> float:
        return self._world.cloud.now

    def sleep(self, seconds: float) -> None:
        self._calls += 1
        assert self._calls < 20_000, "the run does not come to an end"
        world = self._world
        for _ignored in range(max(1, round(seconds))):
            world.cloud.advance(1.0)
            self.watch()

    def watch(self) -> None:
        world = self._world
        for text in world.serving():
            world.met[text] = world.cloud.now
        if world.capacity() < COUNT - 1:
            world.cloud.broken.append(f"at {world.cloud.now:.0f} {world.capacity()} healthy instances get the traffic")

    def probe(self, route: str, release: str, seen: Observation) -> tuple[Sample, ...]:
        del release, seen
        cloud = self._world.cloud
        rule = cloud.rules["test" if route == "test_listener" else "production"]
        weights = weights_of(rule)
        groups = [group for group in cloud.groups.values() if weights.get(cloud.target_group(group))]
        if not groups:
            return (Sample(cloud.now, route, INCONCLUSIVE, "503"),)
        picked = self._world.rng.choices(groups, [weights[cloud.target_group(group)] for group in groups])[0]
        well = [one for one in picked.staying() if cloud.is_healthy(one)]
        if not well:
            return (Sample(cloud.now, route, INCONCLUSIVE, "503"),)
        one = self._world.rng.choice(well)
        described = next(each for each in cloud.versions if str(each["VersionNumber"]) == one.version)
        mark = described["VersionDescription"].rpartition(":")[2]
        outcome = FAIL if cloud.text_of(one.version).startswith("wrong") else PASS
        return (Sample(cloud.now, route, outcome, "", mark),)


def quiet(world: World, seconds: float) -> None:
    """Nobody runs."""
    port = Port(world, {}, None)  # type: ignore[arg-type]
    for _ignored in range(round(seconds)):
        world.cloud.advance(1.0)
        port.watch()


def at_rest(world: World, text: str) -> dict[str, Any]:
    """What must be true once a run is over, with what is: one group, whole, nothing suspended, no timer."""
    cloud = world.cloud
    weights = cloud.weights()
    live = [group for group in cloud.groups.values() if weights.get(cloud.target_group(group)) == 100]
    idle = [group for group in cloud.groups.values() if group not in live]
    return {
        "serves": world.serving() == {text},
        "whole": [cloud.healthy(group) for group in live] == [COUNT],
        "not suspended": [group.suspended for group in live] == [set()],
        "idle is empty": all(group.desired == 0 for group in idle),
        "no timer": not cloud.schedules and not cloud.fires,
        "alarm at rest": not cloud.alarm.breaching,
        "nothing broke": cloud.broken == [],
    }
