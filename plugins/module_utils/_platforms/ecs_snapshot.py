# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service as the APIs answered, in their own shapes, with what can be looked up in it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

IN_PROGRESS = frozenset({"PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"})
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Snapshot:
    """As the APIs answered, in their own shapes."""

    at: float
    service: Json | None = None  # ACTIVE or DRAINING; None: there is none
    deployments: tuple[Json, ...] = ()  # service deployments, newest first
    revisions: Mapping[str, Json] = field(default_factory=dict)  # service revision ARN -> service revision
    # ARN -> task definition, with its tags and, when it is one of this service's, its release
    definitions: Mapping[str, Json] = field(default_factory=dict)
    production_rules: tuple[Json, ...] = ()
    test_rules: tuple[Json, ...] = ()
    tasks: tuple[Json, ...] = ()
    health: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)  # target group ARN -> descriptions
    stopped: tuple[str, ...] = ()  # why tasks stopped, newest first
    alarm: Json | None = None  # the heartbeat alarm
    clock: datetime = NEVER  # when the deployments were read, by AWS's clock

    @property
    def active(self) -> Json | None:
        return self.service if self.service and self.service.get("status") == "ACTIVE" else None

    def release_of(self, definition_arn: str) -> str:
        """The release that a task definition carries; "" = none of ours."""
        return str(self.definitions.get(definition_arn, {}).get("release", ""))

    def definition_of(self, release: str, active: bool = True) -> str:
        """The ARN of a task definition that carries a release, the newest; "" = none is known.

        `active`: only one that a service may be updated to; a deregistered one can still be described.
        """
        arns = [
            arn
            for arn, d in self.definitions.items()
            if release and d.get("release") == release and (d.get("status") == "ACTIVE" or not active)
        ]
        return max(arns, key=lambda arn: int(self.definitions[arn].get("revision") or 0), default="")

    def target_definition(self, deployment: Mapping[str, Any]) -> str:
        """The task definition ARN that a service deployment goes to; "" = not known."""
        arn = (deployment.get("targetServiceRevision") or {}).get("arn", "")
        return str(self.revisions.get(arn, {}).get("taskDefinition", ""))

    def group_of(self, revision_arn: str) -> str:
        """The target group ARN that a service revision serves through, as ECS resolved it; "" = not known."""
        resolved = self.revisions.get(revision_arn, {}).get("resolvedConfiguration") or {}
        entries = [entry for entry in resolved.get("loadBalancers") or [] if entry.get("targetGroupArn")]
        return str(entries[0]["targetGroupArn"]) if entries else ""

    def last_completed(self) -> tuple[str, ...]:
        """The ARN of the service revision that was completed last, or gone back to; () = none is known."""
        for deployment in self.deployments:
            if deployment.get("status") == "SUCCESSFUL":
                return (str((deployment.get("targetServiceRevision") or {}).get("arn", "")),)
            if deployment.get("status") == "ROLLBACK_SUCCESSFUL":
                return (str((deployment.get("rollback") or {}).get("serviceRevisionArn", "")),)
        return ()

    def open_deployment(self) -> Json | None:
        """The service deployment in progress."""
        return next((d for d in self.deployments if d.get("status") in IN_PROGRESS), None)
