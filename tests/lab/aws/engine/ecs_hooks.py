# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PAUSE hooks of a native service deployment: started with their stage, answered, timed out. Pure.

Source: Amazon ECS Developer Guide, "Pause hooks for Amazon ECS service deployments" and "Troubleshooting
Amazon ECS blue/green deployments" (the texts of the reasons).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.lab.aws.engine.ecs_model import Ids, Moment
from tests.lab.aws.engine.ecs_native_model import Hook, Native

TIMEOUT = 1440  # minutes; botocore ecs/2014-11-13, DeploymentLifecycleHookTimeoutConfiguration
AWAITING = "AWAITING_ACTION"


def start(config: Mapping[str, Any], stage: str, ids: Ids, moment: Moment) -> list[Hook]:
    """An execution of every hook configured at `stage`: they run in parallel, each with an id of its own."""
    found = []
    for given in config.get("lifecycleHooks") or ():
        if stage in (given.get("lifecycleStages") or ()):
            timeout = given.get("timeoutConfiguration") or {}
            seconds = 60.0 * int(timeout.get("timeoutInMinutes") or TIMEOUT)
            action = timeout.get("action") or "ROLLBACK"
            found.append(Hook(ids.hook(), stage, moment.now + seconds, moment.later(seconds), action))
    return found


def awaiting(native: Native, hook: str) -> Hook | None:
    """The execution of that id, if it still waits for its answer."""
    return next((one for one in native.hooks if one.id == hook and one.status == AWAITING), None)


def answer(hook: Hook, action: str) -> None:
    """ContinueServiceDeployment. `action`: CONTINUE or ROLLBACK."""
    hook.status = "SUCCEEDED" if action == "CONTINUE" else "FAILED"


def expire(native: Native, now: float) -> None:
    for hook in native.hooks:
        if hook.status == AWAITING and now >= hook.due:
            hook.status = "TIMED_OUT"


def failure(native: Native) -> str:
    """Why the hooks want a rollback; "" when they do not. One is enough, whatever the others say."""
    for hook in native.hooks:
        if hook.status == "TIMED_OUT" and hook.on_timeout == "ROLLBACK":
            return f"Service deployment rolled back because {hook.stage} pause hook timed out."
        if hook.status == "FAILED":
            return f"Service deployment rolled back because {hook.stage} lifecycle hook(s) failed."
    return ""


def pending(native: Native) -> bool:
    """Some hook of the stage still waits for its answer."""
    return any(hook.status == AWAITING for hook in native.hooks)
