# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instance refreshes on a running lab: taken back from a checkpoint, and safe when we die. More: the live matrix."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.integration.asg_rollout.playing import Playing
from tests.integration.asg_rollout.stack import COUNT, Stack
from tests.lab.load.generator import BackgroundLoad, Load

OVER = ("RollbackSuccessful", "Successful", "Failed", "Cancelled")
PATIENCE = 120.0  # real seconds: a deadline, not an expectation


def newest(stack: Stack) -> dict[str, Any]:
    """The newest refresh; {} = there was none."""
    return next(iter(stack.refreshes()), {})


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_wrong_release_is_taken_back_from_the_first_checkpoint_and_never_comes_again(served: Stack) -> None:
    before = served.versions()
    wrong = served.roll_out("wrong-answers")
    assert (wrong["state"], wrong["rollback_verified"]) == ("rolled_back", True), wrong["reason"]
    # Its first answer to a user decides, before or after the checkpoint is seen: no second server was ever made of it.
    until_then, _, after = served.told().partition("rolling back: the new release answers wrongly")
    assert until_then.count("Launching a new EC2 instance") == 1
    assert "RollbackInstanceRefresh" in after
    assert served.versions() == before
    refresh = newest(served)
    assert refresh["Status"] == "RollbackSuccessful"
    preferences = refresh["Preferences"]
    assert (preferences["MinHealthyPercentage"], preferences["MaxHealthyPercentage"]) == (100, 150)
    assert preferences["AutoRollback"] is True
    alarms = served.lab.client("cloudwatch").describe_alarms()["MetricAlarms"]
    (alarm,) = [each for each in alarms if served.name in each["AlarmName"]]
    assert preferences["AlarmSpecification"] == {"Alarms": [alarm["AlarmName"]]}
    assert alarm["TreatMissingData"] == "notBreaching"
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
    until(lambda: newest(served)["Status"] == "Cancelled" and len(served.versions()) == COUNT)


def test_killed_at_a_checkpoint_auto_scaling_goes_back_alone_and_the_next_run_says_so(
    served: Stack, tmp_path: Path
) -> None:
    before, theirs = served.versions(), newest(served)["InstanceRefreshId"]
    late = {**served.options()["gate"], "initial_delay": 40, "deadline": 100}  # it would be found out much later
    with BackgroundLoad(Load(served.url, rate=20, seconds=240, requests=2000, stream_seconds=0.3)) as load:
        playing = Playing.start(served, tmp_path / "first", "wrong-answers", gate=late, retry_rejected=True)

        def at_the_checkpoint() -> bool:
            assert playing.running, playing.told()
            refresh = newest(served)
            return refresh["InstanceRefreshId"] != theirs and refresh.get("PercentageComplete", 0) >= 25

        until(at_the_checkpoint)
        playing.kill()
        until(lambda: newest(served)["Status"] in OVER)
        assert newest(served)["Status"] == "RollbackSuccessful"
        assert served.versions() == before
    summary = load.summary()
    assert summary.dropped == 0, summary.causes
    assert 0 < summary.wrong_answers < summary.requests / 2  # what a checkpoint exposes, for as long as the alarm needs
    suspended = {one["ProcessName"] for one in served.group()["SuspendedProcesses"]}
    assert suspended == {"AlarmNotification", "AZRebalance", "ScheduledActions"}

    again = Playing.start(served, tmp_path / "second", "1")
    result = again.result()
    assert result["state"] in ("live", "unchanged"), result["reason"]
    assert "unfinished rollout" in again.told()
    assert served.group()["SuspendedProcesses"] == []
    assert served.versions() == before
