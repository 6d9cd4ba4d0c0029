# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: least_policy
author: greenlight.serving contributors
version_added: 0.1.0
short_description: The least IAM policy of whoever runs the playbooks for a service
description:
  - Makes the policy document that allows what the roles and rollout modules of this collection call for one service,
    and nothing else.
  - The bucket of the record has to be there; C(playbooks/bootstrap.yml) makes it with other rights.
positional: _input
options:
  _input:
    description: The name of the service.
    type: str
    required: true
  platform:
    description: What it runs on.
    type: str
    choices: [asg, ecs]
    required: true
  region:
    description: Where it runs.
    type: str
    required: true
  bucket:
    description: The bucket of the rollouts' record.
    type: str
    required: true
  prefix:
    description: What the keys of the record begin with.
    type: str
    default: greenlight
  partition:
    description: The partition of AWS.
    type: str
    default: aws
  schedules:
    description: The schedule group that holds the timers of a service on EC2.
    type: str
    default: default
seealso:
  - module: greenlight.serving.asg_rollout
  - module: greenlight.serving.ecs_rollout
"""

EXAMPLES = r"""
- name: Show what the controller must be allowed
  ansible.builtin.debug:
    msg: >-
      {{ 'digits' | greenlight.serving.least_policy(platform='asg', region='eu-central-1', bucket='example-record') }}
"""

RETURN = r"""
_value:
  description: The policy document.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils._glue import rights


def least_policy(
    name: str,
    platform: str,
    region: str,
    bucket: str,
    prefix: str = "greenlight",
    partition: str = "aws",
    schedules: str = "default",
) -> dict[str, Any]:
    given = {"name": name, "platform": platform, "region": region, "bucket": bucket, "prefix": prefix}
    given |= {"partition": partition, "schedules": schedules}
    if platform not in rights.PASSED_TO:
        raise AnsibleFilterError(f"least_policy: platform must be one of {', '.join(rights.PASSED_TO)}, not {platform}")
    return rights.policy({key: str(value).strip("/") for key, value in given.items()})


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"least_policy": least_policy}
