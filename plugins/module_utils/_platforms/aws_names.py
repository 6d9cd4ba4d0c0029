# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How things of AWS are named and tagged, whatever the platform. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

Json = dict[str, Any]

RELEASE_TAG = "greenlight:release"
SERVICE_TAG = "greenlight:service"
ID_LENGTH = 12  # hex digits of a release's id


def service_key(params: Mapping[str, Any]) -> str:
    """What tag, record and alarm call the service: cluster/name where it has a cluster, else its name."""
    cluster = str(params.get("cluster") or "").rpartition("/")[2]
    return f"{cluster}/{params['name']}" if cluster else str(params["name"])


def alarm_name(params: Mapping[str, Any]) -> str:
    """Of the service's heartbeat alarm; a name has at most 255 characters (botocore cloudwatch, AlarmName)."""
    name = f"greenlight/{service_key(params)}/heartbeat"
    return name if len(name) <= 255 else f"greenlight/{hashlib.sha256(name.encode()).hexdigest()}/heartbeat"


def short(arn: str) -> str:
    """The part of an ARN that a person knows a thing by; for target groups and load balancers its name."""
    if ":targetgroup/" in arn or ":loadbalancer/" in arn:
        return arn.split("/")[-2]
    return arn.rpartition("/")[2] or arn


def given(mapping: Mapping[str, Any]) -> Json:
    """Without the members that were not given: None, empty text, empty list, empty mapping."""
    return {key: value for key, value in mapping.items() if value not in (None, "", [], {})}


def text(value: Any) -> str:
    """A YAML scalar as an environment variable or a tag carries it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def pairs(mapping: Mapping[str, Any] | None, key: str = "name", value: str = "value") -> list[Json]:
    """{a: 1} as [{"name": "a", "value": "1"}], in a fixed order."""
    return [{key: name, value: text((mapping or {})[name])} for name in sorted(mapping or {})]


def tag_list(tags: Mapping[str, Any], key: str = "key", value: str = "value") -> list[Json]:
    """ECS writes key/value, the others Key/Value."""
    return pairs(tags, key, value)


def tag_map(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Either spelling, as a mapping."""
    return {tag.get("key", tag.get("Key", "")): tag.get("value", tag.get("Value", "")) for tag in tags}
