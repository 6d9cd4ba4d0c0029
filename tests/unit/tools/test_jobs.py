# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner of the checks, with real processes."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from tools import test as checks
from tools.jobs import Count, Done, Job, Runner


def script(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", text)


def run(place: Path, *jobs: Job, cores: int = 2) -> list[Done]:
    with Runner(place, place, os.environ, cores) as runner:
        return list(runner.run(jobs))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_a_job_runs_its_commands_in_order_until_one_fails(tmp_path: Path) -> None:
    job = Job(
        "three", 60, (script("print('one', flush=True)"), script("raise SystemExit(3)"), script("print('never')"))
    )
    assert [(done.job.name, done.good) for done in run(tmp_path, job)] == [("three", False)]
    assert (tmp_path / "three.log").read_text() == "one\n"


def test_a_job_over_its_budget_fails_and_leaves_no_process(tmp_path: Path) -> None:
    sleeper = "import subprocess, sys; print(subprocess.Popen(['sleep', '600']).pid, flush=True); "
    job = Job("slow", 1, (script(sleeper + "import time; time.sleep(600)"),), after=script("print('cleared up')"))
    assert [done.good for done in run(tmp_path, job)] == [False]
    lines = (tmp_path / "slow.log").read_text().splitlines()
    assert lines[1:] == ["", "over its budget of 1 s", "cleared up"]
    assert not alive(int(lines[0]))


def test_what_a_job_started_may_clear_up_after_the_job_itself_is_gone(tmp_path: Path) -> None:
    """The child of the job's command takes its time, the command does not."""
    child = (
        "import signal, sys, time\n"
        "def end(*_): time.sleep(1); print('cleared up', flush=True); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); print('ready', flush=True); time.sleep(600)"
    )
    parent = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', sys.argv[1]]); time.sleep(600)"
    assert [done.good for done in run(tmp_path, Job("deep", 2, ((*script(parent), child),)))] == [False]
    assert (tmp_path / "deep.log").read_text().splitlines()[-1] == "cleared up"


def test_small_jobs_run_side_by_side_and_a_large_one_alone(tmp_path: Path) -> None:
    """Each of the two waits for the other's file: one after the other they would never end."""
    meet = "import pathlib, time; pathlib.Path('{0}').touch()\nwhile not pathlib.Path('{1}').exists(): time.sleep(0.01)"
    alone = Job(
        "alone", 60, (script("import pathlib; assert {'a', 'b'} <= {p.name for p in pathlib.Path().iterdir()}"),)
    )
    jobs = [Job("a-job", 60, (script(meet.format("a", "b")),)), Job("b-job", 60, (script(meet.format("b", "a")),))]
    large = Job("large", 60, alone.commands, cores=2)
    done = run(tmp_path, *jobs, large)
    assert [each.good for each in done] == [True, True, True]
    assert done[-1].job.name == "large"


def test_leaving_early_ends_what_runs_and_clears_up(tmp_path: Path) -> None:
    job = Job("endless", 600, (script("import time; print(1, flush=True); time.sleep(600)"),), after=script("print(2)"))
    quick = Job("quick", 60, (script(""),))
    with Runner(tmp_path, tmp_path, os.environ, 2) as runner:
        assert next(iter(runner.run([job, quick]))).job.name == "quick"
        until = time.monotonic() + 60
        while not (tmp_path / "endless.log").read_text() and time.monotonic() < until:
            time.sleep(0.01)
    assert (tmp_path / "endless.log").read_text() == "1\n2\n"


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("Successful", Count(2, 0)),
        ("Failed", Count(1, 1)),
        ("Missing playbook (Remove from destroy_sequence to suppress)", Count(1, 0)),
        ("2 missing (Remove from destroy_sequence to suppress)", Count(1, 0)),
    ],
)
def test_molecules_own_words_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, count: Count
) -> None:
    monkeypatch.setattr(checks, "LOGS", tmp_path)
    log = tmp_path / "molecule.log"
    log.write_text(f"INFO     [default > create] Executed: Successful\nINFO     [default > verify] Executed: {words}\n")
    assert checks.molecule_actions("molecule") == count


def test_nothing_executed_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "LOGS", tmp_path)
    (tmp_path / "molecule.log").write_text("INFO     [default > create] Executed: Missing playbook\n")
    assert checks.molecule_actions("molecule") == Count(0, 1)


def test_a_job_that_fails_without_a_failed_test_counts_as_one_failure() -> None:
    gate = Done(Job("gate", 1, ()), True, 1.0)
    tests = Job("tests", 1, (), lambda _name: Count(7, 0, 0))
    assert checks.closing([gate, Done(tests, True, 2.0)], 61).endswith(
        "1:01 minutes in all (20:00 for all jobs)\n7 passed, 0 failed, 0 skipped"
    )
    assert checks.closing([gate, Done(tests, False, 2.0)], 3).endswith("7 passed, 1 failed, 0 skipped")
    assert "gates: 1 ok, 0 failed" in checks.closing([gate], 0)
