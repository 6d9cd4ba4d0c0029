# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task definitions of a service, remembered: they hardly ever change. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._clients.aws_errors import AwsError
from .aws_calls import Calls
from .aws_names import RELEASE_TAG, SERVICE_TAG, service_key, tag_map

Json = dict[str, Any]

SEARCHED = 20  # newest revisions of a family that are searched for a release


class Definitions:
    """`known`: ARN -> task definition, with its tags and, when it is one of this service's, its release."""

    def __init__(self, calls: Calls, params: Mapping[str, Any]) -> None:
        self._calls = calls
        self._params = params
        self.known: dict[str, Json] = {}
        self._searched: set[str] = set()
        self._registered: set[str] = set()

    def registered(self, arn: str) -> None:
        """Always describe this task definition, too: we made it, and a listing may lag behind."""
        self._registered.add(arn)

    def forget(self) -> None:
        """Look again: one may have been registered since, or is not active any more."""
        self._searched.clear()
        self.known.clear()

    def learn(
        self,
        service: Json | None,
        deployments: tuple[Json, ...],
        revisions: Mapping[str, Json],
        tasks: tuple[Json, ...],
        release_ids: tuple[str, ...],
    ) -> None:
        """Of what runs; then back through history, until the releases asked for and one that completed are found."""
        for arn in dict.fromkeys(
            [
                *([service["taskDefinition"]] if service else []),
                *(t["taskDefinitionArn"] for t in tasks),
                *sorted(self._registered),
            ]
        ):
            self._learn(arn)
        completed = False
        for deployment in deployments:
            if completed and not self._missing(release_ids):
                return
            for named in (deployment.get("targetServiceRevision"), deployment.get("rollback")):
                arn = (named or {}).get("arn") or (named or {}).get("serviceRevisionArn") or ""
                if arn in revisions:
                    self._learn(revisions[arn]["taskDefinition"])
            completed = completed or deployment.get("status") in ("SUCCESSFUL", "ROLLBACK_SUCCESSFUL")

    def _missing(self, release_ids: tuple[str, ...], active: bool = False) -> set[str]:
        """Releases that no known task definition carries; with `active`, that no ACTIVE one does."""
        found = {d["release"] for d in self.known.values() if not active or d.get("status") == "ACTIVE"}
        return {release for release in release_ids if release} - found

    def _learn(self, arn: str) -> None:
        if arn in self.known:
            return
        try:
            answer = self._calls.read("ecs", "describe_task_definition", taskDefinition=arn, include=["TAGS"])
        except AwsError as error:
            if error.code != "ClientException":  # "Unable to describe task definition.": it was deleted
                raise
            answer = {}
        tags = tag_map(answer.get("tags") or [])
        release = tags.get(RELEASE_TAG, "") if tags.get(SERVICE_TAG) == service_key(self._params) else ""
        self.known[arn] = {**answer.get("taskDefinition", {}), "tags": tags, "release": release}

    def families(self, service: Json | None, every: bool) -> list[str]:
        """Where releases are; to find every one also the service's own, and the one that the role names.

        A removal is not told the family, and after a kill there may be no service that names it any more.
        """
        name = self._params["name"]
        named = (self._params.get("task_definition") or {}).get("family") or name
        if not every:
            return [named]
        own = self.known.get((service or {}).get("taskDefinition", ""), {}).get("family") or named
        return list(dict.fromkeys([own, named, name, service_key(self._params).replace("/", "-")]))

    def search(self, families: list[str], release_ids: tuple[str, ...], every: bool) -> None:
        """The newest ACTIVE revisions of the families, until every release asked for is found."""
        missing = self._missing(release_ids, active=True) - self._searched
        if not every and not missing:
            return
        self._searched |= missing
        listed = (
            arn
            for family in families
            for arn in self._calls.pages(
                "ecs", "list_task_definitions", "taskDefinitionArns", familyPrefix=family, status="ACTIVE", sort="DESC"
            )
        )
        for number, arn in enumerate(listed):
            self._learn(arn)
            if not every and (not self._missing(release_ids, active=True) or number + 1 >= SEARCHED):
                return
