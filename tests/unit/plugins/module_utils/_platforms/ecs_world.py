# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of a service in every situation, put together by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Plan, Release, Timing
from ansible_collections.greenlight.serving.plugins.module_utils._engine.verdict import Gate
from ansible_collections.greenlight.serving.plugins.module_utils._platforms import aws_rules, ecs_release
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.ecs_read import Snapshot
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.ecs_steps import Steps
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.ecs_view import View

from .ecs_params import BLUE, params

PARAMS = params()
NEW = ecs_release.release(PARAMS).id
OLD, OLDER = "0123456789ab", "ba9876543210"
DEFINITIONS = {OLDER: "arn:td/digits:1", OLD: "arn:td/digits:2", NEW: "arn:td/digits:3", "": "arn:td/digits:4"}
START = datetime(2026, 3, 1, tzinfo=UTC)
FIELDS = {
    **ecs_release.deployment_fields(PARAMS),
    "loadBalancers": ecs_release.load_balancers(PARAMS, BLUE, "rule-production", "rule-test"),
}


def definition(release: str, **changes: Any) -> dict[str, Any]:
    arn = DEFINITIONS[release]
    return {
        "taskDefinitionArn": arn,
        "revision": int(arn[-1]),
        "status": "ACTIVE",
        "release": release,
        "tags": {},
        "containerDefinitions": [{"name": "model", "image": f"digits:{release}"}],
        **changes,
    }


def rule(which: str, proof: str = "", live: str = BLUE) -> dict[str, Any]:
    return {
        "RuleArn": f"rule-{which}",
        "Priority": "100",
        "tags": {"greenlight:service": "serving/digits"},
        "Conditions": aws_rules.conditions(PARAMS, proof),
        "Actions": aws_rules.forward(PARAMS, live),
    }


def deployments(*history: tuple[str, str]) -> dict[str, Any]:
    """Deployments and revisions from (release, status), oldest first. A rollback goes to the last completed one."""
    found, revisions, completed = [], {}, ""
    for number, (release, status) in enumerate(history):
        arn = f"revision-{number}"
        revisions[arn] = {
            "serviceRevisionArn": arn,
            "taskDefinition": DEFINITIONS[release],
            "createdAt": START + timedelta(minutes=number),
            **FIELDS,
        }
        deployment: dict[str, Any] = {
            "serviceDeploymentArn": f"deployment-{number}",
            "createdAt": START + timedelta(minutes=number),
            "status": status,
            "targetServiceRevision": {"arn": arn},
            "sourceServiceRevisions": [{"arn": completed}] if completed else [],
        }
        if status.startswith("ROLLBACK"):
            deployment["rollback"] = {"serviceRevisionArn": completed, "reason": "the circuit breaker was triggered"}
        if status == "SUCCESSFUL":
            completed = arn
        found.append(deployment)
    return {"deployments": tuple(reversed(found)), "revisions": revisions}


def snapshot(
    *history: tuple[str, str], serves: str = OLD, service: Mapping[str, Any] | None = None, **more: Any
) -> Snapshot:
    """A service whose task definition is that of `serves`, with a history of deployments."""
    shown = {
        "status": "ACTIVE",
        "serviceArn": "arn:service",
        "taskDefinition": DEFINITIONS[serves],
        "desiredCount": 2,
        "tags": {"greenlight:service": "serving/digits"},
        **FIELDS,
        **ecs_release.settings(PARAMS),
        "deployments": [{"id": "ecs-svc/1", "status": "PRIMARY", "taskDefinition": DEFINITIONS[serves]}],
        **(service or {}),
    }
    made = Snapshot(
        at=1.0,
        service=shown,
        definitions={DEFINITIONS[release]: definition(release) for release in DEFINITIONS},
        production_rules=(rule("production"),),
        test_rules=(rule("test"),),
        **deployments(*history),
    )
    return replace(made, **more)


def plan(release: str = NEW, **changes: Any) -> Plan:
    return Plan(
        "serving/digits", "ecs", Release(release), "rolling", Gate(), Timing(), "20260301T000000Z-aaaaaa", **changes
    )


def view(seen: Snapshot, release: str = NEW) -> View:
    return View(seen, PARAMS, release, own=release == NEW)


def steps(seen: Snapshot, **changes: Any) -> Steps:
    wanted = plan(**changes)
    return Steps(view(seen, wanted.release.id), wanted, "proof")
