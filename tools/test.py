# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the checks that CI runs: `tools/test.py [JOB ...]`, all of them without arguments.

Jobs that keep one core busy run side by side, two at a time; each prints its result, its time and its budget, and one
over its budget is ended and fails. The whole is meant to take at most 20 minutes on two idle cores; the budgets are
about twice what the jobs take there, for machines that are not idle. Full output goes to build/test/JOB.log and is
shown when a job fails. The closing line counts what was really executed: pytest's own counts and molecule's actions.
Gates (linters and the like) are listed apart.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tools.jobs import Count, Done, Job, Runner

CORES = 2
ROOT = Path(__file__).resolve().parents[1]
LOGS = ROOT / "build" / "test"
PYTHON = sys.executable
RUFF_PATHS = ["plugins", "tests", "tools"]


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
    text = (LOGS / f"{name}.log").read_text(errors="replace")
    done = re.findall(r"\[\S+ > \w+\] Executed: (.+)", text)
    ran = [words for words in done if "missing" not in words.lower()]  # steps that a scenario doesn't have
    good = sum(words.startswith("Successful") for words in ran)
    return Count(good, len(ran) - good) if ran else Count(failed=1)


def pytest(name: str, *args: str) -> tuple[str, ...]:
    return (PYTHON, "-m", "pytest", f"--junitxml={LOGS / (name + '.xml')}", *args)


def tool(name: str, *args: str) -> tuple[str, ...]:
    return (str(Path(PYTHON).parent / name), *args)


JOBS = (
    # destroy first: a run that was killed leaves molecule in the belief that its lab still runs. The lab is a daemon:
    # whatever ended the job, it must not stay.
    Job(
        "molecule",
        600,
        (tool("molecule", "destroy"), tool("molecule", "test", "--all")),
        molecule_actions,
        after=(PYTHON, "-m", "tests.lab.aws", "down", "--state", ".lab/molecule.json"),
    ),
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
    Job("package", 180, ((PYTHON, "tools/package.py"),)),
    Job("unit", 200, (pytest("unit", "tests/unit"),), junit),
    Job("simulation", 300, (pytest("simulation", "tests/simulation"),), junit),
    Job(
        "integration",
        900,
        (
            # Labs wait more than they work: five workers keep two cores busy.
            pytest(
                "integration",
                *("-vv", "--durations=25", "-n5", "--dist=loadfile", "--no-loadscope-reorder"),
                "tests/integration",
            ),
        ),
        junit,
        cores=2,
    ),
)


def tail(job: Job, lines: int = 80) -> str:
    return "\n".join((LOGS / f"{job.name}.log").read_text(errors="replace").splitlines()[-lines:])


def told(done: Done) -> str:
    """The job's line in the table, and what it printed when it failed."""
    job = done.job
    count = job.count(job.name) if job.count else None
    counted = f"{count.passed} passed, {count.failed} failed, {count.skipped} skipped" if count else ""
    line = f"{job.name:14} {'ok' if done.good else 'FAILED':8} {done.seconds:5.0f}s {job.budget:6}s  {counted}".rstrip()
    return line if done.good else f"{line}\n--- end of build/test/{job.name}.log\n{tail(job)}\n---"


def closing(ended: list[Done], seconds: float) -> str:
    """The last two lines: how the gates ended and how long it took, and what the tests counted."""
    gates = [done.good for done in ended if done.job.count is None]
    total = sum((done.job.count(done.job.name) for done in ended if done.job.count), Count())
    # A job can fail without a failed test (collection error, over budget): that counts as one failure, never as none.
    silent = not total.failed and any(done.job.count and not done.good for done in ended)
    minutes, rest = divmod(round(seconds), 60)
    return (
        f"gates: {gates.count(True)} ok, {gates.count(False)} failed; "
        f"{minutes}:{rest:02} minutes in all (20:00 for all jobs)\n"
        f"{total.passed} passed, {total.failed + silent} failed, {total.skipped} skipped"
    )


def main(names: list[str]) -> int:
    known = {job.name: job for job in JOBS}
    if unknown := [name for name in names if name not in known]:
        print(f"No such job: {', '.join(unknown)}. Jobs: {', '.join(known)}.", file=sys.stderr)
        return 2
    LOGS.mkdir(parents=True, exist_ok=True)
    for report in LOGS.glob("*.xml"):
        report.unlink()
    environment = {
        **os.environ,
        "MYPYPATH": str(ROOT / "collections"),
        "PYTHONPATH": str(ROOT / "tools" / "warm"),  # see the file in it
        "PYTHONUNBUFFERED": "1",
        "NO_COLOR": "1",
    }
    ended, begun = [], time.monotonic()
    print(f"{'job':14} {'result':8} {'time':>6} {'budget':>7}  counted", flush=True)
    with Runner(ROOT, LOGS, environment, CORES) as runner:
        for done in runner.run([known[name] for name in names] or JOBS):
            ended.append(done)
            print(told(done), flush=True)
    print(closing(ended, time.monotonic() - begun))
    counts = [done.job.count(done.job.name) for done in ended if done.job.count]
    return 0 if all(done.good for done in ended) and not any(count.failed for count in counts) else 1


if __name__ == "__main__":
    # An interrupt must reach run()'s `finally`, which ends the job's processes.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("interrupted; everything that was started has been stopped", file=sys.stderr)
        sys.exit(130)
