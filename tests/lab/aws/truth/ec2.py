# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What EC2 refuses and moto lets through."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Protocol

from tests.lab.aws.truth.base import Params, Refusal, Rule

USER_DATA = 16384  # bytes before they are encoded; botocore, RequestLaunchTemplateData.UserData: 16 KB


class Facts(Protocol):
    def interfaces_with(self, group: str) -> list[str]: ...

    def groups_naming(self, group: str) -> list[str]: ...

    def group_id(self, name: str) -> str | None: ...


def security_group_in_use(params: Params, facts: Facts) -> Refusal | None:
    """Interfaces carry it, or another group's rule names it."""
    group = params.get("GroupId") or facts.group_id(params.get("GroupName", ""))
    if group and (facts.interfaces_with(group) or facts.groups_naming(group)):
        return Refusal("DependencyViolation", f"resource {group} has a dependent object")
    return None


def template_name(params: Params, _facts: Facts) -> Refusal | None:
    """3 to 128 characters: botocore, LaunchTemplateName."""
    given = params.get("LaunchTemplateName") or ""
    if re.fullmatch(r"[a-zA-Z0-9().\-/_]{3,128}", given):
        return None
    text = "A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the"
    return Refusal("InvalidLaunchTemplateName.MalformedException", f"{text} following characters: - ( ) . / _.")


def user_data(params: Params, _facts: Facts) -> Refusal | None:
    """Base64 of up to 16 KB. Codes and texts as seen in the field."""
    given = (params.get("LaunchTemplateData") or {}).get("UserData")
    if given is None:
        return None
    try:
        size = len(base64.b64decode(given, validate=True))
    except (binascii.Error, ValueError):
        return Refusal("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.")
    if size > USER_DATA:
        return Refusal("InvalidUserData.Malformed", f"User data is limited to {USER_DATA} bytes")
    return None


def metadata(params: Params, _facts: Facts) -> Refusal | None:
    given = (params.get("LaunchTemplateData") or {}).get("MetadataOptions") or {}
    limit = given.get("HttpPutResponseHopLimit")
    if limit is not None and not 1 <= int(limit) <= 64:
        text = f"Value ({limit}) for parameter HttpPutResponseHopLimit is invalid: integers from 1 to 64."
        return Refusal("InvalidParameterValue", text)
    if given.get("HttpTokens") not in (None, "optional", "required"):
        text = f"Value ({given['HttpTokens']}) for parameter HttpTokens is invalid."
        return Refusal("InvalidParameterValue", text)
    return None


def groups_once(params: Params, _facts: Facts) -> Refusal | None:
    """Security groups stand in the template or in its network interface, not in both."""
    data = params.get("LaunchTemplateData") or {}
    if data.get("NetworkInterfaces") and (data.get("SecurityGroupIds") or data.get("SecurityGroups")):
        text = "Network interfaces and an instance-level security groups may not be specified on the same request"
        return Refusal("InvalidParameterCombination", text)
    return None


API = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_"
DATA = [
    (user_data, "RequestLaunchTemplateData.html (UserData)"),
    (metadata, "LaunchTemplateInstanceMetadataOptionsRequest.html"),
    (groups_once, "RequestLaunchTemplateData.html (NetworkInterfaces: security groups are part of it)"),
]
RULES = [
    Rule("CreateLaunchTemplate", template_name, API + "CreateLaunchTemplate.html (LaunchTemplateName)"),
    *(
        Rule(operation, check, API + where)
        for operation in ("CreateLaunchTemplate", "CreateLaunchTemplateVersion")
        for check, where in DATA
    ),
    Rule(
        "DeleteSecurityGroup",
        security_group_in_use,
        "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html",
    ),
]
