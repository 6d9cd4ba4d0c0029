# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result: one schema, JSON, and when it fails the task."""

from __future__ import annotations

import json

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Stop
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import End, Phase
from ansible_collections.greenlight.serving.plugins.module_utils._engine.result import shape
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Ended, Event, Ledger
from tests.unit.plugins.module_utils._engine import cases
from tests.unit.plugins.module_utils._engine.cases import PLAN, moved, plan, samples

KEYS = {
    "changed",
    "failed",
    "state",
    "rollout_id",
    "reason",
    "release",
    "previous",
    "timeline",
    "targets",
    "probes",
    "identity",
    "requests",
    "rollback_verified",
    "duration",
    "diff",
}


def ended(end: str = "live", wanted=PLAN, **state):  # type: ignore[no-untyped-def]
    changes = {"changed": True, "events": (Event(1.26, "moving", "ECS", "moves"),), **state}
    return shape(Ended(wanted, Stop(end, "because"), cases.state(Phase.PROVING, **changes), moved(), 12.345))


@pytest.mark.parametrize("end", [end.value for end in End])
def test_one_schema_for_every_end(end: str) -> None:
    result = ended(end)
    assert set(result) == KEYS
    assert json.loads(json.dumps(result)) == result
    assert (result["state"], result["reason"], result["duration"]) == (end, "because", 12.3)


@pytest.mark.parametrize("end", [end.value for end in End])
def test_which_ends_fail_the_task(end: str) -> None:
    failing = {"rolled_back", "removed", "refused", "needs_operator", "interrupted"}
    assert ended(end)["failed"] is (end in failing)
    assert ended("removed", plan(remove=True))["failed"] is False


def test_changed_is_what_was_called_and_in_check_mode_what_would_be() -> None:
    assert ended("live")["changed"] is True
    assert ended("rolled_back", changed=False)["changed"] is False
    assert ended("unchanged", changed=False)["changed"] is False
    assert ended("unchanged")["changed"] is True  # an unfinished rollout was taken back on the way
    assert ended("planned", changed=False)["changed"] is True


def test_what_it_is_made_of() -> None:
    ledger = Ledger(seen=5, passed=2, failed=1, inconclusive=2, bad=samples("-", at=3.0), last=samples("+", at=4.0))
    result = ended(ledger=ledger, proven=True, verified=True, serving="old", drift=("image: a -> b",))
    assert result["timeline"] == [{"at": 1.3, "phase": "moving", "who": "ECS", "text": "moves"}]
    assert result["release"] == {"id": "new", "label": "digits:2 (new)"}
    assert result["previous"] == {"id": "old", "label": "release old"}
    assert [probe["outcome"] for probe in result["probes"]] == ["fail", "pass"]
    assert result["requests"] == {"seen": 5, "failed": {"wrong_answer": 1, "no_answer": 2}}
    assert (result["identity"], result["rollback_verified"]) == ("proven", True)
    assert result["targets"][0] == {
        "id": "new-0",
        "release": "new",
        "state": "healthy",
        "reason": "",
        "zone": "a",
        "task": "",
    }
    assert result["diff"]["before"] == "release: release old\nimage: a\n"
    assert result["diff"]["after"] == "release: digits:2 (new)\nimage: b\n"


def test_before_anything_was_seen() -> None:
    state = cases.state(Phase.START, previous="")
    result = shape(Ended(PLAN, Stop("refused", "no store"), state, None, 0.0))
    assert (result["targets"], result["previous"]["label"], result["identity"]) == ([], "", "unproven")
