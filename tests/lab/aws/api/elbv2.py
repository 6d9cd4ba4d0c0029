# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ELBv2's API: moto keeps the records, the balancer does what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import moto.elb.urls
from moto.core.responses import ActionResult, EmptyResult
from moto.elbv2.exceptions import ELBClientError
from moto.elbv2.responses import ELBV2Response

from tests.lab.aws.api.base import Strict, bind
from tests.lab.aws.api.elbv2_facts import ROUTING, Facts, forwarded, group_settings
from tests.lab.aws.api.traffic import RuleKeeper
from tests.lab.aws.core import AwsError, Lab
from tests.lab.aws.engine.targets import DESCRIPTIONS, Target
from tests.lab.aws.ports import Interface
from tests.lab.aws.truth import elbv2 as truth

PROVISIONING = 10.0  # AWS seconds until a load balancer is active; AWS takes minutes and names no figure
# Defaults of a target group of an Application Load Balancer (ELBv2 API reference, "TargetGroupAttribute").
ATTRIBUTES = {
    "stickiness.lb_cookie.duration_seconds": "86400",
    "stickiness.app_cookie.cookie_name": "",
    "stickiness.app_cookie.duration_seconds": "86400",
    "load_balancing.algorithm.anomaly_mitigation": "off",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    f"{ROUTING}.count": "1",
    f"{ROUTING}.percentage": "off",
}


def changing(operation: str) -> Callable[[LabELBv2], ActionResult]:
    """moto's own operation; what it changed is then told to the data plane."""

    def call(self: LabELBv2) -> ActionResult:
        result: ActionResult = getattr(ELBV2Response, operation)(self)
        self.spread()
        return result

    return call


class LabELBv2(Strict, ELBV2Response):  # type: ignore[misc]
    service = "elbv2"
    errors = ELBClientError
    protocol = "query"
    facts: ClassVar[Facts]
    interfaces: ClassVar[dict[str, Interface]]  # load balancer ARN -> its interface
    active_at: ClassVar[dict[str, float]]  # load balancer ARN -> AWS seconds

    modify_listener = changing("modify_listener")
    delete_listener = changing("delete_listener")
    create_rule = changing("create_rule")
    modify_rule = changing("modify_rule")
    delete_rule = changing("delete_rule")
    set_security_groups = changing("set_security_groups")
    set_subnets = changing("set_subnets")
    modify_load_balancer_attributes = changing("modify_load_balancer_attributes")

    def spread(self) -> None:
        spread(self.lab, self.facts)

    # ---- load balancers

    def create_load_balancer(self) -> ActionResult:
        params = self.parameters()
        existing = self.facts.balancer_named(params["Name"])
        if existing is not None:  # with the same settings: the truth filter saw to that
            return ActionResult({"LoadBalancers": [self._aged(existing)]})
        result = super().create_load_balancer()
        balancer = self.facts.balancer_named(params["Name"])
        default = self.facts.default_security_group(balancer.vpc_id)
        balancer.security_groups = balancer.security_groups or ([default] if default else [])
        balancer.scheme = balancer.scheme or "internet-facing"
        try:
            interface = self.lab.network.allocate(
                balancer.subnets[0].id, balancer.security_groups, f"ELB {balancer.arn.partition('loadbalancer/')[2]}"
            )
        except ValueError as error:
            self.facts.elb.delete_load_balancer(balancer.arn)
            raise AwsError("InvalidSubnet", str(error)) from None
        self.interfaces[balancer.arn] = interface
        balancer.dns_name = interface.address
        self.active_at[balancer.arn] = self.lab.clock.now() + PROVISIONING
        self.spread()
        return result

    def describe_load_balancers(self) -> ActionResult:
        result = super().describe_load_balancers()
        for balancer in self.facts.elb.load_balancers.values():
            self._aged(balancer)
        return result

    def _aged(self, balancer: Any) -> Any:
        """moto shows a load balancer as active from the first look on; it takes its time."""
        ready = self.lab.clock.now() >= self.active_at[balancer.arn]
        balancer.state = "active" if ready else "provisioning"
        return balancer

    def delete_load_balancer(self) -> ActionResult:
        arn = self.parameters()["LoadBalancerArn"]
        result = super().delete_load_balancer()
        self.spread()
        interface = self.interfaces.pop(arn, None)
        if interface is not None:
            self.lab.network.release(interface)
        return result

    # ---- listeners and rules

    def create_listener(self) -> ActionResult:
        params = self.parameters()
        balancer = self.facts.balancer(params["LoadBalancerArn"])
        for listener in balancer.listeners.values() if balancer else ():
            if int(listener.port) == int(params["Port"]):  # with the same settings: the truth filter saw to that
                return ActionResult({"Listeners": [listener]})
        result = super().create_listener()
        try:
            self.spread()
        except OSError as error:
            made = next(reversed(balancer.listeners))
            self.facts.elb.delete_listener(made)
            message = f"The lab cannot listen at {balancer.dns_name}:{params['Port']}: {error.strerror}"
            raise AwsError("InvalidConfigurationRequest", message) from None
        return result

    def set_rule_priorities(self) -> ActionResult:
        """moto refuses what merely swaps; conflicts were refused by the truth filter."""
        rules = []
        for entry in self.parameters()["RulePriorities"]:
            rule = self.facts.rule(entry["RuleArn"])
            rule.priority = int(entry["Priority"])
            rules.append(rule)
        self.spread()
        return ActionResult({"Rules": rules})

    # ---- target groups

    def create_target_group(self) -> ActionResult:
        existing = self.facts.group_named(self.parameters()["Name"])
        if existing is not None:  # with the same settings: the truth filter saw to that
            return ActionResult({"TargetGroups": [existing]})
        result = super().create_target_group()
        group = self.facts.group_named(self.parameters()["Name"])
        group.attributes = {**ATTRIBUTES, **group.attributes}
        self.lab.targets.registry.put(group_settings(group))
        return result

    def modify_target_group(self) -> ActionResult:
        result = super().modify_target_group()
        group = self.facts.group(self.parameters()["TargetGroupArn"])
        codes = (self.parameters().get("Matcher") or {}).get("HttpCode")
        if codes:
            group.matcher = {"HttpCode": codes}
        self.lab.targets.registry.put(group_settings(group))
        return result

    def modify_target_group_attributes(self) -> ActionResult:
        """moto refuses 3600 seconds, and shows only what was given; AWS answers with all."""
        group = self._group()
        group.attributes.update({one["Key"]: one["Value"] for one in self.parameters()["Attributes"]})
        self.lab.targets.registry.put(group_settings(group))
        return ActionResult({"Attributes": group.attributes})

    def delete_target_group(self) -> ActionResult:
        result = super().delete_target_group()
        self.lab.targets.drop_group(self.parameters()["TargetGroupArn"])
        return result

    # ---- targets

    def register_targets(self) -> ActionResult:
        group = self._group()
        for given in self.parameters()["Targets"]:
            target, port = given["Id"], int(given.get("Port") or group.port)
            if group.target_type == "ip":
                zone = given.get("AvailabilityZone") or self.facts.zone_of(group.vpc_id, target) or "all"
                self.lab.targets.enroll(group.arn, Target(target, port, zone))
            else:
                address = self.facts.instance_address(target)
                self.lab.targets.enroll(group.arn, Target(target, port, address=address or ""))
        return EmptyResult()

    def deregister_targets(self) -> ActionResult:
        group = self._group()
        for given in self.parameters()["Targets"]:
            for target in self.lab.targets.registry.targets(group.arn):
                if target.id == given["Id"] and given.get("Port") in (None, target.port):
                    self.lab.targets.deregister(group.arn, target.id, target.port)
        return EmptyResult()

    def describe_target_health(self) -> ActionResult:
        """Those asked for, also unknown ones; all of them if none is named."""
        group = self._group()
        known = {target.key: target for target in self.lab.targets.registry.targets(group.arn)}
        asked = [(one["Id"], int(one.get("Port") or group.port)) for one in self.parameters().get("Targets") or ()]
        shown = [known.get(key) or unregistered(*key) for key in asked or known]
        return ActionResult({"TargetHealthDescriptions": [describe(target, group) for target in shown]})

    def _group(self) -> Any:
        group = self.facts.group(self.parameters()["TargetGroupArn"])
        if group is None:
            raise AwsError("TargetGroupNotFound", "One or more target groups not found")
        return group


