# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients from connection options: settings, retries of reads alone, pages. No network: answers come from a hook."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from ansible_collections.greenlight.serving.plugins.module_utils._clients.aws import READ_ATTEMPTS, Aws
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Outcome
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.base import PortError

OPTIONS = {"region": "eu-central-1", "access_key": "AKIDEXAMPLE", "secret_key": "wJalr"}


class Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_how: Any) -> Iterator[bytes]:
        yield self._content


class Scripted:
    """Answers requests of one client from a list, and counts them."""

    def __init__(self, aws: Aws, service: str, mutating: bool, answers: list[tuple[int, dict[str, Any]]]) -> None:
        self.sent = 0
        self._answers = answers
        client = aws._client(service, mutating)
        client.meta.events.register("before-send", self._answer)

    def _answer(self, request: Any, **_more: Any) -> AWSResponse:
        status, document = self._answers[min(self.sent, len(self._answers) - 1)]
        self.sent += 1
        return AWSResponse(request.url, status, {}, Body(json.dumps(document).encode()))


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)


THROTTLED = (400, {"__type": "ThrottlingException", "message": "Rate exceeded"})


def test_a_read_is_tried_again_and_a_change_is_not() -> None:
    aws = Aws(OPTIONS)
    reads = Scripted(aws, "ecs", False, [THROTTLED])
    with pytest.raises(PortError) as caught:
        aws.read("ecs", "describe_services", cluster="c", services=["s"])
    assert (caught.value.outcome, reads.sent) == (Outcome.TURNED_AWAY, READ_ATTEMPTS)
    writes = Scripted(aws, "ecs", True, [THROTTLED])
    with pytest.raises(PortError):
        aws.write("ecs", "update_service", cluster="c", service="s")
    assert writes.sent == 1


def test_settings_of_reads_come_from_aws_config_and_never_reach_a_change() -> None:
    aws = Aws({**OPTIONS, "aws_config": {"retries": {"total_max_attempts": 2}}})
    reads, writes = Scripted(aws, "ecs", False, [THROTTLED]), Scripted(aws, "ecs", True, [THROTTLED])
    for call in (aws.read, aws.write):
        with pytest.raises(PortError):
            call("ecs", "describe_services", cluster="c", services=["s"])
    assert (reads.sent, writes.sent) == (2, 1)


def test_pages_are_followed() -> None:
    aws = Aws(OPTIONS)
    Scripted(aws, "ecs", False, [(200, {"taskArns": ["a"], "nextToken": "more"}), (200, {"taskArns": ["b"]})])
    assert list(aws.pages("ecs", "list_tasks", "taskArns", cluster="c")) == ["a", "b"]


def test_options_become_the_client_and_the_environment_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    before = dict(os.environ)
    aws = Aws({**OPTIONS, "endpoint_url": "http://127.0.0.1:9", "validate_certs": False, "aws_ca_bundle": "/x.pem"})
    client = aws._client("ecs", False)
    assert (client.meta.endpoint_url, client.meta.region_name) == ("http://127.0.0.1:9", "eu-central-1")
    assert client._endpoint.http_session._verify is False
    assert dict(os.environ) == before


def test_what_is_missing_or_contradictory_is_refused_with_what_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    with pytest.raises(PortError, match="Set `region`"):
        Aws({"access_key": "a", "secret_key": "b"}).read("ecs", "list_clusters")
    with pytest.raises(PortError, match="Set either"):
        Aws({**OPTIONS, "profile": "p"}).read("ecs", "list_clusters")
    with pytest.raises(PortError, match="ProfileNotFound"):
        Aws({"region": "eu-central-1", "profile": "nobody"}).read("ecs", "list_clusters")
    with pytest.raises(PortError, match="Invalid endpoint"):
        Aws({**OPTIONS, "endpoint_url": "nonsense"}).read("ecs", "list_clusters")


@pytest.mark.parametrize(
    "config",
    [
        {"bogus": 1},
        {"retries": {"max_attempts": "a"}},
        {"retries": {"total_max_attempts": True}},
        {"retries": {"bogus": 1}},
        {"retries": 5},
        {"connect_timeout": "x"},
        {"read_timeout": -1},
        {"max_pool_connections": []},
        {"s3": 5},
        {"connect_timeout": "5"},
        "x",
    ],
)
def test_settings_that_the_sdk_does_not_take_are_one_refusal_before_any_call(config: Any) -> None:
    with pytest.raises(PortError, match=r"^aws_config: ") as caught:
        Aws({**OPTIONS, "aws_config": config})._client("ecs", True)
    assert caught.value.outcome is Outcome.REFUSED
