# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab from Python: start one, talk to it, end it. For tests and tools; the command line is underneath."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.lab.aws.cli import ROOT

COMMAND = (sys.executable, "-m", "tests.lab.aws")


@dataclass(frozen=True)
class RunningLab:
    """A lab by its state file."""

    path: Path

    @property
    def state(self) -> dict[str, Any]:
        known: dict[str, Any] = json.loads(self.path.read_text())
        return known

    def client(self, service: str, attempts: int = 3) -> Any:
        """A boto3 client; `attempts` in all, 1 = no retries."""
        state = self.state
        session = boto3.Session(state["access_key"], state["secret_key"], region_name=state["region"])
        config = Config(retries={"mode": "standard", "total_max_attempts": attempts})
        return session.client(service, endpoint_url=state["endpoint"], config=config)  # type: ignore[call-overload]

    def control(self, method: str, name: str, document: Any = None) -> Any:
        """A control endpoint: `control("PUT", "chaos", {...})`. Raises ValueError with the lab's own words."""
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{self.state['endpoint']}/lab/{name}", body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ValueError(json.load(error)["error"]) from error

    def environment(self) -> dict[str, str]:
        """For a program that should talk to this lab and nothing else; the caller's AWS settings are left out."""
        state = self.state
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BOTO_"))}
        return {
            **kept,
            "AWS_ENDPOINT_URL": state["endpoint"],
            "AWS_ACCESS_KEY_ID": state["access_key"],
            "AWS_SECRET_ACCESS_KEY": state["secret_key"],
            "AWS_REGION": state["region"],
            "AWS_DEFAULT_REGION": state["region"],
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def trace(self, since: int = 0) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = self.control("GET", f"trace?since={since}")
        return calls


@contextmanager
def running(directory: Path, scale: float = 0.05, seed: int = 1) -> Iterator[RunningLab]:
    """Start a lab with its state in `directory`; at the end it is gone with all its processes."""
    lab = RunningLab(directory / "aws.json")
    command(lab.path, "up", "--scale", str(scale), "--seed", str(seed), "--guard", str(os.getpid()))
    try:
        yield lab
    finally:
        command(lab.path, "down")


def command(state: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """`python -m tests.lab.aws …`; raises RuntimeError with its error output when it fails."""
    line = [*COMMAND, *arguments, "--state", str(state)]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done
