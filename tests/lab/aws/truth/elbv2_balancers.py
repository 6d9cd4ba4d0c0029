# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load balancers: what AWS refuses and moto lets through."""

from __future__ import annotations

import re
from typing import Any

from tests.lab.aws.truth.base import Params, Refusal, Rule
from tests.lab.aws.truth.elbv2_common import (
    API,
    CONFIGURATION,
    GUIDE,
    VALIDATION,
    attributes,
    first,
    number_between,
    one_of,
)

SWITCH = ("true", "false")
VALUES = {
    "routing.http.desync_mitigation_mode": ("off", "monitor", "defensive", "strictest"),
    "routing.http.xff_header_processing.mode": ("append", "preserve", "remove"),
    "load_balancing.cross_zone.enabled": ("true",),  # "The default for ALBs is true, and can't be changed."
}
RANGES = {"idle_timeout.timeout_seconds": (1, 4000), "client_keep_alive.seconds": (60, 604800)}


def name(params: Params, _facts: Any) -> Refusal | None:
    given = params["Name"]
    if len(given) > 32:
        return Refusal(VALIDATION, f"The load balancer name '{given}' cannot be longer than '32' characters")
    if not re.fullmatch("[a-zA-Z0-9-]+", given):
        message = "can only contain characters that are alphanumeric characters and hyphens(-)"
        return Refusal(VALIDATION, f"The load balancer name '{given}' {message}")
    if given.startswith("-") or given.endswith("-"):
        return Refusal(VALIDATION, f"The load balancer name '{given}' cannot begin or end with a hyphen(-)")
    if given.startswith("internal-"):
        return Refusal(VALIDATION, f"The load balancer name '{given}' cannot begin with 'internal-'")
    return None


def kind(params: Params, _facts: Any) -> Refusal | None:
    given = params.get("Type") or "application"
    if given == "application":
        return None
    return Refusal(CONFIGURATION, f"The lab has application load balancers only, none of type '{given}'")


def subnets(params: Params, facts: Any) -> Refusal | None:
    ids = [*(params.get("Subnets") or ()), *(one["SubnetId"] for one in params.get("SubnetMappings") or ())]
    found = [facts.subnet(one) for one in ids]
    missing = [one for one, subnet in zip(ids, found, strict=True) if subnet is None]
    if missing:
        return Refusal("SubnetNotFound", f"The subnet ID '{missing[0]}' does not exist")
    zones = [subnet.availability_zone for subnet in found]
    if len({subnet.vpc_id for subnet in found}) > 1:
        return Refusal(CONFIGURATION, f"All subnets must belong to the same VPC: '{','.join(ids)}'")
    if len(set(zones)) < len(zones):
        return Refusal(
            CONFIGURATION, "A load balancer cannot be attached to multiple subnets in the same Availability Zone"
        )
    if len(zones) < 2:
        return Refusal(VALIDATION, "At least two subnets in two different Availability Zones must be specified")
    return None


def security_groups(params: Params, facts: Any) -> Refusal | None:
    """In CreateLoadBalancer the VPC is the subnets', in SetSecurityGroups the load balancer's."""
    ids = params.get("SecurityGroups") or ()
    found = [facts.security_group(one) for one in ids]
    missing = [one for one, group in zip(ids, found, strict=True) if group is None]
    if missing:
        return Refusal("InvalidSecurityGroup", f"The security group '{missing[0]}' does not exist")
    balancer = facts.balancer(params.get("LoadBalancerArn"))
    subnet = None if balancer else next(iter(params.get("Subnets") or ()), None)
    vpc = balancer.vpc_id if balancer else facts.subnet(subnet).vpc_id if subnet else None
    if vpc and any(group.vpc_id != vpc for group in found):
        return Refusal(CONFIGURATION, "One or more security groups are invalid")
    return None


def duplicate(params: Params, facts: Any) -> Refusal | None:
    """The same name with the same settings is the same call once more, and succeeds."""
    known = facts.balancer_named(params["Name"])
    if known is None:
        return None
    asked = set(params.get("Subnets") or ()) or {one["SubnetId"] for one in params.get("SubnetMappings") or ()}
    groups = set(params.get("SecurityGroups") or known.security_groups)
    scheme = params.get("Scheme") or "internet-facing"
    same = {one.id for one in known.subnets} == asked and set(known.security_groups) == groups
    if same and known.scheme == scheme:
        return None
    text = f"A load balancer with the same name '{params['Name']}' exists, but with different settings"
    return Refusal("DuplicateLoadBalancerName", text)


def protected(params: Params, facts: Any) -> Refusal | None:
    balancer = facts.balancer(params["LoadBalancerArn"])
    if balancer is None or balancer.attrs.get("deletion_protection.enabled") != "true":
        return None
    return Refusal(
        "OperationNotPermitted",
        f"Load balancer '{balancer.arn}' cannot be deleted because deletion protection is enabled",
    )


def attribute_values(params: Params, facts: Any) -> Refusal | None:
    balancer = facts.balancer(params["LoadBalancerArn"])
    return balancer and first(_attribute(key, value, balancer.attrs) for key, value in attributes(params).items())


def _attribute(key: str, value: str, known: dict[str, str]) -> Refusal | None:
    if key not in known:
        return Refusal(VALIDATION, f"Load balancer attribute key '{key}' is not recognized")
    if key in RANGES:
        return number_between(key, value, *RANGES[key])
    if key in VALUES:
        return one_of(key, value, VALUES[key])
    return one_of(key, value, SWITCH) if key.endswith(".enabled") else None


RULES = [
    Rule("CreateLoadBalancer", name, API + "CreateLoadBalancer.html (Name)"),
    Rule("CreateLoadBalancer", kind, "not AWS: the README of the lab, what it leaves out"),
    Rule(
        "CreateLoadBalancer", subnets, API + "CreateLoadBalancer.html (Subnets: from at least two Availability Zones)"
    ),
    Rule("CreateLoadBalancer", security_groups, API + "CreateLoadBalancer.html (Errors: InvalidSecurityGroup)"),
    Rule("CreateLoadBalancer", duplicate, API + "CreateLoadBalancer.html (Errors: DuplicateLoadBalancerName)"),
    Rule("SetSubnets", subnets, API + "SetSubnets.html (Subnets)"),
    Rule("SetSecurityGroups", security_groups, API + "SetSecurityGroups.html (Errors: InvalidSecurityGroup)"),
    Rule("DeleteLoadBalancer", protected, GUIDE + "application-load-balancers.html#deletion-protection"),
    Rule("ModifyLoadBalancerAttributes", attribute_values, API + "LoadBalancerAttribute.html"),
]
