# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress that fits a terminal, a heartbeat, and an orderly end by signal, timeout or the parent's death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.greenlight.serving.plugins.plugin_utils.live import HEARTBEAT, WIDTH, Ears, Voice


class Screen:
    """Remembers lines; its clock is turned by hand."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.now = 0.0

    def show(self, line: str, stderr: bool) -> None:
        assert not stderr
        self.lines.append(line)


@pytest.fixture
def screen() -> Screen:
    return Screen()


def voice(screen: Screen, host: str = "digits") -> Voice:
    return Voice(host, screen.show, lambda: screen.now)


def test_a_line_names_host_time_and_who_acts(screen: Screen) -> None:
    voice(screen).change(102.4, "ECS", "has started 2 tasks")
    assert screen.lines == ["[digits] 01:42 ECS        has started 2 tasks"]


def test_long_lines_are_wrapped_below_themselves_within_eighty_columns(screen: Screen) -> None:
    voice(screen, "a-host-with-a-very-long-name-indeed-so-long").change(7, "greenlight", "word " * 40 + "x" * 200)
    assert len(screen.lines) > 3
    assert all(len(line) <= WIDTH for line in screen.lines)
    assert all(line.startswith("    ") for line in screen.lines[1:])


def test_while_nothing_changes_a_heartbeat_comes_now_and_then(screen: Screen) -> None:
    speaking = voice(screen)
    for screen.now in (1.0, HEARTBEAT - 0.1, HEARTBEAT, HEARTBEAT + 1, 2 * HEARTBEAT):
        speaking.beat(screen.now, "ECS", "moves")
    assert len(screen.lines) == 2
    speaking.change(40, "ECS", "is done")
    speaking.beat(41, "ECS", "moves")
    assert len(screen.lines) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_heard_and_the_handlers_are_put_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Ears() as ears:
        assert not ears()
        os.kill(os.getpid(), number)
        assert ears()
    assert signal.getsignal(number) is before


def test_a_tasks_timeout_is_heard_instead_of_raised() -> None:
    def raising(*_arguments: object) -> None:
        raise AssertionError("the timeout was raised in the middle of a call")

    signal.signal(signal.SIGALRM, raising)
    try:
        with Ears() as ears:
            signal.raise_signal(signal.SIGALRM)
            assert ears()
        assert signal.getsignal(signal.SIGALRM) is raising
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def script(body: str) -> str:
    """A program that can import the collection."""
    root = Path(__file__).resolve().parents[4]
    return f"import sys; sys.path[:0] = [{str(root)!r}]\nimport tests.unit.conftest\n" + body


SECOND = """
import os, signal, sys
from ansible_collections.greenlight.serving.plugins.plugin_utils.live import Ears
first, second = map(int, sys.argv[1:])
with Ears() as ears:
    os.kill(os.getpid(), first)
    assert ears() and not ears.alone
    os.kill(os.getpid(), second)
    raise AssertionError("went on after the second signal")
"""
ORPHAN = """
import os, time
from ansible_collections.greenlight.serving.plugins.plugin_utils.live import Ears
ready_out, ready_in = os.pipe()
if os.fork():
    os.read(ready_out, 1)
    os._exit(0)
with Ears() as ears:
    assert not ears()
    os.write(ready_in, b"x")
    deadline = time.monotonic() + 10
    while not ears():
        assert time.monotonic() < deadline, "the parent's death was not heard"
        time.sleep(0.01)
print("heard", flush=True)
"""


@pytest.mark.parametrize(
    ("first", "second"),
    [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT)],
)
def test_a_second_signal_exits_at_once(first: signal.Signals, second: signal.Signals) -> None:
    command = [sys.executable, "-c", script(SECOND), str(int(first)), str(int(second))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 128 + second, done.stderr


def test_ansibles_own_cleaning_up_after_an_interrupt_is_no_second_signal() -> None:
    """SIGINT handed on, then SIGTERM once or twice; nobody reads from then on."""
    with Ears() as ears:
        signal.raise_signal(signal.SIGINT)
        assert not ears.alone
        for _ignored in range(2):
            signal.raise_signal(signal.SIGTERM)
            assert ears()
            assert ears.alone


def test_an_orphan_does_not_go_on_alone() -> None:
    done = subprocess.run([sys.executable, "-c", script(ORPHAN)], capture_output=True, text=True, check=False)
    assert done.stdout == "heard\n", done.stderr
