# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running playbooks, with small programs in the place of ansible-playbook."""

from __future__ import annotations

import io
import os
import signal
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from tools.demo_parts import playbooks
from tools.demo_parts.playbooks import PlaybookError, Played
from tools.demo_parts.screen import Screen


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a Python program where ansible-playbook is looked for."""

    def install(text: str) -> None:
        path = tmp_path / "ansible-playbook"
        path.write_text(f"#!{sys.executable}\n" + textwrap.dedent(text))
        path.chmod(0o755)
        monkeypatch.setattr(playbooks.sys, "executable", str(tmp_path / "python"))

    return install


def test_live_lines_go_to_the_screen_events_to_the_caller_the_rest_to_the_log(program, tmp_path: Path) -> None:
    program(
        """
        import sys
        print("TASK [Rollout]", sys.argv[1:])
        print("[digits] 00:04 ECS        has started")
        print("                          3 tasks")
        print("[digits] 00:05 ECS        has started")
        print("                          3 tasks")
        print("ok: [digits]")
        print("                          not this")
        print('@demo {"event": "rollout", "state": "live"}')
        print('@demo {"event": "made", "task": "Make the cluster"}')
        print('@demo {"event": "rollout", "state": "rolled_back"}')
        sys.exit(2)
        """
    )
    out, log = io.StringIO(), tmp_path / "build" / "log"
    played = playbooks.play(["a.yml", "-v"], log, Screen(out))
    assert played.code == 2
    assert played.last("rollout") == {"event": "rollout", "state": "rolled_back"}
    assert played.last("recap") == {}
    assert (
        out.getvalue() == "  0:00 ECS        has started\n" + " " * 18 + "3 tasks\n  0:00 greenlight Make the cluster\n"
    )
    assert log.read_text().splitlines()[0] == "TASK [Rollout] ['a.yml', '-v']"
    assert "@demo" not in log.read_text()
    assert played.since <= played.until <= time.time()


def test_must_names_the_failed_task() -> None:
    log = Path("build/log")
    assert playbooks.must(Played(code=0), "site.yml", log).code == 0
    failed = Played(code=2, events=[{"event": "failed", "task": "Check", "message": "no subnets"}])
    with pytest.raises(
        PlaybookError, match=r"site.yml failed \(exit code 2\): Check: no subnets. Its output: build/log"
    ):
        playbooks.must(failed, "site.yml", log)


def test_nothing_of_the_callers_clouds_or_ansible_gets_through() -> None:
    found = playbooks.environment(
        {
            "HOME": "/h",
            "PATH": "/p",
            "AWS_PROFILE": "prod",
            "ANSIBLE_INVENTORY": "x",
            "PYTHONPATH": "y",
            "BOTO_CONFIG": "z",
        }
    )
    assert not {"AWS_PROFILE", "ANSIBLE_INVENTORY", "PYTHONPATH", "BOTO_CONFIG"} & set(found)
    assert found["HOME"] == "/h"
    assert found["PATH"].endswith(":/p")


def test_an_interrupt_ends_the_playbook_and_its_children(program, tmp_path: Path) -> None:
    program(
        """
        import subprocess, sys
        child = subprocess.Popen(["sleep", "600"])
        print(child.pid, flush=True)
        try:
            child.wait()
        except KeyboardInterrupt:
            print("x" * 1_000_000, "recorded", flush=True)  # more than a pipe holds
        """
    )
    log = tmp_path / "log"
    caller = threading.main_thread().ident
    assert caller is not None

    def interrupt() -> None:
        deadline = time.monotonic() + 20
        while not (log.exists() and log.read_text().strip()) and time.monotonic() < deadline:
            time.sleep(0.02)
        signal.pthread_kill(caller, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        playbooks.play([], log, Screen(io.StringIO()))
    sleeper = int(log.read_text().split()[0])
    with pytest.raises(ProcessLookupError):
        os.kill(sleeper, 0)
