#!/usr/bin/python
# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: asg_rollout
short_description: Roll a model out on EC2 Auto Scaling, and keep it only if it answers rightly
version_added: 0.2.0
description:
  - Brings the EC2 instances behind an Application Load Balancer to a release, and judges the release while Auto Scaling
    moves. It alone makes and changes the launch template's versions and the Auto Scaling groups.
  - A release is kept only if its own instances are healthy at the load balancer for O(timing.min_ready), and the
    answers to O(probes) are right, in time, and provably its own. Else the release before it comes back, and what then
    serves is proven in the same way, also by the template version of every instance. The task then fails with
    RV(state=rolled_back), also when Auto Scaling rolled back by itself.
  - A first release has nothing to fall back to. So the public is kept out by one extra condition of the production rule
    until the release is proven.
  - A release is named by the hash of its launch template's content. Each is a numbered version of one template; no
    group ever names C($Latest) or C($Default), from which nothing could be rolled back.
  - While a release is judged nothing else moves counts - C(AlarmNotification), C(ScheduledActions) and C(AZRebalance)
    are suspended, and resumed afterwards, also by the next run after this one was killed.
  - An instance refresh that somebody else started is named and left alone.
  - Everything that is wrong with the options or the account is reported at once, before any change.
  - On the controller, with connection C(local), progress is shown while the rollout runs.
author:
  - greenlight.serving contributors (@greenlight)
