# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: summary
type: aggregate
author:
  - greenlight.serving contributors (@greenlight)
version_added: 0.2.0
short_description: One line for each service at the end of a run
description:
  - After the recap it says for every service that was rolled out - its state, its release, how long it took, how many
    probes failed, and what to do next.
  - It shows nothing that the results of the tasks do not hold, and nothing of tasks with C(no_log).
requirements:
  - Enable it with C(callbacks_enabled = greenlight.serving.summary) in ansible.cfg, or with the environment variable
    E(ANSIBLE_CALLBACKS_ENABLED).
seealso:
  - module: greenlight.serving.asg_rollout
  - module: greenlight.serving.ecs_rollout
"""

import textwrap
from collections.abc import Mapping
from typing import Any

from ansible import constants
from ansible.plugins.callback import CallbackBase

MODULES = ("asg_rollout", "ecs_rollout")
ROLLOUTS = frozenset({*MODULES, *(f"greenlight.serving.{name}" for name in MODULES)})
WIDTH = 80  # columns
NEXT = "; next: "


def lines(service: str, result: Mapping[str, Any]) -> list[str]:
    """What became of one service. `result`: that of a rollout module."""
    requests = result.get("requests") or {}
    failed = sum((requests.get("failed") or {}).values())
    release = result.get("release") or {}
    named = release.get("label") or release.get("id") or "no release"
    probes = f"{failed} of {requests.get('seen', 0)} probes failed"
    said = f"{result['state']}, {named}, {result.get('duration') or 0:.0f} s, {probes}"
    _ignored, found, do = str(result.get("reason") or "").rpartition(NEXT)
    text = f"{said}; next: {do.rstrip('.')}" if found else f"{said}; next: see the message above"
    head = f"{service:<20} "
    return textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent="  ", break_on_hyphens=False)


class CallbackModule(CallbackBase):  # type: ignore[misc] # ansible-core has no types
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "greenlight.serving.summary"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[str, Mapping[str, Any]] = {}  # host -> result of its newest rollout

    def v2_runner_on_ok(self, result: Any) -> None:
        self._keep(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:  # noqa: ARG002 - ansible-core's
        self._keep(result)

    def v2_playbook_on_stats(self, stats: Any) -> None:  # noqa: ARG002 - ansible-core's
        stderr = "json" in str(constants.DEFAULT_STDOUT_CALLBACK)  # a callback that prints JSON owns standard output
        for host in sorted(self._found):
            for line in lines(host, self._found[host]):
                self._display.display(line, stderr=stderr)

    def _keep(self, result: Any) -> None:
        if result.task.action in ROLLOUTS and not result.task.no_log and result.result.get("state"):
            self._found[result.host.get_name()] = result.result
