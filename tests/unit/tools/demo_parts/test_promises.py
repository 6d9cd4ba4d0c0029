# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from tools.demo_parts.promises import PROMISES, WIDTH, Outcome, all_broken, broken, excerpt, masked, summary, table

GOOD, NEVER, WRONG = PROMISES
KEPT = [
    Outcome("good release", "live", 1234, 0, 0, 21.04, False),
    Outcome("never healthy", "rolled_back", 1500, 0, 0, 30.0, True),
    Outcome("wrong answers", "rolled_back", 1600, 0, 37, 32.96, True),
]


def test_summary_is_what_was_promised() -> None:
    assert summary(KEPT) == {
        "ok": True,
        "rollouts": [
            {
                "step": "good release",
                "state": "live",
                "requests": 1234,
                "dropped": 0,
                "wrong_answers": 0,
                "seconds": 21.0,
                "rollback_verified": False,
            },
            {
                "step": "never healthy",
                "state": "rolled_back",
                "requests": 1500,
                "dropped": 0,
                "wrong_answers": 0,
                "seconds": 30.0,
                "rollback_verified": True,
            },
            {
                "step": "wrong answers",
                "state": "rolled_back",
                "requests": 1600,
                "dropped": 0,
                "wrong_answers": 37,
                "seconds": 33.0,
                "rollback_verified": True,
            },
        ],
    }


@pytest.mark.parametrize(
    ("number", "changes", "sentence"),
    [
        (0, {"state": "rolled_back"}, "good release: ended as rolled_back, promised: live"),
        (0, {"dropped": 2, "causes": {"cut": 2}}, "good release: 2 requests dropped (2 cut)"),
        (0, {"wrong_answers": 1}, "good release: 1 wrong answers, promised: none"),
        (0, {"requests": 0}, "good release: no request was sent meanwhile"),
        (1, {"state": "live"}, "never healthy: ended as live, promised: rolled_back"),
        (1, {"rollback_verified": False}, "never healthy: nobody verified what serves after the rollback"),
        (1, {"wrong_answers": 3}, "never healthy: 3 wrong answers, promised: none"),
        (2, {"dropped": 1}, "wrong answers: 1 requests dropped"),
        (2, {"wrong_afterwards": 4}, "wrong answers: 4 wrong answers after it was over"),
        (2, {"state": "no result"}, "wrong answers: ended as no result, promised: rolled_back"),
    ],
)
def test_each_broken_promise_is_named_and_makes_it_fail(number: int, changes: dict, sentence: str) -> None:
    outcomes = list(KEPT)
    outcomes[number] = replace(outcomes[number], **changes)
    assert all_broken(outcomes) == [sentence]
    assert summary(outcomes)["ok"] is False


def test_a_rollout_that_did_not_run_is_a_broken_promise() -> None:
    assert broken(GOOD, None) == ["good release: did not run"]
    assert len(all_broken([])) == 3
    assert summary([])["ok"] is False


def test_wrong_answers_may_also_be_none() -> None:
    assert broken(WRONG, replace(KEPT[2], wrong_answers=0)) == []


def test_table() -> None:
    assert table(KEPT) == [
        "rollout        state        requests  dropped   wrong  seconds   back, verified",
        "-------------------------------------------------------------------------------",
        "good release   live            1,234        0       0     21.0   not needed",
        "never healthy  rolled_back     1,500        0       0     30.0   yes",
        "wrong answers  rolled_back     1,600        0      37     33.0   yes",
    ]


def test_table_stays_within_the_screen() -> None:
    wide = [Outcome("wrong answers", "needs_operator", 45_000, 45_000, 45_000, 1234.5, False)]
    assert max(len(line) for line in table(wide)) <= WIDTH
    assert table(wide)[-1].endswith("no")


def test_masked_keeps_what_all_runs_have_in_common() -> None:
    one = """title

  0:12 load       1,234 requests
                  a second line of it


good release   live     1,234     21.0
release 0123456789ab at 127.20.64.5:8000
"""
    other = """title

  0:13 ECS        something else
good release   live        99      1.5
release fe9876543210 at 127.21.64.5:8000
"""
    assert masked(one) == ["title", "", "good release live # #", "release # at #"]
    assert [line for line in masked(one) if line] == [line for line in masked(other) if line]
    assert masked(one) != masked(one.replace("live", "rolled_back"))


def test_excerpt_shows_the_last_timeline_only() -> None:
    text = """title

1. First
  0:01 lab        up
                  and well
  0:02 ECS        moved

2. Last
  0:03 ECS        moved

table
"""
    assert excerpt(text).splitlines() == [
        "title",
        "",
        "1. First",
        "  ...",
        "",
        "2. Last",
        "  0:03 ECS        moved",
        "",
        "table",
    ]
