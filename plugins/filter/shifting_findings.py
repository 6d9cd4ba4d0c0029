# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: shifting_findings
author: greenlight.serving contributors
version_added: 0.2.0
short_description: What is wrong with the way traffic is shifted to a release
description:
  - Checks strategy, steps and heartbeat as the rollout modules do, and connects to nothing.
  - For roles, which look for everything that is wrong before they change anything.
positional: _input
options:
  _input:
    description:
      - C(strategy), C(steps), C(canary), C(linear), C(hold_timeout), C(heartbeat), C(on_unfinished) and C(timing), as
        M(greenlight.serving.ecs_rollout) takes them. What is left out is in order.
    type: dict
    required: true
  prefix:
    description: Stands before their names in what is found, for variables that are named after their role.
    type: str
    default: ""
  platform:
    description:
      - Whose strategies they are. V(asg) takes C(hold_seconds), C(unattended) and C(wait) instead of C(linear) and
        C(hold_timeout), as M(greenlight.serving.asg_rollout) does.
    type: str
    choices: [ecs, asg]
    default: ecs
seealso:
  - module: greenlight.serving.asg_rollout
  - module: greenlight.serving.ecs_rollout
"""

EXAMPLES = r"""
- name: Refuse a strategy that cannot be
  ansible.builtin.assert:
    that: findings | length == 0
    fail_msg: "{{ findings | join('; ') }}"
  vars:
    findings: "{{ {'strategy': 'linear', 'linear': {'step': 2}} | greenlight.serving.shifting_findings }}"
"""

RETURN = r"""
_value:
  description: One sentence for each thing that is wrong - the field, what is allowed, what was given, how to mend it.
  type: list
  elements: str
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils._glue import shifting


def shifting_findings(given: Any, prefix: str = "", platform: str = "ecs") -> list[str]:
    if not isinstance(given, Mapping):
        raise AnsibleFilterError(f"shifting_findings wants a mapping, not {type(given).__name__}")
    if platform not in shifting.FIELDS:
        raise AnsibleFilterError(f"shifting_findings knows {', '.join(shifting.FIELDS)}, not {platform}")
    # What templates made may carry tags; the checks want plain data.
    plain = json.loads(json.dumps(given, default=str))
    return [str(finding) for finding in shifting.findings(plain, prefix, platform)]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"shifting_findings": shifting_findings}
