# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo` as a newcomer runs it, and what is left when it is interrupted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.demo_parts.promises import WIDTH, masked

ROOT = Path(__file__).resolve().parents[3]
STATE = ROOT / ".lab" / "aws.json"


@pytest.fixture
def demo() -> Iterator[subprocess.Popen[str]]:
    """As from a terminal, also where the tests run in the background: what starts there ignores SIGINT."""
    process = subprocess.Popen(
        [sys.executable, "tools/demo.py"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=90)


def test_the_demo_keeps_its_promises_and_prints_what_the_readme_shows(demo: subprocess.Popen[str]) -> None:
    output, _ignored = demo.communicate(timeout=520)
    assert demo.returncode == 0, output
    summary = json.loads((ROOT / "build" / "demo" / "summary.json").read_text())
    assert summary["ok"] is True
    assert [(each["state"], each["dropped"], each["rollback_verified"]) for each in summary["rollouts"]] == [
        ("live", 0, False),
        ("rolled_back", 0, True),
        ("rolled_back", 0, True),
    ]
    assert [each["wrong_answers"] for each in summary["rollouts"]] == [0, 0, 0]
    assert max(map(len, output.splitlines())) <= WIDTH
    # mend it: tools/demo.py --update-docs
    assert masked(output) == masked((ROOT / "docs" / "demo-output.txt").read_text())
    assert not STATE.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_running(demo: subprocess.Popen[str], number: int) -> None:
    assert demo.stdout is not None
    for line in demo.stdout:
        if "bootstrap.yml" in line:
            break
    mark = json.loads(STATE.read_text())["mark"]
    demo.send_signal(number)
    demo.communicate(timeout=90)
    assert demo.returncode == 130
    assert not STATE.exists()
    deadline = time.monotonic() + 10
    while left := [path for path in Path("/proc").glob("[0-9]*/environ") if mark in readable(path)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def readable(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""
