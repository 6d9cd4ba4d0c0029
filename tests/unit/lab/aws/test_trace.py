# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trace: what every call was and how it ended."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.lab.aws.trace import Trace

Start = Callable[..., Any]


def request(operation: str = "UpdateService", body: bytes = b"{}") -> dict[str, Any]:
    return {
        "HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=LAB/20260101/us-east-1/ecs/aws4_request",
        "HTTP_X_AMZ_TARGET": f"AmazonEC2ContainerServiceV20141113.{operation}",
        "HTTP_USER_AGENT": "tester/1",
        "PATH_INFO": "/",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }


def trace(app: Any, length: int = 100) -> Trace:
    return Trace(app, lambda *_ignored: None, lambda: datetime(2026, 1, 1, tzinfo=UTC), length)


def answer(status: str, body: bytes, headers: list[tuple[str, str]] | None = None) -> Any:
    def app(_environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start(status, headers or [])
        return [body]

    return app


def call(subject: Trace, environ: dict[str, Any]) -> bytes:
    return b"".join(subject(environ, lambda *_ignored: None))


def test_reads_and_writes_are_both_kept() -> None:
    subject = trace(answer("200 OK", b"{}"))
    call(subject, request("UpdateService"))
    call(subject, request("DescribeServices"))
    kept = subject.since()
    assert [(one["id"], one["service"], one["operation"], one["mutating"]) for one in kept] == [
        (1, "ecs", "UpdateService", True),
        (2, "ecs", "DescribeServices", False),
    ]
    assert kept[0] | {"seconds": 0} == {
        "id": 1,
        "at": "2026-01-01T00:00:00+00:00",
        "service": "ecs",
        "operation": "UpdateService",
        "mutating": True,
        "status": 200,
        "code": "",
        "fault": "",
        "seconds": 0,
        "user_agent": "tester/1",
    }
    assert [one["id"] for one in subject.since(1)] == [2]


def test_an_error_is_kept_by_its_code() -> None:
    subject = trace(answer("400 x", b'{"__type": "ClientException", "message": "no"}'))
    assert call(subject, request()) == b'{"__type": "ClientException", "message": "no"}'
    assert [(one["status"], one["code"]) for one in subject.since()] == [(400, "ClientException")]


def test_a_connection_that_was_reset_is_kept_with_its_fault() -> None:
    def app(environ: dict[str, Any], _start: Start) -> Iterable[bytes]:
        environ["lab.fault"] = "lost"
        raise ConnectionResetError

    subject = trace(app)
    with pytest.raises(ConnectionResetError):
        call(subject, request())
    assert [(one["status"], one["fault"]) for one in subject.since()] == [(0, "lost")]


def test_those_below_get_the_body_and_the_call() -> None:
    got: dict[str, Any] = {}

    def app(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        got.update(environ, read=environ["wsgi.input"].read())
        start("200 OK", [])
        return []

    call(trace(app), request(body=b'{"a": 1}'))
    assert got["read"] == got["lab.body"] == b'{"a": 1}'
    assert got["lab.call"].name == "ecs.UpdateService"


def test_the_oldest_go_first_and_ids_go_on_after_a_clear() -> None:
    subject = trace(answer("200 OK", b""), length=2)
    for _ignored in range(3):
        call(subject, request())
    assert [one["id"] for one in subject.since()] == [2, 3]
    subject.clear()
    call(subject, request())
    assert [one["id"] for one in subject.since()] == [4]
