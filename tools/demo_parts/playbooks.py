# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a playbook, show what matters of it live, keep the rest in a log."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .screen import Screen

ROOT = Path(__file__).resolve().parents[2]
CALLBACKS = Path(__file__).parent / "callback"
MARK = "@demo "
# Live progress (plugins/plugin_utils/live.py): [host] minutes:seconds since the rollout began, who acts, what;
# a long text goes on in lines that are indented as deep.
LIVE = re.compile(r"^(?P<head>\[[\w.-]+\] \d+:\d\d (?P<who>\S+) +)(?P<text>\S.*)$")
PATIENCE = 20.0  # seconds from SIGINT to SIGKILL


@dataclass
class Played:
    """What came of a playbook: exit code, events of the callback, and when it ran (Unix seconds)."""

    code: int = -1
    since: float = 0.0
    until: float = 0.0
    events: list[dict[str, Any]] = field(default_factory=list)

    def last(self, event: str) -> dict[str, Any]:
        """The last event of that name; empty when there was none."""
        return next((each for each in reversed(self.events) if each["event"] == event), {})


class PlaybookError(Exception):
    """A playbook that had to succeed did not."""


def environment(base: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without anything that steers Ansible or AWS, and with the demo's callback."""
    kept = {name: value for name, value in base.items() if not name.startswith(("AWS_", "BOTO_", "ANSIBLE_", "PYTHON"))}
    return kept | {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_HOME": str(ROOT / ".cache" / "ansible"),
        "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
        "ANSIBLE_CALLBACKS_ENABLED": "demo_events",
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
        "PATH": f"{Path(sys.executable).parent}:{base.get('PATH', '/usr/bin:/bin')}",
        "PYTHONUNBUFFERED": "1",
    }


def play(arguments: Sequence[str], log: Path, screen: Screen) -> Played:
    """`ansible-playbook ARGUMENTS`, output to `log`. An interrupt ends it before it goes on rising."""
    log.parent.mkdir(parents=True, exist_ok=True)
    played = Played(since=time.time())
    command = [str(Path(sys.executable).parent / "ansible-playbook"), *arguments]
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        process_group=0,  # Ctrl-C reaches us alone; we then end it in order
    )
    try:
        assert child.stdout is not None
        live = Live(screen)
        with log.open("w", buffering=1) as kept:
            for line in child.stdout:
                if line.startswith(MARK):
                    event = json.loads(line.removeprefix(MARK))
                    played.events.append(event)
                    if event["event"] == "made":
                        screen.say("greenlight", event["task"])
                else:
                    kept.write(line)
                    live.hear(line)
        played.code = child.wait()
    finally:
        end(child)
        played.until = time.time()
    return played


class Live:
    """Puts the live lines of a rollout on the screen; what has been said in the same words is not said again."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._said: set[str] = set()
        self._indent = ""  # of the event that may go on
        self._silent = False

    def hear(self, line: str) -> None:
        """One line of ansible-playbook's output."""
        match = LIVE.match(line)
        if match:
            self._indent = " " * len(match["head"])
            words = f"{match['who']} {match['text']}"
            self._silent = words in self._said
            self._said.add(words)
            if not self._silent:
                self._screen.say(match["who"], match["text"])
        elif self._indent and line.startswith(self._indent):
            if not self._silent:
                self._screen.more(line.strip())
        else:
            self._indent = ""


def must(played: Played, name: str, log: Path) -> Played:
    """`played`, if it went well. Raises PlaybookError with the task that failed."""
    if played.code:
        failed = played.last("failed")
        what = f": {failed['task']}: {failed['message']}" if failed else ""
        raise PlaybookError(f"{name} failed (exit code {played.code}){what}. Its output: {log}")
    return played


def end(child: subprocess.Popen[str]) -> None:
    """End the process group if anything of it is left: SIGINT first, so that the rollout at hand is recorded.

    A second interrupt meanwhile ends it at once.
    """
    if child.stdout is not None and not child.stdout.closed:  # nobody reads on: a full pipe must not hold it up
        threading.Thread(target=child.stdout.read, daemon=True).start()
    try:
        for number, patience in ((signal.SIGINT, PATIENCE), (signal.SIGTERM, 2.0)):
            _signal(child, number)
            deadline = time.monotonic() + patience
            while _alive(child):
                if time.monotonic() > deadline:
                    break
                time.sleep(0.05)
    finally:
        _signal(child, signal.SIGKILL)
        child.wait()


def _signal(child: subprocess.Popen[str], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def _alive(child: subprocess.Popen[str]) -> bool:
    """Whether anything of the child's process group is left."""
    child.poll()
    try:
        os.killpg(child.pid, 0)
    except ProcessLookupError:
        return False
    return True
