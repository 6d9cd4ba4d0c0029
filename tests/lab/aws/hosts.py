# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2's instances: each a real process behind an address of its subnet, started as its user data says."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tests.lab.aws.engine import ec2_faults, ec2_host, user_data
from tests.lab.aws.engine.ec2_faults import Faults
from tests.lab.aws.engine.ec2_host import Boot, Changed, Gone, Host, Signal, Start
from tests.lab.aws.engine.user_data import Serving, UnreadableError
from tests.lab.aws.ports import (
    Clock,
    HostRequest,
    HostState,
    ImageNotFound,
    Interface,
    LaunchRefused,
    Network,
    Processes,
    ProcessState,
)

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Blueprint:
    """A launch template's version, as far as an instance is made from it."""

    image: str
    instance_type: str
    security_groups: tuple[str, ...]
    user_data: str  # base64


class Records(Protocol):
    """What EC2's API knows and shows (implemented over moto in `api/ec2_instances.py`)."""

    def blueprint(self, request: HostRequest) -> Blueprint:
        """Raises LaunchRefused: no such template, version, image or security group."""

    def zone(self, subnet: str) -> str | None: ...

    def created(self, request: HostRequest, blueprint: Blueprint, interface: Interface) -> None: ...

    def changed(self, instance: str, state: HostState) -> None: ...


class HostPool:
    """Implements `ports.Hosts`. `artifact`: an artefact and its SHA-256 -> (image, environment) that serve it.

    Called with the lab's lock held, `tick()` included.
    """

    def __init__(
        self,
        clock: Clock,
        processes: Processes,
        network: Network,
        records: Records,
        artifact: Callable[[str, str], tuple[str, Mapping[str, str]]],
        log: Callable[..., None],
        boot: Boot | None = None,
    ) -> None:
        self._clock, self._processes, self._network, self._records = clock, processes, network, records
        self._artifact, self._log, self._boot = artifact, log, boot or Boot()
        self.hosts: dict[str, Host] = {}
        self.faults = Faults()
        self._ended: set[str] = set()  # machines whose server has ended by itself and not started again

    # ---- ports.Hosts

    def launch(self, request: HostRequest) -> None:
        blueprint = self._records.blueprint(request)
        zone = self._records.zone(request.subnet)
        if zone is None:
            raise LaunchRefused("InvalidSubnetID.NotFound", f"The subnet ID '{request.subnet}' does not exist.")
        refused = self.faults.refusal(zone, blueprint.instance_type, request.group)
        if refused is not None:
            raise LaunchRefused(*refused)
        try:
            interface = self._network.allocate(request.subnet, blueprint.security_groups, "")
        except ValueError as error:
            raise LaunchRefused("InsufficientFreeAddressesInSubnet", str(error)) from error
        self._records.created(request, blueprint, interface)
        host = Host(
            request.id,
            interface,
            blueprint.instance_type,
            blueprint.security_groups,
            self._read(request.id, blueprint.user_data),
            request.template,
            request.version,
            request.group,
            self._clock.now(),
        )
        self.hosts[host.id] = host
        self._records.changed(host.id, host.shown())
        self._log("instance_launched", instance=host.id, group=host.group, zone=zone, version=host.version)

    def state(self, instance: str) -> HostState | None:
        host = self.hosts.get(instance)
        return None if host is None else host.shown()

    def terminate(self, instance: str) -> None:
        host = self.hosts.get(instance)
        if host is not None:
            self._apply(ec2_host.terminate(host, self._clock.now()))

    def retire(self, instance: str) -> None:
        host = self.hosts.get(instance)
        if host is not None:
            ec2_host.retire(host, self._clock.now())

    # ---- the lab's own

    def set(self, document: Any) -> None:
        """New faults. What is lost stays lost, whatever follows. Raises ValueError, LookupError."""
        faults = ec2_faults.parse(document)
        for name in faults.lost_instances:
            if name not in self.hosts:
                raise LookupError(f"no instance {name}")
        self.faults = faults
        for host in self.hosts.values():
            lost = host.id in faults.lost_instances or host.interface.zone in faults.lost_zones
            if lost and not host.lost and host.state in ("pending", "running"):
                self._log("instance_lost", instance=host.id, group=host.group, zone=host.interface.zone)
                self._apply(ec2_host.lose(host))
                self._records.changed(host.id, host.shown())

    def tick(self) -> None:
        now = self._clock.now()
        for host in list(self.hosts.values()):
            if host.state == "terminated":
                if now - host.since >= ec2_host.KEPT:
                    del self.hosts[host.id]
            else:
                process = self._processes.state(host.key)
                self._tell(host, process)
                self._apply(ec2_host.step(host, process, now, self._boot))

    def _tell(self, host: Host, process: ProcessState | None) -> None:
        """Log the end of a server that nobody stopped, once."""
        if process is None or process.running or not ec2_host.serving(host):
            self._ended.discard(host.id)
        elif host.id not in self._ended:
            self._log("server_ended", instance=host.id, group=host.group, code=process.exit_code)
            self._ended.add(host.id)

    def cpu_seconds(self, instance: str) -> float:
        """CPU time of an instance's server so far, in real seconds; 0 when it has none."""
        host, pid = self.hosts.get(instance), None
        if host is not None:
            pid = self._processes.pid(host.key)
        with suppress(OSError, IndexError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / TICKS  # utime, stime: proc(5)
        return 0.0

    def _apply(self, actions: list[ec2_host.Action]) -> None:
        for action in actions:
            match action:
                case Start(host):
                    self._start(host)
                case Signal(host, number):
                    self._processes.signal(host.key, number)
                case Changed(host):
                    self._records.changed(host.id, host.shown())
                    self._log("instance_state", instance=host.id, group=host.group, state=host.state)
                case Gone(host):
                    self._processes.forget(host.key)
                    self._network.release(host.interface)

    def _read(self, instance: str, text: str) -> Serving | None:
        try:
            return user_data.parse(text)
        except UnreadableError as error:
            self._log("user_data_failed", instance=instance, reason=str(error))
            return None

    def _start(self, host: Host) -> None:
        """As on a real machine, a server that cannot be had leaves an instance that runs and serves nothing."""
        serving = host.serving
        if serving is None:
            return
        self._processes.forget(host.key)
        address, ports = host.interface.address, [serving.port]
        try:
            image, environment = serving.image, dict(serving.environment)
            if serving.artifact:
                image, more = self._artifact(serving.artifact, serving.checksum)
                environment = {**environment, **more}
            self._processes.start(host.key, image, (), environment, address, ports, host.security_groups)
        except ImageNotFound as error:
            self._log("user_data_failed", instance=host.id, reason=str(error))
        except OSError as error:
            self._log("user_data_failed", instance=host.id, reason=f"cannot listen at {address}: {error.strerror}")
