# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong between the parameters and the account, where it is the same for every platform on AWS. Reads only.

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
from . import aws_rules, aws_security, aws_times
from .aws_calls import Calls, Json
from .aws_rule_tags import with_tags

Params = Mapping[str, Any]


class Account:
    """Everything is read once; what cannot be read becomes a finding in `found`."""

    def __init__(self, calls: Calls, params: Params, plan: Plan) -> None:
        self.calls = calls
        self.params = params
        self.plan = plan
        self.found: list[Finding] = []

    # ---- reading ----

    def read(self, field: str, service: str, operation: str, key: str, **arguments: Any) -> list[Json]:
        """What is there; what is not becomes a finding, but for check mode."""
        try:
            return list(self.calls.read(service, operation, **arguments).get(key, []))
        except AwsError as error:
            if error.outcome is not Outcome.REFUSED:
                raise
            absent = error.not_found or "NotFound" in error.code or "Malformed" in error.code
            if not (absent and self.plan.check_mode):
                given = ", ".join(map(str, next(iter(arguments.values()))))[:200]
                self.found.append(Finding(field, given, str(error), "Name what exists in this account and region."))
            return []

    def subnets(self) -> list[Json]:
        given = self.params["network"]["subnets"]
        return self.read("network.subnets", "ec2", "describe_subnets", "Subnets", SubnetIds=given)

    def security_groups(self, field: str, given: list[str]) -> list[Json]:
        return self.read(field, "ec2", "describe_security_groups", "SecurityGroups", GroupIds=given)

    def target_groups(self) -> list[Json]:
        balancer = self.params["load_balancer"]
        arns = [balancer["blue_target_group_arn"], balancer["green_target_group_arn"]]
        return self.read("load_balancer", "elbv2", "describe_target_groups", "TargetGroups", TargetGroupArns=arns)

    def listeners(self) -> dict[str, Json]:
        """By which: production, test."""
        found = {}
        for which in ("production", "test"):
            arn = self.params["load_balancer"].get(f"{which}_listener_arn")
            field = f"load_balancer.{which}_listener_arn"
            listed = self.read(field, "elbv2", "describe_listeners", "Listeners", ListenerArns=[arn]) if arn else []
            if listed:
                found[which] = listed[0]
        return found

    # ---- judging ----

    def places(self, subnets: list[Json], groups: list[Json], targets: list[Json], field: str) -> Iterator[Finding]:
        """Two zones, one VPC. `groups`: the targets' security groups, given by the option `field`."""
        zones = sorted({subnet["AvailabilityZone"] for subnet in subnets})
        if subnets and len(zones) < 2:
            problem = "must lie in at least two zones, or the loss of one takes the service down"
            yield Finding("network.subnets", f"all in {zones[0]}", problem, "Name subnets of two or more zones.")
        vpcs = {subnet["VpcId"] for subnet in subnets}
        if len(vpcs) > 1:
            yield Finding("network.subnets", ", ".join(sorted(vpcs)), "must be of one VPC", "Name subnets of one VPC.")
        for where, items, key in ((field, groups, "GroupId"), ("load_balancer", targets, "TargetGroupName")):
            for item in items:
                if vpcs and item.get("VpcId") not in vpcs:
                    problem = f"is of {item.get('VpcId')}, the subnets are of {', '.join(sorted(vpcs))}"
                    yield Finding(where, str(item[key]), problem, "Name one of the same VPC.")

    @staticmethod
    def target_type(targets: list[Json], wanted: str, why: str) -> Iterator[Finding]:
        """`wanted`: ip or instance."""
        for group in targets:
            if group.get("TargetType") != wanted:
                given = f"{group['TargetGroupName']}: {group.get('TargetType')}"
                yield Finding("load_balancer", given, f"must have target type {wanted}: {why}", f"Use {wanted}.")

    def times(self, targets: list[Json]) -> Iterator[Finding]:
        """The plan's seconds and the load balancer's; not read where they would not be judged."""
        if not aws_times.real(self.params):
            return
        attributes: list[Json] = []
        for group in targets:
            arn = group["TargetGroupArn"]
            attributes += self.read(
                "load_balancer", "elbv2", "describe_target_group_attributes", "Attributes", TargetGroupArn=arn
            )
        yield from aws_times.findings(self.plan, self.params, targets, attributes)

    def rules_taken(self, named: Mapping[str, str]) -> Iterator[Finding]:
        """Somebody else's rule has our priority. `named`: which -> ARN of the rule that the cloud calls ours."""
        priority = self.params["load_balancer"]["rule"]["priority"]
        for which in ("production", "test"):
            arn = self.params["load_balancer"].get(f"{which}_listener_arn")
            rules = self.read("load_balancer", "elbv2", "describe_rules", "Rules", ListenerArn=arn) if arn else []
            own = aws_rules.ours(with_tags(self.calls, rules, {}), self.params, named.get(which, ""))
            for rule in rules:
                if str(rule.get("Priority")) == str(priority) and rule["RuleArn"] != (own or {}).get("RuleArn"):
                    problem = f"is taken on the {which} listener by a rule of somebody else"
                    yield Finding("load_balancer.rule.priority", str(priority), problem, "Choose a free priority.")

    def roles(self, named: tuple[tuple[str, str | None, str], ...]) -> Iterator[Finding]:
        """`named`: option, role ARN, who must be able to assume it."""
        for field, arn, principal in named:
            problem = self._trust_problem(arn, principal) if arn else ""
            if problem:
                yield Finding(field, str(arn), problem, f"Let {principal} assume the role.")

    def _trust_problem(self, arn: str, principal: str) -> str:
        """A role that may not be read is not judged."""
        try:
            role = self.calls.read("iam", "get_role", RoleName=arn.rpartition("/")[2]).get("Role", {})
        except AwsError as error:
            absent = error.code == "NoSuchEntity" and not self.plan.check_mode
            if error.outcome is not Outcome.REFUSED:
                raise
            return "no such role" if absent else ""
        document = role.get("AssumeRolePolicyDocument") or {}
        text = document if isinstance(document, str) else json.dumps(document)
        return "" if principal in urllib.parse.unquote(text) else f"{principal} may not assume it"

    def in_front(
        self,
        listeners: Mapping[str, Json],
        targets: list[Json],
        subnets: list[Json],
        groups: list[Json],
        port: int,
        field: str,
    ) -> Iterator[Finding]:
        """One load balancer, in the targets' zones, with open ways: to the targets' port and for the probes."""
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
        front = [arns["production"]]
        for found in self.read(
            "load_balancer", "elbv2", "describe_load_balancers", "LoadBalancers", LoadBalancerArns=front
        ):
            enabled = {zone["ZoneName"] for zone in found.get("AvailabilityZones", [])}
            dark = sorted({subnet["AvailabilityZone"] for subnet in subnets} - enabled)
            if dark and enabled:
                problem = f"lie in zones that the load balancer does not serve ({', '.join(sorted(enabled))})"
                yield Finding("network.subnets", ", ".join(dark), problem, "Enable these zones at the load balancer.")
            outer = self.security_groups("load_balancer", found.get("SecurityGroups", []))
            turns = bool(self.plan.steps) and self.plan.probes
            yield from aws_security.findings(self.plan.route, turns, port, field, listeners, outer, groups)
