# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks on the local inventory, as people run them, with the lab's trace of what they did."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import tests.unit.conftest  # noqa: F401 - makes the collection importable
from ansible_collections.greenlight.serving.plugins.module_utils._glue import rights
from tests.lab.aws.running import RunningLab
from tests.rights import allowed

ROOT = Path(__file__).resolve().parents[3]
PLAYBOOK = str(Path(sys.executable).with_name("ansible-playbook"))
SCALE = 0.1  # real seconds per AWS second
# 8 real seconds for a model server to start: other tests run beside this one
PATIENCE = ["-e", '{"ecs_fargate_serving_health_check_grace_seconds": 80}']
DIGITS = ["--limit", "digits"]


@dataclass
class Run:
    """What a playbook did: its exit code, its text, and the calls that the lab saw meanwhile."""

    code: int
    text: str
    changing: list[str] = field(default_factory=list)
    calls: set[tuple[str, str]] = field(default_factory=set)  # service, operation
    desired: set[int] = field(default_factory=set)  # instances of the fleet, before and after: it scales by itself

    @property
    def changed(self) -> int:
        """Of the recap, of all services together; -1 when there is none."""
        found = re.findall(r"changed=(\d+)", self.text)
        return sum(map(int, found)) if found else -1


def play(home: Path, state: Path, *arguments: str) -> Run:
    """Run a playbook with the local inventory and nothing of the caller's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "AWS_"))}
    settings = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_HOME": str(home), "COLUMNS": "200"}
    done = subprocess.run(
        [PLAYBOOK, "-e", f"lab_state_file={state}", *arguments],
        cwd=ROOT,
        env=kept | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    return Run(done.returncode, done.stdout + done.stderr)


def watched(lab: RunningLab, home: Path, *arguments: str) -> Run:
    """The same, with the lab's trace."""
    wanted = {desired(lab)}
    before = max((call["id"] for call in lab.trace()), default=0)
    run = play(home, lab.path, *PATIENCE, *arguments)
    made = lab.trace(before)
    run.desired = wanted | {desired(lab)}
    run.changing = [call["operation"] for call in made if call["mutating"]]
    run.calls = {(call["service"], call["operation"]) for call in made}
    return run


def desired(lab: RunningLab) -> int:
    groups = lab.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    return sum(group["DesiredCapacity"] for group in groups)


def told(run: Run) -> str:
    """The text without line breaks."""
    return re.sub(r"\s+", " ", run.text)


def denied(runs: Iterable[Run]) -> list[str]:
    """The calls that the policy of `bootstrap.yml` would not have allowed whoever ran these."""
    service = {"name": "x", "region": "r", "partition": "aws", "bucket": "b", "prefix": "p", "schedules": "default"}
    policies = [rights.policy({**service, "platform": platform}) for platform in rights.PASSED_TO]
    made = {call for run in runs for call in run.calls}
    return sorted(f"{api}:{name}" for api, name in made if not any(allowed(policy, api, name) for policy in policies))
