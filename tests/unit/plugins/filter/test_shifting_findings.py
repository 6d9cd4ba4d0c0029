# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.greenlight.serving.plugins.filter.shifting_findings import FilterModule

shifting_findings = FilterModule().filters()["shifting_findings"]


def named(given: object, platform: str) -> list[str]:
    return [sentence.partition(":")[0] for sentence in shifting_findings(given, "my_", platform)]


@pytest.mark.parametrize("platform", ["ecs", "asg"])
def test_what_is_left_out_is_in_order(platform: str) -> None:
    assert named({}, platform) == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"strategy": "linear"}, "my_strategy"),
        ({"hold_seconds": 59}, "my_hold_seconds"),
        ({"hold_seconds": "900"}, "my_hold_seconds"),
        ({"steps": [{"weight": 50}, {"weight": 10}]}, "my_steps[0]"),
        ({"steps": [{"weight": 0}, {"weight": 100}]}, "my_steps"),
        ({"canary": {"weight": 10}}, "my_canary"),
        ({"heartbeat": {"period": 45}}, "my_heartbeat.period"),
        ({"heartbeat": {"enable": False}}, "my_heartbeat.enable"),
        ({"wait": False}, "my_wait"),
        ({"unattended": "yes"}, "my_unattended"),
    ],
)
def test_of_auto_scaling_each_thing_is_named_once(given: dict[str, object], field: str) -> None:
    found = named(given, "asg")
    assert len(found) == 1
    assert found[0].partition("[")[0] == field.partition("[")[0]


@pytest.mark.parametrize(
    "given",
    [
        {"strategy": "canary", "canary": {"weight": 5, "bake": 60, "pause": True}},
        {"strategy": "canary", "steps": [{"weight": 1}, {"weight": 7}, {"weight": 100}]},
        {"strategy": "blue_green", "wait": False, "heartbeat": {"enable": False}},
        {"heartbeat": {"enable": False}, "wait": False, "unattended": "accept_exposure"},
    ],
)
def test_what_auto_scaling_can_do_is_in_order(given: dict[str, object]) -> None:
    assert named(given, "asg") == []


def test_what_only_the_other_platform_takes_is_not_looked_at() -> None:
    assert named({"hold_seconds": 1}, "ecs") == []
    assert named({"hold_timeout": 0}, "asg") == []


@pytest.mark.parametrize(("given", "platform"), [([], "ecs"), ({}, "nova")])
def test_what_cannot_be_checked_is_a_mistake_of_the_role(given: object, platform: str) -> None:
    with pytest.raises(AnsibleFilterError, match=r"wants a mapping, not list|knows ecs, asg, not nova"):
        shifting_findings(given, "", platform)
