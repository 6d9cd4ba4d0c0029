# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""run() before any call: what is wrong is refused at once, in the shape of every result."""

from __future__ import annotations

import socket
from typing import Any

import botocore.exceptions as sdk
import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._clients.aws_errors import AwsError
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Outcome, Record
from ansible_collections.greenlight.serving.plugins.module_utils._glue.kit_ecs import KIT, run
from ansible_collections.greenlight.serving.plugins.module_utils._glue.planning import release as _release
from ansible_collections.greenlight.serving.plugins.module_utils._glue.rollout import _input, _usable
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.base import PortError
from ansible_collections.greenlight.serving.plugins.module_utils._store.none import NoStore
from ansible_collections.greenlight.serving.plugins.module_utils._store.s3 import NoBucketError, S3Store

from .._platforms.ecs_params import params

KEYS = {
    *("changed", "failed", "state", "rollout_id", "reason", "release", "previous", "timeline", "targets", "probes"),
    *("identity", "requests", "rollback_verified", "duration", "diff"),
}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any) -> None:
        raise AssertionError("a call left the process")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def offline(**changes: Any) -> dict[str, Any]:
    """Parameters whose account cannot be asked: both a profile and keys."""
    return params(**{"profile": "p", "access_key": "a", "secret_key": "planted-secret", **changes})


def test_wrong_input_is_refused_with_everything_that_is_wrong() -> None:
    result = run(
        offline(**{"task_definition.cpu": 300, "gate.deadline": -1, "record.bucket": None, "probes": [{"path": "x"}]})
    )
    assert set(result) == {*KEYS, "msg"}
    assert (result["state"], result["failed"], result["changed"]) == ("refused", True, False)
    for field in ("task_definition.cpu", "gate.deadline", "record.bucket", "probes[0].path"):
        assert field in result["reason"]
    assert result["msg"] == result["reason"]


def test_a_bucket_is_not_needed_in_check_mode() -> None:
    result = run(offline(**{"record.bucket": None, "task_definition.cpu": 300}), check_mode=True)
    assert "record.bucket" not in result["reason"]


@pytest.mark.parametrize(
    ("seconds", "config", "least"),
    [
        (30, {}, "at least 60 while a call may take 35 s"),
        (59.9, None, "at least 60"),
        (5, {"connect_timeout": 1, "read_timeout": 4}, "at least 9 while a call may take 5 s"),
    ],
)
def test_a_lease_that_a_call_could_outlast_is_refused(
    seconds: float, config: dict[str, Any] | None, least: str
) -> None:
    result = run(offline(**{"timing.lease": seconds, "aws_config": config}))
    assert f"timing.lease: must be {least}" in result["reason"]
    assert f"(given: {seconds:g})" in result["reason"]


@pytest.mark.parametrize(
    "config", [{"connect_timeout": 1, "read_timeout": 4}, {"connect_timeout": 1.5, "read_timeout": 4}]
)
def test_a_short_lease_goes_with_short_timeouts(config: dict[str, Any]) -> None:
    assert _input(KIT, params(**{"timing.lease": 10, "aws_config": config}), check_mode=False)[1] == []


def test_an_account_that_cannot_be_asked_is_a_refusal_that_says_why() -> None:
    result = run(offline())
    assert (result["state"], result["failed"]) == ("refused", True)
    assert "Both a profile and keys" in result["reason"]


def test_secrets_are_masked_in_what_a_run_returns() -> None:
    result = run(offline(**{"cluster": "planted-secret", "task_definition.cpu": 300}))
    assert "planted-secret" not in str(result)


LIVE, GOOD, BAD = "0123456789ab", "ba9876543210", "bbbbbbbbbbbb"


@pytest.mark.parametrize(
    ("unfinished", "live", "release"),
    [
        ({}, LIVE, GOOD),
        ({"to": BAD}, LIVE, LIVE),  # the rollout under way is what is to be undone
        ({"to": LIVE}, LIVE, GOOD),
        ({"to": BAD}, "", GOOD),
    ],
)
def test_last_good_is_the_last_proven_release_before_what_moves(
    unfinished: dict[str, str], live: str, release: str
) -> None:
    store = NoStore("serving/digits")
    store.save(Record("serving/digits", live=live, last_good=GOOD, unfinished=unfinished, releases={release: "digits"}))
    found = _release(KIT, params(target_release="last_good"), store)
    assert (found.id, found.label) == (release, "digits")


class Refusing:
    """A bucket whose every read fails with one code."""

    def __init__(self, code: str) -> None:
        self._code = code
        self.reads = 0

    def read(self, _api: str, _operation: str, /, **_arguments: Any) -> dict[str, Any]:
        self.reads += 1
        answer: Any = {"Error": {"Code": self._code, "Message": "x"}, "ResponseMetadata": {"HTTPStatusCode": 404}}
        raise AwsError(sdk.ClientError(answer, "GetObject"), "s3:get_object", False)

    write = read


def test_a_bucket_that_is_not_there_is_refused_at_once_and_is_an_empty_record_in_check_mode() -> None:
    calls = Refusing("NoSuchBucket")
    store = S3Store(calls, "records", "key", "serving/digits")
    with pytest.raises(NoBucketError) as caught:
        _usable(store, params(), check_mode=False)
    assert (caught.value.outcome, calls.reads) == (Outcome.REFUSED, 1)
    empty, hint = _usable(store, params(), check_mode=True)
    assert empty.load() == Record("serving/digits")
    assert "playbooks/bootstrap.yml" in hint


def test_any_other_trouble_with_the_record_is_left_to_the_engine() -> None:
    store = S3Store(Refusing("SlowDown"), "records", "key", "serving/digits")
    assert _usable(store, params(), check_mode=False) == (store, "")
    with pytest.raises(PortError):
        store.load()
