# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks refuse before they ask any cloud, and how they say so."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.integration.roles.playing import play, told


@pytest.fixture
def no_lab(tmp_path: Path) -> Path:
    return tmp_path / "none.json"


@pytest.mark.parametrize("playbook", ["site.yml", "playbooks/bootstrap.yml", "playbooks/status.yml"])
def test_without_a_lab_the_local_inventory_says_how_to_start_one(tmp_path: Path, no_lab: Path, playbook: str) -> None:
    run = play(tmp_path, no_lab, playbook)
    assert run.code != 0
    assert "The lab is not running. Start it: make lab-aws" in told(run)


@pytest.mark.parametrize(
    "state",
    [
        {"endpoint": "https://ecs.eu-central-1.amazonaws.com", "pid": os.getpid()},
        {"endpoint": "http://127.0.0.1.example.com:80", "pid": os.getpid()},
        {"endpoint": "http://127.0.0.1:9", "pid": 2**22 + 1},
    ],
    ids=["another cloud", "a name that only begins like this machine", "a lab that is gone"],
)
def test_the_local_inventory_asks_nobody_but_a_running_lab(tmp_path: Path, state: dict[str, Any]) -> None:
    path = tmp_path / "aws.json"
    path.write_text(str({"region": "us-east-1", "access_key": "a", "secret_key": "b", **state}).replace("'", '"'))
    run = play(tmp_path, path, "playbooks/status.yml")
    assert run.code != 0
    assert "The lab is not running. Start it: make lab-aws" in told(run)


@pytest.mark.parametrize("playbook", ["site", "bootstrap", "rollout", "rollback", "status", "control", "teardown"])
def test_without_a_service_a_playbook_fails_with_a_hint(tmp_path: Path, no_lab: Path, playbook: str) -> None:
    (tmp_path / "hosts").write_text("[others]\nweb\n")
    run = play(tmp_path, no_lab, "-i", str(tmp_path / "hosts"), f"playbooks/{playbook}.yml")
    assert run.code != 0
    assert "No service is selected. Name one in the group serving_ecs or serving_asg of your inventory" in told(run)


def test_a_limit_that_leaves_no_service_fails_with_a_hint(tmp_path: Path, no_lab: Path) -> None:
    (tmp_path / "hosts").write_text("[serving_ecs]\ndigits\n[others]\nweb\n")
    run = play(tmp_path, no_lab, "-i", str(tmp_path / "hosts"), "site.yml", "--limit", "others")
    assert run.code != 0
    assert "No service is selected." in told(run)


def test_a_limit_that_matches_nothing_fails(tmp_path: Path, no_lab: Path) -> None:
    assert play(tmp_path, no_lab, "site.yml", "--limit", "nothing").code != 0


def test_a_service_in_two_groups_is_refused(tmp_path: Path, no_lab: Path) -> None:
    (tmp_path / "hosts").write_text("[serving_ecs]\nweb\n[serving_asg]\nweb\n")
    run = play(tmp_path, no_lab, "-i", str(tmp_path / "hosts"), "site.yml")
    assert run.code != 0
    assert "web: in the groups serving_ecs and serving_asg. Take it out of one of them." in told(run)


@pytest.mark.parametrize(
    ("arguments", "hosts", "words"),
    [
        ([], "digits", "Say what to do: -e serving_action=promote, pause, resume, abort or unlock (given: nothing)."),
        (["serving_action=jump"], "digits", "(given: jump). Nothing was asked of any rollout."),
        (
            ["serving_action=promote"],
            "digits\nletters",
            "2 services are selected (digits, letters), and promote is for one.",
        ),
        (["serving_action=unlock"], "digits", "unlock needs the holder that is dead"),
        (["serving_action=unlock", "serving_holder=0a1b"], "digits", "unlock needs the holder that is dead"),
    ],
)
def test_control_says_what_it_takes(tmp_path: Path, no_lab: Path, arguments: list[str], hosts: str, words: str) -> None:
    (tmp_path / "hosts").write_text(f"[serving_ecs]\n{hosts}\n")
    given = [part for argument in arguments for part in ("-e", argument)]
    run = play(tmp_path, no_lab, "-i", str(tmp_path / "hosts"), "playbooks/control.yml", *given)
    assert run.code != 0
    assert words in told(run)
