# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a revision's tasks are registered, how its share of the traffic grows, and the weights for it. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.lab.aws.engine.ecs_model import LoadBalancer, Revision, Service
from tests.lab.aws.ports import RuleShape

HEAVIEST = 999  # botocore elbv2, TargetGroupTuple.Weight: "The range is 0 to 999."
FAULT = "Service deployment rolled back because of invalid networking configuration"


def placed(service: Service, revision: Revision, strategy: str) -> Revision:
    """The revision with the target groups its tasks go to.

    A rolling deployment stays where the completed one is, another one takes the other group of the pair; a
    first one takes `targetGroupArn`. Source: botocore, ServiceRevision.resolvedConfiguration ("which target
    groups serve traffic"); the rolling case is inferred.
    """
    taken = _serving(service)

    def place(lb: LoadBalancer) -> LoadBalancer:
        pair = (lb.group, lb.alternate)
        live = next((group for group in pair if group and group in taken), "")
        if not lb.alternate or not live:
            return lb
        other = pair[1] if live == pair[0] else pair[0]
        mine, rest = (live, other) if strategy == "ROLLING" else (other, live)
        return replace(lb, group=mine, alternate=rest)

    return replace(revision, load_balancers=tuple(place(lb) for lb in revision.load_balancers))


def _serving(service: Service) -> set[str]:
    """Target groups of the last completed deployment; before there is one, of whatever runs."""
    known = [service.completed] if service.completed else [d for d in service.deployments if service.live(d.id)]
    return {lb.group for deployment in known[:1] for lb in deployment.revision.load_balancers}


def steps(config: Mapping[str, Any], first: bool) -> tuple[float, ...]:
    """Percent of production traffic after each step; `first`: nothing serves yet, so that all of it goes at once.

    Source: botocore ecs/2014-11-13, CanaryConfiguration, LinearConfiguration; that a first deployment has a
    single step is inferred.
    """
    if config["strategy"] == "CANARY" and not first:
        share = float((config.get("canaryConfiguration") or {}).get("canaryPercent", 5.0))
        return (share, 100.0) if share < 100 else (100.0,)
    if config["strategy"] == "LINEAR" and not first:
        share = float((config.get("linearConfiguration") or {}).get("stepPercent", 10.0))
        count = math.ceil(round(100 / share, 6))
        return tuple(min(100.0, round(share * (number + 1), 1)) for number in range(count))
    return (100.0,)


def step_bake(config: Mapping[str, Any]) -> float:
    """Seconds between two steps."""
    if config["strategy"] == "CANARY":
        return 60.0 * int((config.get("canaryConfiguration") or {}).get("canaryBakeTimeInMinutes", 10))
    return 60.0 * int((config.get("linearConfiguration") or {}).get("stepBakeTimeInMinutes", 6))


def weights(lb: LoadBalancer, share: float) -> dict[str, int]:
    """Weights of a rule that gives `share` percent to `lb.group`: in percent, or in tenths of one where needed.

    Seen in a real account: 100 and 0 after a deployment. How ECS writes fractions of a percent is not known.
    """
    whole = 100 if share == int(share) else HEAVIEST
    mine = round(share * whole / 100)
    return {lb.group: mine, lb.alternate: whole - mine}


def fault(lb: LoadBalancer, rules: Mapping[str, RuleShape], role_error: str) -> str:
    """Why a deployment cannot shift traffic here; "" if it can.

    Source: Amazon ECS Developer Guide, "Troubleshooting Amazon ECS blue/green deployments"; the text about
    other actions than forward is ours ("Application Load Balancer resources for blue/green deployments",
    Limitations: "the deployment will fail").
    """
    if role_error:
        return (
            f"{FAULT}. ECS was unable to manage the ELB resources due to missing permissions on ECS"
            f" Infrastructure Role '{lb.role}'."
        )
    named = [arn for arn in (lb.production, lb.test) if arn]
    for arn in named:
        if arn not in rules:
            return f"{FAULT}. One or more rules not found: {arn}"
        if not rules[arn].forwards_only:
            return f"{FAULT}. The listener of {arn} has rules with actions other than forward."
    attached = {group for arn in named for group in rules[arn].weights}
    for group in (lb.group, lb.alternate):
        if group not in attached:
            where = "either productionListenerRule or testListenerRule"
            return f"{FAULT}: Target group {group} is not associated with {where}."
    serving = [group for group, weight in rules[lb.production].weights.items() if weight > 0]
    if len(serving) != 1:
        return (
            f"{FAULT}. productionListenerRule {lb.production} should have exactly one target group serving traffic"
            f" but found {len(serving)} target groups which are serving traffic"
        )
    if serving[0] not in (lb.group, lb.alternate):
        return (
            f"{FAULT}. Production listener rule is forwarding traffic to unexpected target group {serving[0]}."
            f" Expected traffic to be forwarded to either targetGroupArn: {lb.group} or"
            f" alternateTargetGroupArn: {lb.alternate}"
        )
    return ""
