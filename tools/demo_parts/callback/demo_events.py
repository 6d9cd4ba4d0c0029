# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Callback plugin of the demo: reports results on standard output as lines that playbooks.py takes out again."""

from __future__ import annotations

import json
from typing import Any

from ansible.executor.task_result import CallbackTaskResult
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: demo_events
type: notification
short_description: Report rollout results and counts to the demo
description:
  - One line of JSON per rollout result and per play recap, for tools/demo.py alone.
"""

MARK = "@demo "
KEPT = ("state", "reason", "release", "previous", "rollback_verified", "duration", "identity")


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "demo_events"

    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        self._rollout(result)
        service = result.result.get("ansible_facts", {}).get("ecs_fargate_serving_result")
        if service:
            self._tell("service", url=service["url"])
        if result.is_changed() and "rollback_verified" not in result.result:
            self._tell("made", task=result.task_name.rpartition(" | ")[2])

    def v2_runner_on_failed(self, result: CallbackTaskResult, ignore_errors: bool = False) -> None:
        self._rollout(result)
        if not ignore_errors:
            self._tell("failed", task=result.task_name, message=str(result.result.get("msg", "")))

    def v2_playbook_on_stats(self, stats: Any) -> None:
        hosts = {host: stats.summarize(host) for host in sorted(stats.processed)}
        self._tell("recap", changed=sum(each["changed"] for each in hosts.values()), hosts=sorted(hosts))

    def _rollout(self, result: CallbackTaskResult) -> None:
        values = result.result
        if "rollback_verified" in values:
            self._tell("rollout", **{name: values[name] for name in KEPT if name in values})

    def _tell(self, event: str, **values: Any) -> None:
        self._display.display(MARK + json.dumps({"event": event, **values}, default=str), log_only=False)
