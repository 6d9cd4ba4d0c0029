# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What moto's stores know about load balancers and their network: for the API, the truth filter and the data plane."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from moto.backends import get_backend

from tests.lab.aws.engine.load_balancer import Listener, LoadBalancer
from tests.lab.aws.engine.rules import DEFAULT, Action, Condition, Fixed, Forward, Redirect, Rule, ordered
from tests.lab.aws.engine.security import Permissions
from tests.lab.aws.engine.targets import Group, HealthCheck

CONFIGS = {
    "path-pattern": "PathPatternConfig",
    "host-header": "HostHeaderConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "source-ip": "SourceIpConfig",
}


class Facts:
    """Reads only. Everything is moto's own objects, found by id or ARN; None: there is none."""

    def __init__(self, account: str, region: str) -> None:
        self.elb: Any = get_backend("elbv2")[account][region]
        self.ec2: Any = get_backend("ec2")[account][region]

    # ---- network

    def subnet(self, subnet: str) -> Any:
        for zone in self.ec2.subnets.values():
            if subnet in zone:
                return zone[subnet]
        return None

    def zone_of(self, vpc: str, address: str) -> str | None:
        """The zone of the subnet of `vpc` that holds the address; None: the address is outside its subnets."""
        for zone in self.ec2.subnets.values():
            for subnet in zone.values():
                if subnet.vpc_id == vpc and ip_address(address) in ip_network(subnet.cidr_block):
                    return str(subnet.availability_zone)
        return None

    def security_group(self, group: str) -> Any:
        return self.ec2.get_security_group_from_id(group)

    def default_security_group(self, vpc: str) -> str | None:
        found = self.ec2.get_default_security_group(vpc)
        return found.id if found else None

    def permissions(self, groups: Sequence[str]) -> list[Permissions]:
        """The inbound rules of each group, one permission a rule; a group that is gone allows nothing."""
        found = [self.security_group(group) for group in groups]
        return [[_permission(rule) for rule in tuple(group.ingress_rules)] for group in found if group]

    def groups_at(self, address: str) -> list[str]:
        """Security groups of the network interface with that private address; [] if there is none."""
        for interface in tuple(self.ec2.enis.values()):
            if interface.private_ip_address == address:
                return [group.id for group in interface.group_set]
        return []

    def instance_address(self, instance: str) -> str | None:
        found = self.ec2.get_instance_by_id(instance)
        return str(found.private_ip) if found else None

    # ---- load balancers

    def balancer(self, arn: str) -> Any:
        return self.elb.load_balancers.get(arn)

    def balancer_named(self, name: str) -> Any:
        return next((one for one in self.elb.load_balancers.values() if one.name == name), None)

    def listener(self, arn: str) -> Any:
        for balancer in self.elb.load_balancers.values():
            if arn in balancer.listeners:
                return balancer.listeners[arn]
        return None

    def rule(self, arn: str) -> Any:
        return next((rule for rule in self.rules() if rule.arn == arn), None)

    def rules(self) -> Iterator[Any]:
        for balancer in self.elb.load_balancers.values():
            for listener in balancer.listeners.values():
                yield from listener.rules.values()

    def group(self, arn: str) -> Any:
        return self.elb.target_groups.get(arn)

    def group_named(self, name: str) -> Any:
        return next((one for one in self.elb.target_groups.values() if one.name == name), None)

    def users(self, group: str) -> list[str]:
        """ARNs of the load balancers whose listeners or rules forward to the group."""
        return [
            balancer.arn
            for balancer in self.elb.load_balancers.values()
            if any(
                group in forwarded(action.data)
                for listener in balancer.listeners.values()
                for rule in listener.rules.values()
                for action in rule.actions
            )
        ]

    # ---- as the data plane needs it

    def plan(self) -> dict[str, LoadBalancer]:
        """All load balancers by ARN."""
        return {balancer.arn: _load_balancer(balancer) for balancer in self.elb.load_balancers.values()}


