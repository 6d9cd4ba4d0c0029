# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture that playbooks/status.yml shows, of whatever moves the service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROLE = Path(__file__).resolve().parents[3] / "roles" / "ecs_fargate_serving"
WIDTH = 68  # columns that tasks/status.yml leaves of each line
LATER = "2026-03-01T14:05:00+00:00"
SEEN: dict[str, Any] = {
    "exists": True,
    "serving": {"id": "9068b7fb9c5c", "label": "models.example/digits:1"},
    "moving": None,
    "desired": 0,
    "targets": [],
    "weights": {},
    "closed": False,
    "events": [],
    "record": {"releases": {"dd4f893b8d0f": "models.example/digits:2"}, "last_good": "", "pinned": "", "rejected": {}},
    "unfinished": {},
    "lock": {"held": False},
    "request": {},
}
OURS = {"id": "dd4f893b8d0f", "label": "models.example/digits:2"}
NOBODYS = {"id": "", "label": ""}


def drawn(moving: dict[str, Any] | None) -> list[str]:
    tasks = yaml.safe_load((ROLE / "tasks" / "status.yml").read_text())
    found = tasks[-1]["ansible.builtin.debug"]["msg"]
    known = {
        "__ecs_fargate_serving_seen": {**SEEN, "moving": moving},
        "ecs_fargate_serving_cluster": "serving",
        "ecs_fargate_serving_name": "digits",
    }
    lines: list[str] = Templar(loader=DataLoader(), variables=known).template(trust_as_template(found))
    return lines


def picture(moving: dict[str, Any] | None) -> list[str]:
    return [line.strip() for line in drawn(moving)]


def moving(release: dict[str, str], then: str = "", expires: str = LATER) -> dict[str, Any]:
    held = {"id": "hook", "expires": expires, "then": then} if then else None
    stage = "PRE_PRODUCTION_TRAFFIC_SHIFT"
    return {"release": release, "status": "IN_PROGRESS", "stage": stage, "task_definition": "digits:8", "held": held}


def test_nothing_moves() -> None:
    assert "moves      nothing" in picture(None)
    assert not any(line.startswith("held") for line in picture(None))


def test_a_hold_says_where_until_when_and_what_then() -> None:
    lines = picture(moving(OURS, "ROLLBACK"))
    at = lines.index("moves      to dd4f893b8d0f models.example/digits:2")
    assert lines[at + 1 : at + 5] == [
        "IN_PROGRESS, stage PRE_PRODUCTION_TRAFFIC_SHIFT",
        f"held       for a word, until {LATER}",
        "then ECS rolls back by itself",
        "the run at work gives it, or: playbooks/control.yml",
    ]


@pytest.mark.parametrize(("then", "says"), [("ROLLBACK", "rolls back"), ("CONTINUE", "goes on")])
def test_what_somebody_else_deploys_is_told_with_its_end_and_left_alone(then: str, says: str) -> None:
    lines = picture(moving(NOBODYS, then))
    assert "moves      to digits:8" in lines
    assert "started by somebody else: no rollout here touches it" in lines
    assert f"then ECS {says} by itself" in lines
    assert not any("control.yml" in line for line in lines)


def test_a_hold_without_an_end_says_so() -> None:
    assert "held       for a word, until a time that ECS does not say" in picture(moving(OURS, "ROLLBACK", ""))


def test_no_line_of_it_is_cut() -> None:
    for then in ("ROLLBACK", "CONTINUE"):
        for whose in (OURS, NOBODYS):
            assert max(map(len, drawn(moving(whose, then)))) <= WIDTH
