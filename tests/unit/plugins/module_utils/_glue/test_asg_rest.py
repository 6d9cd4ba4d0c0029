# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""asg_rollout with nothing to do, on the simulated cloud: no write, and at most 12 reads, those of the record too."""

from __future__ import annotations

import hashlib
import io
import random
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._clients.aws_errors import AwsError
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Observation
from ansible_collections.greenlight.serving.plugins.module_utils._engine.verdict import Sample
from ansible_collections.greenlight.serving.plugins.module_utils._glue import rollout
from ansible_collections.greenlight.serving.plugins.module_utils._glue.kit_asg import KIT
from ansible_collections.greenlight.serving.plugins.module_utils._platforms import asg_group
from tests.simulation import asg_calls, asg_scenario
from tests.simulation.asg_cloud import AsgCloud
from tests.simulation.asg_parts import Json
from tests.simulation.asg_play import serve
from tests.simulation.asg_ports import AsgPorts, Simulated
from tests.simulation.ports import World

MOST = 12


class MissingError(Exception):
    """What the SDK raises for an object that is not there."""

    response: ClassVar[Json] = {"Error": {"Code": "NoSuchKey"}, "ResponseMetadata": {"HTTPStatusCode": 404}}


@dataclass
class Counted(asg_calls.Calls):
    """The simulated cloud with a bucket and lifecycle hooks; counts what is read and what is written."""

    region: str = "us-east-1"
    reads: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    hooks: dict[str, Json] = field(default_factory=dict)

    def read(self, api: str, operation: str, /, **arguments: Any) -> Json:
        self.reads.append(operation)
        return super().read(api, operation, **arguments)

    def write(self, api: str, operation: str, /, **arguments: Any) -> Json:
        if operation != "put_object":
            self.writes.append(operation)
            return super().write(api, operation, **arguments)
        self.objects[arguments["Key"]] = arguments["Body"]
        return {"ETag": hashlib.sha256(arguments["Body"]).hexdigest()}

    def _get_object(self, _shown: Any, asked: Json) -> Json:
        if asked["Key"] not in self.objects:
            raise AwsError(MissingError(), "s3:get_object", mutating=False)
        body = self.objects[asked["Key"]]
        return {"Body": io.BytesIO(body), "ETag": hashlib.sha256(body).hexdigest()}

    def _create_auto_scaling_group(self, asked: Json) -> None:
        super()._create_auto_scaling_group(asked)
        for hook in asked["LifecycleHookSpecificationList"]:
            self._put_lifecycle_hook({**hook, "AutoScalingGroupName": asked["AutoScalingGroupName"]})

    def _put_lifecycle_hook(self, asked: Json) -> None:
        self.hooks[asked["AutoScalingGroupName"]] = asked

    def _describe_lifecycle_hooks(self, _shown: Any, asked: Json) -> Json:
        found = self.hooks.get(asked["AutoScalingGroupName"])
        return {"LifecycleHooks": [found] if found else []}

    def _describe_instances(self, _shown: Any, asked: Json) -> Json:
        (names,) = (each["Values"] for each in asked["Filters"])
        shown = [{"InstanceId": name, "PrivateIpAddress": "10.0.0.1"} for name in names]
        return {"Reservations": [{"Instances": shown}]}


class Straight(AsgPorts):
    """A probe that goes straight to a target answers as the test listener does."""

    def probe(self, route: str, release: str, seen: Observation) -> tuple[Sample, ...]:
        return super().probe("test_listener" if route == "direct" else route, release, seen)


def run(world: World, calls: Counted, given: Json, monkeypatch: pytest.MonkeyPatch) -> Json:
    """The module's result; the writes are those of this run alone."""
    calls.writes.clear()
    calls.reads.clear()
    port = Straight(world, random.Random(1)).equip(given)
    monkeypatch.setattr(rollout, "Aws", lambda _params: calls)
    monkeypatch.setattr(rollout, "WallClock", lambda _interrupted: port)
    monkeypatch.setattr(rollout, "RouteProber", lambda *_arguments: port)
    kit = replace(KIT, service=Simulated)
    return rollout.run(kit, given)


@pytest.mark.parametrize("way", [{}, {"route": "direct"}])
@pytest.mark.parametrize("strategy", ["rolling", "canary", "blue_green"])
def test_with_nothing_to_do_at_most_12_reads_and_no_write(
    strategy: str, way: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With everything that the role asks for: alarm, timer, drain hook and a scaling policy."""
    more = {"drain_seconds": 60, **way}
    monkeypatch.setattr(asg_scenario, "OPTIONS", {**asg_scenario.OPTIONS, **more})
    world = World(AsgCloud(random.Random(1), dict(asg_scenario.ALL)))
    serve(world.cloud, "old")
    given = asg_scenario.params.__wrapped__("good", strategy, 0.0)
    calls = Counted(world.cloud, lambda: 0.0, lambda _operation, _asked: None)
    live = run(world, calls, given, monkeypatch)
    assert live["state"] == "live", live["reason"]

    again = run(world, calls, given, monkeypatch)
    assert (again["state"], again["changed"], calls.writes) == ("unchanged", False, []), again["reason"]
    assert len(calls.reads) <= MOST, calls.reads
    read = {"describe_auto_scaling_groups", "describe_launch_template_versions", "describe_instance_refreshes"}
    read |= {"describe_lifecycle_hooks", "describe_policies", "describe_rules", "describe_target_health"}
    assert read | {"describe_alarms", "get_object"} <= set(calls.reads)
    policies = [name for group in world.cloud.groups.values() for name in group.policies]
    assert len(policies) == (1 if strategy == "rolling" else len(asg_group.COLOURS))
