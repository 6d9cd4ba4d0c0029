# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which service field starts a deployment: both lists against the API model's own text."""

from __future__ import annotations

import re

import botocore.session
import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._platforms import ecs_diff

MODEL = botocore.session.get_session().get_service_model("ecs")
UPDATE = MODEL.operation_model("UpdateService").input_shape
STARTS = re.compile(r"This parameter triggers a new service deployment|force a new deployment")
STARTS_NONE = re.compile(r"This parameter doesn't trigger a new service deployment")


def said(member: str) -> frozenset[str] | None:
    """The list that a member's own text puts it in; None: its text says neither."""
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", UPDATE.members[member].documentation))
    if STARTS_NONE.search(text):
        return ecs_diff.STARTS_NONE
    return ecs_diff.STARTS_A_DEPLOYMENT if STARTS.search(text) else None


@pytest.mark.parametrize("member", sorted(UPDATE.members))
def test_every_field_is_classified_as_the_api_says(member: str) -> None:
    classes = [ecs_diff.STARTS_A_DEPLOYMENT, ecs_diff.STARTS_NONE, ecs_diff.NOT_COMPARED]
    mine = [each for each in classes if member in each]
    assert len(mine) == 1, f"UpdateService.{member} is in {len(mine)} of the lists of ecs_diff"
    expected = said(member)
    assert expected in (None, mine[0]), f"the API says otherwise of {member}"
    if expected is None:
        assert mine[0] is ecs_diff.NOT_COMPARED


def test_no_list_names_a_field_that_does_not_exist() -> None:
    everything = ecs_diff.STARTS_A_DEPLOYMENT | ecs_diff.STARTS_NONE | ecs_diff.NOT_COMPARED
    assert everything == set(UPDATE.members)


def test_every_compared_field_is_either_rendered_or_cleared() -> None:
    """A field that nobody compares would drift unseen."""
    rendered = {"networkConfiguration", "platformVersion", "loadBalancers", "taskDefinition"}
    rendered |= {"deploymentConfiguration", "healthCheckGracePeriodSeconds", "availabilityZoneRebalancing"}
    rendered |= {"enableExecuteCommand", "enableECSManagedTags", "propagateTags", "desiredCount"}
    compared = ecs_diff.STARTS_A_DEPLOYMENT | ecs_diff.STARTS_NONE
    assert compared - rendered - set(ecs_diff.CLEARED) == {"forceNewDeployment"}


def test_the_members_of_a_deployment_configuration_have_known_defaults() -> None:
    members = set(MODEL.shape_for("DeploymentConfiguration").members)
    of_other_strategies = {"linearConfiguration", "canaryConfiguration", "earlySuccessCriteria"}
    given = {"minimumHealthyPercent", "maximumPercent"}
    assert members == set(ecs_diff.DEPLOYMENT_DEFAULTS) | of_other_strategies | given
