# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Canary, linear and blue/green on a running lab: judged before any user, at every step, and safe when we die."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.ecs_rollout.conftest import made
from tests.integration.ecs_rollout.stack import Stack
from tests.integration.ecs_rollout.test_playbook import ROOT, environment, written
from tests.lab.aws.running import RunningLab
from tests.lab.load.generator import BackgroundLoad, Load


@pytest.fixture(scope="module")
def native(shared_lab: RunningLab) -> Iterator[Stack]:
    """A service whose first release came by blue_green."""
    with made(shared_lab) as shared:
        result = shared.roll_out("1", **shared.native("blue_green"))
        assert (result["state"], result["identity"]) == ("live", "proven"), result["reason"]
        assert "holds before any user meets the release" in told(shared)
        yield shared


def told(stack: Stack) -> str:
    return "\n".join(f"{line.who} {line.text}" for line in stack.lines)


def share(stack: Stack) -> int:
    """Percent of production traffic to the target group that does not serve alone."""
    rules = stack.lab.client("elbv2").describe_rules(ListenerArn=stack.facts["production"])["Rules"]
    (rule,) = [rule for rule in rules if not rule["IsDefault"]]
    return min(group["Weight"] for group in rule["Actions"][0]["ForwardConfig"]["TargetGroups"])


def newest(stack: Stack) -> tuple[str, str]:
    """Status and reason of the newest service deployment."""
    ecs, place = stack.lab.client("ecs"), {"cluster": stack.facts["cluster"], "service": stack.name}
    arns = [each["serviceDeploymentArn"] for each in ecs.list_service_deployments(**place)["serviceDeployments"]]
    found = ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"]
    last = max(found, key=lambda one: one["createdAt"])
    return last["status"], last.get("statusReason", "")


def test_each_strategy_shifts_only_what_was_judged_and_nobody_notices(native: Stack) -> None:
    first = native.record()["live"]
    with BackgroundLoad(Load(native.url, rate=20, seconds=240, stream_seconds=0.3)) as load:
        good = native.roll_out("2", **native.native("canary"))
        assert (good["state"], good["previous"]["id"], good["identity"]) == ("live", first, "proven"), good["reason"]
        lines = told(native)
        for place in ("before any user meets", "at 10 % of the traffic", "at 100 % of the traffic"):
            assert f"ECS holds {place}" in lines
        assert lines.count("ContinueServiceDeployment CONTINUE") == 3
        since = native.mark()
        again = native.roll_out("2", **native.native("canary"))
        assert (again["state"], native.calls(since, mutating=True)) == ("unchanged", []), again["reason"]
        assert len(native.calls(since, mutating=False)) <= 12

        wrong = native.roll_out("wrong-answers", **native.native("canary"))
        assert (wrong["state"], wrong["rollback_verified"]) == ("rolled_back", True), wrong["reason"]
        assert re.search("ContinueServiceDeployment ROLLBACK|StopServiceDeployment", told(native))
    # The wrong one was judged where no user is.
    assert (load.summary().dropped, load.summary().wrong_answers) == (0, 0), load.summary().causes
    alarms = native.lab.client("cloudwatch").describe_alarms()["MetricAlarms"]
    (alarm,) = [each for each in alarms if native.name in each["AlarmName"]]
    assert alarm["TreatMissingData"] == "notBreaching"


def test_killed_in_the_middle_of_a_canary_ecs_goes_back_alone_and_the_next_run_says_so(
    native: Stack, tmp_path: Path
) -> None:
    live, first = native.record()["live"], native.record()["last_good"]
    held = {**native.native("canary"), "canary": {"pause": True}, "hold_timeout": 2, "heartbeat": {"enable": False}}
    command = written(native, tmp_path, "1", **held)
    with BackgroundLoad(Load(native.url, rate=20, seconds=240, stream_seconds=0.3)) as load:
        with (tmp_path / "out").open("w") as out:
            child = subprocess.Popen(
                command, cwd=ROOT, env=environment(tmp_path), stdout=out, stderr=out, start_new_session=True
            )
            until = time.monotonic() + 90
            while share(native) != 10:
                assert child.poll() is None, (tmp_path / "out").read_text()
                assert time.monotonic() < until
                time.sleep(0.1)
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        while newest(native)[0] not in ("ROLLBACK_SUCCESSFUL", "SUCCESSFUL"):
            assert time.monotonic() < until
            time.sleep(0.2)
        assert newest(native)[0] == "ROLLBACK_SUCCESSFUL"
        assert "PRE_PRODUCTION_TRAFFIC_SHIFT pause hook timed out" in newest(native)[1]
        assert share(native) == 0

        forward = native.roll_out("1", **{**native.native("linear"), "linear": {"step": 50}})
        assert (forward["state"], forward["previous"]["id"]) == ("live", live), forward["reason"]
        assert forward["release"]["id"] == first
        assert "the unfinished rollout to models.example/digits:1" in told(native)
        assert "ECS holds at 50 % of the traffic" in told(native)
    assert (load.summary().dropped, load.summary().wrong_answers) == (0, 0), load.summary().causes


def test_a_service_from_elsewhere_is_adopted_by_a_rolling_rollout_of_what_it_runs(stack: Stack) -> None:
    """Made without advancedConfiguration: ECS refuses every other strategy for it."""
    elsewhere = {"load_balancer": {**stack.options()["load_balancer"], "role_arn": None}}
    assert stack.roll_out("1", **elsewhere)["state"] == "live"
    assert "advancedConfiguration" not in stack.service()["loadBalancers"][0]

    result = stack.roll_out("2", **stack.native("blue_green"))
    assert (result["state"], result["identity"]) == ("live", "proven"), result["reason"]
    lines = told(stack)
    assert "a rolling rollout of what it runs gives it that" in lines
    assert lines.index("a rolling rollout of what it runs") < lines.index("ECS holds before any user meets the release")
    assert "digits:1@" in result["previous"]["label"]
