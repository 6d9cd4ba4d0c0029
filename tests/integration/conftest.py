# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab for tests that need a running one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.aws.running import RunningLab, running

SCALE = 0.05  # real seconds per AWS second

# Files that take minutes, the longest first: whoever runs several workers is done when the last of them is.
LONG = (
    "roles/test_site.py",
    "roles/test_releases.py",
    "demo/test_demo.py",
    "ecs_rollout/test_faults.py",
    "ecs_rollout/test_native.py",
    "asg_rollout/test_shift.py",
    "ecs_rollout/test_playbook.py",
    "packaging/test_artifact.py",
    "lab/test_services.py",
    "ecs_rollout/test_rollouts.py",
    "asg_rollout/test_rolling.py",
    "lab/test_alb_stock.py",
    "roles/test_bad_inputs.py",
    "lab/test_life.py",
    "ecs_rollout/test_drift.py",
)

# No lab and no account of the shell's environment is what a test talks to.
for name in [name for name in os.environ if name.startswith(("AWS_", "BOTO_", "ANSIBLE_"))]:
    del os.environ[name]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; otherwise the order stays."""
    here = Path(__file__).parent
    rank = {here / name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path, len(LONG)))


@pytest.fixture(scope="session")
def shared_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """One lab for the whole session (per worker): for tests that name what they make and leave faults off."""
    with running(tmp_path_factory.mktemp("lab"), SCALE) as lab:
        yield lab


@pytest.fixture
def faulty_lab(shared_lab: RunningLab) -> Iterator[RunningLab]:
    """The same; whatever faults the test switches on are off afterwards."""
    yield shared_lab
    shared_lab.control("DELETE", "chaos")
