# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""asg_rollout as people run it: an ansible-playbook of its own, which can be killed with all that it started."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL, SIGSTOP
from typing import Any, Self

from tests.integration.asg_rollout.stack import Stack
from tests.integration.ecs_rollout.test_playbook import ROOT, environment

PATIENCE = 600.0  # real seconds; asg_rollout's own deadlines are shorter


@dataclass(frozen=True)
class Playing:
    """A playbook at work; `folder` has its files."""

    child: subprocess.Popen[bytes]
    folder: Path

    @classmethod
    def start(cls, stack: Stack, folder: Path, tag: str, **changes: Any) -> Self:
        """In a session of its own. Each run wants a folder of its own."""
        folder.mkdir(parents=True, exist_ok=True)
        command = stack.played(folder, tag, **changes)
        with (folder / "out").open("wb") as out:
            child = subprocess.Popen(
                command, cwd=ROOT, env=environment(folder), stdout=out, stderr=out, start_new_session=True
            )
        return cls(child, folder)

    @property
    def running(self) -> bool:
        return self.child.poll() is None

    def told(self) -> str:
        """What it has printed so far."""
        return (self.folder / "out").read_text()

    def result(self) -> dict[str, Any]:
        """Wait for the end: what asg_rollout returned."""
        self.child.wait(timeout=PATIENCE)
        found: dict[str, Any] = json.loads((self.folder / "result.json").read_text())
        return found

    def kill(self) -> None:
        """SIGKILL for the playbook and its workers; they are sessions of their own, and none may see the other end."""
        os.kill(self.child.pid, SIGSTOP)
        for process in [*reversed(descendants(self.child.pid)), self.child.pid]:
            with suppress(ProcessLookupError):
                os.kill(process, SIGKILL)
        self.child.wait()


def descendants(process: int) -> list[int]:
    """Parents first."""
    found: list[int] = []
    with suppress(FileNotFoundError):
        for child in map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()):
            found += [child, *descendants(child)]
    return found
