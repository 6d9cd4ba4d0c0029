#!/usr/bin/python
# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: rollout_control
short_description: Promote, pause, resume or abort a rollout from another shell, or unlock a dead one
version_added: 0.2.0
description:
  - Leaves a request beside the service's record. The rollout at work reads it within a few seconds, decides what
    becomes of it, and writes the answer down; M(greenlight.serving.rollout_info) shows it. When nobody is at work the
    next run reads it.
  - A request is for the rollout that is under way when it is made, and never reaches a later one. A later request takes
    the place of one that was not read yet; nothing takes the place of V(abort).
  - Does not touch the cloud.
author:
  - greenlight.serving contributors (@greenlight)
options:
  action:
    description:
      - V(promote) lets a rollout that waits for somebody at a step go on past it, and only past that one.
      - V(pause) holds it at its next gate; V(resume) ends that. A timer of the cloud's that is armed goes on running.
      - V(abort) brings the previous release back. The release is not rejected.
      - V(unlock) takes the lock from a holder that is dead. It first watches the lock for its lease and a sixth more
        (70 seconds by default) and refuses when there is any sign of life. There is seldom need for it, as every run
        takes the lock of a dead holder over by itself, after the same time.
    type: str
    choices: [promote, pause, resume, abort, unlock]
    required: true
  reason:
    description: Why; kept with the request or with the lock. Required to unlock.
    type: str
  holder:
    description:
      - Id of the holder that is dead, RV(greenlight.serving.rollout_info#module:lock.owner). Required to unlock.
    type: str
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
        description: Name of the bucket. Required.
        type: str
      prefix:
        description: First part of the objects' keys.
        type: str
        default: greenlight
extends_documentation_fragment:
  - greenlight.serving.aws
attributes:
  check_mode:
    support: full
    description: Says what would be asked. Also watches the lock before it says that it would be freed.
  diff_mode:
    support: full
    description: Shows the request, or the lock, before and after.
seealso:
  - module: greenlight.serving.ecs_rollout
  - module: greenlight.serving.rollout_info
"""

EXAMPLES = r"""
- name: Let the canary go on
  greenlight.serving.rollout_control:
    cluster: serving
    name: digits
    record:
      bucket: example-greenlight
    action: promote

- name: Bring the previous release back
  greenlight.serving.rollout_control:
    cluster: serving
    name: digits
    record:
      bucket: example-greenlight
    action: abort
    reason: the new model is too slow in the evening

- name: Who holds the lock?
  greenlight.serving.rollout_info:
    cluster: serving
    name: digits
    record:
      bucket: example-greenlight
  register: info

- name: Take it from a controller that burnt down
  greenlight.serving.rollout_control:
    cluster: serving
    name: digits
    record:
      bucket: example-greenlight
    action: unlock
    holder: "{{ info.lock.owner }}"
    reason: its machine is gone
"""

RETURN = r"""
msg:
  description: What was asked for and who will read it, or why nothing had to be, or could be, asked for.
  returned: always
  type: str
  sample: "serving/digits: abort of rollout 20260301T100000Z-a1b2c3 is asked for; ops@one reads it at its next look."
request:
  description: The request as it stands; empty for V(unlock). See RV(greenlight.serving.rollout_info#module:request).
  returned: success
  type: dict
lock:
  description: The lock as it stands. See RV(greenlight.serving.rollout_info#module:lock).
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._glue.argspec_info import CONTROL_REQUIRES, rollout_control
from ..module_utils._glue.control import run
from ..module_utils._glue.ending import attempt, end


def main() -> None:
    spec = rollout_control()
    module = AnsibleModule(argument_spec=spec, required_if=CONTROL_REQUIRES, supports_check_mode=True)
    end(module, attempt(run, spec, module.params, module.check_mode))


if __name__ == "__main__":
    main()
