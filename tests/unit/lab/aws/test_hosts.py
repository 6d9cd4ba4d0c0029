# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2's instances: life, boot, server, faults, over fake processes."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from signal import SIGKILL, SIGTERM
from typing import Any

import pytest

from tests.lab.aws.clock import FakeClock
from tests.lab.aws.hosts import Blueprint, HostPool
from tests.lab.aws.ports import (
    HostRequest,
    HostState,
    ImageNotFound,
    Interface,
    LaunchRefused,
    ProcessState,
)


def data(image: str = "good", unit: str = "", drains: bool = False) -> str:
    lines = [f"SERVING_IMAGE={image}", "SERVING_PORT=8080", "SERVING_HOOK=greenlight-drain", "SERVING_DRAIN_SECONDS=20"]
    text = "#cloud-config\nwrite_files:\n  - path: /etc/greenlight/serving.env\n    content: |\n"
    text += "".join(f"      {line}\n" for line in lines)
    if unit:
        text += "  - path: /etc/systemd/system/greenlight-serving.service\n    content: |\n"
        text += "".join(f"      {line}\n" for line in unit.splitlines())
    if drains:
        text += "  - path: /etc/systemd/system/greenlight-drain.service\n    content: drains\n"
    return base64.b64encode(text.encode()).decode()


@dataclass
class Machines:
    """Processes, network and records at once. An image `deaf` ignores SIGTERM, `absent` does not exist."""

    user_data: str = field(default_factory=data)
    running: dict[str, str] = field(default_factory=dict)  # key -> image
    ended: dict[str, int] = field(default_factory=dict)
    starts: list[str] = field(default_factory=list)
    signals: list[int] = field(default_factory=list)
    given: int = 0
    free: list[str] = field(default_factory=list)
    shown: dict[str, HostState] = field(default_factory=dict)
    logged: list[str] = field(default_factory=list)
    blocked: bool = False

    # ---- Processes
    def start(
        self,
        key: str,
        image: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        address: str,
        ports: Sequence[int],
        security_groups: Sequence[str],
    ) -> None:
        if image == "absent":
            raise ImageNotFound("no such image")
        if self.blocked:
            raise OSError(13, "Permission denied")
        assert (tuple(ports), tuple(security_groups)) == ((8080,), ("sg-1",))
        self.running[key] = image
        self.starts.append(image)

    def state(self, key: str) -> ProcessState | None:
        if key in self.ended:
            return ProcessState(False, self.ended[key])
        return ProcessState(True) if key in self.running else None

    def pid(self, key: str) -> int | None:
        return None

    def signal(self, key: str, number: int) -> None:
        self.signals.append(number)
        if number == SIGKILL or self.running.get(key) != "deaf":
            self.ended[key] = -number if number == SIGKILL else 0

    def check(self, key: str, command: Sequence[str], timeout: float) -> None:
        raise AssertionError("instances have no container health checks")

    def check_result(self, key: str) -> int | None:
        return None

    def forget(self, key: str) -> None:
        self.running.pop(key, None)
        self.ended.pop(key, None)

    # ---- Network
    def allocate(self, subnet: str, security_groups: Sequence[str], description: str) -> Interface:
        if subnet == "full":
            raise ValueError("no free addresses")
        self.given += 1
        return Interface(f"eni-{self.given}", f"127.16.0.{self.given}", subnet, "us-east-1a", "02:00")

    def release(self, interface: Interface) -> None:
        self.free.append(interface.id)

    # ---- Records
    def blueprint(self, request: HostRequest) -> Blueprint:
        return Blueprint("ami-1", "m6i.large", ("sg-1",), self.user_data)

    def zone(self, subnet: str) -> str | None:
        return None if subnet == "nowhere" else "us-east-1a"

    def created(self, request: HostRequest, blueprint: Blueprint, interface: Interface) -> None:
        self.shown[request.id] = HostState("pending")

    def changed(self, instance: str, state: HostState) -> None:
        self.shown[instance] = state


