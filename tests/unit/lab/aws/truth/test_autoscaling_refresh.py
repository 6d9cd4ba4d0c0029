# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every refusal of an instance refresh, and what an active one forbids."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.aws.engine.asg_model import Bounds
from tests.unit.lab.aws.engine.asg_world import template
from tests.unit.lab.aws.truth.autoscaling_facts import ELB, START, UPDATE, Facts, refusal, refused


def start(**preferences: Any) -> dict[str, Any]:
    return {**START, "Preferences": preferences}


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({**START, "Strategy": "ReplaceRootVolume"}, "no instance refresh with the strategy ReplaceRootVolume"),
        ({**START, "Strategy": "Sudden"}, "is not Rolling or ReplaceRootVolume"),
        ({**START, "DesiredConfiguration": {"MixedInstancesPolicy": {"x": 1}}}, "no mixed instances"),
        ({**START, "DesiredConfiguration": {"LaunchTemplate": {"LaunchTemplateId": "lt-9"}}}, "does not exist"),
        (start(MaxHealthyPercentage=110), "must also specify MinHealthyPercentage"),
        (start(MinHealthyPercentage=101), "from 0 to 100"),
        (start(MinHealthyPercentage=100, MaxHealthyPercentage=99), "from 100 to 200"),
        (start(MinHealthyPercentage=50, MaxHealthyPercentage=151), "cannot be greater than 100"),
        (start(CheckpointDelay=60), "must also specify CheckpointPercentages"),
        (start(CheckpointPercentages=[50, 50]), "unique, from 1 to 100, in ascending order"),
        (start(CheckpointPercentages=[0, 100]), "unique, from 1 to 100"),
        (start(CheckpointPercentages=[50], CheckpointDelay=172801), "CheckpointDelay must be from 0 to 172800"),
        (start(BakeTime=172801), "BakeTime must be from 0 to 172800"),
        (start(StandbyInstances="Refresh"), "StandbyInstances must be one of Terminate, Ignore, Wait"),
        (start(AlarmSpecification={"Alarms": ["rings"]}), "rings is in the ALARM state"),
        (start(AlarmSpecification={"Alarms": ["beat", "new"]}), "new is in the INSUFFICIENT_DATA state"),
        (start(AlarmSpecification={"Alarms": ["nobody"]}), "nobody does not exist"),
        (start(AlarmSpecification={"Alarms": ["beat"] * 11}), "up to 10"),
        (
            {"AutoScalingGroupName": "g", "Preferences": {"AutoRollback": True}},
            "DesiredConfiguration parameter is empty",
        ),
    ],
)
def test_a_refresh_that_aws_would_not_start(params: dict[str, Any], said: str) -> None:
    found = refused("StartInstanceRefresh", params)
    assert (found.code, said in found.message) == ("ValidationError", True)


def test_an_image_that_does_not_exist_is_found_out_at_the_launch_only() -> None:
    bad = {"LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "4"}}
    assert refusal("StartInstanceRefresh", {**START, "DesiredConfiguration": bad}) is None


@pytest.mark.parametrize("version", ["$Latest", "$Default"])
def test_a_group_without_a_numbered_version_has_no_auto_rollback(version: str) -> None:
    facts = Facts()
    facts.g.template = template(version)
    assert "$Latest or $Default" in refused("StartInstanceRefresh", start(AutoRollback="true"), facts).message
    assert refusal("StartInstanceRefresh", start(AutoRollback="false"), facts) is None


def test_the_groups_own_policy_counts_for_a_bound_that_is_not_given() -> None:
    facts = Facts()
    facts.g.maintenance = Bounds(90, 150)
    assert "greater than 100" in refused("StartInstanceRefresh", start(MinHealthyPercentage=40), facts).message


def test_what_an_active_refresh_forbids() -> None:
    facts = Facts()
    facts.world.refresh(facts.g)
    assert refused("StartInstanceRefresh", START, facts).code == "InstanceRefreshInProgress"
    found = refused("UpdateAutoScalingGroup", UPDATE, facts)
    assert found.message.startswith("An active instance refresh with a desired configuration exists.")
    assert refusal("UpdateAutoScalingGroup", {"AutoScalingGroupName": "g", "MinSize": 1}, facts) is None
    attach = {"AutoScalingGroupName": "g", "TargetGroupARNs": [ELB + "machines/1"]}
    assert refused("AttachLoadBalancerTargetGroups", attach, facts).code == "InstanceRefreshInProgress"


def test_without_a_desired_configuration_the_template_may_be_updated() -> None:
    facts = Facts()
    facts.world.refresh(facts.g, version=None)
    assert refusal("UpdateAutoScalingGroup", UPDATE, facts) is None
