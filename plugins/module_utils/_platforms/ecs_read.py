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
from .aws_names import alarm_name, tag_map
from .aws_rule_tags import with_tags
from .ecs_definitions import Definitions
from .ecs_names import task_address
from .ecs_snapshot import IN_PROGRESS, Snapshot

__all__ = ["IN_PROGRESS", "Reader", "Snapshot", "why_stopped"]

Json = dict[str, Any]

HISTORY = 10  # service deployments that are looked at, newest first
WHICH = ("production", "test")


class Reader:
    """Takes snapshots; remembers what hardly changes (service revisions, task definitions)."""

    def __init__(self, calls: Calls, params: Mapping[str, Any], now: Callable[[], float]) -> None:
        self._calls = calls
        self._params = params
        self._now = now
        self._revisions: dict[str, Json] = {}
        self._definitions = Definitions(calls, params)
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
        self._definitions.learn(service, deployments, self._revisions, tasks, release_ids)
        families = self._definitions.families(service, every_definition)
        self._definitions.search(families, release_ids, every_definition)
        balancer = self._params.get("load_balancer") or {}
        production, test = self._both_rules(balancer, {} if every_definition else _named_rules(service))
        listed = Snapshot(
            at=at,
            service=service,
            deployments=deployments,
            revisions=dict(self._revisions),
            definitions=dict(self._definitions.known),
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
        self._definitions.registered(arn)

    def forget_definitions(self) -> None:
        """Look again: one may have been registered since, or is not active any more."""
        self._definitions.forget()

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
