# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: service_findings
author: greenlight.serving contributors
version_added: 0.1.0
short_description: What is wrong with the variables of a serving role, and with the account for them
description:
  - Checks the variables of a role, or what was read of the account, and connects to nothing.
  - For roles, which look for everything that is wrong before they change anything.
positional: _input
options:
  _input:
    description:
      - The role's variables, by their full names.
    type: dict
    required: true
  role:
    description: Whose variables they are.
    type: str
    choices: [asg_fleet, ecs_fargate_serving]
    required: true
  read:
    description:
      - What was read of the account - C(caller), C(subnets), C(group), C(image), as the stock modules return them,
        C(front) as P(greenlight.serving.alb_frontend#role) hands it over, and C(owner) and C(group_name) of what the
        role makes. Then only this is checked.
    type: dict
"""

EXAMPLES = r"""
- name: Refuse variables that cannot be
  ansible.builtin.assert:
    that: findings | length == 0
    fail_msg: "{{ findings | join('; ') }}"
  vars:
    names: "{{ query('ansible.builtin.varnames', '^asg_fleet_') }}"
    findings: >-
      {{ dict(names | zip(query('ansible.builtin.vars', *names))) | greenlight.serving.service_findings('asg_fleet') }}
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

from ..module_utils._glue import fleet_inputs, role_checks, service_account, service_inputs

ROLES = {"asg_fleet": fleet_inputs.checks, "ecs_fargate_serving": service_inputs.checks}


def service_findings(given: Any, role: str, read: Any = None) -> list[str]:
    if not isinstance(given, Mapping) or role not in ROLES:
        raise AnsibleFilterError(f"service_findings wants the variables of one of {', '.join(ROLES)}")
    # What templates made may carry tags; the checks want plain data.
    plain: dict[str, Any] = json.loads(json.dumps(given, default=str))
    prefix = f"{role}_"
    values = {name.removeprefix(prefix): value for name, value in plain.items() if name.startswith(prefix)}
    absent = values.get("state") == "absent"
    wrong = role_checks.findings(ROLES[role](absent), values, prefix)
    if read is None:
        return [str(finding) for finding in wrong]
    known = json.loads(json.dumps(read, default=str))
    account = service_account.Account(
        prefix, values, known, known.get("front"), known.get("owner", ""), known.get("group_name", "")
    )
    # What is wrong by itself is told already.
    told = {finding.field for finding in wrong}
    return [str(finding) for finding in service_account.findings(account, absent) if finding.field not in told]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"service_findings": service_findings}
