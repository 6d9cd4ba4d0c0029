# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keeper: the one parent of all the lab's processes, so that none outlives the lab.

A small program of its own, started by `procs.py` with one socket. Why not start them from the lab
itself: a parent-death signal is bound to the *thread* that forked, code between fork and exec is
unsafe beside other threads, and a signal to a dead lab's children reaches no grandchildren. The
keeper has one thread, adopts orphans (PR_SET_CHILD_SUBREAPER), and when its socket closes, however
the lab died, kills whatever descends from it. Dies the keeper, its children get SIGKILL from the
kernel (PR_SET_PDEATHSIG).

Requests, one JSON object a line: {"start": key, "argv": […], "env": {…}}, {"signal": number, "key": key},
{"run": key, "argv": […], "env": {…}, "seconds": real} (a bounded helper such as a health check).
Reports: {"started": key, "pid": n}, {"ended": key, "code": n} (negative: killed by that signal;
127: could not be executed). The end of a key's first process kills what it left behind, as a
container's end does.

Standard library only: it starts in about 20 ms.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
LIBC = ctypes.CDLL(None, use_errno=True)
NOT_EXECUTABLE = 127
KEY = b"GREENLIGHT_LAB_KEY="  # in every process's environment: whose descendant it is


def children(parent: int) -> set[int]:
    """The processes whose parent is `parent`, read from /proc (field 4 of stat, after the name in brackets)."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                    found.add(int(entry.name))
    return found


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


class Keeper:
    def __init__(self, lab: socket.socket) -> None:
        self.lab = lab
        self.pids: dict[str, int] = {}
        self.keys: dict[int, str] = {}
        self.deadlines: dict[int, float] = {}
        self.pending = b""

    def run(self) -> None:
        """Until the lab's socket closes."""
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        wake, waker = os.pipe()
        for end in (wake, waker):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(waker)
        signal.signal(signal.SIGCHLD, lambda *_ignored: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # only the lab's end ends it
        while True:
            rest = [moment - time.monotonic() for moment in self.deadlines.values()]
            ready, _ignored, _ignored = select.select(
                [self.lab.fileno(), wake], [], [], max(0.0, min(rest)) if rest else None
            )
            if wake in ready:
                os.read(wake, 4096)
            if self.lab.fileno() in ready and not self.receive():
                return
            self.reap()
            self.expire()

    def receive(self) -> bool:
        """Do what the lab asks; False when it is gone."""
        try:
            data = self.lab.recv(1 << 16)
        except ConnectionResetError:
            return False
        *lines, self.pending = (self.pending + data).split(b"\n")
        for line in lines:
            self.obey(json.loads(line))
        return bool(data)

    def obey(self, request: dict[str, Any]) -> None:
        if "signal" in request:
            pid = self.pids.get(request["key"])
            if pid is not None:
                kill(pid, request["signal"])
            return
        key = request.get("start") or request["run"]
        pid = self.spawn(request["argv"], {**request["env"], KEY.decode().rstrip("="): key})
        self.pids[key], self.keys[pid] = pid, key
        if "seconds" in request:
            self.deadlines[pid] = time.monotonic() + request["seconds"]
        self.report({"started": key, "pid": pid})

    def spawn(self, argv: list[str], env: dict[str, str]) -> int:
        keeper = os.getpid()
        pid = os.fork()
        if pid == 0:
            become(keeper, argv, env)
        return pid

    def reap(self) -> None:
        reaped = False
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                reaped = True
                key = self.keys.pop(pid, None)
                if key is None:
                    continue  # an orphan we had adopted
                self.deadlines.pop(pid, None)
                if self.pids.get(key) == pid:
                    del self.pids[key]
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
                self.report({"ended": key, "code": os.waitstatus_to_exitcode(status)})
        if reaped:  # also after an orphan's end: its own children are ours now
            self.tidy()

    def tidy(self) -> None:
        """End the orphans whose first process is gone; as in a container, the others live on."""
        for pid in children(os.getpid()) - self.keys.keys():
            with contextlib.suppress(OSError):
                environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                keys = [entry.removeprefix(KEY).decode() for entry in environ if entry.startswith(KEY)]
                if keys and keys[0] not in self.pids:
                    kill(pid)

    def expire(self) -> None:
        for pid, moment in list(self.deadlines.items()):
            if time.monotonic() >= moment:
                del self.deadlines[pid]
                kill(pid)

    def report(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # a lab that is gone is noticed at the next receive
            self.lab.sendall(json.dumps(message).encode() + b"\n")

    def end(self) -> None:
        """Kill every descendant: the death of each hands its own children to us."""
        signal.set_wakeup_fd(-1)
        with contextlib.suppress(ChildProcessError):
            while True:
                for pid in children(os.getpid()):
                    kill(pid)
                os.waitpid(-1, 0)


def become(keeper: int, argv: list[str], env: dict[str, str]) -> NoReturn:
    """In the new process: its own session, bound to the keeper's life, then the program."""
    try:
        os.setsid()
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        if os.getppid() == keeper:  # else the keeper died before the signal was armed
            os.execvpe(argv[0], argv, env)  # noqa: S606  (no shell is the point)
    except OSError as error:
        print(f"cannot execute {argv[0]}: {error.strerror}", file=sys.stderr, flush=True)
    finally:
        os._exit(NOT_EXECUTABLE)


def main() -> None:
    lab = socket.socket(fileno=int(sys.argv[1]))
    lab.set_inheritable(False)
    keeper = Keeper(lab)
    try:
        keeper.run()
    finally:
        keeper.end()


if __name__ == "__main__":
    main()
