# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: judging_findings
author: greenlight.serving contributors
version_added: 0.2.0
short_description: What is wrong with the way a release is to be judged
description:
  - Checks probes, gate and times as the rollout modules do, and connects to nothing.
  - For roles, which look for everything that is wrong before they change anything.
positional: _input
options:
  _input:
    description:
      - C(probes), C(gate), C(timing) and C(reach), as M(greenlight.serving.ecs_rollout) takes them. What is left out is
        in order.
    type: dict
    required: true
  prefix:
    description: Stands before their names in what is found, for variables that are named after their role.
    type: str
    default: ""
  admitted:
    description: Path patterns with C(*) and C(?). A probe of another path is wrong; without any pattern none is.
    type: list
    elements: str
    default: []
seealso:
  - module: greenlight.serving.ecs_rollout
  - module: greenlight.serving.probe
"""

EXAMPLES = r"""
- name: Refuse times and probes that cannot be
  ansible.builtin.assert:
    that: findings | length == 0
    fail_msg: "{{ findings | join('; ') }}"
  vars:
    findings: "{{ {'probes': my_probes, 'timing': my_timing} | greenlight.serving.judging_findings(prefix='my_') }}"
"""

RETURN = r"""
_value:
  description: One sentence for each thing that is wrong - the field, what is allowed, what was given, how to mend it.
  type: list
  elements: str
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils._glue import judging


def judging_findings(given: Any, prefix: str = "", admitted: Sequence[str] = ()) -> list[str]:
    if not isinstance(given, Mapping):
        raise AnsibleFilterError(f"judging_findings wants a mapping, not {type(given).__name__}")
    # What templates made may carry tags; the checks want plain data.
    plain = json.loads(json.dumps(given, default=str))
    return [str(finding) for finding in judging.parse(plain, prefix, [str(pattern) for pattern in admitted])[1]]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"judging_findings": judging_findings}
