# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two groups behind one weighted rule, on a running lab: judged before any user, and safe when we die."""

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

HOLD = 60  # real seconds until a schedule restores the weights: the shortest that is allowed
CANARY: dict[str, Any] = {"strategy": "canary", "hold_seconds": HOLD}


def shares(stack: Stack) -> list[int]:
    """Percent of production traffic to blue and green."""
    rules = stack.lab.client("elbv2").describe_rules(ListenerArn=stack.facts["production"])["Rules"]
    (rule,) = [rule for rule in rules if not rule["IsDefault"]]
    groups = rule["Actions"][0]["ForwardConfig"]["TargetGroups"]
    found = {group["TargetGroupArn"]: group["Weight"] for group in groups}
    return [found[stack.facts["blue"]], found[stack.facts["green"]]]


def schedules(stack: Stack) -> list[str]:
    return [each["Name"] for each in stack.lab.client("scheduler").list_schedules()["Schedules"]]


def test_killed_in_the_middle_of_a_canary_the_timer_restores_the_weights_and_the_next_run_says_so(
    served: Stack, tmp_path: Path
) -> None:
    live = served.record()["live"]
    command = served.played(tmp_path, "2", **CANARY, canary={"pause": True})
    with BackgroundLoad(Load(served.url, rate=20, seconds=240, stream_seconds=0.3)) as load:
        with (tmp_path / "out").open("w") as out:
            child = subprocess.Popen(
                command, cwd=ROOT, env=environment(tmp_path), stdout=out, stderr=out, start_new_session=True
            )
            until = time.monotonic() + 120
            while shares(served) != [90, 10]:
                assert child.poll() is None, (tmp_path / "out").read_text()
                assert time.monotonic() < until
                time.sleep(0.1)
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        assert len(schedules(served)) == 1
        while shares(served) != [100, 0]:
            assert time.monotonic() < until
            time.sleep(0.2)
        assert len(served.versions("blue")) == COUNT  # the old group never lost any of its capacity
    assert (load.summary().dropped, load.summary().wrong_answers) == (0, 0), load.summary().causes
    assert schedules(served) == []

    back = served.roll_out("1", **CANARY)
    assert (back["state"], back["release"]["id"]) == ("unchanged", live), back["reason"]
    assert "the unfinished rollout" in served.told()
    assert served.versions("green") == []
    assert served.group("blue")["SuspendedProcesses"] == []


def test_a_good_release_takes_the_traffic_step_by_step_and_the_old_group_goes_last(served: Stack) -> None:
    first = served.record()["live"]
    with BackgroundLoad(Load(served.url, rate=20, seconds=240, stream_seconds=0.3)) as load:
        good = served.roll_out("2", **CANARY, steps=[{"weight": 20}, {"weight": 60}, {"weight": 100}])
        assert (good["state"], good["previous"]["id"], good["identity"]) == ("live", first, "proven"), good["reason"]
    assert load.summary().dropped == 0, load.summary().causes
    told = served.told()
    for place in ("before any user meets", "at 20 % of the traffic", "at 60 % of the traffic", "at 100 % of"):
        assert f"ASG holds {place}" in told
    assert told.count("CreateSchedule") == told.count("DeleteSchedule") == 3
    assert told.rindex("DeleteSchedule") < told.rindex("UpdateAutoScalingGroup")
    assert (shares(served), schedules(served)) == ([0, 100], [])
    assert (len(served.versions("green")), served.versions("blue")) == (COUNT, [])
    assert [served.group("blue")[name] for name in ("MinSize", "MaxSize", "DesiredCapacity")] == [0, 0, 0]
    assert served.group("green")["SuspendedProcesses"] == []
    assert len(served.group("blue")["SuspendedProcesses"]) == 3

    since = served.mark()
    again = served.roll_out("2", **CANARY)
    assert (again["state"], served.calls(since, mutating=True)) == ("unchanged", []), again["reason"]


def test_a_wrong_release_never_meets_a_user(served: Stack) -> None:
    before = served.versions("green")
    with BackgroundLoad(Load(served.url, rate=20, seconds=240, stream_seconds=0.3)) as load:
        wrong = served.roll_out("wrong-answers", **{**CANARY, "strategy": "blue_green"})
        assert (wrong["state"], wrong["rollback_verified"]) == ("rolled_back", True), wrong["reason"]
    assert (load.summary().dropped, load.summary().wrong_answers) == (0, 0), load.summary().causes
    assert (shares(served), served.versions("green"), served.versions("blue")) == ([0, 100], before, [])
