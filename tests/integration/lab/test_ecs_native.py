# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ECS's native deployments on a running lab, driven by boto3: two target groups, real weights, pauses, alarms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.lab.ecs_support import BREAKER, running_lab, until
from tests.integration.lab.native_support import TEST_PORT, Alarm, Native

NO_BAKE = {"canaryPercent": 20.0, "canaryBakeTimeInMinutes": 0}
CANARY: dict[str, Any] = {"strategy": "CANARY", "bakeTimeInMinutes": 0, "canaryConfiguration": NO_BAKE}


def pause(*stages: str, minutes: int = 60) -> dict[str, Any]:
    timeout = {"timeoutInMinutes": minutes, "action": "ROLLBACK"}
    return {"targetType": "PAUSE", "lifecycleStages": list(stages), "timeoutConfiguration": timeout}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Native]:
    """Version 1, live in the blue group."""
    with running_lab(tmp_path_factory.mktemp("lab")) as cloud:
        served = Native(cloud, "native")
        served.balance()
        served.create(loadBalancers=served.advanced(), deploymentConfiguration={**CANARY, "lifecycleHooks": []})
        assert served.settled() == "SUCCESSFUL"
        assert served.live_group() == "blue"
        yield served


def test_a_canary_waits_for_our_word_at_every_step_and_ends_in_the_other_group(served: Native) -> None:
    hooks = [pause("POST_TEST_TRAFFIC_SHIFT", "PRE_PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT")]
    served.update(deploymentConfiguration={**CANARY, "lifecycleHooks": hooks}, taskDefinition=served.define("2"))
    stage, first, left = served.held()
    assert (stage, left > 60) == ("POST_TEST_TRAFFIC_SHIFT", True)  # 60 AWS minutes at this scale: 180 s
    assert served.weights(served.test_rule) == {"blue": 0, "green": 100}
    assert until(lambda: served.ask(TEST_PORT) == (200, "2"))
    assert {served.ask() for _ignored in range(20)} == {(200, "1")}
    served.proceed(first)
    stage, second, _ignored = served.held()
    assert (stage, served.weights()) == ("PRE_PRODUCTION_TRAFFIC_SHIFT", {"blue": 100, "green": 0})
    with pytest.raises(ClientError, match="Provided hookId is either completed, unavailable"):
        served.proceed(first)
    served.proceed(second)
    until(lambda: served.weights() == {"blue": 80, "green": 20})
    stage, third, _ignored = served.held()
    assert stage == "PRE_PRODUCTION_TRAFFIC_SHIFT"
    target = served.current()["targetServiceRevision"]
    assert (target["requestedProductionTrafficWeight"], target["runningTaskCount"]) == (20.0, 2)
    answers = Counter(served.ask() for _ignored in range(100))
    assert set(answers) == {(200, "1"), (200, "2")}
    assert 5 <= answers[200, "2"] <= 40  # of 20 expected; below 5 or above 40: once in 100,000 runs
    served.proceed(third)
    stage, last, _ignored = served.held()
    assert (stage, served.weights()) == ("POST_PRODUCTION_TRAFFIC_SHIFT", {"blue": 0, "green": 100})
    assert len(served.tasks()) == 4
    assert until(lambda: {served.ask() for _ignored in range(10)} == {(200, "2")})
    served.proceed(last)
    assert served.settled() == "SUCCESSFUL"
    assert (served.live_group(), len(served.tasks())) == ("green", 2)


def test_left_alone_at_a_pause_it_rolls_back_by_itself_and_nobody_sees_it(served: Native) -> None:
    hooks = [pause("PRE_PRODUCTION_TRAFFIC_SHIFT", minutes=1)]
    served.update(deploymentConfiguration={**CANARY, "lifecycleHooks": hooks}, taskDefinition=served.define("1"))
    _stage, hook, left = served.held()
    assert 0 < left <= 3
    answers = set()
    while served.current()["status"] in ("PENDING", "IN_PROGRESS", "ROLLBACK_IN_PROGRESS"):
        answers.add(served.ask())
    ended = served.current()
    assert answers == {(200, "2")}
    assert (ended["status"], ended["statusReason"]) == (
        "ROLLBACK_SUCCESSFUL",
        "Service deployment rolled back because PRE_PRODUCTION_TRAFFIC_SHIFT pause hook timed out.",
    )
    assert [(one["hookId"], one["status"]) for one in ended["lifecycleHookDetails"]] == [(hook, "TIMED_OUT")]
    assert served.weights() == served.weights(served.test_rule) == {"blue": 0, "green": 100}
    with pytest.raises(ClientError, match="not allowed for service deployment in terminal states"):
        served.proceed(hook)


def test_a_silent_heartbeat_rolls_back_what_hangs_in_scale_up(served: Native) -> None:
    alarm = Alarm(served)
    alarm.put("notBreaching")
    until(lambda: alarm.beat() or alarm.state() == "OK")
    alarm.put("breaching")
    assert alarm.state() == "OK"
    alarms = {"alarmNames": [alarm.name], "enable": True, "rollback": True}
    served.update(
        deploymentConfiguration={**CANARY, "lifecycleHooks": [], "alarms": alarms},
        taskDefinition=served.define("never-healthy"),
    )
    until(lambda: alarm.beat() or served.current().get("lifecycleStage") == "SCALE_UP")
    assert served.current()["alarms"] == {
        "status": "MONITORING",
        "alarmNames": [alarm.name],
        "triggeredAlarmNames": [],
    }
    with pytest.raises(ClientError, match="cannot be changed while a service deployment is in progress"):
        served.update(deploymentConfiguration={"strategy": "ROLLING"})
    assert served.settled() == "ROLLBACK_SUCCESSFUL"  # no beat any more
    ended = served.current()
    assert ended["alarms"]["triggeredAlarmNames"] == [alarm.name]
    assert (served.live_group(), served.ask()) == ("blue", (200, "2"))  # live_group: of what was tried


def test_an_alarm_that_rings_already_is_ignored_for_the_whole_deployment(served: Native) -> None:
    assert Alarm(served).state() == "ALARM"
    served.update(
        deploymentConfiguration={"strategy": "ROLLING", "deploymentCircuitBreaker": BREAKER},
        taskDefinition=served.define("1"),
    )
    assert served.settled() == "SUCCESSFUL"
    ended = served.current()
    assert ended["alarms"]["status"] == "DISABLED"
    assert "lifecycleStage" not in ended
    assert (served.live_group(), served.weights()) == ("green", {"blue": 0, "green": 100})  # rolling stays
    assert until(lambda: served.ask() == (200, "1"))
