# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two groups behind one weighted rule, on a running lab. More, kills above all, is in the live matrix."""

from __future__ import annotations

from typing import Any

from tests.integration.asg_rollout.stack import COUNT, Stack
from tests.lab.load.generator import BackgroundLoad, Load

HOLD = 60  # real seconds until a schedule restores the weights: the shortest that is allowed
CANARY: dict[str, Any] = {"strategy": "canary", "hold_seconds": HOLD}


def test_a_good_release_takes_the_traffic_step_by_step_and_the_old_group_goes_last(served: Stack) -> None:
    first = served.record()["live"]
    with BackgroundLoad(Load(served.url, rate=15, seconds=240, requests=2000, stream_seconds=0.3)) as load:
        good = served.roll_out("2", **CANARY, canary={"weight": 20})
        assert (good["state"], good["previous"]["id"], good["identity"]) == ("live", first, "proven"), good["reason"]
    assert load.summary().dropped == 0, load.summary().causes
    told = served.told()
    for place in ("before any user meets", "at 20 % of the traffic", "at 100 % of"):
        assert f"ASG holds {place}" in told
    assert told.count("CreateSchedule") == told.count("DeleteSchedule") == 2
    assert told.rindex("DeleteSchedule") < told.rindex("UpdateAutoScalingGroup")
    assert (served.shares(), served.schedules()) == ({"blue": 0, "green": 100}, [])
    assert (len(served.versions("green")), served.versions("blue")) == (COUNT, [])
    assert [served.group("blue")[name] for name in ("MinSize", "MaxSize", "DesiredCapacity")] == [0, 0, 0]
    assert served.group("green")["SuspendedProcesses"] == []
    assert len(served.group("blue")["SuspendedProcesses"]) == 3

    since = served.mark()
    again = served.roll_out("2", **CANARY)
    assert (again["state"], served.calls(since, mutating=True)) == ("unchanged", []), again["reason"]


def test_a_release_that_never_gets_healthy_never_meets_a_user(served: Stack) -> None:
    before = served.versions("green")
    gate = {**served.options()["gate"], "deadline": 10}
    with BackgroundLoad(Load(served.url, rate=20, seconds=240, requests=2000, stream_seconds=0.3)) as load:
        sick = served.roll_out("never-healthy", strategy="blue_green", hold_seconds=HOLD, gate=gate)
        assert (sick["state"], sick["rollback_verified"]) == ("rolled_back", True), sick["reason"]
    assert load.summary().dropped == 0, load.summary().causes
    assert set(load.summary().releases) == {served.record()["live"]}
    assert (served.shares()["green"], served.versions("green"), served.versions("blue")) == (100, before, [])
