# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process registry: what runs behind tasks, started and ended through the keeper (keeper.py)."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL
from typing import IO, Any, Protocol

from tests.lab.aws.network import twin
from tests.lab.aws.ports import ProcessState

KEEPER = Path(__file__).with_name("keeper.py")
MARK = "GREENLIGHT_LAB"  # in every process's environment: which lab it belongs to
PATH = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
LOOPBACK = ("127.0.0.1", "localhost")
CHECK_FLOOR = 2.0  # real seconds: starting a program takes CPU time that no time scale shortens


class Image(Protocol):
    @property
    def argv(self) -> Sequence[str]: ...
    @property
    def env(self) -> Mapping[str, str]: ...


class Doors(Protocol):
    """The plane's network interfaces: who may reach a task at its own address (implemented in plane/)."""

    def open(self, address: str, ports: Sequence[int], security_groups: Sequence[str]) -> None:
        """Listen at `address` on each port and forward what the groups admit to the inner twin."""

    def close(self, address: str) -> None: ...


@dataclass
class Entry:
    """One key's processes; written by the reader thread, read by the engines."""

    address: str
    env: Mapping[str, str]
    pid: int | None = None
    exit_code: int | None = None
    checking: bool = False
    checked: int | None = None
    doors: bool = False


class ProcessTable:
    """Implements `ports.Processes`.

    `resolve`: image reference -> Image, raises ImageNotFound; `doors`: None in tests without a plane;
    `scale`: real seconds per AWS second; `output`: where the processes write.
    """

    def __init__(
        self,
        resolve: Callable[[str], Image],
        doors: Doors | None = None,
        scale: float = 1.0,
        output: int | IO[bytes] | None = None,
        mark: str | None = None,
    ) -> None:
        self.mark = mark or secrets.token_hex(8)
        self._resolve, self._doors, self._scale = resolve, doors, scale
        self._entries: dict[str, Entry] = {}
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._keeper = subprocess.Popen(
                [sys.executable, "-I", "-S", str(KEEPER), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={"PATH": PATH, MARK: self.mark},
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read, name="keeper-reports", daemon=True)
        self._reader.start()

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
        """Start `image` (its entry point, then `command`) bound to the inner twin of `address`.

        Raises OSError when the interface can't listen there (a port below 1024, as an ordinary user).
        """
        found = self._resolve(image)
        if key in self._entries:
            raise ValueError(f"{key} was started before")
        env = {
            "PATH": PATH,
            "OMP_NUM_THREADS": "1",
            **found.env,
            **environment,
            "LAB_BIND": twin(address),
            MARK: self.mark,
        }
        doors = self._doors is not None and bool(ports)
        if self._doors is not None and ports:
            self._doors.open(address, ports, security_groups)
        self._entries[key] = Entry(address, env, doors=doors)
        self._send({"start": key, "argv": [*found.argv, *command], "env": env})

    def state(self, key: str) -> ProcessState | None:
        entry = self._entries.get(key)
        return None if entry is None else ProcessState(entry.exit_code is None, entry.exit_code)

    def pid(self, key: str) -> int | None:
        """For people and tests that kill a task; None before the keeper has reported it, and after its end."""
        entry = self._entries.get(key)
        return None if entry is None or entry.exit_code is not None else entry.pid

    def signal(self, key: str, number: int) -> None:
        """To the first process only, as in a container; the end of it takes the others along."""
        if key in self._entries:
            self._send({"signal": int(number), "key": key})

    def check(self, key: str, command: Sequence[str], timeout: float) -> None:
        """Run a container health check: `["CMD", program, …]`, `["CMD-SHELL", line]` or a bare argv.

        A container's 127.0.0.1 and localhost are the task's own; here they are written as the twin's
        address. One check at a time: while one runs, further ones are dropped. A timeout ends it (SIGKILL)
        and counts as failed.
        """
        entry = self._entries.get(key)
        if entry is None or entry.exit_code is not None or entry.checking:
            return
        kind, *rest = command
        argv = {"CMD": rest, "CMD-SHELL": ["/bin/sh", "-c", *rest]}.get(kind, list(command))
        for name in LOOPBACK:
            argv = [word.replace(name, twin(entry.address)) for word in argv]
        entry.checking, entry.checked = True, None
        seconds = max(timeout * self._scale, CHECK_FLOOR)
        self._send({"run": _check(key), "argv": argv, "env": dict(entry.env), "seconds": seconds})

    def check_result(self, key: str) -> int | None:
        entry = self._entries.get(key)
        return None if entry is None else entry.checked

    def forget(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        for name in (key, _check(key)):
            self._send({"signal": SIGKILL, "key": name})
        if entry.doors and self._doors is not None:
            self._doors.close(entry.address)

    def close(self) -> None:
        """End everything; returns when it is gone."""
        for key in list(self._entries):
            self.forget(key)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._keeper.wait()
        self._reader.join()
        self._socket.close()

    def _send(self, request: dict[str, Any]) -> None:
        with self._lock, contextlib.suppress(BrokenPipeError):
            self._socket.sendall(json.dumps(request).encode() + b"\n")

    def _read(self) -> None:
        with self._socket.makefile("rb") as reports:
            for line in reports:
                self._report(json.loads(line))
        while left := marked(self.mark):  # a keeper that was killed leaves orphans it had adopted
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, SIGKILL)
            time.sleep(0.01)
        for entry in list(self._entries.values()):
            if entry.exit_code is None:
                entry.exit_code = -SIGKILL

    def _report(self, report: dict[str, Any]) -> None:
        name: str = report.get("started") or report["ended"]
        key, check = (name.removesuffix(CHECK_SUFFIX), True) if name.endswith(CHECK_SUFFIX) else (name, False)
        entry = self._entries.get(key)
        if entry is None:
            return
        if check:
            if "ended" in report:
                entry.checking, entry.checked = False, report["code"]
        elif "started" in report:
            entry.pid = report["pid"]
        else:
            entry.exit_code = report["code"]


CHECK_SUFFIX = "#check"


def _check(key: str) -> str:
    return key + CHECK_SUFFIX


def marked(mark: str) -> set[int]:
    """The processes on this machine that carry a lab's mark in their environment (one's own: readable)."""
    found = set()
    wanted = f"{MARK}={mark}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.add(int(entry.name))
    return found
