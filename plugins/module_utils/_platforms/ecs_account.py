# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong between the parameters of an ECS service and the account, all of it at once. Reads only."""

from __future__ import annotations

from collections.abc import Iterator

from .._engine.finding import Finding
from .._engine.model import Plan
from .aws_account import Account, Params
from .aws_calls import Calls, Json, absent_is_empty

# Who may assume a role: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html and
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AmazonECSInfrastructureRolePolicyForLoadBalancers.html
TASKS, INFRASTRUCTURE = "ecs-tasks.amazonaws.com", "ecs.amazonaws.com"
GROUPS = "network.security_groups"  # the option that names the tasks' security groups


def findings(calls: Calls, params: Params, plan: Plan) -> list[Finding]:
    return list(_findings(Account(calls, params, plan)))


def _findings(account: Account) -> Iterator[Finding]:
    balancer, wanted = account.params["load_balancer"], account.params["task_definition"]
    _cluster(account)
    subnets = account.subnets()
    groups = account.security_groups(GROUPS, account.params["network"]["security_groups"])
    targets = account.target_groups()
    listeners = account.listeners()
    yield from account.found
    yield from account.places(subnets, groups, targets, GROUPS)
    yield from account.target_type(targets, "ip", "tasks in awsvpc mode register their own address")
    yield from account.times(targets)
    yield from account.rules_taken(_named_rules(account))
    yield from account.roles(
        (
            ("task_definition.execution_role_arn", wanted.get("execution_role_arn"), TASKS),
            ("task_definition.task_role_arn", wanted.get("task_role_arn"), TASKS),
            ("load_balancer.role_arn", balancer.get("role_arn"), INFRASTRUCTURE),
        )
    )
    yield from account.in_front(listeners, targets, subnets, groups, balancer["container_port"], GROUPS)


def _cluster(account: Account) -> None:
    name = account.params["cluster"]
    found = account.read("cluster", "ecs", "describe_clusters", "clusters", clusters=[name])
    if not any(cluster.get("status") == "ACTIVE" for cluster in found) and not account.plan.check_mode:
        account.found.append(Finding("cluster", name, "no such active cluster", "Create it first, or mend the name."))


def _named_rules(account: Account) -> dict[str, str]:
    """The rules that the service itself names: which -> ARN."""
    place = {"cluster": account.params["cluster"], "services": [account.params["name"]]}
    services = absent_is_empty(account.calls, "ecs", "describe_services", **place).get("services", [])
    entry: Json = next((e for s in services for e in s.get("loadBalancers") or []), {})
    advanced = entry.get("advancedConfiguration") or {}
    return {which: str(advanced.get(f"{which}ListenerRule", "")) for which in ("production", "test")}