options:
  name:
    description: Name of the service, of its launch template, and, with C(-blue) and C(-green), of its two groups.
    type: str
    required: true
  state:
    description:
      - V(present) brings the service to the release.
      - V(absent) scales both groups to nothing, and removes them once they are empty, with rules, alarm and template,
        as far as they carry this service's tag. Never by force. Name O(load_balancer) then, too, so that the rules are
        found.
    type: str
    choices: [present, absent]
    default: present
  strategy:
    description:
      - V(rolling) is an instance refresh. It waits at each of O(steps), where the release is judged, and goes on by
        itself, so an alarm on the heartbeat of this run rolls it back when nobody judges any more. Users meet a
        release while it is judged.
      - With V(canary) and V(blue_green) a second group starts the release beside the old one, and the traffic is
        shifted by the weights of the production rule, in any steps or all at once. The release is judged at the test
        listener before any user meets it, and again at every step. A one-time schedule restores the weights when
        nobody has moved on within O(hold_seconds).
      - Every strategy may follow every other.
    type: str
    choices: [rolling, canary, blue_green]
    default: rolling
  canary:
    description: The first step of O(strategy=canary), if O(steps) does not say more.
    type: dict
    suboptions:
      weight:
        description: Percent of the traffic, 1 to 99.
        type: int
        default: 10
      bake:
        description: Seconds that it stays there after the gate has passed; O(timing.bake) when left out.
        type: float
      pause:
        description: Whether a person must then promote it, see M(greenlight.serving.rollout_control).
        type: bool
        default: false
  steps:
    description:
      - With V(rolling) the checkpoints, in percent of the instances, V(25) and V(100) when left out. A group too small
        for one of them skips it.
      - Else the weights of the production rule. A first step with weight 0 is the judgement at the test listener.
    type: list
    elements: dict
    suboptions:
      weight:
        description: Percent. Ascending; the last one is 100.
        type: int
        required: true
      bake:
        description: Seconds that it stays there after the gate has passed; O(timing.bake) when left out.
        type: float
      pause:
        description: Whether a person must then promote it. A checkpoint does not wait for a person beyond its time.
        type: bool
        default: false
  hold_seconds:
    description:
      - Seconds that the cloud waits at each step. With V(rolling) all of it at every checkpoint and once more at the
        end, then it goes on; it must leave time to notice that this run is dead, and the least that would do is named
        when it is too short. Else the time until the weights are restored.
    type: int
    default: 900
  heartbeat:
    description:
      - A CloudWatch alarm that rolls an instance refresh back when this run falls silent. It is made once, armed for
        each rollout, and at rest otherwise.
      - A dead controller is noticed after at most O(heartbeat.period) times O(heartbeat.periods) plus 2, and one
        evaluation (10 seconds, or 60 with a period of a minute or more).
    type: dict
    suboptions:
      enable:
        description: Whether there is one.
        type: bool
        default: true
      interval:
        description: Seconds between two beats; at most half a period.
        type: float
        default: 10.0
      period:
        description: The alarm's period in seconds - 10, 20, 30 or a multiple of 60.
        type: int
        default: 30
      periods:
        description: Silent periods in a row that count as death, at least 2.
        type: int
        default: 3
  restore:
    description: The one-time schedules that restore the weights with O(strategy=canary) and O(strategy=blue_green).
    type: dict
    suboptions:
      role_arn:
        description: Role that EventBridge Scheduler takes, and that may call C(elasticloadbalancing:ModifyRule).
        type: str
      group:
        description: Schedule group, which must exist.
        type: str
        default: default
      event_age:
        description: Seconds that Scheduler tries a call for, 60 to 86400.
        type: int
        default: 60
      late:
        description:
          - Seconds after a schedule's time in which its call may still come. Scheduler is right to the minute, and
            tries for O(restore.event_age). The old group keeps its capacity until then.
        type: float
        default: 150.0
  unattended:
    description:
      - What becomes of a plan that nobody would roll back after this run died - V(refuse), or V(accept_exposure), after
        which an unjudged release may stay live for good.
    type: str
    choices: [refuse, accept_exposure]
    default: refuse
  label:
    description: What people call the release, for example its image; the AMI's id when left out. No part of its hash.
    type: str
    default: ""
  template:
    description:
      - What an instance is. Always so, and no options - IMDSv2 with a hop limit of 1, an encrypted gp3 volume, no
        public address.
    type: dict
    suboptions:
      image_id:
        description: Id of the AMI.
        type: str
        required: true
      instance_type:
        description: For example V(g5.xlarge).
        type: str
        required: true
      instance_profile_arn:
        description: Instance profile with the least rights that the model needs.
        type: str
      security_groups:
        description: Their ids. They admit the load balancer's group on O(load_balancer.target_port).
        type: list
        elements: str
        required: true
      user_data:
        description:
          - Plain text of at most 16 KiB that starts the model server. C(@GREENLIGHT_RELEASE@) in it becomes the
            release's id; a server that sends it back in O(identity.header) proves who answered.
          - Readable for everything on the instance, so no place for secrets.
        type: str
        required: true
      root_volume:
        description: The gp3 volume.
        type: dict
        suboptions:
          device_name:
            description: The AMI's root device.
            type: str
            default: /dev/xvda
          size_gib:
            description: GiB.
            type: int
            default: 30
          iops:
            description: From 3000.
            type: int
          throughput:
            description: MiB a second, from 125.
            type: int
          kms_key_id:
            description: A key of one's own; the account's default key when left out.
            type: str
      detailed_monitoring:
        description: Metrics every minute, which scaling policies react to faster.
        type: bool
        default: true
  network:
    description: Where instances run.
    type: dict
    suboptions:
      subnets:
        description: Private subnets, of at least two zones.
        type: list
        elements: str
        required: true
  load_balancer:
    description:
      - The Application Load Balancer in front. This module makes the rules on both listeners, keeps their conditions
        and weights, and opens and closes them; nobody else should.
    type: dict
    suboptions:
      target_port:
        description: The port that instances answer on.
        type: int
        required: true
      production_listener_arn:
        description: The listener that users come to. Its default action should answer whoever no rule admits.
        type: str
        required: true
      test_listener_arn:
        description: A listener of the same load balancer for probes.
        type: str
      blue_target_group_arn:
        description: A target group of type instance, used by this service alone.
        type: str
        required: true
      green_target_group_arn:
        description: A second one. Which of the two is live is always read.
        type: str
        required: true
      rule:
        description: Which requests are this service's.
        type: dict
        suboptions:
          priority:
            description: Of the rules on both listeners, 1 to 50000.
            type: int
            default: 100
          path_patterns:
            description: Paths, with C(*) and C(?). Paths and hosts may be four in all.
            type: list
            elements: str
            default: [/*]
          host_headers:
            description: Hosts, with C(*) and C(?).
            type: list
            elements: str
            default: []
  capacity:
    description: Of the live group. The other one has none.
    type: dict
    suboptions:
      min:
        description: Instances at the least.
        type: int
        required: true
      max:
        description: Instances at the most.
        type: int
        required: true
      desired:
        description: Only used when the service is created, unless O(capacity.manage_desired).
        type: int
        required: true
      manage_desired:
        description: Whether O(capacity.desired) is kept. Leave it off when an autoscaler moves it.
        type: bool
        default: false
  health_check_grace_seconds:
    description:
      - Seconds after an instance's start in which its failed health checks do not count. At least twice what the model
        takes to load.
    type: int
    default: 300
  warmup_seconds:
    description: Seconds that a new instance takes to be worth its share; also between the replacements of a refresh.
    type: int
    default: 60
  maintenance:
    description: How many instances serve while some are replaced, in percent of the desired count.
    type: dict
    suboptions:
      minimum_healthy_percent:
        description: At the least, rounded up.
        type: int
        default: 100
      maximum_healthy_percent:
        description: At the most, rounded down; at most 100 above the least.
        type: int
        default: 150
  termination_policies:
    description: Which instance goes first when there are too many.
    type: list
    elements: str
    default: [Default]
  drain_seconds:
    description:
      - Seconds that an instance on its way out is given by a life cycle hook, 30 to 7200; V(0) for no hook. What it
        waits for completes the hook C(greenlight-drain), or the time does.
    type: int
    default: 0
  scaling:
    description: Target tracking policies of the groups. Policies beside them stay.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Short name; the group's stands before it.
        type: str
        required: true
      metric:
        description: What is tracked.
        type: str
        required: true
        choices: [cpu, requests_per_target, network_in, network_out]
      target:
        description: The value it is kept at - percent, requests a minute, or bytes a minute.
        type: float
        required: true
      disable_scale_in:
        description: Whether it only ever adds.
        type: bool
        default: false
  tags:
    description: Tags of groups, instances, volumes and rules. Tags that others set stay.
    type: dict
    default: {}
  route:
    description:
      - Where probes go. V(production) is where users go; V(test_listener) needs O(load_balancer.test_listener_arn)
        and another strategy than V(rolling); V(direct) goes to the new instances' own addresses. When left out,
        V(production) with O(strategy=rolling), else V(test_listener).
      - Every second round goes through production, too.
      - The security groups must let the controller through.
    type: str
    choices: [production, test_listener, direct]
  allow_plain_user_data:
    description: Whether what looks like a secret in O(template.user_data) is none.
    type: bool
    default: false
extends_documentation_fragment:
  - greenlight.serving.aws
  - greenlight.serving.probes
  - greenlight.serving.rollout
attributes:
  check_mode:
    support: full
    description:
      - Reads everything, checks everything, changes nothing, and says every step that a run would take.
      - Works before load balancer, roles and bucket exist.
  diff_mode:
    support: full
    description: Shows every field of the release and the group that differs.
seealso:
  - module: greenlight.serving.rollout_info
    description: What serves, and what the record knows.
  - module: greenlight.serving.probe
    description: The gate alone.
"""

EXAMPLES = r"""
# Connection options are best given once for all modules:
#   module_defaults:
#     group/greenlight.serving.serving: "{{ serving_aws }}"

- name: Replace the instances one after another, judged after a quarter of them and at the end
  greenlight.serving.asg_rollout:
    region: eu-central-1
    name: digits
    label: registry.example.com/digits:7
    template:
      image_id: ami-0123456789abcdef0
      instance_type: m7i.large
      instance_profile_arn: arn:aws:iam::123456789012:instance-profile/digits
      security_groups: [sg-0a1b2c3d4e5f60718]
      user_data: "{{ lookup('ansible.builtin.template', 'user-data.yaml.j2') }}"
    network:
      subnets: [subnet-0a1b2c3d4e5f60718, subnet-1a1b2c3d4e5f60718]
    load_balancer:
      target_port: 8080
      production_listener_arn: "{{ alb_frontend_result.production_listener_arn }}"
      test_listener_arn: "{{ alb_frontend_result.test_listener_arn }}"
      blue_target_group_arn: "{{ alb_frontend_result.target_groups.blue }}"
      green_target_group_arn: "{{ alb_frontend_result.target_groups.green }}"
    capacity:
      min: 2
      max: 10
      desired: 3
    probes:
      - name: seven
        path: /v2/models/digits/infer
        body_json: "{{ lookup('ansible.builtin.file', 'seven.json') | from_json }}"
        expect:
          json:
            outputs:
              - name: label
                data: [7]
    record:
      bucket: example-greenlight

- name: Five percent of the users first, then half, then all
  greenlight.serving.asg_rollout:
    name: digits
    strategy: canary
    steps:
      - weight: 5
        bake: 600
      - weight: 50
      - weight: 100
    hold_seconds: 1800
    restore:
      role_arn: arn:aws:iam::123456789012:role/digits-restore
    template: "{{ digits_template }}"
    network: "{{ digits_network }}"
    load_balancer: "{{ digits_load_balancer }}"
    capacity: "{{ digits_capacity }}"
    probes: "{{ digits_probes }}"
    record:
      bucket: example-greenlight

- name: Remove the service with its rules
  greenlight.serving.asg_rollout:
    name: digits
    state: absent
    load_balancer: "{{ digits_load_balancer }}"
    record:
      bucket: example-greenlight
"""

RETURN = r"""
state:
  description:
    - V(live), V(unchanged), V(planned) (check mode), V(in_progress) and V(paused) (a person decides) are good ends.
    - V(rolled_back), V(removed) (a first release that failed), V(refused), V(needs_operator) and V(interrupted) fail
      the task. After O(state=absent), V(removed) is a good end.
  returned: always
  type: str
  sample: live
reason:
  description: One sentence - what, where, how long, what was seen, what serves now, what to do next.
  returned: always
  type: str
  sample: "digits: digits:7@sha256:7d865e959b24 (3f9c1d2b7a60) is live on 3 targets, 64 of 64 probes ..."
rollout_id:
  description: Names this rollout, also across runs that go on with it.
  returned: always
  type: str
  sample: 20260301T140500Z-1f2e3d
release:
  description: The release that was wanted.
  returned: always
  type: dict
  contains:
    id:
      description: The first twelve hex digits of its content's SHA-256.
      type: str
    label:
      description: O(label), for people.
      type: str
previous:
  description: The release before it, in the same form; empty when there was none.
  returned: always
  type: dict
timeline:
  description: What happened, in order.
  returned: always
  type: list
  elements: dict
  contains:
    at:
      description: Seconds since the run began.
      type: float
    phase:
      description: The phase it happened in.
      type: str
    who:
      description: Who acted, V(greenlight) or V(ASG).
      type: str
    text:
      description: What happened.
      type: str
targets:
  description: The targets at the load balancer at the end, with release, state, reason, zone and instance.
  returned: always
  type: list
  elements: dict
probes:
  description: The first probes that did not pass, and the last ones of all.
  returned: always
  type: list
  elements: dict
identity:
  description: V(proven) when the answers that counted carried the release's mark.
  returned: always
  type: str
  sample: proven
requests:
  description: Probes that were sent, and those that failed by cause.
  returned: always
  type: dict
  sample: {seen: 64, failed: {wrong_answer: 0, no_answer: 0}}
rollback_verified:
  description: Whether, after a rollback, the release before was proven to serve.
  returned: always
  type: bool
duration:
  description: Seconds.
  returned: always
  type: float
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._glue import argspec_asg
from ..module_utils._glue.ending import end
from ..module_utils._glue.kit_asg import run


def main() -> None:
    module = AnsibleModule(**argspec_asg.specification(), supports_check_mode=True, no_log=True)
    end(module, run(module.params, module.check_mode))


if __name__ == "__main__":
    main()
