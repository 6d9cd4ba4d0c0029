# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules about groups and rules about their refreshes share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.lab.aws.truth.base import Refusal

VALIDATION = "ValidationError"
API = "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_"
GUIDE = "https://docs.aws.amazon.com/autoscaling/ec2/userguide/"
LATER = "not AWS: the README of the lab, what it leaves out"


def fully_formed(given: Mapping[str, Any], facts: Any, image: bool) -> Refusal | None:
    """Template, version and (when a group is created or changed) image exist, and an instance type is named."""
    start = "You must use a valid fully-formed launch template. "
    if bool(given.get("LaunchTemplateId")) == bool(given.get("LaunchTemplateName")):
        text = "Valid requests must contain either launchTemplateId or LaunchTemplateName"
        return Refusal(VALIDATION, text)
    wanted = facts.specification(given)
    if wanted is None:
        named = given.get("LaunchTemplateName")
        what = f"name {named}" if named else f"ID {given.get('LaunchTemplateId')}"
        return Refusal(VALIDATION, f"{start}The specified launch template, with template {what}, does not exist.")
    if not facts.version(wanted):
        return Refusal(VALIDATION, f"{start}The specified launch template version does not exist: {wanted.version}")
    found = facts.image_of(wanted)
    if not found:
        return Refusal(VALIDATION, f"{start}The request must contain the parameter ImageId")
    if image and not facts.image_exists(found):
        return Refusal(VALIDATION, f"{start}The image id '[{found}]' does not exist")
    return None


def percentages(low: int, high: int) -> Refusal | None:
    """Of a refresh or a maintenance policy."""
    if not 0 <= low <= 100:
        return Refusal(VALIDATION, f"MinHealthyPercentage must be from 0 to 100, not {low}.")
    if not 100 <= high <= 200:
        return Refusal(VALIDATION, f"MaxHealthyPercentage must be from 100 to 200, not {high}.")
    if high - low > 100:
        text = "The difference between MinHealthyPercentage and MaxHealthyPercentage cannot be greater than 100."
        return Refusal(VALIDATION, text)
    return None
