# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live matrix's judgement: what ends a cell well, what users may see, and how it is told."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, permutations

import pytest

from tests.lab.load.attribution import Loss, Move
from tests.lab.load.results import Result, summarise
from tests.matrix import ecs, judge, report, stories, users
from tests.matrix.cells import Cell


def seen(cell: Cell, *results: Result, losses: tuple[Loss, ...] = (), **changes: str) -> judge.Seen:
    """What a good rollout looks like, but for the changes: release b comes after release a."""
    end = {"state": "live", "serves": "b"} if cell.good else {"state": "rolled_back", "serves": "a"}
    known = {"reason": "", "second": "", "before": "a", "wanted": "b", **end, **changes}
    last = judge.End(known.pop("serves"), "")
    wrong = [each.ended for each in results if each.wrong]
    detection = max(wrong) - min(wrong) if wrong else 0.0
    failed = [each for each in results if each.cause]
    most = judge.most_wrong(ecs.weight(cell), 200.0, detection)
    met = users.Users(200.0, 200.0, 200.0, summarise(results), failed, losses, Move("it", 0, 60), detection, most)
    return judge.Seen(cell=cell, expected=ecs.expected(cell), end=last, lab=(), users=met, **known)


CANARY = Cell("canary", "2", "none")
WRONG = Cell("canary", "wrong-answers", "none")


def cut(at: float) -> Result:
    return Result(1, "infer", at, at, "cut")


@pytest.mark.parametrize(
    ("cell", "changes", "told"),
    [
        (CANARY, {}, ""),
        (WRONG, {}, ""),
        (CANARY, {"state": "rolled_back"}, "ended as rolled_back, expected live"),
        (CANARY, {"serves": "a"}, "a serves, expected b"),
        (CANARY, {"serves": ""}, "nothing known serves, expected b"),
        (WRONG, {"serves": "b"}, "b serves, expected a"),
        (WRONG, {"state": "live"}, "ended as live, expected rolled_back"),
        (Cell("canary", "2", "killed-left"), {"state": "left", "serves": "a"}, ""),
        (Cell("rolling", "2", "killed-left"), {"state": "left", "serves": "b"}, "b serves, expected a"),
        (Cell("linear", "2", "second-operator"), {"second": "refused: somebody has held the lock since noon"}, ""),
        (
            Cell("linear", "2", "second-operator"),
            {"second": "refused: no"},
            "the second operator's run ended as refused",
        ),
        (Cell("linear", "2", "second-operator"), {"second": "live: it"}, "run ended as live: it"),
    ],
)
def test_how_a_cell_must_end(cell: Cell, changes: dict[str, str], told: str) -> None:
    found = judge.faults(seen(cell, **changes))
    assert len(found) == bool(told)
    assert all(told in line for line in found)


def test_what_the_lab_fell_over_is_a_fault_of_its_cell() -> None:
    found = judge.faults(replace(seen(CANARY), lab=("KeyError",)))
    assert found == ["the lab fell over: KeyError"]


def test_what_is_left_over_is_a_fault_of_its_cell() -> None:
    end = judge.End("b", "SUCCESSFUL", ["a schedule is still there"])
    assert judge.faults(replace(seen(CANARY), end=end)) == ["a schedule is still there"]


def test_no_request_may_fail_but_by_a_crash_and_within_its_budget() -> None:
    assert judge.faults(seen(CANARY, cut(5.0))) == ["1 by our move it (allowed 0)"]
    assert judge.faults(seen(CANARY, cut(90.0))) == ["1 unattributed (allowed 0)"]
    loss = Loss("crash", 4.0, 2.0, 2)
    assert judge.faults(seen(CANARY, cut(5.0), cut(5.5), losses=(loss,))) == []
    over = judge.faults(seen(CANARY, cut(5.0), cut(5.2), cut(5.5), losses=(loss,)))
    assert "1 by our move it (allowed 0)" in over


def wrong(count: int, since: float, until: float) -> list[Result]:
    """So many wrong answers, evenly over that time."""
    step = (until - since) / (count - 1)
    return [Result(n, "infer", since, since + n * step, wrong=True) for n in range(count)]


def test_wrong_answers_are_bounded_by_weight_rate_and_time() -> None:
    # 10 % of 200 a second for 2 s are 40; three standard deviations more are 18.97.
    assert users.bound(10, 200.0, 2.0) == 59
    assert judge.faults(seen(WRONG, *wrong(59, 5.0, 7.0))) == []
    assert "60 wrong answers in 2.0 s, at most 59 may be" in judge.faults(seen(WRONG, *wrong(60, 5.0, 7.0)))
    blue_green = Cell("blue_green", "wrong-answers", "none")
    assert judge.faults(seen(blue_green, *wrong(2, 5.0, 7.0))) == ["2 wrong answers in 2.0 s, at most 0 may be"]
    rolling = Cell("rolling", "wrong-answers", "none")
    assert judge.faults(seen(rolling, *wrong(400, 5.0, 7.0))) == []


def test_in_the_rows_every_strategy_comes_after_every_other() -> None:
    met = {pair for row in stories.ORDERS for pair in pairwise(("blue_green", *row))}
    assert met >= set(permutations(ecs.KINDS.strategies, 2))
    assert all(len(row) >= 3 for row in stories.ORDERS)


def test_the_table_has_a_line_for_each_cell_and_their_sum() -> None:
    good, bad = seen(CANARY, Result(1, "infer", 5.0, 5.1)), seen(WRONG, cut(5.0), state="live")
    told = [judge.as_dict(each, judge.faults(each)) for each in (good, bad)]
    naive = {"cell": "naive-stop-first", "ok": True, "state": "", **users.as_dict(bad.users)}
    naive["load"]["dropped"] = 250
    text = report.table([*told, {"cell": "linear", "ok": False, "faults": ["no"]}, naive], 6)
    assert "| canary-2-none | live | 1 (200) | 0, 0, 0 (0) | 0 (0) | 0.10 | 60 |" in text
    assert "| canary-wrong-answers-none | **failed**: live | 1 (200) | 1, 0, 0 (0) | 0 (0) | 0.00 | 60 |" in text
    assert "| linear | **failed**: not played | | | | | |" in text
    assert "1 of 3 cells passed; 2 requests, 1 of them failed by our moves or unexplained." in text
    assert "naive-stop-first 250." in text
    assert "2 of 6 cells have not been played." in text


def test_a_table_goes_between_its_marks_and_nowhere_else() -> None:
    (begin, end), (other, last) = report.marks("asg"), report.marks("ecs")
    page = f"before\n{{}}between\n{other}ours\n{last}after\n"
    changed = report.placed(page.format(f"{begin}old\n{end}"), "asg", "new\n")
    assert changed == page.format(f"{begin}new\n{end}")
    with pytest.raises(ValueError, match="lacks the marks of the live matrix of asg"):
        report.placed(f"{other}ours\n{last}", "asg", "new\n")
