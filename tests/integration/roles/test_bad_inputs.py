# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every bad input is refused by its field before any change; the tables beside this file name them.

One run of ansible-playbook through the roles' own check tasks; no cloud is needed. A host stands for one case, or for
one bad value each of many variables: then all of them have to be found at once.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import tests.unit.conftest  # noqa: F401 - makes the collection importable
from ansible_collections.greenlight.serving.plugins.module_utils._glue.service_inputs import (
    NAMES,
    PLACE,
    RELEASE,
    ROLLOUT,
)

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]


class Template(str):
    """A string with braces in it that must arrive as it is."""


yaml.SafeDumper.add_representer(Template, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text)))


ECS, ASG = "ecs_fargate_serving_", "asg_fleet_"
# What both serving roles have under one name is refused by both for the same reasons.
SHARED = {
    *(check.field for part in (NAMES, RELEASE, PLACE, ROLLOUT) for check in part),
    *("strategy", "probes", "gate", "timing", "reach", "frontend"),
}


def rows() -> Iterator[dict[str, Any]]:
    """The tables' rows; those of one serving role, as far as the other shares the variable, for both."""
    for table in ("bad_inputs.yml", "bad_accounts.yml", "bad_fleet_inputs.yml", "bad_fleet_accounts.yml"):
        for row in yaml.safe_load((HERE / table).read_text()):
            yield row
            named = row["field"].startswith(ECS) and row["field"].removeprefix(ECS) in SHARED
            if named or any(
                name.startswith(f"__{ECS}") for name in row.get("vars", {}) if row["field"] == "serving_aws"
            ):
                changed = {name.replace(ECS, ASG): value for name, value in row.get("vars", {}).items()}
                yield {**row, "field": row["field"].replace(ECS, ASG), **({"vars": changed} if changed else {})}


def cases() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(name, field that must be named, variables that differ from the good ones)."""
    for row in rows():
        field = row["field"]
        if "vars" in row:
            yield f"{field}: {row['case']}", field, row["vars"]
            continue
        values = row.get("values", []) + [start + "x" * count for start, count in row.get("long", [])]
        for value in values + [Template(text) for text in row.get("templates", [])]:
            yield f"{field}={str(value)[:40]!r}", field, {field: value}


def spread(all_cases: list[tuple[str, str, dict[str, Any]]]) -> Iterator[tuple[str, tuple[str, str, dict[str, Any]]]]:
    """(host, case): single values share the host with those of other variables.

    Named cases share it only with one of the other serving role, whose variables are its own.
    """
    seen: dict[str, int] = {}
    for case in all_cases:
        name, field, changed = case
        kind = field
        if name.startswith(f"{field}: "):
            kind = ASG if any(ASG in variable for variable in changed) else ECS
        seen[kind] = seen.get(kind, -1) + 1
        yield f"{'case' if kind in (ASG, ECS) else 'many'}{seen[kind]:03d}", case


CASES = list(spread(list(cases())))
NAMES = [name for _host, (name, _field, _changed) in CASES]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The findings of every case, and of the good inputs under the name `good`."""
    place = tmp_path_factory.mktemp("bad_inputs")
    good = yaml.safe_load((HERE / "good_inputs.yml").read_text())
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    hosts: dict[str, dict[str, Any]] = {"good": {}}
    for host, (_name, _field, changed) in CASES:
        hosts.setdefault(host, {}).update(changed)
    inventory = place / "inventory.yml"
    inventory.write_text(yaml.safe_dump({"all": {"vars": good | local, "hosts": hosts}}, allow_unicode=True))
    answer = place / "found.json"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "AWS_"))}
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), "--forks", "4"]
    done = subprocess.run(
        [*command, "-e", f"findings_file={answer}", str(HERE / "collect_findings.yml")],
        cwd=ROOT,
        env=environment | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_HOME": str(place / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    findings: dict[str, list[str]] = json.loads(answer.read_text())
    return findings


def named(finding: str) -> str:
    """The variable, of a place in it such as `variable[0].path`."""
    return re.split(r"[:.\[]", finding, maxsplit=1)[0]


def test_good_inputs_are_good(found: dict[str, list[str]]) -> None:
    assert found["good"] == []


@pytest.mark.parametrize(("host", "field"), [(host, field) for host, (_name, field, _changed) in CASES], ids=NAMES)
def test_the_field_is_named_once(found: dict[str, list[str]], host: str, field: str) -> None:
    assert [named(finding) for finding in found[host]].count(field) == 1


@pytest.mark.parametrize("host", sorted({host for host, _case in CASES}))
def test_nothing_else_is_named(found: dict[str, list[str]], host: str) -> None:
    wrong = {field for other, (_name, field, _changed) in CASES if other == host}
    assert {named(finding) for finding in found[host]} == wrong


@pytest.mark.parametrize("host", sorted({host for host, _case in CASES}))
def test_findings_can_be_read(found: dict[str, list[str]], host: str) -> None:
    """A sentence or two that end with how to mend it, and never a value of a secret or of the environment."""
    for finding in found[host]:
        assert "\n" not in finding.split("(given:")[0]
        assert len(finding) < 800
        assert finding.endswith(".")
        assert "hunter2" not in finding
        assert "AKIA" not in finding
