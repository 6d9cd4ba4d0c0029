# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What target tracking measures, and the artefacts that machines may fetch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.lab.aws import artifacts
from tests.lab.aws.clock import FakeClock
from tests.lab.aws.engine.asg_tracking_model import CPU, REQUESTS, Policy
from tests.lab.aws.engine.ec2_faults import Faults
from tests.lab.aws.load import Meter
from tests.lab.aws.ports import ImageNotFound
from tests.lab.images import registry
from tests.unit.lab.aws.engine.asg_world import World


class Lab:
    """A meter over a group of two, with made-up CPU times and request counts."""

    def __init__(self) -> None:
        self.world, self.clock = World(), FakeClock()
        self.group = self.world.steady(2, warmup=20.0)
        self.clock.advance(self.world.at)
        self.cpu = dict.fromkeys(self.group.instances, 0.0)
        self.counts: dict[str, int] = {}
        hosts: Any = SimpleNamespace(hosts=self.cpu, cpu_seconds=self.cpu.__getitem__, faults=Faults())
        self.hosts = hosts
        self.meter = Meter(self.clock, hosts, lambda: dict(self.counts))

    def minute(self) -> None:
        self.clock.advance(60)
        self.meter.tick()


def policy(metric: str, **changes: Any) -> Policy:
    return Policy("p", "arn:p", metric, 50.0, **changes)


def test_cpu_is_the_average_of_the_last_minute() -> None:
    lab = Lab()
    one, two = lab.cpu
    lab.cpu[one] = 1000.0  # from before: the first minute shows it, the next does not
    lab.minute()
    lab.cpu[one] += 30.0
    lab.cpu[two] += 6.0
    lab.minute()
    assert lab.meter.value(lab.group, policy(CPU)) == pytest.approx(30.0)  # 50 % and 10 %
    lab.minute()
    assert lab.meter.value(lab.group, policy(CPU)) == 0.0


def test_what_is_told_of_a_group_counts_instead() -> None:
    lab = Lab()
    lab.hosts.faults = Faults(cpu={"^g$": 77.0})
    assert lab.meter.value(lab.group, policy(CPU)) == 77.0


def test_without_a_minute_there_is_no_value() -> None:
    lab = Lab()
    lab.clock.advance(30)
    lab.meter.tick()
    assert lab.meter.value(lab.group, policy(CPU)) is None


def test_requests_are_counted_per_instance_and_minute() -> None:
    lab = Lab()
    lab.counts = {"tg": 100}
    lab.minute()
    lab.counts = {"tg": 700}
    lab.minute()
    assert lab.meter.value(lab.group, policy(REQUESTS, group="tg")) == 300.0
    assert lab.meter.value(lab.group, policy(REQUESTS, group="other")) == 0.0


def test_instances_that_warm_up_do_not_count() -> None:
    lab = Lab()
    lab.minute()
    assert lab.meter.value(lab.group, policy(CPU, warmup=1000.0)) is None


def test_an_artefact_is_a_model_by_name_and_checksum() -> None:
    sums = artifacts.checksums()
    for version in ("1", "2"):
        name = f"digits-{version}.onnx"
        image, environment = artifacts.serve(f"https://models.example/{name}", sums[name])
        assert (image, environment) == (registry.reference(version), {})


def test_a_missing_or_changed_artefact_is_not_served() -> None:
    with pytest.raises(ImageNotFound, match="404 Not Found"):
        artifacts.serve("https://models.example/digits-9.onnx", "0" * 64)
    with pytest.raises(ImageNotFound, match=r"checksum of https://models[.]example/digits-1[.]onnx is"):
        artifacts.serve("https://models.example/digits-1.onnx", "0" * 64)
