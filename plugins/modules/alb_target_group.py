#!/usr/bin/python
# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: alb_target_group
short_description: A target group of an Application Load Balancer, without touching its targets
version_added: 0.1.0
description:
  - Creates, changes and removes one target group with its health check, attributes and tags.
  - Never registers or deregisters a target. Whoever runs the targets does that; M(community.aws.elb_target_group)
    without C(modify_targets=false) deregisters all of them.
  - Beside what that module can do it has check mode, slow start and minimum-healthy routing.
  - What is not given is left as it is, or as AWS makes it in a new target group.
author:
  - greenlight.serving contributors (@greenlight)
options:
  name:
    description: Name, unique in account and region; at most 32 letters, digits and hyphens.
    type: str
    required: true
  state:
    description:
      - V(absent) removes the target group. That fails while a listener or a rule forwards to it.
    type: str
    choices: [present, absent]
    default: present
  vpc_id:
    description: The VPC of the targets. Needed for O(state=present); cannot be changed.
    type: str
  protocol:
    description: Protocol between load balancer and targets. Cannot be changed.
    type: str
    choices: [HTTP, HTTPS]
    default: HTTP
  port:
    description: Port of the targets. Needed for O(state=present); cannot be changed.
    type: int
  target_type:
    description:
      - How targets are registered. ECS services on Fargate need V(ip), groups of instances V(instance).
      - Cannot be changed.
    type: str
    choices: [ip, instance]
    default: ip
  health_check:
    description: When a target is healthy.
    type: dict
    suboptions:
      path:
        description: Path, and query, that is asked for. AWS takes V(/) when it is not said.
        type: str
      port:
        description: V(traffic-port), which is the one that the target takes requests at, or a number.
        type: str
      protocol:
        description: Protocol of the health check.
        type: str
        choices: [HTTP, HTTPS]
      interval:
        description: Seconds between two health checks of a target, 5 to 300.
        type: int
      timeout:
        description: Seconds until no answer is a failed health check, 2 to 120, less than O(health_check.interval).
        type: int
      healthy_threshold:
        description: Passed checks in a row that make a target healthy, 2 to 10.
        type: int
      unhealthy_threshold:
        description: Failed checks in a row that make a target unhealthy, 2 to 10.
        type: int
      matcher:
        description: Statuses that pass, such as V(200), V(200,202) or V(200-299).
        type: str
  deregistration_delay:
    description: Seconds that a target which is taken out may still work on its requests, 0 to 3600.
    type: int
  slow_start:
    description:
      - Seconds in which a new target's share of the requests grows to its full size, 30 to 900; V(0) is off.
      - Only with O(algorithm=round_robin).
    type: int
  algorithm:
    description: Which target gets the next request.
    type: str
    choices: [round_robin, least_outstanding_requests, weighted_random]
  minimum_healthy:
    description:
      - What happens when too few targets of a zone are healthy.
      - V(off) must be in quotation marks, because YAML takes it for a truth value otherwise.
    type: dict
    suboptions:
      dns_failover_count:
        description: With fewer healthy targets the zone's address is taken out of DNS; a number, or V(off).
        type: str
      dns_failover_percentage:
        description: The same in percent, 1 to 100, or V(off).
        type: str
      unhealthy_routing_count:
        description: With fewer healthy targets requests go to all of them, unhealthy ones as well.
        type: str
      unhealthy_routing_percentage:
        description: The same in percent, 1 to 100, or V(off).
        type: str
  tags:
    description: Tags to set. Other tags that the target group has are left alone.
    type: dict
    default: {}
extends_documentation_fragment:
  - greenlight.serving.aws
attributes:
  check_mode:
    support: full
    description: Says what would change, without changing it; also before the target group exists.
  diff_mode:
    support: full
    description: Shows the target group before and after.
seealso:
  - module: community.aws.elb_target_group
  - module: greenlight.serving.ecs_rollout
"""

EXAMPLES = r"""
- name: A target group for a service on Fargate
  greenlight.serving.alb_target_group:
    name: digits-blue
    vpc_id: vpc-0123456789abcdef0
    port: 8080
    health_check:
      path: /v2/health/ready
      interval: 10
      timeout: 5
      healthy_threshold: 2
      unhealthy_threshold: 2
      matcher: "200"
    deregistration_delay: 120
    tags:
      stage: production

- name: New targets warm up for a minute, and half of a zone must be healthy
  greenlight.serving.alb_target_group:
    name: digits-blue
    vpc_id: vpc-0123456789abcdef0
    port: 8080
    slow_start: 60
    minimum_healthy:
      dns_failover_percentage: "50"
      unhealthy_routing_percentage: "50"

- name: A pair of them, for releases to take turns in
  greenlight.serving.alb_target_group:
    name: digits-{{ item }}
    vpc_id: vpc-0123456789abcdef0
    port: 8080
  loop: [blue, green]

- name: Remove it
  greenlight.serving.alb_target_group:
    name: digits-blue
    state: absent
"""

RETURN = r"""
target_group:
  description:
    - The target group as it is now; in check mode as it would be, with a made-up ARN if there is none yet.
    - Empty when there is none.
  returned: success
  type: dict
  contains:
    arn:
      description: Its ARN.
      type: str
      sample: arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/digits-blue/0123456789abcdef
    name:
      description: Its name.
      type: str
    vpc_id:
      description: The VPC of its targets.
      type: str
    protocol:
      description: Protocol between load balancer and targets.
      type: str
    port:
      description: Port of the targets.
      type: int
    target_type:
      description: How targets are registered.
      type: str
    health_check:
      description: The health check, named as in the options.
      type: dict
    deregistration_delay:
      description: Seconds.
      type: int
    slow_start:
      description: Seconds; 0 is off.
      type: int
    algorithm:
      description: Which target gets the next request.
      type: str
    minimum_healthy:
      description: Named as in the options.
      type: dict
    load_balancer_arns:
      description: The load balancers that forward to it.
      type: list
      elements: str
    tags:
      description: All its tags.
      type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._glue.ending import attempt, end
from ..module_utils._glue.target_group import argument_spec, run


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    end(module, attempt(run, module.argument_spec, module.params, module.check_mode))


if __name__ == "__main__":
    main()
