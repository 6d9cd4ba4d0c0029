# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start and end the demo's own lab, so that no interrupt can leave half of it behind."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".lab" / "aws.json"  # where inventories/local looks
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class LabError(Exception):
    """The lab could not be started; the text says why and what to do."""


@contextlib.contextmanager
def running(log: Path, scale: float = 0.1, seed: int = 1) -> Iterator[None]:
    """A fresh lab for the block; none is reused. Its log is kept as `log`. Raises LabError."""
    command = ["up", "--scale", str(scale), "--seed", str(seed)]
    try:
        with deferred_signals():
            started = _lab(*command)
        if started.returncode:
            raise LabError(started.stderr.strip() or "The lab did not start.")
    except KeyboardInterrupt:
        _down(log)
        raise
    try:
        yield
    finally:
        _down(log)


@contextlib.contextmanager
def deferred_signals() -> Iterator[None]:
    """Hold back SIGINT, SIGTERM and SIGHUP until the block has ended; then raise KeyboardInterrupt if one came."""
    came: list[int] = []

    def note(number: int, _ignored: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, note) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt


def _down(log: Path) -> None:
    with contextlib.suppress(KeyboardInterrupt), deferred_signals():
        source = STATE.with_suffix(".log")
        if source.exists():
            log.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, log)
        ended = _lab("down")
        if ended.returncode:
            print(ended.stderr, file=sys.stderr)


def _lab(*arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process group of its own: Ctrl-C reaches the demo alone."""
    command = [sys.executable, "-m", "tests.lab.aws", arguments[0], "--state", str(STATE), *arguments[1:]]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, process_group=0)
