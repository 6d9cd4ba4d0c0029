# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two at one service: the second is told who is at work, and may end it from another shell."""

from __future__ import annotations

import threading
import time
from typing import Any

from ansible_collections.greenlight.serving.plugins.module_utils._glue import argspec_info, control, info
from ansible_collections.greenlight.serving.plugins.module_utils._glue.ending import attempt
from ansible_collections.greenlight.serving.plugins.module_utils._glue.kit_ecs import run
from tests.integration.ecs_rollout.stack import Stack

QUICK = {"connect_timeout": 1, "read_timeout": 2}  # seconds: so the lease can be short
SLOW = {"deadline": 200, "rollback_deadline": 200, "min_ready": 0.6, "bake": 60, "poll": 0.3, "settle": 0.5, "lease": 6}


def beside(stack: Stack) -> dict[str, Any]:
    """The options of rollout_info and rollout_control."""
    given = stack.parameters("2")
    names = ("region", "endpoint_url", "access_key", "secret_key", "cluster", "name", "record", "aws_config")
    return {**{name: given[name] for name in names}, "platform": "ecs"}


def look(stack: Stack) -> dict[str, Any]:
    return attempt(info.run, argspec_info.rollout_info(), beside(stack), False)


def abort(stack: Stack) -> dict[str, Any]:
    params = {**beside(stack), "action": "abort", "reason": "the second thought it over", "holder": None}
    return attempt(control.run, argspec_info.rollout_control(), params, False)


def test_a_second_operator_is_told_who_is_at_work_and_may_abort_it(served: Stack) -> None:
    live, ended = served.record()["live"], {}
    params = served.parameters("2", timing=SLOW, aws_config=QUICK)
    first = threading.Thread(target=lambda: ended.update(run(params)))
    first.start()
    until = time.monotonic() + 120
    while (
        not served.lab.client("s3").list_objects_v2(Bucket=served.facts["bucket"], Prefix="greenlight")["KeyCount"] > 1
    ):
        assert time.monotonic() < until
        time.sleep(0.1)
    second = run(params)
    assert (second["state"], second["changed"]) == ("refused", False), second["reason"]
    for part in ("has held the lock", "playbooks/status.yml", "serving_action=abort", "rollout "):
        assert part in second["reason"]

    seen = look(served)
    assert (seen["lock"]["held"], seen["lock"]["expired"]) == (True, False)
    assert seen["lock"]["rollout_id"] == seen["unfinished"]["rollout_id"]
    assert abort(served)["changed"]
    first.join(timeout=120)
    assert (ended["state"], ended["rollback_verified"]) == ("rolled_back", True), ended["reason"]
    assert "the second thought it over" in ended["reason"]
    record = served.record()
    assert (record["live"], record["rejected"], record["unfinished"]) == (live, {}, {})
    after = look(served)
    assert (after["lock"]["held"], after["request"]["answer"] != "") == (False, True)
    again = abort(served)
    assert "no rollout is under way" in again["msg"]
