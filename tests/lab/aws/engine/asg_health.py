# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is unhealthy, and why. Pure.

Sources: EC2 Auto Scaling user guide, "Health checks for instances in an Auto Scaling group" and "Set the health
check grace period": an instance that no longer runs is unhealthy at once, even in the grace period; failed status
checks and the load balancer's verdict count after it. A target that was never healthy and one that somebody else
deregistered are not "unhealthy"; the latter is inferred.
"""

from __future__ import annotations

from tests.lab.aws.engine.asg_actions import Facts
from tests.lab.aws.engine.asg_model import HEALTHY, UNHEALTHY, Group, Instance
from tests.lab.aws.engine.ecs_model import Moment

# Causes as scaling activities tell them (user guide, "Troubleshoot unhealthy instances").
TAKEN = "an instance was taken out of service in response to"
EC2 = f"{TAKEN} an EC2 health check indicating it has been terminated or stopped."
STATUS = f"{TAKEN} an EC2 instance status checks failure."
ELB = f"{TAKEN} an ELB system health check failure."
USER = f"{TAKEN} a user health-check."


def mark(group: Group, facts: Facts, moment: Moment) -> None:
    """Set the health of all that serve; nobody gets well again by himself (SetInstanceHealth can)."""
    if not group.runs("HealthCheck"):
        return
    for instance in group.instances.values():
        if instance.state == "InService" and instance.health == HEALTHY:
            reason = _sick(group, instance, facts, moment)
            if reason:
                instance.health, instance.unhealthy_because = UNHEALTHY, reason


def _sick(group: Group, instance: Instance, facts: Facts, moment: Moment) -> str:
    host = facts.hosts.get(instance.id)
    if host is None or not host.running:
        instance.dead = host is None or host.state in ("shutting-down", "terminated")
        return EC2
    if in_grace(group, instance, moment):
        return ""
    if host.status == "impaired":
        return STATUS
    if "ELB" in group.health_types:
        for arn, port in instance.registered.items():
            health = facts.healths.get((arn, instance.id, port))
            if health is not None and health.state == "unhealthy":
                return ELB
    return ""


def in_grace(group: Group, instance: Instance, moment: Moment) -> bool:
    return instance.serving_since is not None and moment.now - instance.serving_since < group.grace
