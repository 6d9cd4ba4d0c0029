# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An EC2 release: its canonical content, its id, and the launch template version rendered from it. Pure.

Parameters are those of `_glue.argspec_asg.asg_rollout()`, validated. Shapes:
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RequestLaunchTemplateData.html
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from .._engine.model import Release
from .aws_limits import TAG_VALUE
from .aws_names import ID_LENGTH, RELEASE_TAG, SERVICE_TAG, given, pairs, service_key, tag_map

Json = dict[str, Any]
Params = Mapping[str, Any]

LABEL_TAG = "greenlight:label"  # on what is launched
NOT_IN_A_TAG = re.compile(r"[^\w\s+\-=.:/@]")  # botocore ec2, Tag: what other services than EC2 may not carry
PLACEHOLDER = "@GREENLIGHT_RELEASE@"  # in the user data, where the instance learns the name of its release
DESCRIBED = re.compile(r"greenlight:(?P<service>[^:]+):(?P<release>[0-9a-f]{12})\Z")


def template_name(params: Params) -> str:
    return str(params["name"])


def content(params: Params) -> Json:
    """The template data as wanted, before the release's own mark: its id is taken from this."""
    wanted = params["template"]
    volume = wanted["root_volume"]
    disk = given(
        {
            "VolumeType": "gp3",
            "VolumeSize": volume["size_gib"],
            "Iops": volume.get("iops"),
            "Throughput": volume.get("throughput"),
            "KmsKeyId": volume.get("kms_key_id"),
        }
    )
    return given(
        {
            "ImageId": wanted["image_id"],
            "InstanceType": wanted["instance_type"],
            "IamInstanceProfile": given({"Arn": wanted.get("instance_profile_arn")}),
            "NetworkInterfaces": [
                {
                    "DeviceIndex": 0,
                    "AssociatePublicIpAddress": False,
                    "DeleteOnTermination": True,
                    "Groups": sorted(wanted["security_groups"]),
                }
            ],
            "BlockDeviceMappings": [
                {"DeviceName": volume["device_name"], "Ebs": {**disk, "Encrypted": True, "DeleteOnTermination": True}}
            ],
            # IMDSv2 alone, and not through a container's own network:
            # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
            "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1, "HttpEndpoint": "enabled"},
            "Monitoring": {"Enabled": bool(wanted["detailed_monitoring"])},
            "UserData": wanted["user_data"],
        }
    )


def release(params: Params) -> Release:
    """The release that the parameters describe: id = first 12 hex digits of the SHA-256 over canonical JSON."""
    canonical = json.dumps(content(params), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return Release(hashlib.sha256(canonical.encode()).hexdigest()[:ID_LENGTH], label(params))


def label(params: Params) -> str:
    return str(params.get("label") or params["template"]["image_id"])


def label_of(version: Mapping[str, Any]) -> str:
    """What people call the release of a described version; "" = it does not say."""
    for specification in (version.get("LaunchTemplateData") or {}).get("TagSpecifications") or []:
        found = tag_map(specification.get("Tags") or []).get(LABEL_TAG)
        if found:
            return found
    return ""


def template_data(params: Params, release_id: str) -> Json:
    """RequestLaunchTemplateData: the content with the release's name in the user data and on everything launched."""
    wanted = content(params)
    text = wanted["UserData"].replace(PLACEHOLDER, release_id)
    tags = {**(params.get("tags") or {}), "Name": params["name"], **own_tags(params), RELEASE_TAG: release_id}
    tags[LABEL_TAG] = NOT_IN_A_TAG.sub("_", label(params))[:TAG_VALUE]
    listed = pairs(tags, "Key", "Value")
    return {
        **wanted,
        "UserData": base64.b64encode(text.encode()).decode(),
        "TagSpecifications": [{"ResourceType": kind, "Tags": listed} for kind in ("instance", "volume")],
    }


def own_tags(params: Params) -> dict[str, str]:
    """By which what belongs to the service is found again."""
    return {SERVICE_TAG: service_key(params)}


def description(params: Params, release_id: str) -> str:
    """VersionDescription: a version has no tags of its own."""
    return f"greenlight:{service_key(params)}:{release_id}"


def release_of(version: Mapping[str, Any], params: Params) -> str:
    """The release that a described template version carries; "" = none of this service's."""
    found = DESCRIBED.match(str(version.get("VersionDescription") or ""))
    return found["release"] if found and found["service"] == service_key(params) else ""
