# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run jobs side by side on a fixed number of cores, each within its budget and with nothing left over."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

PATIENCE = 30.0  # seconds that a group has to clear up


@dataclass(frozen=True)
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)


@dataclass(frozen=True)
class Job:
    """Commands, one after the other. `budget`: seconds for all of them. `cores`: how many it keeps busy."""

    name: str
    budget: int
    commands: tuple[tuple[str, ...], ...]
    count: Callable[[str], Count] | None = None  # None: a gate
    cores: int = 1
    after: tuple[str, ...] = ()  # run however the job ends, for what its processes may have left


@dataclass(frozen=True)
class Done:
    job: Job
    good: bool
    seconds: float


class Running:
    """One job at work, in process groups of its own, so that nothing of it outlives it."""

    def __init__(self, job: Job, place: Path, log: Path, environment: Mapping[str, str]) -> None:
        self.job = job
        self._left = list(job.commands)
        self._place = place
        self._log = log.open("wb", buffering=0)  # between its commands we write into it ourselves
        self._environment = environment
        self._started = time.monotonic()
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def poll(self) -> Done | None:
        """The end of the job, or None while it goes on. Starts its next command when one has ended well."""
        if self._child is not None:
            code = self._child.poll()
            if code is None and self.seconds <= self.job.budget:
                return None
            if code is None:
                self._log.write(f"\nover its budget of {self.job.budget} s\n".encode())
            end_group(self._child)
            if code != 0:
                return self._done(good=False)
        if not self._left:
            return self._done(good=True)
        self._child = self._start(self._left.pop(0))
        return None

    def close(self) -> None:
        """End whatever still runs, and clear up."""
        if self._child is not None:
            end_group(self._child)
        if self.job.after and not self._log.closed:
            self._start(self.job.after).wait()
        self._log.close()

    def _start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            cwd=self._place,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            process_group=0,
        )

    def _done(self, good: bool) -> Done:
        done = Done(self.job, good, self.seconds)
        self.close()
        return done


def end_group(child: subprocess.Popen[bytes]) -> None:
    """Ask whatever is left of the group to end, give all of it the time to clear up, then insist."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + PATIENCE
        try:
            os.killpg(child.pid, number)
            while time.monotonic() < until:
                child.poll()
                os.killpg(child.pid, 0)
                time.sleep(0.02)
        except ProcessLookupError:
            return


class Runner:
    """Starts jobs in their order whenever enough cores are free. Leaving it ends all of them."""

    def __init__(self, place: Path, logs: Path, environment: Mapping[str, str], cores: int) -> None:
        self._place = place
        self._logs = logs
        self._environment = environment
        self._free = cores
        self._running: list[Running] = []

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for running in self._running:
            running.close()

    def run(self, jobs: Sequence[Job]) -> Iterator[Done]:
        """Each job as it ends. A job that wants more cores than there are has all of them."""
        waiting, whole = list(jobs), self._free
        while waiting or self._running:
            for job in list(waiting):
                if min(job.cores, whole) > self._free:
                    break  # a later one must not overtake a large one for ever
                waiting.remove(job)
                self._free -= min(job.cores, whole)
                self._running.append(Running(job, self._place, self._logs / f"{job.name}.log", self._environment))
            for running in list(self._running):
                done = running.poll()
                if done is not None:
                    self._running.remove(running)
                    self._free += min(running.job.cores, whole)
                    yield done
            time.sleep(0.05)
