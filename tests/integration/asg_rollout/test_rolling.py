# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instance refreshes on a running lab: judged at every checkpoint, and safe when we die."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.integration.asg_rollout.stack import COUNT, Stack
from tests.integration.ecs_rollout.test_playbook import ROOT, environment
from tests.lab.load.generator import BackgroundLoad, Load

TAKEN_BACK = ("RollbackSuccessful", "Successful", "Failed")


def newest(stack: Stack) -> dict[str, Any]:
    """The newest refresh; {} = there was none."""
    return next(iter(stack.refreshes()), {})


def test_a_good_release_is_judged_at_each_checkpoint_and_nobody_notices(served: Stack) -> None:
    first = served.record()["live"]
    with BackgroundLoad(Load(served.url, rate=20, seconds=240, stream_seconds=0.3)) as load:
        good = served.roll_out("2")
        assert (good["state"], good["previous"]["id"], good["identity"]) == ("live", first, "proven"), good["reason"]
    assert load.summary().dropped == 0, load.summary().causes
    told = served.told()
    for place in ("at 25 % of the targets", "at 100 % of the targets"):
        assert f"ASG holds {place}" in told
        assert f"passed {place.removesuffix(' of the targets')}" in told
    group = served.group()
    assert served.versions() == [group["LaunchTemplate"]["Version"]] * COUNT
    assert group["SuspendedProcesses"] == []
    preferences = newest(served)["Preferences"]
    assert (preferences["MinHealthyPercentage"], preferences["MaxHealthyPercentage"]) == (100, 150)
    assert preferences["AutoRollback"] is True
    alarms = served.lab.client("cloudwatch").describe_alarms()["MetricAlarms"]
    (alarm,) = [each for each in alarms if served.name in each["AlarmName"]]
    assert preferences["AlarmSpecification"] == {"Alarms": [alarm["AlarmName"]]}
    assert alarm["TreatMissingData"] == "notBreaching"

    since = served.mark()
    again = served.roll_out("2")
    assert (again["state"], served.calls(since, mutating=True)) == ("unchanged", []), again["reason"]


def test_a_wrong_release_is_taken_back_from_the_first_checkpoint_and_never_comes_again(served: Stack) -> None:
    before = served.versions()
    wrong = served.roll_out("wrong-answers")
    assert (wrong["state"], wrong["rollback_verified"]) == ("rolled_back", True), wrong["reason"]
    assert "RollbackInstanceRefresh" in served.told()
    assert served.versions() == before
    assert newest(served)["Status"] == "RollbackSuccessful"
    assert served.group()["SuspendedProcesses"] == []
    since = served.mark()
    assert served.roll_out("wrong-answers")["state"] == "refused"
    assert served.calls(since, mutating=True) == []


def test_a_refresh_of_somebody_else_is_named_and_left_alone(served: Stack) -> None:
    client, name = served.lab.client("autoscaling"), f"{served.name}-blue"
    theirs = client.start_instance_refresh(
        AutoScalingGroupName=name, Preferences={"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150}
    )["InstanceRefreshId"]
    since = served.mark()
    result = served.roll_out("1")
    assert result["state"] == "needs_operator", result["reason"]
    assert theirs in result["reason"]
    assert not {"StartInstanceRefresh", "RollbackInstanceRefresh", "CancelInstanceRefresh"} & set(
        served.calls(since, mutating=True)
    )
    client.cancel_instance_refresh(AutoScalingGroupName=name)
    until = time.monotonic() + 60
    while newest(served)["Status"] != "Cancelled" or len(served.versions()) != COUNT:
        assert time.monotonic() < until
        time.sleep(0.2)


def test_killed_at_a_checkpoint_auto_scaling_goes_back_alone_and_the_next_run_says_so(
    served: Stack, tmp_path: Path
) -> None:
    before = served.versions()
    late = {**served.options()["gate"], "initial_delay": 40}  # it would be found out much later
    command = served.played(tmp_path, "wrong-answers", gate={**late, "deadline": 100}, retry_rejected=True)
    with BackgroundLoad(Load(served.url, rate=20, seconds=240, stream_seconds=0.3)) as load:
        with (tmp_path / "out").open("w") as out:
            child = subprocess.Popen(
                command, cwd=ROOT, env=environment(tmp_path), stdout=out, stderr=out, start_new_session=True
            )
            until = time.monotonic() + 120
            while newest(served).get("PercentageComplete", 0) < 25 or served.versions() == before:
                assert child.poll() is None, (tmp_path / "out").read_text()
                assert time.monotonic() < until
                time.sleep(0.2)
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        while newest(served)["Status"] not in TAKEN_BACK:
            assert time.monotonic() < until
            time.sleep(0.2)
        assert newest(served)["Status"] == "RollbackSuccessful"
        assert served.versions() == before
    summary = load.summary()
    assert summary.dropped == 0, summary.causes
    assert 0 < summary.wrong_answers < summary.requests / 2  # what a checkpoint exposes, for as long as the alarm needs
    assert {one["ProcessName"] for one in served.group()["SuspendedProcesses"]} == {
        "AlarmNotification",
        "AZRebalance",
        "ScheduledActions",
    }

    result = served.roll_out("2")
    assert result["state"] in ("live", "unchanged"), result["reason"]
    assert "unfinished rollout" in served.told()
    assert served.group()["SuspendedProcesses"] == []
