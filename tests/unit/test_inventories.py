# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventories are examples to copy: the local one names what the lab has, the others hold nothing of anybody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab.images.registry import reference

INVENTORIES = Path(__file__).resolve().parents[2] / "inventories"
NAMES = sorted(path.name for path in INVENTORIES.iterdir() if path.is_dir())
GOLDEN = Path(__file__).resolve().parents[1] / "lab" / "images" / "models" / "golden.json"


def variables(name: str) -> dict[str, Any]:
    """All variables of an inventory in one dictionary; no two files say the same one."""
    found: dict[str, Any] = {}
    for path in sorted((INVENTORIES / name).rglob("*.yml")):
        given = yaml.safe_load(path.read_text())
        assert not set(found) & set(given), f"{path} says something again"
        found |= given
    return found


@pytest.mark.parametrize("name", NAMES)
def test_hosts_stand_in_an_ini_file_that_nobody_takes_for_a_playbook(name: str) -> None:
    assert (INVENTORIES / name / "hosts").is_file()
    assert list((INVENTORIES / name).glob("*.y*ml")) == []


@pytest.mark.parametrize("name", NAMES)
def test_everything_runs_on_the_controller(name: str) -> None:
    given = variables(name)
    assert given["ansible_connection"] == "local"
    assert given["ansible_python_interpreter"] == "{{ ansible_playbook_python }}"


def test_the_local_releases_are_what_the_lab_has() -> None:
    given = variables("local")
    assert given["ecs_fargate_serving_image"] == reference("1")
    assert given["asg_fleet_image"] == reference("1")
    assert given["asg_fleet_probes"] == "{{ hostvars.digits.ecs_fargate_serving_probes }}"


@pytest.mark.parametrize("name", NAMES)
def test_each_environment_shows_a_service_on_either_platform(name: str) -> None:
    text = (INVENTORIES / name / "hosts").read_text()
    services = {group: text.partition(f"[{group}]\n")[2].partition("\n")[0] for group in ("serving_ecs", "serving_asg")}
    assert all(services.values())
    assert {path.stem for path in (INVENTORIES / name / "host_vars").iterdir()} == set(services.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_grace_is_at_least_twice_the_time_to_load(name: str) -> None:
    given = variables(name)
    assert given["asg_fleet_health_check_grace_seconds"] >= 2 * given["asg_fleet_load_seconds"]
    assert given["asg_fleet_health_check_grace_seconds"] == 300
    assert given.get("asg_fleet_min_size", 0) != 1


def test_the_local_probes_are_golden_requests() -> None:
    golden = {tuple(each["pixels"]): each["gate"] for each in json.loads(GOLDEN.read_text())}
    probes = variables("local")["ecs_fargate_serving_probes"]
    assert len(probes) >= 3
    for probe in probes:
        rows = probe["body_json"]["inputs"][0]["data"]
        gate = golden[tuple(pixel for row in rows for pixel in row)]
        assert probe["expect"]["json"]["outputs"][0]["data"] == [gate["label"]]
        numeric = probe["expect"]["numeric"]
        assert (numeric["value"], numeric["abs"]) == (gate["confidence"]["value"], gate["confidence"]["abs"])


def test_production_is_at_least_as_strict_as_the_defaults() -> None:
    given = variables("production")
    assert given["alb_frontend_deletion_protection"] is True
    assert "alb_frontend_plain_http" not in given
    assert given["alb_frontend_minimum_zones"] >= 3
    assert given["ecs_fargate_serving_minimum_zones"] >= 3
    assert given["ecs_fargate_serving_log_retention_days"] >= 365
    assert given["asg_fleet_minimum_zones"] >= 3
    assert given["asg_fleet_log_retention_days"] >= 365
    assert "asg_fleet_session_manager" not in given


@pytest.mark.parametrize("name", ["staging", "production"])
def test_no_keys_in_a_file(name: str) -> None:
    assert set(variables(name)["serving_aws"]) == {"region", "profile"}
