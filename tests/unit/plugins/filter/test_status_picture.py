# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.greenlight.serving.plugins.filter.status_picture import FilterModule

status_picture = FilterModule().filters()["status_picture"]
RELEASES = {"aaa": "model:1", "bbb": "model:2"}


def seen(**changed: Any) -> dict[str, Any]:
    record = {
        "live": "aaa",
        "last_good": "aaa",
        "pinned": "",
        "pinned_by": "",
        "rejected": {},
        "releases": RELEASES,
        **changed.pop("record", {}),
    }
    return {
        "exists": True,
        "closed": False,
        "serving": {"id": "aaa", "label": "model:1"},
        "moving": None,
        "desired": 2,
        "targets": [
            {"zone": "z-b", "id": "i-2", "state": "unhealthy", "release": "aaa", "reason": "Target.Timeout"},
            {"zone": "z-a", "id": "i-1", "state": "healthy", "release": "aaa", "reason": ""},
        ],
        "weights": {"production": {"m-blue": 90, "m-green": 10}},
        "events": ["one", "two", "three", "four"],
        "record": record,
        "lock": {"held": False},
        "unfinished": {},
        "request": {},
        **changed,
    }


def test_a_service_at_rest() -> None:
    assert status_picture(seen(), "fleet/model", "Auto Scaling") == [
        "service    fleet/model, open to the public",
        "serves     aaa model:1",
        "last good  aaa model:1",
        "pinned     no",
        "moves      nothing",
        "lock       free",
        "weights     90 m-blue",
        "            10 m-green",
        "targets    1 of 2 healthy",
        "  z-a             i-1                   healthy    aaa",
        "  z-b             i-2                   unhealthy  aaa",
        "             Target.Timeout",
        "the cloud  Auto Scaling: two",
        "           Auto Scaling: three",
        "           Auto Scaling: four",
    ]


def test_before_there_is_a_service() -> None:
    nothing = seen(exists=False, closed=True, serving={"id": "", "label": ""}, record={"last_good": ""}, events=[])
    assert status_picture(nothing, "model")[:3] == ["service    model", "serves     none", "last good  none"]


@pytest.mark.parametrize(("then", "words"), [("ROLLBACK", "rolls back"), ("CONTINUE", "goes on")])
def test_a_rollout_that_waits(then: str, words: str) -> None:
    moving = {
        "release": {"id": "bbb"},
        "status": "IN_PROGRESS",
        "stage": "BAKING",
        "held": {"expires": "", "then": then},
    }
    assert status_picture(seen(moving=moving), "model")[4:10] == [
        "moves      to bbb model:2",
        "           IN_PROGRESS, stage BAKING",
        "held       for a word, until a time that ECS does not say",
        f"           then ECS {words} by itself",
        "           the run at work gives it, or: playbooks/control.yml",
        "lock       free",
    ]


def test_what_somebody_else_moves() -> None:
    moving = {"release": {"id": ""}, "status": "IN_PROGRESS", "task_definition": "model:7"}
    assert status_picture(seen(moving=moving), "model")[4:7] == [
        "moves      to model:7",
        "           IN_PROGRESS",
        "           started by somebody else: no rollout here touches it",
    ]


def test_who_is_at_work_and_what_was_asked() -> None:
    lock = {
        "held": True,
        "who": "ann",
        "since": "noon",
        "expired": True,
        "owner": "0a1b",
        "age": 71.5,
        "lease": 60.0,
        "doing": "rolls out",
    }
    unfinished = {
        "rollout_id": "r1",
        "started_by": "ann",
        "to": "bbb",
        "phase": "pausing",
        "step": "2",
        "since": "noon",
    }
    request = {"action": "promote", "by": "bob", "rollout_id": "r1", "answer": ""}
    told = status_picture(seen(lock=lock, unfinished={**unfinished, "paused": "a person"}, request=request), "model")
    assert told[5:13] == [
        "lock       ann since noon, silent",
        "           holder 0a1b, heard of 71 s ago, of 60 s",
        "           rolls out",
        "unfinished r1 by ann",
        "           to bbb model:2",
        "           pausing at step 2 since noon",
        "           waits: a person",
        "asked      promote by bob: not read yet",
    ]


def test_no_line_is_too_long() -> None:
    told = status_picture(
        seen(record={"rejected": {"bbb": "wrong " * 40}, "pinned": "aaa", "pinned_by": "ann"}), "model"
    )
    assert max(map(len, told)) == 68
    assert [line for line in told if line.startswith("rejected   bbb wrong") and line.endswith("...")]
    assert "pinned     aaa by ann" in told


@pytest.mark.parametrize("given", [None, [], {}, {"msg": "denied"}])
def test_what_is_no_answer_of_rollout_info_is_a_mistake(given: object) -> None:
    with pytest.raises(AnsibleFilterError, match=r"wants what greenlight\.serving\.rollout_info returned"):
        status_picture(given, "model")