@dataclass
class World:
    machines: Machines = field(default_factory=Machines)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        machines = self.machines
        self.pool = HostPool(
            self.clock, machines, machines, machines, lambda name, _ignored: (f"from {name}", {}), self._log
        )

    def _log(self, event: str, **fields: Any) -> None:
        self.machines.logged.append(f"{event} {fields.get('reason', '')}".strip())

    def launch(self, name: str = "i-1", subnet: str = "subnet-a") -> None:
        self.pool.launch(HostRequest(name, "lt-1", "1", subnet, {}, "g"))

    def run(self, seconds: int) -> None:
        for _ignored in range(seconds):
            self.clock.advance(1)
            self.pool.tick()

    def finished(self) -> str:
        found = self.pool.state("i-1")
        assert found is not None
        return found.finished

    def state(self, name: str = "i-1") -> tuple[str, str]:
        found = self.pool.state(name)
        assert found is not None
        return found.state, found.status


def test_pending_then_running_then_the_server_starts() -> None:
    world = World()
    world.launch()
    assert world.state() == ("pending", "initializing")
    world.run(11)
    assert world.state() == ("running", "initializing")
    assert world.machines.starts == []
    world.run(10)
    assert (world.state(), world.machines.starts) == (("running", "ok"), ["good"])
    assert world.machines.shown["i-1"].state == "running"


def test_termination_is_sigterm_and_frees_the_address() -> None:
    world = World()
    world.launch()
    world.run(25)
    world.pool.terminate("i-1")
    assert world.state()[0] == "shutting-down"
    world.run(2)
    assert world.state()[0] == "terminated"
    assert (world.machines.signals, world.machines.free) == ([SIGTERM], ["eni-1"])
    world.pool.terminate("i-1")
    world.run(5)
    assert world.machines.free == ["eni-1"]
    world.run(3700)
    assert world.pool.state("i-1") is None  # shown for about an hour


def test_a_deaf_server_is_killed_after_the_units_timeout() -> None:
    world = World(Machines(data("deaf", "[Service]\nTimeoutStopSec=7\n")))
    world.launch()
    world.run(25)
    world.pool.terminate("i-1")
    world.run(6)
    assert world.machines.signals == [SIGTERM]
    world.run(4)
    assert (world.machines.signals, world.state()[0]) == ([SIGTERM, SIGKILL], "terminated")


@pytest.mark.parametrize(
    ("restart", "code", "starts"),
    [("no", 1, 1), ("on-failure", 1, 2), ("on-failure", 0, 1), ("always", 0, 2)],
)
def test_a_server_that_ends_starts_again_as_its_unit_says(restart: str, code: int, starts: int) -> None:
    world = World(Machines(data(unit=f"[Service]\nRestart={restart}\nRestartSec=3\n")))
    world.launch()
    world.run(25)
    world.machines.ended["i-1/server"] = code
    world.run(10)
    assert len(world.machines.starts) == starts
    assert world.state() == ("running", "ok")  # the machine itself runs on
    assert world.machines.logged.count("server_ended") == 1


def test_a_server_that_is_stopped_has_not_ended_by_itself() -> None:
    world = World()
    world.launch()
    world.run(25)
    world.pool.terminate("i-1")
    world.run(5)
    assert "server_ended" not in world.machines.logged


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (data("absent"), "no such image"),
        ("", "does not begin with"),
        (data("good", "[Service]\nRestart=on-abort\n"), "Restart"),
    ],
)
def test_a_machine_whose_server_cannot_be_had_runs_without_one(given: str, reason: str) -> None:
    world = World(Machines(given))
    world.launch()
    world.run(60)
    assert world.state()[0] == "running"
    assert world.machines.starts == []
    assert any(line.startswith("user_data_failed") and reason in line for line in world.machines.logged)
    world.pool.terminate("i-1")
    world.run(2)
    assert world.state()[0] == "terminated"


