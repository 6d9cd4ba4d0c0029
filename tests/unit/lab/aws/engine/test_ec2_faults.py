# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Capacity that is short, machines and zones that are lost, load that is told: as documents."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.aws.engine.ec2_faults import Faults, parse


def test_a_shortage_matches_zone_type_and_group_and_can_be_limited() -> None:
    faults = parse({"capacity": [{"zone": "a", "instance_type": "m", "group": "^g$", "limit": 1}]})
    assert faults.refusal("b", "m", "g") is None
    assert faults.refusal("a", "x", "g") is None
    assert faults.refusal("a", "m", "other") is None
    refused = faults.refusal("a", "m", "g")
    assert refused is not None
    assert "sufficient m capacity in the Availability Zone you requested (a)" in refused[1]
    assert faults.refusal("a", "m", "g") is None
    assert faults.shown()["capacity"][0]["count"] == 1


def test_a_groups_utilization_can_be_told() -> None:
    faults = parse({"cpu": {"^serving": 80}})
    assert (faults.utilization("serving-a"), faults.utilization("other")) == (80.0, None)


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        {"zones": []},
        {"capacity": {}},
        {"capacity": ["x"]},
        {"capacity": [{"zone": 1}]},
        {"capacity": [{"count": 1}]},
        {"lost_zones": "a"},
        {"cpu": {"a": "high"}},
    ],
)
def test_what_is_no_fault_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"fault|list|capacity|cpu"):
        parse(wrong)
    assert Faults().shown()["capacity"] == []