def forwarded(action: Mapping[str, Any]) -> dict[str, int]:
    """Target group ARN -> weight of a forward action; {} for others."""
    if action.get("Type") != "forward":
        return {}
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or ()
    found = {group["TargetGroupArn"]: int(group.get("Weight", 1)) for group in groups}
    return found or ({action["TargetGroupArn"]: 1} if action.get("TargetGroupArn") else {})


def group_settings(group: Any) -> Group:
    """moto's target group, its attributes included, for the engine."""
    port = str(group.health_check_port or "traffic-port")
    attributes = group.attributes
    share = str(attributes[f"{ROUTING}.percentage"])
    return Group(
        group.arn,
        HealthCheck(
            path=group.health_check_path or "/",
            port=None if port == "traffic-port" else int(port),
            interval=float(group.health_check_interval_seconds),
            timeout=float(group.health_check_timeout_seconds),
            healthy=int(group.healthy_threshold_count),
            unhealthy=int(group.unhealthy_threshold_count),
            matcher=(group.matcher or {}).get("HttpCode", "200"),
        ),
        deregistration_delay=float(attributes["deregistration_delay.timeout_seconds"]),
        slow_start=float(attributes["slow_start.duration_seconds"]),
        algorithm=str(attributes["load_balancing.algorithm.type"]),
        minimum_count=int(attributes[f"{ROUTING}.count"]),
        minimum_percentage=0 if share == "off" else int(share),
    )


ROUTING = "target_group_health.unhealthy_state_routing.minimum_healthy_targets"


def _permission(rule: Any) -> dict[str, Any]:
    return {
        "IpProtocol": rule.ip_protocol,
        "FromPort": rule.from_port,
        "ToPort": rule.to_port,
        "IpRanges": [rule.ip_range] if rule.ip_range.get("CidrIp") else [],
        "UserIdGroupPairs": [rule.source_group] if rule.source_group else [],
    }


def _load_balancer(balancer: Any) -> LoadBalancer:
    attributes = balancer.attrs
    return LoadBalancer(
        balancer.arn,
        balancer.dns_name,
        tuple(balancer.security_groups),
        tuple(
            Listener(listener.arn, int(listener.port), ordered(_rule(rule) for rule in listener.rules.values()))
            for listener in balancer.listeners.values()
        ),
        idle_timeout=float(attributes["idle_timeout.timeout_seconds"]),
        client_keep_alive=float(attributes["client_keep_alive.seconds"]),
        drop_invalid_headers=attributes["routing.http.drop_invalid_header_fields.enabled"] == "true",
        forwarded_for=attributes["routing.http.xff_header_processing.mode"],
        forwarded_port=attributes["routing.http.xff_client_port.enabled"] == "true",
    )


def _rule(rule: Any) -> Rule:
    priority = DEFAULT if rule.is_default else int(rule.priority)
    conditions = tuple(_condition(one) for one in rule.conditions)
    return Rule(rule.arn, priority, _action(rule.actions[-1].data), conditions)


def _action(data: Mapping[str, Any]) -> Action:
    """The action that ends the rule; the truth filter lets no other types through to an HTTP listener."""
    if data["Type"] == "fixed-response":
        config = data["FixedResponseConfig"]
        return Fixed(int(config["StatusCode"]), config.get("ContentType") or "", config.get("MessageBody") or "")
    if data["Type"] == "redirect":
        config = data["RedirectConfig"]
        given = {part.lower(): value for part, value in config.items() if part != "StatusCode" and value is not None}
        return Redirect(int(config["StatusCode"].removeprefix("HTTP_")), **given)
    return Forward(tuple(forwarded(data).items()))


def _condition(data: Mapping[str, Any]) -> Condition:
    field = data["Field"]
    if field == "query-string":
        pairs = data["QueryStringConfig"]["Values"]
        return Condition(field, pairs=tuple((pair.get("Key") or "", pair["Value"]) for pair in pairs))
    config = data.get(CONFIGS[field]) or {}
    values = config.get("Values") or data.get("Values") or ()
    expressions = config.get("RegexValues") or data.get("RegexValues") or ()
    return Condition(field, tuple(values), config.get("HttpHeaderName", ""), (), tuple(expressions))
