# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The built artifact, installed elsewhere, serves without the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.lab.aws.running import RunningLab

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent


def call(*command: str, cwd: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Run one of Ansible's programs with nothing of the checkout in reach."""
    environment = {
        "PATH": f"{BIN}:/usr/bin:/bin",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": str(home / "installed"),
    }
    return subprocess.run(
        command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty home with the artifact built and installed in it."""
    home = tmp_path_factory.mktemp("home")
    built = call("ansible-galaxy", "collection", "build", "--output-path", str(home), cwd=ROOT, home=home)
    assert built.returncode == 0, built.stderr
    (artifact,) = home.glob("greenlight-serving-*.tar.gz")
    installed = call(
        "ansible-galaxy", "collection", "install", str(artifact), "-p", str(home / "installed"), "--offline",
        cwd=home, home=home,
    )  # fmt: skip
    assert installed.returncode == 0, installed.stdout + installed.stderr
    return home


def test_the_artifact_holds_no_lab_no_tools_and_no_link(home: Path) -> None:
    (artifact,) = home.glob("greenlight-serving-*.tar.gz")
    with tarfile.open(artifact) as archive:
        names = {member.name for member in archive.getmembers()}
        links = [member.name for member in archive.getmembers() if member.issym()]
    unwanted = (
        "tests/lab",
        "tests/simulation",
        "tools",
        "collections",
        ".venv",
        "build",
        ".lab",
        "site.yml",
        "ansible.cfg",
    )
    assert [name for name in sorted(names) if name.startswith(unwanted)] == []
    assert links == []
    assert {"plugins/modules/ecs_rollout.py", "playbooks/site.yml", "roles/ecs_fargate_serving/tasks/main.yml"} <= names


def test_the_installed_site_playbook_plans_a_service(home: Path, shared_lab: RunningLab) -> None:
    inventory = home / "installed" / "ansible_collections" / "greenlight" / "serving" / "inventories" / "local"
    result = call(
        "ansible-playbook", "greenlight.serving.site", "--check", "-i", str(inventory),
        "-e", f"lab_state_file={shared_lab.path}",
        cwd=home, home=home,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert "failed=0" in result.stdout
    said = result.stdout + result.stderr  # progress lines go to standard error
    assert "CreateService" in said
    assert "CreateAutoScalingGroup" in said
    assert os.fspath(ROOT) not in said
