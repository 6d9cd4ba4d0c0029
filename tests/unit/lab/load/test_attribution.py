# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from tests.lab.load.attribution import Detection, Loss, Move, Traffic, attribute, budget
from tests.lab.load.results import Result


def failure(at: float, took: float = 0.1, cause: str = "status 502", served_by: str = "") -> Result:
    return Result(0, "infer", at, at + took, cause, served_by=served_by)


def loss(at: float = 10.0, budget: int = 5, served_by: str = "") -> Loss:
    return Loss("kill of task a", at, 3.0, budget, served_by)


def test_budget_is_in_flight_plus_what_arrives_until_it_is_noticed() -> None:
    detection = Detection(interval=1.0, threshold=2, timeout=0.5, propagation=0.5)
    assert detection.seconds == 3.0
    # in flight: 100/s x 1/2 x (0.01 s + 2 % x 4 s) = 4.5, plus 3 x sqrt(4.5) = 6.36; then 50/s x 3 s
    traffic = Traffic(rate=100, share=0.5, latency=0.01, stream_share=0.02, stream_seconds=4.0)
    assert traffic.in_flight == 11
    assert budget(traffic, detection) == 11 + 150


def test_no_traffic_has_no_budget() -> None:
    assert budget(Traffic(0, 1.0, 1.0), Detection(1, 1, 1)) == 0


def test_answers_that_came_are_nobodys_fault() -> None:
    found = attribute([Result(0, "infer", 10.0, 10.1)], [loss()], [Move("rollout", 0, 99)])
    assert found.ok
    assert not found.by_loss["kill of task a"]


@pytest.mark.parametrize(
    ("at", "took", "explained"),
    [
        (9.0, 0.5, False),  # over before the kill
        (9.0, 1.5, True),  # in flight when it came
        (12.9, 0.1, True),  # before it was noticed
        (13.5, 0.1, False),  # after
    ],
)
def test_a_loss_explains_what_was_in_flight_and_what_came_until_it_was_noticed(
    at: float, took: float, explained: bool
) -> None:
    found = attribute([failure(at, took)], [loss()])
    assert (len(found.by_loss["kill of task a"]), len(found.unattributed)) == ((1, 0) if explained else (0, 1))
    assert found.ok is explained


@pytest.mark.parametrize("cause", ["connect refused", "connect timeout", "not sent", "status 500", "malformed"])
def test_a_loss_does_not_explain_what_it_cannot_cause(cause: str) -> None:
    assert attribute([failure(10.5, cause=cause)], [loss()]).unattributed


def test_an_answer_cut_on_another_target_is_not_the_lost_ones() -> None:
    losses = [loss(served_by="127.144.0.4")]
    assert attribute([failure(10.5, cause="cut", served_by="127.144.0.9")], losses).unattributed
    assert attribute([failure(10.5, cause="cut", served_by="127.144.0.4")], losses).ok
    assert attribute([failure(10.5, cause="status 502")], losses).ok


def test_what_exceeds_the_budget_falls_to_the_move_or_to_nobody() -> None:
    failures = [failure(10.0 + number / 10) for number in range(7)]
    alone = attribute(failures, [loss(budget=5)])
    assert (len(alone.by_loss["kill of task a"]), len(alone.unattributed)) == (5, 2)
    during = attribute(failures, [loss(budget=5)], [Move("rollout", 9.0, 20.0)])
    assert (len(during.by_move["rollout"]), during.unattributed, during.ok) == (2, [], False)


def test_one_failure_by_our_own_move_is_too_much() -> None:
    found = attribute([failure(3.0)], moves=[Move("drain", 2.0, 4.0), Move("rollout", 0.0, 9.0)])
    assert not found.ok
    assert [len(failures) for failures in found.by_move.values()] == [1, 0]


def test_lines_show_counts_beside_what_is_allowed() -> None:
    losses = [loss(budget=5)]
    found = attribute([failure(10.5), failure(50.0)], losses, [Move("rollout", 20.0, 30.0)])
    assert found.lines(losses) == [
        "1 by kill of task a (budget 5)",
        "0 by our move rollout (allowed 0)",
        "1 unattributed (allowed 0)",
    ]
