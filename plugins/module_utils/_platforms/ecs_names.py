# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How things of ECS are named to people, and where a task is found. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def readable(message: str) -> str:
    """A message of ECS without the service's name, with names for ARNs and short task ids."""
    message = re.sub(r"^\(service [\w-]+(?:, taskSet [\w/-]+)?\) ", "", message)
    message = re.sub(r"arn:[\w-]+:elasticloadbalancing:[\w-]*:\d*:targetgroup/([\w-]+)/\w+", r"\1", message)
    return re.sub(r"\b([0-9a-f]{8})[0-9a-f]{24}\b", r"\1", message)


def task_address(task: Mapping[str, Any]) -> str:
    """The private IPv4 address of the task's network interface; "" before it has one."""
    for attachment in task.get("attachments", []):
        if attachment.get("type") == "ElasticNetworkInterface":
            for detail in attachment.get("details", []):
                if detail.get("name") == "privateIPv4Address":
                    return str(detail.get("value", ""))
    return ""
