# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's variables are said three times (defaults, argument specification, README): all three agree."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.greenlight.serving.plugins.filter import service_findings
from tests.integration.roles.test_bad_inputs import rows
from tools.role_tables import options, renewed

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
FIELDS = re.compile(r"^ +- field: (\w+)$", re.MULTILINE)


@pytest.fixture(params=ROLES, ids=lambda path: path.name)
def role(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def defaults(role: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((role / "defaults" / "main.yml").read_text())
    return found


def tasks(role: Path) -> str:
    return "\n".join(path.read_text() for path in sorted((role / "tasks").glob("*.yml")))


def test_defaults_are_those_of_the_argument_specification(role: Path) -> None:
    specified = {name: option["default"] for name, option in options(role).items() if not option.get("required")}
    assert defaults(role) == specified


def test_a_variable_without_default_stands_in_the_defaults_as_a_comment(role: Path) -> None:
    required = {name for name, option in options(role).items() if option.get("required")}
    text = (role / "defaults" / "main.yml").read_text()
    assert set(re.findall(rf"^# ({role.name}_\w+):$", text, re.MULTILINE)) == required


def test_types_are_those_of_the_defaults(role: Path) -> None:
    names = {str: {"str", "dict"}, bool: {"bool"}, int: {"int"}, list: {"list"}, dict: {"dict"}}
    given = defaults(role)
    wrong = {name for name, value in given.items() if options(role)[name]["type"] not in names[type(value)]}
    assert wrong == set()


def test_the_readme_has_the_table_of_the_argument_specification(role: Path) -> None:
    text = (role / "README.md").read_text()
    assert renewed(text, role) == text


def test_a_readme_without_marks_is_not_taken_for_up_to_date(role: Path) -> None:
    with pytest.raises(ValueError, match="lacks the marks"):
        renewed("# A role", role)


def test_the_readme_says_what_a_run_leaves_behind(role: Path) -> None:
    text = (role / "README.md").read_text()
    assert [word for word in ("idempotent", "atomic", "roll-back", "check mode") if f"| {word}" not in text] == []


def test_every_variable_of_the_role_carries_its_name(role: Path) -> None:
    assert [name for name in options(role) if not name.startswith(f"{role.name}_")] == []


def test_every_variable_is_used(role: Path) -> None:
    files = [*(role / "vars" / "main").glob("*.yml"), *(role / "templates").glob("*.j2")]
    text = tasks(role) + "\n".join(path.read_text() for path in sorted(files))
    unused = {name for name in options(role) if not re.search(rf"\b{name}\b", text)}
    assert unused - judged_by_python(role) == set()


def judged_by_python(role: Path) -> set[str]:
    """The variables by which others are judged in greenlight.serving.service_findings."""
    if "service_findings" not in tasks(role):
        return set()
    inputs = ("service_inputs", "fleet_inputs")
    text = "\n".join((ROOT / f"plugins/module_utils/_glue/{name}.py").read_text() for name in inputs)
    return {name for name in options(role) if f'"{name.removeprefix(role.name + "_")}"' in text}


def test_every_checked_field_has_a_bad_input(role: Path) -> None:
    files = [role / "vars" / "main" / name for name in ("checks.yml", "service_checks.yml")]
    checked = set(FIELDS.findall("\n".join(path.read_text() for path in files if path.exists())))
    if "service_findings" in tasks(role):
        checked |= {f"{role.name}_{check.field}" for check in service_findings.ROLES[role.name](False)}
    assert checked != set()
    assert checked - {row["field"] for row in rows()} == set()


def test_tasks_of_a_file_begin_with_its_name(role: Path) -> None:
    for path in sorted((role / "tasks").glob("*.yml")):
        if path.stem == "main":
            continue
        prefix = path.stem.replace("_", " ").capitalize() + " | "
        names = [task["name"] for task in yaml.safe_load(path.read_text())]
        assert [name for name in names if not name.startswith(prefix)] == []
