# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One EC2 instance: from pending through its boot, its server's life, to terminated. Pure.

Source: EC2 user guide, "Amazon EC2 instance state changes". AWS names no times: those of `Boot` are the lab's, short
as its scale wants. A server that ends is started again only as its systemd unit says (systemd.service(5), Restart=).
"""

from __future__ import annotations

from dataclasses import dataclass
from signal import SIGKILL, SIGTERM

from tests.lab.aws.engine.user_data import Serving
from tests.lab.aws.ports import HostState, Interface, ProcessState

KEPT = 3600.0  # a terminated instance is shown for about an hour (same page)


@dataclass(frozen=True)
class Boot:
    """AWS seconds: pending, and from running until the user data has started the server."""

    pending: float = 10.0
    starting: float = 10.0


@dataclass
class Host:
    """An instance. `serving` None: its user data starts nothing."""

    id: str
    interface: Interface
    instance_type: str
    security_groups: tuple[str, ...]
    serving: Serving | None
    template: str
    version: str
    group: str
    launched: float
    state: str = "pending"
    since: float = 0.0
    started: bool = False  # its server was asked for
    restart_at: float | None = None
    signalled_at: float | None = None
    killed: bool = False
    retired_at: float | None = None  # it heard then that Auto Scaling will terminate it
    finished: bool = False  # it has stopped its server for that
    lost: bool = False  # the machine, or its zone, is gone; EC2 still lists it

    @property
    def key(self) -> str:
        """The name of its server's process."""
        return f"{self.id}/server"

    def shown(self) -> HostState:
        status = "impaired" if self.lost else "ok" if self.started or self.serving is None else "initializing"
        hook = self.serving.hook if self.serving and self.finished and not self.lost else ""
        return HostState(self.state, status, self.interface.address, self.instance_type, hook)


@dataclass(frozen=True)
class Start:
    """Run the server; again after an end."""

    host: Host


@dataclass(frozen=True)
class Signal:
    host: Host
    number: int


@dataclass(frozen=True)
class Gone:
    """Free everything: it is terminated."""

    host: Host


@dataclass(frozen=True)
class Changed:
    """Its state is another one."""

    host: Host


Action = Start | Signal | Gone | Changed


def step(host: Host, process: ProcessState | None, now: float, boot: Boot) -> list[Action]:
    if host.state == "pending" and now - host.launched >= boot.pending:
        return _enter(host, "running", now)
    if host.state == "running" and not host.lost:
        return _serve(host, process, now, boot)
    if host.state == "shutting-down":
        return _shut(host, process, now)
    return []


def serving(host: Host) -> bool:
    """Whether its server should run: it was started, and neither the machine nor its server was stopped since."""
    return host.state == "running" and host.started and not host.lost and host.retired_at is None


def _serve(host: Host, process: ProcessState | None, now: float, boot: Boot) -> list[Action]:
    if host.serving is None:
        return []
    if host.retired_at is not None and host.serving.hook:
        return _retire(host, process, now)
    if not host.started:
        if now - host.since < boot.starting:
            return []
        host.started = True
        return [Start(host)]
    if process is None or process.running:
        return []
    wanted = host.serving.restart == "always" or (host.serving.restart == "on-failure" and process.exit_code != 0)
    if not wanted:
        return []
    if host.restart_at is None:
        host.restart_at = now + host.serving.restart_after
    if now < host.restart_at:
        return []
    host.restart_at = None
    return [Start(host)]


def _retire(host: Host, process: ProcessState | None, now: float) -> list[Action]:
    """What greenlight-drain.service does: wait, stop the server, and then say that the hook need wait no longer."""
    if host.serving is None or host.retired_at is None or now - host.retired_at < host.serving.drain:
        return []
    host.finished = process is None or not process.running
    return [] if host.finished else _stop(host, now)


def _shut(host: Host, process: ProcessState | None, now: float) -> list[Action]:
    if process is None or not process.running:
        return [*_enter(host, "terminated", now), Gone(host)]
    return _stop(host, now)


def _stop(host: Host, now: float) -> list[Action]:
    """As systemd stops a unit: SIGTERM, TimeoutStopSec, SIGKILL."""
    if host.signalled_at is None:
        host.signalled_at = now
        return [Signal(host, SIGTERM)]
    limit = host.serving.stop_timeout if host.serving else 0.0
    if not host.killed and now - host.signalled_at >= limit:
        host.killed = True
        return [Signal(host, SIGKILL)]
    return []


def terminate(host: Host, now: float) -> list[Action]:
    """TerminateInstances. Again = no change."""
    return [] if host.state in ("shutting-down", "terminated") else _enter(host, "shutting-down", now)


def retire(host: Host, now: float) -> None:
    """The machine's metadata says autoscaling/target-lifecycle-state: Terminated. Again = no change.

    Source: EC2 Auto Scaling user guide, "Retrieve the target lifecycle state through instance metadata".
    """
    if host.retired_at is None:
        host.retired_at = now


def lose(host: Host) -> list[Action]:
    """The machine is gone: its server at once, its status checks fail."""
    host.lost = True
    return [Signal(host, SIGKILL)]


def _enter(host: Host, state: str, now: float) -> list[Action]:
    host.state, host.since = state, now
    return [Changed(host)]
