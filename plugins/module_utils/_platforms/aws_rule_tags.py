# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listener rules with their tags, which say whose they are. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from .._clients.aws_errors import AwsError
from .aws_names import tag_map

Json = dict[str, Any]
AT_ONCE = 20  # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html


class Calls(Protocol):
    def read(self, api: str, operation: str, /, **arguments: Any) -> Json: ...


def with_tags(calls: Calls, rules: Iterable[Mapping[str, Any]], known: dict[str, Json]) -> tuple[Json, ...]:
    """The rules, each with `tags`. `known`: rule ARN -> tags, read before; is added to. Raises PortError."""
    listed = list(rules)
    arns = [rule["RuleArn"] for rule in listed if not rule.get("IsDefault") and rule["RuleArn"] not in known]
    for start in range(0, len(arns), AT_ONCE):
        try:
            answer = calls.read("elbv2", "describe_tags", ResourceArns=arns[start : start + AT_ONCE])
        except AwsError as error:
            if not error.not_found:
                raise
            answer = {}  # one was removed since it was listed: the next look lists anew
        for entry in answer.get("TagDescriptions", []):
            known[str(entry["ResourceArn"])] = tag_map(entry.get("Tags") or [])
    return tuple({**rule, "tags": known.get(rule["RuleArn"], {})} for rule in listed)