def test_a_port_that_cannot_be_listened_at_is_told() -> None:
    world = World(Machines(blocked=True))
    world.launch()
    world.run(25)
    assert "user_data_failed cannot listen at 127.16.0.1: Permission denied" in world.machines.logged


def test_a_retired_machine_serves_on_stops_its_server_and_then_says_so() -> None:
    world = World(Machines(data("deaf", "[Service]\nTimeoutStopSec=5\nRestart=always\n", drains=True)))
    world.launch()
    world.run(25)
    world.pool.retire("i-1")
    world.run(19)
    assert (world.machines.signals, world.finished()) == ([], "")
    world.run(2)
    assert (world.machines.signals, world.finished()) == ([SIGTERM], "")
    world.run(6)
    assert (world.machines.signals, world.finished()) == ([SIGTERM, SIGKILL], "greenlight-drain")
    assert (world.state()[0], len(world.machines.starts)) == ("running", 1)
    world.pool.terminate("i-1")
    world.run(2)
    assert world.state()[0] == "terminated"


def test_a_machine_without_the_drain_unit_only_waits() -> None:
    world = World(Machines(data()))
    world.launch()
    world.run(25)
    world.pool.retire("i-1")
    world.run(60)
    assert (world.machines.signals, world.finished()) == ([], "")


def test_an_artefact_is_served_by_what_the_registry_has_for_it() -> None:
    text = "#cloud-config\nwrite_files:\n  - path: /etc/greenlight/serving.env\n    content: |\n"
    checksum = "0" * 64
    for line in ("SERVING_ARTIFACT=m.onnx", f"SERVING_ARTIFACT_SHA256={checksum}", "SERVING_PORT=8080"):
        text += f"      {line}\n"
    world = World(Machines(base64.b64encode(text.encode()).decode()))
    world.launch()
    world.run(25)
    assert world.machines.starts == ["from m.onnx"]


@pytest.mark.parametrize(
    ("subnet", "faults", "code"),
    [
        ("nowhere", {}, "InvalidSubnetID.NotFound"),
        ("full", {}, "InsufficientFreeAddressesInSubnet"),
        ("subnet-a", {"capacity": [{}]}, "InsufficientInstanceCapacity"),
        ("subnet-a", {"capacity": [{"error": "InstanceLimitExceeded"}]}, "InstanceLimitExceeded"),
        ("subnet-a", {"lost_zones": ["us-east-1a"]}, "InsufficientInstanceCapacity"),
    ],
)
def test_launches_that_are_refused_leave_nothing(subnet: str, faults: dict[str, Any], code: str) -> None:
    world = World()
    world.pool.set(faults)
    with pytest.raises(LaunchRefused) as refused:
        world.launch(subnet=subnet)
    assert refused.value.code == code
    assert (world.pool.hosts, world.machines.shown) == ({}, {})


def test_a_lost_machine_loses_its_server_at_once_and_stays_lost() -> None:
    world = World(Machines(data(unit="[Service]\nRestart=always\n")))
    for name in ("i-1", "i-2"):
        world.launch(name)
    world.run(25)
    world.pool.set({"lost_instances": ["i-1"]})
    assert (world.state("i-1"), world.state("i-2")) == (("running", "impaired"), ("running", "ok"))
    assert world.machines.signals == [SIGKILL]
    world.pool.set({})
    world.run(30)
    assert world.state("i-1") == ("running", "impaired")
    assert len(world.machines.starts) == 2
    assert world.machines.shown["i-1"].status == "impaired"


def test_a_lost_zone_takes_all_its_machines() -> None:
    world = World()
    for name in ("i-1", "i-2"):
        world.launch(name)
    world.run(25)
    world.pool.set({"lost_zones": ["us-east-1a"]})
    assert {world.state(name)[1] for name in ("i-1", "i-2")} == {"impaired"}


def test_a_machine_nobody_knows_cannot_be_lost() -> None:
    with pytest.raises(LookupError, match="no instance i-9"):
        World().pool.set({"lost_instances": ["i-9"]})
