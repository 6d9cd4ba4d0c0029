# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: status_picture
author: greenlight.serving contributors
version_added: 0.1.0
short_description: What serves, what moves and what is remembered, in lines for people
description:
  - Makes a picture of at most 68 columns of what M(greenlight.serving.rollout_info) returned.
positional: _input
options:
  _input:
    description:
      - What M(greenlight.serving.rollout_info) returned.
    type: dict
    required: true
  name:
    description: The service, as people call it.
    type: str
    required: true
  cloud:
    description: Who moves it, as people call them.
    type: str
    default: ECS
seealso:
  - module: greenlight.serving.rollout_info
"""

EXAMPLES = r"""
- name: Show what serves
  ansible.builtin.debug:
    msg: "{{ seen | greenlight.serving.status_picture('serving/digits') }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils._glue import picture


def status_picture(seen: Any, name: str, cloud: str = "ECS") -> list[str]:
    if not isinstance(seen, Mapping) or "record" not in seen:
        raise AnsibleFilterError("status_picture wants what greenlight.serving.rollout_info returned")
    return picture.lines(json.loads(json.dumps(seen, default=str)), str(name), str(cloud))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"status_picture": status_picture}
