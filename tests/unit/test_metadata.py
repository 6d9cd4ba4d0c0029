# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""galaxy.yml, meta/runtime.yml and the committed link say what the collection needs to be found and driven."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.playbook.play import Play

ROOT = Path(__file__).resolve().parents[2]
GALAXY: dict[str, Any] = yaml.safe_load((ROOT / "galaxy.yml").read_text())
RUNTIME: dict[str, Any] = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())


@pytest.mark.parametrize(
    "module",
    [
        "greenlight.serving.ecs_rollout",
        "amazon.aws.elb_application_lb",
        "community.aws.ecs_cluster",
        "openstack.cloud.loadbalancer",
    ],
)
def test_the_action_group_reaches_our_modules_and_all_three_stock_collections(module: str) -> None:
    _group, actions = Play()._resolve_group("greenlight.serving.serving")
    assert module in actions


def test_every_module_that_takes_connection_options_is_in_the_action_group() -> None:
    listed = {entry for entry in RUNTIME["action_groups"]["serving"] if isinstance(entry, str)}
    taking = {
        path.stem
        for path in (ROOT / "plugins" / "modules").glob("*.py")
        if "- greenlight.serving.aws\n" in path.read_text()
    }
    assert taking
    assert taking == listed


def test_dependencies_are_the_ranges_that_the_tests_run_against() -> None:
    assert GALAXY["dependencies"] == {
        "amazon.aws": ">=10.0.0,<11.0.0",
        "community.aws": ">=10.0.0,<11.0.0",
        "openstack.cloud": ">=2.4.0,<3.0.0",
    }


def test_the_artifact_leaves_the_lab_and_the_development_files_out() -> None:
    wanted = {
        "collections", "ansible.cfg", "site.yml", "Makefile", ".ci", "tools", "build", ".lab", ".venv*",
        "tests/lab", "tests/bench", "tests/simulation",
    }  # fmt: skip
    assert wanted <= set(GALAXY["build_ignore"])


def test_the_version_is_the_same_everywhere() -> None:
    requires = RUNTIME["requires_ansible"]
    assert requires == ">=2.19.0"
    assert "ansible==12.3.0" in (ROOT / "requirements-dev.txt").read_text()  # core 2.19: the oldest that is tested


def test_the_sanity_ignore_files_are_empty() -> None:
    assert [path.name for path in (ROOT / "tests" / "sanity").glob("ignore-*.txt") if path.read_text().strip()] == []


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def test_what_is_new_since_the_last_release_says_so() -> None:
    released = yaml.safe_load((ROOT / "changelogs" / "changelog.yaml").read_text())["releases"]
    now = GALAXY["version"]
    if any((ROOT / "changelogs" / "fragments").glob("*.yml")):
        assert version(now) > max(map(version, released))
    known = {module["name"]: at for at, release in released.items() for module in release.get("modules", [])}
    for path in (ROOT / "plugins" / "modules").glob("*.py"):
        assert f"\nversion_added: {known.get(path.stem, now)}\n" in path.read_text(), path.name
    for path in (ROOT / "plugins").glob("*/*.py"):
        for added in re.findall(r"version_added: (\S+)", path.read_text()):
            assert added in {now, *released}, path.name
