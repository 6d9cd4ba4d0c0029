# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One line for each service at the end of a run: its newest rollout, and nothing of other tasks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.callback import summary

LIVE: dict[str, Any] = {
    "state": "live",
    "release": {"id": "9068b7fb9c5c", "label": "digits:1"},
    "duration": 25.6,
    "requests": {"seen": 126, "failed": {"wrong_answer": 0, "no_answer": 2}},
    "reason": "serving/digits: digits:1 is live (after 26 s); now digits:1 on 3 of 3 targets serves; next: nothing.",
}


def told(result: dict[str, Any]) -> str:
    return " ".join(" ".join(summary.lines("digits", result)).split())


def test_state_release_duration_failures_and_what_to_do_next() -> None:
    assert told(LIVE) == "digits live, digits:1, 26 s, 2 of 126 probes failed; next: nothing"
    refused = {**LIVE, "state": "refused", "release": {"id": "", "label": ""}, "reason": "2 thing(s) are wrong: a; b"}
    assert told(refused).startswith("digits refused, no release, ")
    assert told(refused).endswith("next: see the message above")
    assert told({"state": "removed"}) == "digits removed, no release, 0 s, 0 of 0 probes failed; next: " + (
        "see the message above"
    )


def test_no_line_is_longer_than_the_terminal() -> None:
    found = summary.lines("digits", {**LIVE, "reason": "x; next: " + "mend what is named here, " * 9})
    assert len(found) > 1
    assert max(map(len, found)) <= 80


def task(host: str, action: str, result: dict[str, Any], no_log: bool = False) -> Any:
    place = SimpleNamespace(get_name=lambda: host)
    return SimpleNamespace(host=place, task=SimpleNamespace(action=action, no_log=no_log), result=result)


def test_the_newest_rollout_of_each_service_is_told_and_no_other_task(monkeypatch: pytest.MonkeyPatch) -> None:
    callback = summary.CallbackModule()
    shown: list[str] = []
    monkeypatch.setattr(callback, "_display", SimpleNamespace(display=lambda line, **_more: shown.append(line)))
    rollout = "greenlight.serving.ecs_rollout"
    callback.v2_runner_on_ok(task("b", "greenlight.serving.asg_rollout", LIVE))
    callback.v2_runner_on_failed(task("a", rollout, LIVE))
    callback.v2_runner_on_failed(task("a", "ecs_rollout", {**LIVE, "state": "rolled_back"}))
    callback.v2_runner_on_ok(task("c", "ansible.builtin.debug", LIVE))
    callback.v2_runner_on_ok(task("d", rollout, LIVE, no_log=True))
    callback.v2_runner_on_ok(task("e", rollout, {"changed": False}))
    callback.v2_playbook_on_stats(None)
    said = [" ".join(line.split())[:14] for line in shown if not line.startswith(" ")]
    assert said == ["a rolled_back,", "b live, digits"]
