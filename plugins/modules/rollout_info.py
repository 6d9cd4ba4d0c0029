#!/usr/bin/python
# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: rollout_info
short_description: What a service runs, where requests go, and what is known of its releases
version_added: 0.1.0
description:
  - Reads a served model's state from the cloud, and its record from the store, in one task. Changes nothing.
  - Also says what is moving right now, whoever started it, which rollout was left unfinished, who holds the lock and
    what was asked of the rollout.
author:
  - greenlight.serving contributors (@greenlight)
options:
  platform:
    description: What the service runs on.
    type: str
    choices: [ecs, asg]
    default: ecs
  cluster:
    description: Name of the ECS cluster. Required with O(platform=ecs).
    type: str
  name:
    description: Name of the service.
    type: str
    required: true
  record:
    description: Where the service's record is kept; see M(greenlight.serving.ecs_rollout).
    type: dict
    suboptions:
      bucket:
        description: Name of the bucket. Without it RV(record) is empty.
        type: str
      prefix:
        description: First part of the object's key.
        type: str
        default: greenlight
extends_documentation_fragment:
  - greenlight.serving.aws
attributes:
  check_mode:
    support: full
    description: Only reads.
  diff_mode:
    support: none
    description: There is no difference to show.
seealso:
  - module: greenlight.serving.ecs_rollout
  - module: greenlight.serving.rollout_control
"""

EXAMPLES = r"""
- name: What serves?
  greenlight.serving.rollout_info:
    cluster: serving
    name: digits
    record:
      bucket: example-greenlight
  register: info

- name: Say it
  ansible.builtin.debug:
    msg: >-
      {{ info.serving.label }} serves on {{ info.targets | selectattr('state', 'equalto', 'healthy') | length }} of
      {{ info.desired }} targets; before it {{ info.record.last_good | default('nothing', true) }} was good
"""

RETURN = r"""
exists:
  description: Whether there is an active service.
  returned: success
  type: bool
serving:
  description: The release that the cloud completed last; empty when it is none of ours.
  returned: success
  type: dict
  contains:
    id:
      description: The release's id.
      type: str
    label:
      description: Its image.
      type: str
moving:
  description: The deployment in progress, if there is one.
  returned: success
  type: dict
  contains:
    id:
      description: ARN of the service deployment, id of the instance refresh, or id of the rollout that shifts.
      type: str
    status:
      description: In the cloud's own words.
      type: str
    release:
      description: The release it goes to; empty when it is none of ours.
      type: dict
    task_definition:
      description: The task definition, or the launch template and its version, that it goes to.
      type: str
    reason:
      description: Why it is in this status.
      type: str
    stage:
      description: Where it stands, in the cloud's own words.
      type: str
    held:
      description: Where the cloud waits for somebody's word; null when it waits for nobody.
      type: dict
      contains:
        id:
          description: Id of the lifecycle hook, or rollout and weight.
          type: str
        expires:
          description: When the cloud stops waiting.
          type: str
        then:
          description: What the cloud does then.
          type: str
desired:
  description: Tasks or instances that are wanted.
  returned: success
  type: int
targets:
  description:
    - Targets at the load balancer, and tasks or instances that are not registered there, each with its release and
      state.
  returned: success
  type: list
  elements: dict
weights:
  description: Weights by target group of the production and the test rule.
  returned: success
  type: dict
  sample: {production: {digits-blue: 100, digits-green: 0}}
closed:
  description: Whether the public is kept out, because a first release is not proven.
  returned: success
  type: bool
events:
  description: The cloud's last messages, oldest first.
  returned: success
  type: list
  elements: str
record:
  description:
    - What the store remembers - C(live), C(last_good), C(pinned), C(pinned_by), C(rejected) (release to when and why),
      C(releases) (release to label).
  returned: success
  type: dict
ground:
  description:
    - What the service stands on, named as in the options of M(greenlight.serving.ecs_rollout) - C(network),
      C(load_balancer), C(execution_role_arn), C(task_role_arn) - or of M(greenlight.serving.asg_rollout) - C(network),
      C(load_balancer), C(template), C(capacity) - with the C(dns_name) and C(url) of its load balancer.
    - Empty without a service, and for one that has no listener rules of ours.
  returned: success
  type: dict
unfinished:
  description: The rollout that nobody ended; empty when there is none.
  returned: success
  type: dict
  contains:
    rollout_id:
      description: Its id.
      type: str
    from:
      description: The release that it came from.
      type: str
    to:
      description: The release that it goes to.
      type: str
    phase:
      description: Where it stands.
      type: str
    step:
      description: The step of its strategy; missing before the first.
      type: str
    paused:
      description: Why it waits for somebody; missing or empty when it does not.
      type: str
    started_at:
      description: When it began, by the clock of who began it.
      type: str
    started_by:
      description: Who began it.
      type: str
    since:
      description: Since when it stands there, by the store's clock.
      type: str
lock:
  description: Who may change the service at the moment. Without a bucket nobody is known to.
  returned: success
  type: dict
  contains:
    held:
      description: Whether somebody holds the lock.
      type: bool
    owner:
      description: The holder's id, which M(greenlight.serving.rollout_control) asks for to unlock.
      type: str
    who:
      description: The holder, or who held it last.
      type: str
    since:
      description: When the holder took it, by the holder's own clock.
      type: str
    doing:
      description: What it is held for, or how it came to be free.
      type: str
    rollout_id:
      description: The rollout at work.
      type: str
    lease:
      description: Seconds that a sign of life of the holder counts.
      type: float
    age:
      description: Seconds since its last sign of life, by the store's clock; null when that is not known.
      type: float
    expired:
      description: Whether the holder has been silent for longer than its lease. The next run takes the lock over.
      type: bool
request:
  description:
    - What was asked of a rollout last, with M(greenlight.serving.rollout_control); empty when nothing ever was.
  returned: success
  type: dict
  contains:
    id:
      description: The request's id.
      type: str
    action:
      description: What was asked for.
      type: str
    rollout_id:
      description: The rollout that was asked; a later one does not hear of it.
      type: str
    step:
      description: The step at which the rollout stood.
      type: str
    reason:
      description: Why.
      type: str
    by:
      description: Who asked.
      type: str
    at:
      description: When, by the asker's clock.
      type: str
    answer:
      description: What became of it; empty as long as nobody read it.
      type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._glue.argspec_info import REQUIRES, rollout_info
from ..module_utils._glue.ending import attempt, end
from ..module_utils._glue.info import run


def main() -> None:
    module = AnsibleModule(argument_spec=rollout_info(), required_if=REQUIRES, supports_check_mode=True)
    end(module, attempt(run, module.argument_spec, module.params, module.check_mode))


if __name__ == "__main__":
    main()
