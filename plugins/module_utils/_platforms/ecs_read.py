# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One consistent snapshot of an ECS service and of the load balancer in front of it. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from .._clients.aws_errors import AwsError
from . import aws_heart
from .aws_calls import Calls, absent_is_empty, answered_at
from .aws_names import RELEASE_TAG, SERVICE_TAG, alarm_name, service_key, tag_map
from .aws_rule_tags import with_tags
from .ecs_names import task_address
from .ecs_snapshot import IN_PROGRESS, Snapshot

__all__ = ["IN_PROGRESS", "Reader", "Snapshot", "why_stopped"]

Json = dict[str, Any]

HISTORY = 10  # service deployments that are looked at, newest first
WHICH = ("production", "test")
SEARCHED = 20  # newest revisions of a family that are searched for a release


class Reader:
    """Takes snapshots; remembers what hardly changes (service revisions, task definitions)."""

    def __init__(self, calls: Calls, params: Mapping[str, Any], now: Callable[[], float]) -> None:
        self._calls = calls
        self._params = params
        self._now = now
        self._revisions: dict[str, Json] = {}
        self._definitions: dict[str, Json] = {}
        self._searched: set[str] = set()
        self._registered: set[str] = set()
        self._rule_tags: dict[str, Json] = {}
        self._stopped: tuple[int, tuple[str, ...]] = (0, ())
        self._clock = datetime.now(UTC)

    def snapshot(self, release_ids: tuple[str, ...], every_definition: bool = False) -> Snapshot:
        """`release_ids`: releases whose task definition must be found if there is one; raises PortError."""
        at = self._now()
        service = self._service()
        deployments = self._deployments() if service else ()
        self._learn_revisions(deployments)
        tasks = self._tasks() if service else ()
        self._learn_definitions(service, deployments, tasks, release_ids)
        self._search(self._families(service, every_definition), release_ids, every_definition)
        balancer = self._params.get("load_balancer") or {}
        production, test = self._both_rules(balancer, {} if every_definition else _named_rules(service))
        listed = Snapshot(
            at=at,
            service=service,
            deployments=deployments,
            revisions=dict(self._revisions),
            definitions=dict(self._definitions),
            production_rules=production,
            test_rules=test,
            tasks=tasks,
            stopped=self._why_stopped(service, deployments),
            alarm=self._alarm(),
            clock=self._clock,
        )
        return Snapshot(**{**listed.__dict__, "health": self._health(listed, balancer)})

    def registered(self, arn: str) -> None:
        """Always describe this task definition, too: we made it, and a listing may lag behind."""
        self._registered.add(arn)

    def forget_definitions(self) -> None:
        """Look again: one may have been registered since, or is not active any more."""
        self._searched.clear()
        self._definitions.clear()

    def _service(self) -> Json | None:
        answer = absent_is_empty(
            self._calls,
            "ecs",
            "describe_services",
            cluster=self._params["cluster"],
            services=[self._params["name"]],
            include=["TAGS"],
        )
        for service in answer.get("services", []):
            if service.get("status") in ("ACTIVE", "DRAINING"):
                return {**service, "tags": tag_map(service.get("tags") or [])}
        return None

    def _deployments(self) -> tuple[Json, ...]:
        listed = absent_is_empty(
            self._calls,
            "ecs",
            "list_service_deployments",
            cluster=self._params["cluster"],
            service=self._params["name"],
            maxResults=HISTORY,
        )
        arns = [brief["serviceDeploymentArn"] for brief in listed.get("serviceDeployments", [])][:HISTORY]
        if not arns:
            return ()
        answer = self._calls.read("ecs", "describe_service_deployments", serviceDeploymentArns=arns)
        self._clock = answered_at(answer)
        return tuple(sorted(answer.get("serviceDeployments", []), key=lambda d: d["createdAt"], reverse=True))

    def _learn_revisions(self, deployments: tuple[Json, ...]) -> None:
        """Those that deployments come from, go to and go back to; at most 20 a call.

        What a revision was resolved to is looked up until it is there: which target group it serves through.
        """
        named = [
            revision.get("arn") or revision.get("serviceRevisionArn")
            for d in deployments
            for revision in (
                d.get("targetServiceRevision") or {},
                d.get("rollback") or {},
                *d.get("sourceServiceRevisions", []),
            )
        ]
        unknown = [
            arn
            for arn in dict.fromkeys(named)
            if arn and (arn not in self._revisions or self._unresolved(arn, deployments))
        ][:20]
        if unknown:
            answer = self._calls.read("ecs", "describe_service_revisions", serviceRevisionArns=unknown)
            self._revisions |= {r["serviceRevisionArn"]: r for r in answer.get("serviceRevisions", [])}

    def _unresolved(self, arn: str, deployments: tuple[Json, ...]) -> bool:
        newest: Json = next(iter(deployments), {})
        moving = newest.get("status") in IN_PROGRESS and (newest.get("targetServiceRevision") or {}).get("arn") == arn
        return moving and not self._revisions.get(arn, {}).get("resolvedConfiguration")

    def _learn_definitions(
        self, service: Json | None, deployments: tuple[Json, ...], tasks: tuple[Json, ...], release_ids: tuple[str, ...]
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
                if arn in self._revisions:
                    self._learn(self._revisions[arn]["taskDefinition"])
            completed = completed or deployment.get("status") in ("SUCCESSFUL", "ROLLBACK_SUCCESSFUL")

    def _missing(self, release_ids: tuple[str, ...], active: bool = False) -> set[str]:
        """Releases that no known task definition carries; with `active`, that no ACTIVE one does."""
        found = {d["release"] for d in self._definitions.values() if not active or d.get("status") == "ACTIVE"}
        return {release for release in release_ids if release} - found

    def _learn(self, arn: str) -> None:
        if arn in self._definitions:
            return
        try:
            answer = self._calls.read("ecs", "describe_task_definition", taskDefinition=arn, include=["TAGS"])
        except AwsError as error:
            if error.code != "ClientException":  # "Unable to describe task definition.": it was deleted
                raise
            answer = {}
        tags = tag_map(answer.get("tags") or [])
        release = tags.get(RELEASE_TAG, "") if tags.get(SERVICE_TAG) == service_key(self._params) else ""
        self._definitions[arn] = {**answer.get("taskDefinition", {}), "tags": tags, "release": release}

    def _families(self, service: Json | None, every: bool) -> list[str]:
        """Where releases are; to find every one also the service's own, and the one that the role names.

        A removal is not told the family, and after a kill there may be no service that names it any more.
        """
        name = self._params["name"]
        named = (self._params.get("task_definition") or {}).get("family") or name
        if not every:
            return [named]
        own = self._definitions.get((service or {}).get("taskDefinition", ""), {}).get("family") or named
        return list(dict.fromkeys([own, named, name, service_key(self._params).replace("/", "-")]))

    def _search(self, families: list[str], release_ids: tuple[str, ...], every: bool) -> None:
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

    def _tasks(self) -> tuple[Json, ...]:
        arns = self._calls.pages(
            "ecs", "list_tasks", "taskArns", cluster=self._params["cluster"], serviceName=self._params["name"]
        )
        return self._described(list(arns))

    def _described(self, arns: list[str]) -> tuple[Json, ...]:
        tasks: list[Json] = []
        for start in range(0, len(arns), 100):  # DescribeTasks takes at most 100
            answer = self._calls.read(
                "ecs", "describe_tasks", cluster=self._params["cluster"], tasks=arns[start : start + 100]
            )
            tasks += answer.get("tasks", [])
        return tuple(tasks)

    def _why_stopped(self, service: Json | None, deployments: tuple[Json, ...]) -> tuple[str, ...]:
        """Read again only when more tasks failed than at the last look."""
        failed = max((int(d.get("failedTasks") or 0) for d in (service or {}).get("deployments", [])), default=0)
        if failed and failed != self._stopped[0] and deployments:
            listed = self._calls.read(
                "ecs",
                "list_tasks",
                cluster=self._params["cluster"],
                serviceName=self._params["name"],
                desiredStatus="STOPPED",
                maxResults=20,
            )
            stopped = sorted(
                self._described(listed.get("taskArns", [])), key=lambda t: str(t.get("stoppedAt")), reverse=True
            )
            self._stopped = (failed, tuple(dict.fromkeys(why for task in stopped if (why := why_stopped(task)))))
        return self._stopped[1] if failed else ()

    def _both_rules(
        self, balancer: Mapping[str, Any], named: Mapping[str, str]
    ) -> tuple[tuple[Json, ...], tuple[Json, ...]]:
        """Of the production and the test listener. Where the service itself names both, it needs one call, and no tag
        has to say whose they are.
        """
        listeners = [balancer.get(f"{which}_listener_arn") for which in WHICH]
        if all(listeners) and all(named.get(which) for which in WHICH):
            answer = absent_is_empty(self._calls, "elbv2", "describe_rules", RuleArns=[named[which] for which in WHICH])
            found = {rule["RuleArn"]: rule for rule in answer.get("Rules", [])}
            if len(found) == len(WHICH):
                return (found[named["production"]],), (found[named["test"]],)
        arns = frozenset(named.values())
        return self._rules(listeners[0], arns), self._rules(listeners[1], arns)

    def _rules(self, listener: str | None, named: frozenset[str]) -> tuple[Json, ...]:
        if not listener:
            return ()
        try:
            rules = list(self._calls.pages("elbv2", "describe_rules", "Rules", ListenerArn=listener))
            if any(rule["RuleArn"] in named for rule in rules):
                return tuple(rules)  # the service itself says which is its own: no tag has to
            return with_tags(self._calls, rules, self._rule_tags)
        except AwsError as error:
            if error.not_found:
                return ()
            raise

    def _health(self, known: Snapshot, balancer: Mapping[str, Any]) -> dict[str, tuple[Json, ...]]:
        """Of the groups that the service registers its tasks in, or would: first the one that serves; the other one
        only while something moves, or when tasks are registered elsewhere than there.
        """
        groups = [
            group
            for entry in (known.service or {}).get("loadBalancers", [])
            for group in (
                entry.get("targetGroupArn"),
                (entry.get("advancedConfiguration") or {}).get("alternateTargetGroupArn"),
            )
            if group
        ]
        groups = groups or [group for group in [balancer.get("blue_target_group_arn")] if group]
        serving = {known.group_of(arn) for arn in known.last_completed()}
        found: dict[str, tuple[Json, ...]] = {}
        for group in sorted(dict.fromkeys(groups), key=lambda one: one not in serving):
            if found and not known.open_deployment() and _all_there(known.tasks, found):
                break
            answer = absent_is_empty(self._calls, "elbv2", "describe_target_health", TargetGroupArn=group)
            found[group] = tuple(answer.get("TargetHealthDescriptions", []))
        return found

    def _alarm(self) -> Json | None:
        """The heartbeat alarm, where the service is to have one."""
        if not aws_heart.wanted(self._params):
            return None
        answer = self._calls.read("cloudwatch", "describe_alarms", AlarmNames=[alarm_name(self._params)])
        return next(iter(answer.get("MetricAlarms", [])), None)


def _all_there(tasks: tuple[Json, ...], health: Mapping[str, tuple[Json, ...]]) -> bool:
    registered = {one["Target"]["Id"] for listed in health.values() for one in listed}
    return all(task_address(task) in registered for task in tasks)


def _named_rules(service: Json | None) -> dict[str, str]:
    """production, test -> ARN of the rule that the service names."""
    entry: Json = next(iter((service or {}).get("loadBalancers") or []), {})
    advanced = entry.get("advancedConfiguration") or {}
    named = {which: str(advanced.get(f"{which}ListenerRule") or "") for which in WHICH}
    return {which: arn for which, arn in named.items() if arn}


def why_stopped(task: Mapping[str, Any]) -> str:
    """The task's own reason and its containers', in one line."""
    reasons = [str(task.get("stoppedReason") or "")]
    for container in task.get("containers", []):
        if container.get("reason"):
            reasons.append(f"{container.get('name')}: {container['reason']}")
        elif container.get("exitCode"):
            reasons.append(f"{container.get('name')}: exit code {container['exitCode']}")
    return "; ".join(reason for reason in reasons if reason)