def spread(lab: Lab, facts: Facts) -> None:
    """Bring the records into AWS's form, then into effect."""
    for rule in facts.rules():
        normalize(rule)
    for group in facts.elb.target_groups.values():
        group.load_balancer_arns = facts.users(group.arn)
    lab.targets.apply(facts.plan())


def unregistered(target: str, port: int) -> Target:
    reason = "Target.NotRegistered"
    return Target(target, port, state="unused", reason=reason, description=DESCRIPTIONS[reason])


def describe(target: Target, group: Any) -> dict[str, Any]:
    """A TargetHealthDescription."""
    port = str(group.health_check_port or "traffic-port")
    shown: dict[str, Any] = {"Id": target.id, "Port": target.port}
    if target.zone:
        shown["AvailabilityZone"] = target.zone
    health = {"State": target.state}
    if target.reason:
        health |= {"Reason": target.reason, "Description": target.description}
    return {
        "Target": shown,
        "HealthCheckPort": str(target.port) if port == "traffic-port" else port,
        "TargetHealth": health,
    }


def normalize(rule: Any) -> None:
    """Forms that AWS answers with, whatever was sent: both spellings of a single forward and of plain patterns."""
    for action in rule.actions:
        groups = forwarded(action.data)
        if groups:
            config = dict(action.data.get("ForwardConfig") or {})
            config["TargetGroups"] = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in groups.items()]
            config.setdefault("TargetGroupStickinessConfig", {"Enabled": False})
            action.data["ForwardConfig"] = config
            if len(groups) == 1:
                action.data["TargetGroupArn"] = next(iter(groups))
            action.__dict__.update(action.data)  # moto shows an action's attributes, not its data
    for condition in rule.conditions:
        name = {"path-pattern": "PathPatternConfig", "host-header": "HostHeaderConfig"}.get(condition["Field"])
        values = condition.get("Values") or (condition.get(name) or {}).get("Values") if name else None
        if name and values:
            condition["Values"], condition[name] = list(values), {"Values": list(values)}


def install(lab: Lab) -> None:
    """Once, before the first call; `lab.ecs` is set by then."""
    facts = Facts(lab.account, lab.region)
    LabELBv2.facts, LabELBv2.interfaces, LabELBv2.active_at = facts, {}, {}
    moto.elb.urls.ELBV2Response = bind(LabELBv2, lab)
    lab.targets.permissions, lab.targets.groups_at = facts.permissions, facts.groups_at
    lab.truth.add("elbv2", truth.RULES, facts)
    lab.ecs.traffic = RuleKeeper(lab, facts, lambda: spread(lab, facts))
