#!/usr/bin/python
# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ecs_rollout
short_description: Roll a model out on ECS Fargate, and keep it only if it answers rightly
version_added: 0.1.0
description:
  - Brings an ECS service behind an Application Load Balancer to a release, and judges the release while ECS moves.
  - A release is kept only if its own tasks are healthy at the load balancer for O(timing.min_ready), and the answers to
    O(probes) are right, in time, and provably its own. Else the release before it comes back, and what then serves is
    proven in the same way. The task then fails with RV(state=rolled_back), also when ECS rolled back by itself.
  - A first release has nothing to fall back to. So the public is kept out by one extra condition of the production rule
    (answered by the listener's default action) until the release is proven.
  - A release is named by the hash of its content - the task definition and every service field whose change
    starts a deployment. The same content again is V(unchanged), without a new task definition and without a changing
    call. Every other field of the service is compared as well, and mended in a call of its own.
  - A release that was rejected is refused when it is asked for again, see O(retry_rejected).
  - Everything that is wrong with the options or the account is reported at once, before any change.
  - On the controller, with connection C(local), progress is shown while the rollout runs.
author:
  - greenlight.serving contributors (@greenlight)
options:
  cluster:
    description: Name of the ECS cluster.
    type: str
    required: true
  name:
    description: Name of the ECS service.
    type: str
    required: true
  state:
    description:
      - V(present) brings the service to the release.
      - V(absent) removes service, rules and task definitions, as far as they carry this service's tag. Name
        O(load_balancer) then, too, so that the rules are found.
    type: str
    choices: [present, absent]
    default: present
  strategy:
    description:
      - With V(canary), V(linear) and V(blue_green) ECS starts the release beside the old one, and shifts the traffic -
        to one step and then all, in equal steps, or all at once. It waits for us before every shift and once more
        before the old release goes, and rolls back by itself when it hears nothing within O(hold_timeout). So a release
        is judged at the test listener before any user meets it, and again at every step.
      - V(rolling) is ECS's own rolling deployment with its circuit breaker. Users meet a release while it is judged.
      - Every strategy may follow every other. A service from elsewhere without C(advancedConfiguration) first gets it
        by a rolling deployment of what it runs.
    type: str
    choices: [canary, linear, blue_green, rolling]
    default: canary
  canary:
    description: The first step of O(strategy=canary).
    version_added: 0.2.0
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
  linear:
    description: The steps of O(strategy=linear).
    version_added: 0.2.0
    type: dict
    suboptions:
      step:
        description: Percent of the traffic that each step adds, 3 to 50.
        type: int
        default: 25
      bake:
        description: Seconds that it stays at each step after the gate has passed; O(timing.bake) when left out.
        type: float
      pause:
        description: Whether a person must promote each step, see M(greenlight.serving.rollout_control).
        type: bool
        default: false
  steps:
    description:
      - The same, step by step. What ECS cannot do is refused, naming the nearest that it can. V(canary) is one step and
        then all, V(linear) equal steps of at least 3 percent, V(blue_green) all at once.
      - A first step with weight 0 is the judgement at the test listener.
    version_added: 0.2.0
    type: list
    elements: dict
    suboptions:
      weight:
        description: Percent of the traffic. Ascending; the last one is 100.
        type: int
        required: true
      bake:
        description: Seconds that it stays there after the gate has passed; O(timing.bake) when left out.
        type: float
      pause:
        description: Whether a person must then promote it.
        type: bool
        default: false
  hold_timeout:
    description:
      - Minutes that ECS waits for us at each step until it rolls back by itself, 1 to 20160. Longer than gate, bake and
        a person take there.
    version_added: 0.2.0
    type: int
    default: 60
  heartbeat:
    description:
      - A CloudWatch alarm that rolls the deployment back when this run falls silent, also between two steps. It is made
        once, armed for each rollout, and at rest otherwise.
      - A dead controller is noticed after at most O(heartbeat.period) times O(heartbeat.periods) plus 2, and one
        evaluation (10 seconds, or 60 with a period of a minute or more).
    version_added: 0.2.0
    type: dict
    suboptions:
      enable:
        description: Whether there is one. With O(wait=false) nobody beats, and it is not armed.
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
  task_definition:
    description:
      - What runs. Network mode C(awsvpc), Linux, on Fargate.
      - The container behind the load balancer gets one environment variable more, E(GREENLIGHT_RELEASE), with the
        release's id. A server that sends it back in O(identity.header) proves who answered.
    type: dict
    suboptions:
      family:
        description: Name of the task definition; O(name) when left out.
        type: str
      cpu:
        description: CPU units, 1024 are one vCPU. One of Fargate's sizes.
        type: int
        required: true
      memory:
        description: MiB. One of Fargate's sizes for this CPU.
        type: int
        required: true
      architecture:
        description: What the image was built for.
        type: str
        choices: [X86_64, ARM64]
        default: X86_64
      execution_role_arn:
        description: Role with which ECS pulls the image, writes logs and reads secrets.
        type: str
      task_role_arn:
        description: Role of the model itself.
        type: str
      ephemeral_storage_gib:
        description: 21 to 200; Fargate's own 20 when left out.
        type: int
      containers:
        description: The containers of a task.
        type: list
        elements: dict
        required: true
        suboptions:
          name:
            description: Its name.
            type: str
            required: true
          image:
            description: By digest, as C(registry/name:tag@sha256:...). See O(allow_image_tag).
            type: str
            required: true
          command:
            description: Instead of the image's own.
            type: list
            elements: str
          entry_point:
            description: Instead of the image's own.
            type: list
            elements: str
          working_directory:
            description: Instead of the image's own.
            type: str
          cpu:
            description: CPU units out of the task's; V(0) shares them.
            type: int
            default: 0
          memory:
            description: MiB at which the container is killed.
            type: int
          memory_reservation:
            description: MiB that are kept for it.
            type: int
          essential:
            description: Whether the task ends when it ends.
            type: bool
            default: true
          port_mappings:
            description: Ports it listens on.
            type: list
            elements: dict
            default: []
            suboptions:
              container_port:
                description: The port, 1 to 65535.
                type: int
                required: true
              protocol:
                description: Its protocol.
                type: str
                choices: [tcp, udp]
                default: tcp
              name:
                description: Its name, for Service Connect.
                type: str
          environment:
            description:
              - Public values only. They are texts, so put numbers and booleans in quotation marks.
              - What looks like a secret is refused; see O(allow_plain_environment).
            type: dict
            default: {}
          secrets:
            description: Environment variable to the ARN of a Secrets Manager secret or an SSM parameter.
            type: dict
            default: {}
          user:
            description: uid or uid:gid, not root.
            type: str
          readonly_root_filesystem:
            description: Whether the root file system is read-only. Mount a volume where the model must write.
            type: bool
            default: true
          stop_timeout:
            description: Seconds between SIGTERM and SIGKILL, at most 120 on Fargate.
            type: int
          health_check:
            description: The container's own health check, beside the load balancer's.
            type: dict
            suboptions:
              command:
                description: For example C([CMD-SHELL, "curl -f http://localhost:8080/v2/health/live"]).
                type: list
                elements: str
                required: true
              interval:
                description: Seconds between two checks, 5 to 300.
                type: int
                default: 30
              timeout:
                description: Seconds for one check, 2 to 60.
                type: int
                default: 5
              retries:
                description: Failures in a row that make it unhealthy, 1 to 10.
                type: int
                default: 3
              start_period:
                description: Seconds in which failures do not count, 0 to 300.
                type: int
                default: 0
          log_configuration:
            description: Where its output goes.
            type: dict
            suboptions:
              driver:
                description: V(awslogs), V(splunk) or V(awsfirelens) on Fargate.
                type: str
                default: awslogs
              options:
                description: The driver's options, for example C(awslogs-group).
                type: dict
                default: {}
              secrets:
                description: Options whose values come from the ARN of a secret.
                type: dict
                default: {}
          mount_points:
            description: Volumes it sees.
            type: list
            elements: dict
            default: []
            suboptions:
              volume:
                description: Name of one of O(task_definition.volumes).
                type: str
                required: true
              path:
                description: Where.
                type: str
                required: true
              read_only:
                description: Whether it may not write there.
                type: bool
                default: false
          linux_parameters:
            description: Settings of the Linux kernel.
            type: dict
            suboptions:
              init_process_enabled:
                description: Whether an init process forwards signals and reaps children.
                type: bool
                default: false
              drop_capabilities:
                description: Capabilities to take away, for example C([ALL]).
                type: list
                elements: str
                default: []
          depends_on:
            description: Containers that must have come so far before this one starts.
            type: list
            elements: dict
            default: []
            suboptions:
              container:
                description: Its name.
                type: str
                required: true
              condition:
                description: How far.
                type: str
                choices: [START, COMPLETE, SUCCESS, HEALTHY]
                default: HEALTHY
          docker_labels:
            description: Labels of the container.
            type: dict
            default: {}
      volumes:
        description: Volumes to mount. Without O(task_definition.volumes[].efs) they live and die with the task.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: Its name.
            type: str
            required: true
          efs:
            description: An EFS file system, always encrypted in transit.
            type: dict
            suboptions:
              file_system_id:
                description: Its id.
                type: str
                required: true
              root_directory:
                description: The directory to mount.
                type: str
                default: /
              access_point_id:
                description: An access point.
                type: str
              iam:
                description: Whether the task role is used to mount it.
                type: bool
                default: true
  network:
    description: Where tasks run.
    type: dict
    suboptions:
      subnets:
        description: IDs of subnets in at least two zones.
        type: list
        elements: str
        required: true
      security_groups:
        description: IDs of the tasks' security groups. They must admit the load balancer.
        type: list
        elements: str
        required: true
      assign_public_ip:
        description: Whether tasks get public addresses.
        type: bool
        default: false
  load_balancer:
    description:
      - The Application Load Balancer in front. This module makes the rules on both listeners, keeps their conditions,
        and opens and closes them; nobody else should.
    type: dict
    suboptions:
      container_name:
        description: The container that answers.
        type: str
        required: true
      container_port:
        description: The port it answers on.
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
        description: A target group of type ip, used by this service alone.
        type: str
        required: true
      green_target_group_arn:
        description: A second one. Which of the two is live is always read.
        type: str
        required: true
      role_arn:
        description: Infrastructure role that lets ECS change rules and targets. Only V(rolling) can do without.
        type: str
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
  desired_count:
    description: Tasks. Only used when the service is created, unless O(manage_desired_count).
    type: int
    default: 2
  manage_desired_count:
    description: Whether O(desired_count) is kept. Leave it off when an autoscaler moves it.
    type: bool
    default: false
  deployment:
    description: How ECS moves.
    type: dict
    suboptions:
      minimum_healthy_percent:
        description: Of the desired count that stays in service, rounded up.
        type: int
        default: 100
      maximum_percent:
        description: Of the desired count that may run, rounded down.
        type: int
        default: 200
      circuit_breaker:
        description: When ECS itself gives up on a deployment, also when nobody watches.
        type: dict
        suboptions:
          enable:
            description: Whether it does.
            type: bool
            default: true
          rollback:
            description: Whether it then goes back to the last deployment that it completed.
            type: bool
            default: true
          reset_on_healthy_task:
            description: Whether a task that gets healthy lets the count of failures start again.
            type: bool
            default: true
          threshold_type:
            description: V(BOUNDED_PERCENT) is a percentage of the desired count, but 3 to 200 tasks.
            type: str
            choices: [BOUNDED_PERCENT, UNBOUNDED_PERCENT, COUNT]
            default: BOUNDED_PERCENT
          threshold_value:
            description: Percent of the desired count, or a count.
            type: int
            default: 50
  health_check_grace_seconds:
    description: Seconds after a task's start in which ECS ignores that it is unhealthy. Longer than the model loads.
    type: int
    default: 60
  platform_version:
    description: Fargate's.
    type: str
    default: LATEST
  enable_execute_command:
    description: Whether people may open a shell in a task.
    type: bool
    default: false
  availability_zone_rebalancing:
    description: Whether ECS moves tasks when zones are unevenly used.
    type: str
    choices: [ENABLED, DISABLED]
    default: ENABLED
  propagate_tags:
    description: What tasks inherit their tags from.
    type: str
    choices: [SERVICE, TASK_DEFINITION, NONE]
    default: SERVICE
  tags:
    description: Tags of service, rules and new task definitions. Tags that others set stay.
    type: dict
    default: {}
  route:
    description:
      - Where probes go. V(production) is where users go; V(test_listener) needs O(load_balancer.test_listener_arn);
        V(direct) goes to the tasks' own addresses. When left out, V(production) with O(strategy=rolling), else
        V(test_listener).
      - With the other strategies than V(rolling) every second round goes through production, too.
      - The security groups must let the controller through.
    type: str
    choices: [production, test_listener, direct]
  allow_image_tag:
    description: Whether an image may be named by a tag alone, which may mean another model tomorrow.
    type: bool
    default: false
  allow_plain_environment:
    description: Names of environment variables that look like secrets and are none.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - greenlight.serving.aws
  - greenlight.serving.probes
  - greenlight.serving.rollout
attributes:
  check_mode:
    support: full
    description:
      - Reads everything, checks everything, changes nothing, and says every step that a run would take.
      - Works before cluster, load balancer and bucket exist.
  diff_mode:
    support: full
    description: Shows every field of the release and the service that differs.
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

- name: Roll out a model, and keep it only if it recognises a seven
  greenlight.serving.ecs_rollout:
    region: eu-central-1
    cluster: serving
    name: digits
    task_definition:
      cpu: 1024
      memory: 2048
      execution_role_arn: arn:aws:iam::123456789012:role/digits-execution
      containers:
        - name: model
          image: registry.example.com/digits:7@sha256:7d865e959b2466918c9863afca942d0fb89d7c9ac0c99bafc3749504ded97730
          port_mappings:
            - container_port: 8080
          user: "10001:10001"
          stop_timeout: 60
    network:
      subnets: [subnet-0a1b2c3d4e5f60718, subnet-1a1b2c3d4e5f60718]
      security_groups: [sg-0a1b2c3d4e5f60718]
    load_balancer:
      container_name: model
      container_port: 8080
      production_listener_arn: "{{ alb_frontend_result.production_listener_arn }}"
      test_listener_arn: "{{ alb_frontend_result.test_listener_arn }}"
      blue_target_group_arn: "{{ alb_frontend_result.target_groups.blue }}"
      green_target_group_arn: "{{ alb_frontend_result.target_groups.green }}"
      role_arn: arn:aws:iam::123456789012:role/digits-infrastructure
    health_check_grace_seconds: 90
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
  register: rollout

- name: Five percent of the users first, for ten minutes, and a person decides on the rest
  greenlight.serving.ecs_rollout:
    cluster: serving
    name: digits
    strategy: canary
    canary:
      weight: 5
      bake: 600
      pause: true
    hold_timeout: 240  # a person has four hours
    task_definition: "{{ digits_task_definition }}"
    network: "{{ digits_network }}"
    load_balancer: "{{ digits_load_balancer }}"
    probes: "{{ digits_probes }}"
    record:
      bucket: example-greenlight

- name: No user before the release is proven, then all of them, and the old one is kept for ten minutes
  greenlight.serving.ecs_rollout:
    cluster: serving
    name: digits
    strategy: blue_green
    timing:
      bake: 600
    task_definition: "{{ digits_task_definition }}"
    network: "{{ digits_network }}"
    load_balancer: "{{ digits_load_balancer }}"
    probes: "{{ digits_probes }}"
    record:
      bucket: example-greenlight

- name: Go back to the release that was good before, and stay there
  greenlight.serving.ecs_rollout:
    cluster: serving
    name: digits
    task_definition: "{{ digits_task_definition }}"
    network: "{{ digits_network }}"
    load_balancer: "{{ digits_load_balancer }}"
    probes: "{{ digits_probes }}"
    record:
      bucket: example-greenlight
    target_release: last_good
    pin: true

- name: Remove the service with its rules
  greenlight.serving.ecs_rollout:
    cluster: serving
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
  sample: "serving/digits: digits:7@sha256:7d865e959b24 (3f9c1d2b7a60) is live on 2 targets, 64 of 64 probes ..."
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
      description: Its image, for people.
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
      description: Who acted, V(greenlight) or V(ECS).
      type: str
    text:
      description: What happened.
      type: str
targets:
  description: The targets at the load balancer at the end, with release, state, reason, zone and task.
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

from ..module_utils._glue import argspec_ecs
from ..module_utils._glue.ending import end
from ..module_utils._glue.kit_ecs import run


def main() -> None:
    module = AnsibleModule(**argspec_ecs.specification(), supports_check_mode=True, no_log=True)
    end(module, run(module.params, module.check_mode))


if __name__ == "__main__":
    main()
