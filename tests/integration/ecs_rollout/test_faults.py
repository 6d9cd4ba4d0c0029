# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API is sick, a task dies, the controller stops, two of them run: rollouts end as they should."""

from __future__ import annotations

import os
import signal
import threading
import time

from ansible_collections.greenlight.serving.plugins.module_utils._glue.kit_ecs import run
from tests.integration.ecs_rollout.stack import Stack
from tests.lab.load.attribution import Detection, Loss, Traffic, attribute, budget
from tests.lab.load.generator import BackgroundLoad, Load

SICK_API = {"rules": [{"throttle": 0.25, "lost": 0.1, "stale": 0.2, "stale_seconds": 10}]}
PATIENT = {"deadline": 300, "rollback_deadline": 300, "min_ready": 0.6, "bake": 0.5, "poll": 0.3, "settle": 1}


def test_rollouts_end_as_without_faults_while_the_api_is_sick(served: Stack) -> None:
    first = served.record()["live"]
    served.lab.control("PUT", "chaos", SICK_API)
    good = served.roll_out("2", timing=PATIENT)
    assert (good["state"], good["previous"]["id"]) == ("live", first), good["reason"]
    wrong = served.roll_out("wrong-answers", timing=PATIENT)
    assert (wrong["state"], wrong["rollback_verified"]) == ("rolled_back", True), wrong["reason"]
    counts = served.lab.control("GET", "chaos")["counts"]
    served.lab.control("DELETE", "chaos")
    assert counts, "no fault was injected"
    assert served.record()["live"] == good["release"]["id"]
    assert served.roll_out("2")["state"] == "unchanged"
    definitions = served.lab.client("ecs").list_task_definitions(familyPrefix=served.name)["taskDefinitionArns"]
    assert len(definitions) == 3  # a lost answer let nothing be registered twice


def test_an_answer_lost_on_the_way_back_is_read_back(served: Stack) -> None:
    served.roll_out("2")
    served.lab.control("PUT", "chaos", {"rules": [{"only": "ecs.StopServiceDeployment", "lost": 1.0}]})
    since = served.mark()
    wrong = served.roll_out("wrong-answers", retry_rejected=True)
    assert (wrong["state"], wrong["rollback_verified"]) == ("rolled_back", True), wrong["reason"]
    assert served.calls(since, mutating=True).count("StopServiceDeployment") == 1
    assert any("answer lost" in line.text for line in served.lines)


def test_a_killed_task_is_replaced_and_its_failures_stay_within_budget(served: Stack) -> None:
    scale = served.state["scale"]
    load = Load(served.url, rate=40, seconds=60, stream_share=0.0, timeout=5.0)
    detection = Detection(interval=5 * scale, threshold=2, timeout=2 * scale, propagation=1.0)
    allowed = budget(Traffic(rate=40, share=0.5, latency=0.1), detection)
    with BackgroundLoad(load) as running:
        time.sleep(1.0)  # traffic on both before one dies
        victim = next(t for t in served.lab.control("GET", "state")["tasks"] if t["service"].endswith(served.name))
        killed_at = time.time()
        os.kill(victim["pid"], signal.SIGKILL)
        until = time.monotonic() + 60
        while served.healthy() < 2 or any(
            task["pid"] == victim["pid"] for task in served.lab.control("GET", "state")["tasks"]
        ):
            assert time.monotonic() < until, "the task was not replaced"
            time.sleep(0.1)
    loss = Loss(victim["address"], killed_at, detection.seconds, allowed)
    found = attribute(running.results(), [loss])
    assert found.ok, found.lines([loss])
    assert found.by_loss


def test_an_interrupted_run_says_so_and_the_next_one_goes_on(served: Stack) -> None:
    served.roll_out("2")
    asked = threading.Event()
    params = served.parameters("1")

    def report(event: object, waiting: bool) -> None:
        if waiting and getattr(event, "phase", "") == "moving":
            asked.set()

    stopped = run(params, False, report, asked.is_set)
    assert (stopped["state"], stopped["failed"]) == ("interrupted", True), stopped["reason"]
    assert served.record()["unfinished"]["to"] == stopped["release"]["id"]
    resumed = served.roll_out("1", on_unfinished="resume")
    assert (resumed["state"], resumed["rollout_id"]) == ("live", stopped["rollout_id"]), resumed["reason"]
    assert served.record()["unfinished"] == {}


def test_without_waiting_a_later_run_judges(served: Stack) -> None:
    begun = served.roll_out("engine-dead", wait=False)
    assert (begun["state"], begun["failed"]) == ("in_progress", False), begun["reason"]
    judged = served.roll_out("engine-dead")
    assert (judged["state"], judged["rollback_verified"]) == ("rolled_back", True), judged["reason"]
