# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real load on a real service: rollouts drop nothing, and what a killed task costs is attributed to it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

import tests.unit.conftest  # noqa: F401 - makes the collection importable
from tests.integration.lab.ecs_support import PORT, Cloud, Served, running_lab, until
from tests.lab.load.attribution import Detection, Loss, Move, Traffic, attribute, budget
from tests.lab.load.generator import BackgroundLoad, Load
from tests.matrix.naive import NOTICED, Careless, stop_first

RATE, TARGETS = 25.0, 2
STREAM_SECONDS = 0.4  # shorter than the deregistration delay of 10 AWS seconds
SCALE = 0.1
# ecs_support's health check of 5 AWS seconds, twice, with the lab's floor of real seconds for one check; the
# propagation covers the lab's own and the tick of its engines.
DETECTION = Detection(interval=5 * SCALE, threshold=2, timeout=0.5, propagation=0.5)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with running_lab(tmp_path_factory.mktemp("lab"), SCALE) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def served(cloud: Cloud) -> Served:
    served = cloud.serve("load")
    assert served.settled() == "SUCCESSFUL"
    assert until(lambda: served.ask() == (200, "1"))
    return served


def load(served: Served) -> BackgroundLoad:
    url = f"http://{served.address}:{PORT}"
    return BackgroundLoad(Load(url, RATE, seconds=120.0, stream_steps=4, stream_seconds=STREAM_SECONDS))


def kill_one(served: Served) -> float:
    """SIGKILL one serving task; returns the instant once another has taken its place."""
    task = served.tasks()[0]
    at = time.time()
    os.kill(served.pid(task), signal.SIGKILL)
    until(lambda: task["taskArn"] not in {each["taskArn"] for each in served.tasks()})
    until(lambda: len(served.tasks()) == TARGETS and in_service(served) == TARGETS)
    return at


def in_service(served: Served) -> int:
    shown = served.elb.describe_target_health(TargetGroupArn=served.groups["blue"])["TargetHealthDescriptions"]
    return sum(each["TargetHealth"]["State"] == "healthy" for each in shown)


def test_a_rollout_under_load_drops_nothing(served: Served) -> None:
    with load(served) as running:
        until(lambda: running.summary().requests >= 25)
        since = time.time()
        served.update(taskDefinition=served.define("2"))
        assert served.settled() == "SUCCESSFUL"
        until(lambda: served.ask() == (200, "2"))
        move = Move("rollout", since, time.time())
    found = attribute(running.results(), moves=[move])
    total = running.summary()
    assert found.ok, (found.lines(), total.causes)
    assert (total.dropped, total.wrong_answers) == (0, 0)
    assert set(total.releases) == {"1", "2"}
    assert total.streams > 0


def test_what_a_killed_task_costs_is_attributed_to_it_and_within_its_budget(served: Served) -> None:
    traffic = Traffic(RATE, 1 / TARGETS, latency=0.5, stream_share=0.02, stream_seconds=STREAM_SECONDS)
    allowed = budget(traffic, DETECTION)
    print(f"budget of the kill: {allowed} requests")
    with load(served) as running:
        until(lambda: running.summary().requests >= 25)
        at = kill_one(served)
        before = running.summary().requests
        until(lambda: running.summary().requests >= before + 25)  # it goes on without a failure
    losses = [Loss("kill", at, DETECTION.seconds, allowed)]
    found = attribute(running.results(), losses)
    assert found.ok, (found.lines(losses), running.summary().causes)


def test_the_same_kill_unannounced_is_noticed(served: Served) -> None:
    """Streams that run all the time: the kill must cut some of them, and nothing explains that."""
    url = f"http://{served.address}:{PORT}"
    streams = Load(url, 10.0, seconds=120.0, stream_share=1.0, stream_steps=20, stream_seconds=2.0)
    with BackgroundLoad(streams) as running:
        until(lambda: running.summary().requests >= 10)
        kill_one(served)
    found = attribute(running.results())
    assert not found.ok
    assert running.summary().cut_streams > 0
    assert len(found.unattributed) == running.summary().dropped


def test_a_naive_rollout_is_noticed(cloud: Cloud) -> None:
    """`make matrix` has two more of them, at its own rate."""
    naive = Careless(cloud, "naive")
    naive.balance()
    naive.create()
    assert naive.settled() == "SUCCESSFUL"
    until(lambda: naive.ask() == (200, "1"))
    with BackgroundLoad(Load(f"http://{naive.address}:{PORT}", 100.0, seconds=20.0, stream_seconds=0.4)) as running:
        until(lambda: running.summary().requests >= 25)
        stop_first(naive)
    assert running.summary().dropped > NOTICED
