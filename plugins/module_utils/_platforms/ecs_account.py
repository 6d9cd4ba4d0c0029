# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong between the parameters and the account, all of it at once. Reads only.

In check mode, what roles would have created before may be absent: what is not there is then not judged.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

from .._clients.aws_errors import AwsError
from .._engine.finding import Finding
from .._engine.model import Outcome, Plan
from . import ecs_rules, ecs_security, ecs_times
from .ecs_read import Calls
from .ecs_rule_tags import with_tags

Json = dict[str, Any]
Params = Mapping[str, Any]

# Who may assume a role: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html and
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AmazonECSInfrastructureRolePolicyForLoadBalancers.html
TASKS, INFRASTRUCTURE = "ecs-tasks.amazonaws.com", "ecs.amazonaws.com"


def findings(calls: Calls, params: Params, plan: Plan) -> list[Finding]:
    return list(_Account(calls, params, plan).findings())


class _Account:
    """Everything is read once."""

    def __init__(self, calls: Calls, params: Params, plan: Plan) -> None:
        self._calls = calls
        self._params = params
        self._plan = plan
        self._found: list[Finding] = []

    def findings(self) -> Iterator[Finding]:
        params = self._params
        balancer, network = params["load_balancer"], params["network"]
        self._cluster()
        subnets = self._read("network.subnets", "ec2", "describe_subnets", "Subnets", SubnetIds=network["subnets"])
        groups = self._read(
            "network.security_groups",
            "ec2",
            "describe_security_groups",
            "SecurityGroups",
            GroupIds=network["security_groups"],
        )
        arns = [balancer["blue_target_group_arn"], balancer["green_target_group_arn"]]
        targets = self._read("load_balancer", "elbv2", "describe_target_groups", "TargetGroups", TargetGroupArns=arns)
        listeners = self._listeners()
        yield from self._found
        yield from self._places(subnets, groups, targets)
        yield from self._target_groups(targets)
        yield from self._times(targets)
        yield from self._rules_taken()
        yield from self._roles()
        yield from self._in_front(listeners, targets, subnets, groups)

    # ---- reading ----

    def _read(self, field: str, service: str, operation: str, key: str, **arguments: Any) -> list[Json]:
        """What is there; what is not becomes a finding, but for check mode."""
        try:
            return list(self._calls.read(service, operation, **arguments).get(key, []))
        except AwsError as error:
            if error.outcome is not Outcome.REFUSED:
                raise
            absent = error.not_found or "NotFound" in error.code or "Malformed" in error.code
            if not (absent and self._plan.check_mode):
                given = ", ".join(map(str, next(iter(arguments.values()))))[:200]
                self._found.append(Finding(field, given, str(error), "Name what exists in this account and region."))
            return []

    def _cluster(self) -> None:
        name = self._params["cluster"]
        found = self._read("cluster", "ecs", "describe_clusters", "clusters", clusters=[name])
        if not any(cluster.get("status") == "ACTIVE" for cluster in found) and not self._plan.check_mode:
            self._found.append(Finding("cluster", name, "no such active cluster", "Create it first, or mend the name."))

    def _listeners(self) -> dict[str, Json]:
        """By which: production, test."""
        found = {}
        for which in ("production", "test"):
            arn = self._params["load_balancer"].get(f"{which}_listener_arn")
            field = f"load_balancer.{which}_listener_arn"
            listed = self._read(field, "elbv2", "describe_listeners", "Listeners", ListenerArns=[arn]) if arn else []
            if listed:
                found[which] = listed[0]
        return found

    # ---- judging ----

    def _places(self, subnets: list[Json], groups: list[Json], targets: list[Json]) -> Iterator[Finding]:
        zones = sorted({subnet["AvailabilityZone"] for subnet in subnets})
        if subnets and len(zones) < 2:
            problem = "must lie in at least two zones, or the loss of one takes the service down"
            yield Finding("network.subnets", f"all in {zones[0]}", problem, "Name subnets of two or more zones.")
        vpcs = {subnet["VpcId"] for subnet in subnets}
        if len(vpcs) > 1:
            yield Finding("network.subnets", ", ".join(sorted(vpcs)), "must be of one VPC", "Name subnets of one VPC.")
        for field, items, key in (
            ("network.security_groups", groups, "GroupId"),
            ("load_balancer", targets, "TargetGroupName"),
        ):
            for item in items:
                if vpcs and item.get("VpcId") not in vpcs:
                    problem = f"is of {item.get('VpcId')}, the subnets are of {', '.join(sorted(vpcs))}"
                    yield Finding(field, str(item[key]), problem, "Name one of the same VPC.")

    @staticmethod
    def _target_groups(targets: list[Json]) -> Iterator[Finding]:
        for group in targets:
            if group.get("TargetType") != "ip":
                problem = "must have target type ip: tasks in awsvpc mode register their own address"
                yield Finding(
                    "load_balancer", f"{group['TargetGroupName']}: {group.get('TargetType')}", problem, "Use ip."
                )

    def _times(self, targets: list[Json]) -> Iterator[Finding]:
        """The plan's seconds and the load balancer's; not read where they would not be judged."""
        if not ecs_times.real(self._params):
            return
        attributes: list[Json] = []
        for group in targets:
            arn = group["TargetGroupArn"]
            attributes += self._read(
                "load_balancer", "elbv2", "describe_target_group_attributes", "Attributes", TargetGroupArn=arn
            )
        yield from ecs_times.findings(self._plan, self._params, targets, attributes)

    def _named_rules(self) -> dict[str, str]:
        """The rules that the service itself names: which -> ARN."""
        place = {"cluster": self._params["cluster"], "services": [self._params["name"]]}
        try:
            services = self._calls.read("ecs", "describe_services", **place).get("services", [])
        except AwsError as error:
            if not error.not_found:
                raise
            services = []
        entry: Json = next((e for s in services for e in s.get("loadBalancers") or []), {})
        advanced = entry.get("advancedConfiguration") or {}
        return {which: str(advanced.get(f"{which}ListenerRule", "")) for which in ("production", "test")}

    def _rules_taken(self) -> Iterator[Finding]:
        """Somebody else's rule has our priority."""
        priority = self._params["load_balancer"]["rule"]["priority"]
        named = self._named_rules()
        for which in ("production", "test"):
            arn = self._params["load_balancer"].get(f"{which}_listener_arn")
            rules = self._read("load_balancer", "elbv2", "describe_rules", "Rules", ListenerArn=arn) if arn else []
            own = ecs_rules.ours(with_tags(self._calls, rules, {}), self._params, named.get(which, ""))
            for rule in rules:
                if str(rule.get("Priority")) == str(priority) and rule["RuleArn"] != (own or {}).get("RuleArn"):
                    problem = f"is taken on the {which} listener by a rule of somebody else"
                    yield Finding("load_balancer.rule.priority", str(priority), problem, "Choose a free priority.")

    def _roles(self) -> Iterator[Finding]:
        wanted = self._params["task_definition"]
        for field, arn, principal in (
            ("task_definition.execution_role_arn", wanted.get("execution_role_arn"), TASKS),
            ("task_definition.task_role_arn", wanted.get("task_role_arn"), TASKS),
            ("load_balancer.role_arn", self._params["load_balancer"].get("role_arn"), INFRASTRUCTURE),
        ):
            problem = self._trust_problem(arn, principal) if arn else ""
            if problem:
                yield Finding(field, str(arn), problem, f"Let {principal} assume the role.")

    def _trust_problem(self, arn: str, principal: str) -> str:
        """A role that may not be read is not judged."""
        try:
            role = self._calls.read("iam", "get_role", RoleName=arn.rpartition("/")[2]).get("Role", {})
        except AwsError as error:
            absent = error.code == "NoSuchEntity" and not self._plan.check_mode
            if error.outcome is not Outcome.REFUSED:
                raise
            return "no such role" if absent else ""
        document = role.get("AssumeRolePolicyDocument") or {}
        text = document if isinstance(document, str) else json.dumps(document)
        return "" if principal in urllib.parse.unquote(text) else f"{principal} may not assume it"

    def _in_front(
        self, listeners: Mapping[str, Json], targets: list[Json], subnets: list[Json], groups: list[Json]
    ) -> Iterator[Finding]:
        """One load balancer, in the tasks' zones, with open ways: to the tasks and for the probes."""
        arns = {which: listener["LoadBalancerArn"] for which, listener in listeners.items()}
        if len(set(arns.values())) > 1:
            problem = "is a listener of another load balancer than the production listener"
            yield Finding("load_balancer.test_listener_arn", arns["test"], problem, "Name two listeners of one.")
        for group in targets:
            others = [arn for arn in group.get("LoadBalancerArns", []) if arn not in arns.values()]
            if others and arns:
                problem = "is already used by another load balancer"
                yield Finding(
                    "load_balancer", group["TargetGroupName"], problem, "Use a target group of this service alone."
                )
        if "production" not in arns:
            return
        found = self._read(
            "load_balancer", "elbv2", "describe_load_balancers", "LoadBalancers", LoadBalancerArns=[arns["production"]]
        )
        for front in found:
            enabled = {zone["ZoneName"] for zone in front.get("AvailabilityZones", [])}
            dark = sorted({subnet["AvailabilityZone"] for subnet in subnets} - enabled)
            if dark and enabled:
                problem = f"lie in zones that the load balancer does not serve ({', '.join(sorted(enabled))})"
                yield Finding("network.subnets", ", ".join(dark), problem, "Enable these zones at the load balancer.")
            outer = self._read(
                "load_balancer",
                "ec2",
                "describe_security_groups",
                "SecurityGroups",
                GroupIds=front.get("SecurityGroups", []),
            )
            yield from ecs_security.findings(self._params, listeners, outer, groups)
