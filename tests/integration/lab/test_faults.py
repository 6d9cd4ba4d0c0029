# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults as a client meets them, switched at run time; the control endpoints over HTTP."""

from __future__ import annotations

import time
from typing import Any

import botocore.exceptions
import pytest
from botocore.exceptions import ClientError

from tests.lab.aws.running import RunningLab


def outcome(call: Any, **arguments: Any) -> str:
    """`ok`, an error code, or the exception's name when no answer came."""
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except botocore.exceptions.HTTPClientError as error:
        return type(error).__name__
    return "ok"


def switch(lab: RunningLab, **rule: Any) -> None:
    lab.control("PUT", "chaos", {"rules": [rule]})


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "code"),
    [
        ("ecs", "list_clusters", {}, "ThrottlingException"),
        ("elbv2", "describe_load_balancers", {}, "Throttling"),
        ("ec2", "describe_vpcs", {}, "RequestLimitExceeded"),
        ("iam", "list_roles", {}, "Throttling"),
        ("s3", "list_buckets", {}, "SlowDown"),
        ("logs", "describe_log_groups", {}, "ThrottlingException"),
        ("secretsmanager", "list_secrets", {}, "ThrottlingException"),
        ("cloudwatch", "describe_alarms", {}, "ThrottlingException"),
    ],
)
def test_each_service_throttles_in_its_own_words(
    faulty_lab: RunningLab, service: str, operation: str, arguments: dict[str, Any], code: str
) -> None:
    client = faulty_lab.client(service, attempts=1)
    switch(faulty_lab, throttle=1)
    assert outcome(getattr(client, operation), **arguments) == code
    faulty_lab.control("DELETE", "chaos")
    assert outcome(getattr(client, operation), **arguments) == "ok"


def test_the_sdks_own_retries_get_over_some_throttling(faulty_lab: RunningLab) -> None:
    client = faulty_lab.client("ecs", attempts=3)
    switch(faulty_lab, throttle=1, limit=1)
    assert outcome(client.list_clusters) == "ok"
    assert faulty_lab.control("GET", "chaos")["counts"] == {"throttle": 1}


def test_a_reset_has_no_effect_and_a_lost_answer_has(faulty_lab: RunningLab) -> None:
    client = faulty_lab.client("ecs", attempts=1)
    before = faulty_lab.control("GET", "trace")[-1]["id"]
    switch(faulty_lab, only="CreateCluster", reset=1)
    assert outcome(client.create_cluster, clusterName="reset") == "ConnectionClosedError"
    switch(faulty_lab, only="CreateCluster", lost=1)
    assert outcome(client.create_cluster, clusterName="lost") == "ConnectionClosedError"
    found = client.describe_clusters(clusters=["reset", "lost"])
    assert [cluster["clusterName"] for cluster in found["clusters"]] == ["lost"]
    calls = [(call["operation"], call["status"], call["fault"]) for call in faulty_lab.trace(before)]
    assert calls == [("CreateCluster", 0, "reset"), ("CreateCluster", 0, "lost"), ("DescribeClusters", 200, "")]


def test_a_stale_read_then_the_truth(faulty_lab: RunningLab) -> None:
    client = faulty_lab.client("ecs", attempts=1)

    def known() -> bool:
        return bool(client.describe_clusters(clusters=["stale"])["clusters"])

    switch(faulty_lab, only="DescribeClusters", stale=1, stale_seconds=20)  # one real second
    assert not known()
    client.create_cluster(clusterName="stale")
    assert not known()
    deadline = time.monotonic() + 30
    while not known():
        assert time.monotonic() < deadline, "stale for ever"
        time.sleep(0.05)
    assert faulty_lab.control("GET", "chaos")["counts"]["stale"] >= 1


def test_the_same_seed_gives_the_same_faults_again(faulty_lab: RunningLab) -> None:
    client = faulty_lab.client("ecs", attempts=1)

    def run() -> list[str]:
        faulty_lab.control("PUT", "chaos", {"rules": [{"throttle": 0.3, "error": 0.2, "reset": 0.1}], "seed": 5})
        return [outcome(client.list_clusters) for _ignored in range(30)]

    first = run()
    assert set(first) == {"ok", "ThrottlingException", "ServerException", "ConnectionClosedError"}
    assert run() == first


def test_wrong_faults_are_refused_and_the_old_ones_stay(faulty_lab: RunningLab) -> None:
    switch(faulty_lab, throttle=0.5)
    with pytest.raises(ValueError, match="throttle is a probability from 0 to 1, not 50"):
        switch(faulty_lab, throttle=50)
    with pytest.raises(ValueError, match="unknown in a rule: trottle"):
        switch(faulty_lab, trottle=0.5)
    assert faulty_lab.control("GET", "chaos")["rules"][0]["throttle"] == 0.5


def test_the_trace_names_callers_and_tells_reads_from_writes(shared_lab: RunningLab) -> None:
    before = shared_lab.control("GET", "trace")[-1]["id"]
    shared_lab.client("ecs").create_cluster(clusterName="traced")
    shared_lab.client("s3").list_buckets()
    with pytest.raises(ClientError):
        shared_lab.client("iam").get_role(RoleName="nobody")
    calls = shared_lab.trace(before)
    assert [(call["service"], call["operation"], call["mutating"], call["status"], call["code"]) for call in calls] == [
        ("ecs", "CreateCluster", True, 200, ""),
        ("s3", "ListBuckets", False, 200, ""),
        ("iam", "GetRole", False, 404, "NoSuchEntity"),
    ]
    assert all(call["user_agent"].startswith("Boto3/") for call in calls)
    assert [call["id"] for call in calls] == [before + 1, before + 2, before + 3]


def test_state_counters_and_log_are_served(shared_lab: RunningLab) -> None:
    state = shared_lab.control("GET", "state")
    assert state["settings"]["network"] == shared_lab.state["network"]
    assert isinstance(state["tasks"], list)
    assert shared_lab.control("GET", "counters").keys() >= {"load_balancers", "target_groups"}
    assert isinstance(shared_lab.control("GET", "log?since=0"), list)
    with pytest.raises(ValueError, match="no GET /lab/nothing"):
        shared_lab.control("GET", "nothing")


def test_what_aws_leaves_open_can_be_switched(shared_lab: RunningLab) -> None:
    defaults = shared_lab.control("GET", "ecs")
    assert defaults == {
        "alarm_at_start": "ignored",
        "blind": False,
        "watch_clean_up": False,
        "native_breaker": False,
    }
    assert shared_lab.control("PUT", "ecs", {"native_breaker": True}) == {**defaults, "native_breaker": True}
    with pytest.raises(ValueError, match="no habit 'bind'"):
        shared_lab.control("PUT", "ecs", {"bind": True})
    assert shared_lab.control("DELETE", "ecs") == defaults
