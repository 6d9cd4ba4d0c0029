# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live matrix on EC2 Auto Scaling: how its cells must end, what users may see, and what may be left over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.asg_rollout.stack import COUNT
from tests.matrix import asg, asg_disturb, watch
from tests.matrix.asg import Fleet
from tests.matrix.cells import Cell, cover
from tests.matrix.judge import Expected

CALM = Fleet(
    shares={"blue": 100, "green": 0},
    named="2",
    versions=["2"] * COUNT,
    desired=COUNT,
    healthy=COUNT,
    suspended=[],
    idle=[0, 0, 0, 0],
    schedules=[],
)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, ""),
        ({"idle": []}, ""),
        ({"shares": {"blue": 0, "green": 100}}, ""),
        ({"shares": {"blue": 90, "green": 10}}, "the production rule gives"),
        ({"versions": ["1", "2", "2"]}, "template versions 1, 2, 2 serve, the group names 2"),
        ({"named": "3"}, "template versions 2, 2, 2 serve, the group names 3"),
        ({"healthy": 2}, "3 instances, 2 healthy, 3 desired, expected 3 each"),
        ({"versions": ["2"] * 4}, "4 instances"),
        ({"suspended": ["AZRebalance"]}, "AZRebalance is still suspended"),
        ({"idle": [1, 0, 0, 0]}, "the other group has 1 instances"),
        ({"idle": [0, 2, 6, 3]}, "counts [2, 6, 3]"),
        ({"schedules": ["greenlight-1"]}, "schedule greenlight-1 is still there"),
    ],
)
def test_what_may_be_left_over_between_two_rollouts(changes: dict[str, Any], told: str) -> None:
    found = asg.left_over(replace(CALM, **changes))
    assert len(found) == bool(told)
    assert all(told in line for line in found)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (Cell("rolling", "2", "zone-lost"), Expected("live", True)),
        (Cell("canary", "2", "controller-killed"), Expected("live", True)),
        (Cell("canary", "no-capacity", "none"), Expected("rolled_back", False)),
        (Cell("rolling", "slow-answers", "controller-killed"), Expected("rolled_back", False)),
        (Cell("rolling", "wrong-answers", "controller-killed"), Expected("live", False)),
        (Cell("canary", "wrong-answers", "controller-killed"), Expected("unchanged", False)),
        (Cell("rolling", "wrong-answers", "instance-killed"), Expected("rolled_back", False)),
    ],
)
def test_how_a_cell_must_end(cell: Cell, expected: Expected) -> None:
    assert asg.expected(cell) == expected


def test_users_meet_no_bad_release_in_blue_green_and_a_share_of_it_elsewhere() -> None:
    assert asg.weight(Cell("blue_green", "wrong-answers", "none")) == 0
    assert asg.weight(Cell("canary", "wrong-answers", "zone-lost")) == 10
    assert asg.weight(Cell("rolling", "wrong-answers", "none")) == pytest.approx(100 / COUNT)
    assert asg.weight(Cell("rolling", "wrong-answers", "zone-lost")) is None


def test_in_a_canary_wrong_answers_begin_with_users() -> None:
    assert asg_disturb.image(Cell("canary", "wrong-answers", "none")) == "souring"
    assert asg_disturb.image(Cell("rolling", "wrong-answers", "none")) == "wrong-answers"
    assert asg_disturb.image(Cell("blue_green", "no-capacity", "none")) == "2"


def test_what_may_fail_is_told_before_the_run() -> None:
    told = {cell.name: asg.promised(cell, 200.0) for cell in cover(asg.KINDS)}
    zone, one = watch.allowed(200.0, 2 / 3), watch.allowed(200.0, 1 / 3)
    assert told["asg-rolling-2-zone-lost"] == f"failed requests at most: {zone} by the zone we take away"
    assert told["asg-blue_green-2-instance-killed"] == f"failed requests at most: {one} by the instance we take away"
    assert told["asg-rolling-crash-after-none"] == f"failed requests at most: {one} by each instance that crashes"
    slow = watch.allowed(200.0, 1 / 3, 3.0)
    assert slow > one + 200 / 3 * 2.9  # so many more are in flight
    assert str(slow) in told["asg-rolling-slow-answers-instance-killed"]
    assert told["asg-canary-2-none"] == "failed requests at most: 0"


def test_a_server_that_ended_by_itself_is_a_crash_of_its_service_alone() -> None:
    def event(name: str, group: str, instance: str) -> dict[str, Any]:
        at = datetime.fromtimestamp(9, UTC).isoformat()
        return {"at": at, "name": name, "fields": {"group": group, "instance": instance}}

    log = [
        event("server_ended", "digits-blue", "i-1"),
        event("server_ended", "others-blue", "i-2"),
        event("instance_launched", "digits-blue", "i-3"),
    ]
    assert asg.crashed(log, "digits") == {"i-1": pytest.approx(9 - watch.TICK)}
