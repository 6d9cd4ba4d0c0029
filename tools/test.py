# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the checks that CI runs: `tools/test.py [JOB ...]`, all of them without arguments.

Each job prints its result, its time and its budget, and a job over its budget is ended and fails. The whole is meant to
take at most 20 minutes on two idle cores; the budgets are about twice what the jobs take there, for machines that are
not idle. Full output goes to build/test/JOB.log and is shown when a job fails. The closing line counts
what was really executed: pytest's own counts and molecule's actions. Gates (linters and the like) are listed apart.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOGS = ROOT / "build" / "test"
PYTHON = sys.executable
RUFF_PATHS = ["plugins", "tests", "tools"]


@dataclass(frozen=True)
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0


def junit(name: str) -> Count:
    """Counts of build/test/NAME.xml, as pytest wrote it."""
    report = LOGS / f"{name}.xml"
    if not report.exists():
        return Count(failed=1)
    suites = list(ET.parse(report).getroot().iter("testsuite"))  # noqa: S314 - our own file
    total, bad, skipped = (
        sum(int(suite.get(key, 0)) for suite in suites for key in keys)
        for keys in (["tests"], ["failures", "errors"], ["skipped"])
    )
    return Count(total - bad - skipped, bad, skipped)


def molecule_actions(name: str) -> Count:
    """One per scenario and action, from the lines in which molecule reports it executed."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", (LOGS / f"{name}.log").read_text(errors="replace"))
    done = re.findall(r"\[\S+ > \w+\] Executed: (\w+)", text)
    return Count(done.count("Successful"), sum(word not in ("Successful", "Missing") for word in done))


@dataclass(frozen=True)
class Job:
    name: str
    budget: int  # seconds
    commands: tuple[tuple[str, ...], ...]
    count: Callable[[str], Count] | None = None  # None: a gate


def pytest(name: str, *args: str) -> tuple[str, ...]:
    return (PYTHON, "-m", "pytest", f"--junitxml={LOGS / (name + '.xml')}", *args)


def tool(name: str, *args: str) -> tuple[str, ...]:
    return (str(Path(PYTHON).parent / name), *args)


JOBS = (
    Job("ruff", 20, (tool("ruff", "check", *RUFF_PATHS), tool("ruff", "format", "--check", *RUFF_PATHS))),
    Job(
        "mypy",
        120,
        (
            tool("mypy", "-p", "ansible_collections.greenlight.serving.plugins.module_utils"),
            tool("mypy", "-p", "tests.lab"),
        ),
    ),
    Job("ansible-lint", 200, (tool("ansible-lint", "--offline", "--profile", "production"),)),
    Job("sanity", 300, ((PYTHON, "tools/sanity.py"),)),
    Job("docs", 60, ((PYTHON, "tools/docs_check.py"),)),
    Job("changelog", 20, (tool("antsibull-changelog", "lint", "-v"),)),
    Job("unit", 240, (pytest("unit", "-n2", "tests/unit", "tests/simulation"),), junit),
    Job(
        "integration",
        900,
        (pytest("integration", "-vv", "--durations=25", "-n2", "--dist=loadfile", "tests/integration"),),
        junit,
    ),
    # destroy first: a run that was killed leaves molecule in the belief that its lab still runs
    Job("molecule", 420, (tool("molecule", "destroy"), tool("molecule", "test", "--all")), molecule_actions),
    Job("package", 180, ((PYTHON, "tools/package.py"),)),
)


def run(job: Job) -> tuple[bool, float]:
    """Run one job's commands, in a process group of its own so that nothing of it outlives it."""
    environment = {**os.environ, "MYPYPATH": str(ROOT / "collections"), "PYTHONUNBUFFERED": "1"}
    started = time.monotonic()
    with (LOGS / f"{job.name}.log").open("wb") as log:
        for command in job.commands:
            child = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
            )
            try:
                code = child.wait(timeout=job.budget - (time.monotonic() - started))
            except subprocess.TimeoutExpired:
                log.write(f"\nover its budget of {job.budget} s\n".encode())
                code = -1
            finally:
                end_group(child)
            if code:
                return False, time.monotonic() - started
    return True, time.monotonic() - started


def end_group(child: subprocess.Popen[bytes]) -> None:
    """Ask whatever is left of the group to end, then insist."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            break
        try:
            child.wait(timeout=20)
        except subprocess.TimeoutExpired:
            continue
        if number == signal.SIGTERM:
            time.sleep(0.2)
    child.poll()


def tail(job: Job, lines: int = 80) -> str:
    return "\n".join((LOGS / f"{job.name}.log").read_text(errors="replace").splitlines()[-lines:])


def main(names: list[str]) -> int:
    known = {job.name: job for job in JOBS}
    if unknown := [name for name in names if name not in known]:
        print(f"No such job: {', '.join(unknown)}. Jobs: {', '.join(known)}.", file=sys.stderr)
        return 2
    LOGS.mkdir(parents=True, exist_ok=True)
    total, gates, broken, begun = Count(), [0, 0], False, time.monotonic()
    print(f"{'job':14} {'result':8} {'time':>6} {'budget':>7}  counted", flush=True)
    for job in [known[name] for name in names] or JOBS:
        (LOGS / f"{job.name}.xml").unlink(missing_ok=True)
        good, seconds = run(job)
        if job.name == "molecule":  # its lab is a daemon; whatever ended the job, it must not stay
            lab = (PYTHON, "-m", "tests.lab.aws", "down", "--state", ".lab/molecule.json")
            subprocess.run(lab, cwd=ROOT, stderr=subprocess.DEVNULL, check=False)
        counted = ""
        if job.count is None:
            gates[not good] += 1
        else:
            count = job.count(job.name)
            total = Count(total.passed + count.passed, total.failed + count.failed, total.skipped + count.skipped)
            counted = f"{count.passed} passed, {count.failed} failed, {count.skipped} skipped"
        broken |= not good
        print(f"{job.name:14} {'ok' if good else 'FAILED':8} {seconds:5.0f}s {job.budget:6}s  {counted}", flush=True)
        if not good:
            print(f"--- end of build/test/{job.name}.log\n{tail(job)}\n---", flush=True)
    minutes, seconds = divmod(round(time.monotonic() - begun), 60)
    print(f"gates: {gates[0]} ok, {gates[1]} failed; {minutes}:{seconds:02} minutes in all (20:00 for all jobs)")
    # A job can fail without a failed test (collection error, over budget): that counts as one failure, never as none.
    failed = total.failed or (1 if broken and not gates[1] else 0)
    print(f"{total.passed} passed, {failed} failed, {total.skipped} skipped")
    return 1 if broken or failed else 0


if __name__ == "__main__":
    # An interrupt must reach run()'s `finally`, which ends the job's processes.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("interrupted; everything that was started has been stopped", file=sys.stderr)
        sys.exit(130)
