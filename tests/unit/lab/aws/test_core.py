# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chance, log and names shared by all parts of the lab; the guard and the control endpoints around the API."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.lab.aws.clock import FakeClock
from tests.lab.aws.control import Control
from tests.lab.aws.core import Lab, Settings, chance
from tests.lab.aws.guard import UNKNOWN, Guard
from tests.lab.aws.wire import Call, code_of

Start = Callable[..., Any]


def lab(seed: int = 1) -> Lab:
    return Lab("123456789012", "us-east-1", FakeClock(), Settings(seed=seed))


def test_chance_depends_on_seed_and_key_alone() -> None:
    assert lab(1).rng("a", 1) == lab(1).rng("a", 1) == chance(1, "a", 1)
    assert len({lab(1).rng("a", 1), lab(2).rng("a", 1), lab(1).rng("a", 2), lab(1).rng("b", 1)}) == 4
    assert all(0 <= lab().rng(n) < 1 for n in range(1000))


def test_the_log_keeps_the_newest_and_numbers_go_on() -> None:
    subject = lab()
    for n in range(5003):
        subject.log("happened", n=n)
    assert len(list(subject.logged())) == 5000
    (last,) = subject.logged(5002)
    assert (last.id, last.name, last.fields) == (5003, "happened", {"n": 5002})


def test_arns_are_of_the_labs_account_and_region() -> None:
    assert lab().arn("ecs", "service/c/s") == "arn:aws:ecs:us-east-1:123456789012:service/c/s"


CALL = Call("ecs", "UpdateService", "json", True)


def guarded(app: Any, call: Call = CALL, subject: Lab | None = None) -> tuple[int, str, bytes]:
    """(status, code, body)."""
    said: dict[str, Any] = {}
    body = b"".join(
        Guard(app, subject or lab())(
            {"lab.call": call}, lambda status, headers: said.update(status=status, headers=headers)
        )
    )
    return int(said["status"].split()[0]), code_of(said["headers"], body), body


@pytest.mark.parametrize(
    ("protocol", "status", "code"), [(protocol, *expected) for protocol, expected in UNKNOWN.items()]
)
def test_an_operation_that_is_lacking_is_a_client_error_that_no_sdk_retries(
    protocol: str, status: int, code: str
) -> None:
    def app(_environ: dict[str, Any], _start: Start) -> Iterable[bytes]:
        raise NotImplementedError("create_task_set")

    said = guarded(app, Call("ecs", "CreateTaskSet", protocol, True))
    assert said[:2] == (status, code)
    assert b"The lab has no ecs.CreateTaskSet" in said[2]
    assert status not in (500, 502, 503, 504)


def test_a_crash_is_the_protocols_500_and_is_logged() -> None:
    def app(_environ: dict[str, Any], _start: Start) -> Iterable[bytes]:
        raise KeyError("securityGroups")

    subject = lab()
    assert guarded(app, subject=subject)[:2] == (500, "InternalFailure")
    (event,) = subject.logged()
    assert (event.name, event.fields["call"]) == ("api-crash", "ecs.UpdateService")
    assert "KeyError" in event.fields["traceback"]


def test_the_lock_is_held_around_the_call_and_freed_after_a_crash() -> None:
    subject = lab()
    free: list[bool] = []

    def other() -> None:
        free.append(subject.lock.acquire(blocking=False))
        if free[-1]:
            subject.lock.release()

    def look() -> None:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    def app(_environ: dict[str, Any], _start: Start) -> Iterable[bytes]:
        look()
        raise RuntimeError

    guarded(app, subject=subject)
    look()
    assert free == [False, True]


def control(method: str, path: str, body: bytes = b"") -> tuple[str, Any]:
    def failing(_body: Any, _query: Any) -> Any:
        raise ValueError("throttle is a probability")

    def app(_environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [])
        return [b'"aws"']

    endpoints = {
        ("GET", "trace"): lambda body, query: {"body": body, "query": dict(query)},
        ("PUT", "chaos"): lambda body, _query: body,
        ("PUT", "wrong"): failing,
    }
    said: list[str] = []
    path, _ignored, query = path.partition("?")
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    answer = b"".join(Control(app, endpoints)(environ, lambda status, _headers: said.append(status)))
    return said[0], json.loads(answer)


def test_control_endpoints_answer_and_the_rest_is_aws() -> None:
    assert control("GET", "/lab/trace?since=7") == ("200 OK", {"body": None, "query": {"since": "7"}})
    assert control("PUT", "/lab/chaos", b'{"rules": []}') == ("200 OK", {"rules": []})
    assert control("GET", "/") == ("200 OK", "aws")
    assert control("GET", "/laboratory") == ("200 OK", "aws")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "text"),
    [
        ("GET", "/lab/nope", b"", "404", "no GET /lab/nope"),
        ("POST", "/lab/trace", b"", "404", "no POST /lab/trace"),
        ("PUT", "/lab/wrong", b"{}", "400", "throttle is a probability"),
        ("PUT", "/lab/chaos", b"{", "400", "Expecting property name"),
    ],
)
def test_wrong_requests_are_told_what_is_wrong(method: str, path: str, body: bytes, status: str, text: str) -> None:
    said, answer = control(method, path, body)
    assert said.startswith(status)
    assert text in answer["error"]
