# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a rollback goes, also when the task definition it ran under was deregistered meanwhile. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import ecs_diff
from .aws_names import short, tag_list
from .ecs_read import Snapshot

Json = dict[str, Any]


@dataclass(frozen=True)
class Home:
    """What a rollback brings back: a task definition and the service fields it ran under ({} = leave them)."""

    release: str  # "" = none of ours
    definition: str  # ARN; INACTIVE when no ACTIVE one is the same
    fields: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"release {self.release}" if self.release else f"{short(self.definition)}, which is no release of ours"


def usable(snapshot: Snapshot, arn: str) -> str:
    """The task definition itself, or an ACTIVE one with the same release and content when it is not ACTIVE."""
    found = snapshot.definitions.get(arn, {})
    if not deregistered(found):
        return arn
    for other, definition in snapshot.definitions.items():
        same = definition.get("status") == "ACTIVE" and definition.get("release") == found.get("release")
        if same and not ecs_diff.definition_differences(definition, found):
            return other
    return arn


def deregistered(definition: Mapping[str, Any]) -> bool:
    """It is there to be read and no service may be updated to it.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterTaskDefinition.html
    """
    return bool(definition.get("containerDefinitions")) and definition.get("status") != "ACTIVE"


def registered_again(definition: Mapping[str, Any]) -> Json:
    """RegisterTaskDefinition's input that makes a described task definition anew, with its tags."""
    left_out = {*ecs_diff.READ_ONLY, *ecs_diff.OURS}
    content = {key: value for key, value in definition.items() if key not in left_out}
    own = {key: value for key, value in (definition.get("tags") or {}).items() if not key.startswith("aws:")}
    return {**content, **({"tags": tag_list(own)} if own else {})}
