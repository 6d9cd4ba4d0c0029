# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One object, written by condition: against a bucket in memory that answers as S3 does, and loses answers."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import botocore.exceptions as sdk
import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._clients.aws_errors import AwsError
from ansible_collections.greenlight.serving.plugins.module_utils._engine import lease
from ansible_collections.greenlight.serving.plugins.module_utils._engine.lease import Lease, Request
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Outcome, Record
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.base import PortError
from ansible_collections.greenlight.serving.plugins.module_utils._store.none import NoStore
from ansible_collections.greenlight.serving.plugins.module_utils._store.s3 import S3Store, key_of

SERVICE = "serving/digits"


def refusal(code: str, status: int, mutating: bool) -> AwsError:
    answer: Any = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return AwsError(sdk.ClientError(answer, "PutObject"), "s3:put_object", mutating)


LOST = AwsError(sdk.ConnectionClosedError(endpoint_url="x"), "s3:put_object", mutating=True)


RECORD = "greenlight/ecs/eu-central-1/serving/digits.json"
LOCK = "greenlight/ecs/eu-central-1/serving/digits.lock"
REQUEST = "greenlight/ecs/eu-central-1/serving/digits.request"


class Bucket:
    """Conditional writes as in https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html.

    Faults count for every key; `version` is that of the last write.
    """

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, int]] = {}
        self.version = 0
        self.fail_before: list[AwsError] = []
        self.fail_after: list[AwsError] = []
        self.unreadable: list[AwsError] = []
        self.reads = 0

    def read(self, service: str, operation: str, /, **arguments: Any) -> dict[str, Any]:
        assert (service, operation) == ("s3", "get_object")
        self.reads += 1
        if self.unreadable:
            raise self.unreadable.pop(0)
        if arguments["Key"] not in self.objects:
            raise refusal("NoSuchKey", 404, mutating=False)
        body, version = self.objects[arguments["Key"]]
        return {"Body": io.BytesIO(body), "ETag": f'"{version}"'}

    def write(self, service: str, operation: str, /, **arguments: Any) -> dict[str, Any]:
        assert (service, operation) == ("s3", "put_object")
        if self.fail_before:
            raise self.fail_before.pop(0)
        _body, version = self.objects.get(arguments["Key"], (None, None))
        if "IfNoneMatch" in arguments and version is not None:
            raise refusal("PreconditionFailed", 412, mutating=True)
        if "IfMatch" in arguments and version is None:
            raise refusal("NoSuchKey", 404, mutating=True)
        if "IfMatch" in arguments and arguments["IfMatch"] != f'"{version}"':
            raise refusal("PreconditionFailed", 412, mutating=True)
        self.version += 1
        self.objects[arguments["Key"]] = (arguments["Body"], self.version)
        if self.fail_after:
            raise self.fail_after.pop(0)
        return {"ETag": f'"{self.version}"'}


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


def store(bucket: Bucket) -> S3Store:
    return S3Store(bucket, "records", RECORD, SERVICE)


FIRST, SECOND = Record(service=SERVICE, generation=1), Record(service=SERVICE, generation=2)


def test_what_is_saved_is_loaded_and_saved_again(bucket: Bucket) -> None:
    mine = store(bucket)
    assert mine.load() == Record(service=SERVICE)
    mine.save(FIRST)
    mine.save(SECOND)
    assert store(bucket).load() == SECOND
    assert bucket.version == 2


@pytest.mark.parametrize("exists", [False, True])
def test_somebody_elses_write_wins_and_is_told(bucket: Bucket, exists: bool) -> None:
    mine, theirs = store(bucket), store(bucket)
    if exists:
        mine.save(FIRST)
    mine.load(), theirs.load()
    theirs.save(SECOND)
    with pytest.raises(PortError) as caught:
        mine.save(replace(FIRST, generation=9))
    assert caught.value.outcome is Outcome.TAKEN
    assert store(bucket).load() == SECOND


def test_a_record_that_was_removed_meanwhile_is_taken(bucket: Bucket) -> None:
    mine = store(bucket)
    mine.save(FIRST)
    del bucket.objects[RECORD]
    with pytest.raises(PortError) as caught:
        mine.save(SECOND)
    assert caught.value.outcome is Outcome.TAKEN


def test_a_lost_answer_is_resolved_by_reading_back(bucket: Bucket) -> None:
    mine = store(bucket)
    mine.load()
    bucket.fail_after = [LOST]
    mine.save(FIRST)
    mine.save(SECOND)  # with the ETag that reading back brought
    assert store(bucket).load() == SECOND


def test_a_call_that_had_no_effect_is_turned_away_and_may_be_made_again(bucket: Bucket) -> None:
    mine = store(bucket)
    mine.load()
    bucket.fail_before = [LOST]
    with pytest.raises(PortError) as caught:
        mine.save(FIRST)
    assert caught.value.outcome is Outcome.TURNED_AWAY
    mine.save(FIRST)
    assert store(bucket).load() == FIRST


def test_the_same_record_again_after_a_lost_answer_is_harmless(bucket: Bucket) -> None:
    mine = store(bucket)
    mine.load()
    bucket.fail_after, bucket.unreadable = [LOST], [refusal("SlowDown", 503, mutating=False)]
    with pytest.raises(PortError) as caught:
        mine.save(FIRST)
    assert caught.value.outcome is Outcome.UNKNOWN
    mine.save(FIRST)  # falls over the condition, and finds its own words there
    assert bucket.version == 1


def test_throttling_is_turned_away_without_reading_back(bucket: Bucket) -> None:
    mine = store(bucket)
    bucket.fail_before = [refusal("SlowDown", 503, mutating=True)]
    with pytest.raises(PortError) as caught:
        mine.save(FIRST)
    assert (caught.value.outcome, bucket.reads) == (Outcome.TURNED_AWAY, 0)


def test_a_record_that_cannot_be_used_says_where_it_is_and_what_mends_it(bucket: Bucket) -> None:
    bucket.objects[RECORD] = (b"{}", 1)
    with pytest.raises(PortError, match=r"s3://records/greenlight/ecs/.* can't be used: .*Restore an earlier version"):
        store(bucket).load()


def test_a_missing_bucket_says_what_makes_it(bucket: Bucket) -> None:
    bucket.unreadable = [refusal("NoSuchBucket", 404, mutating=False)]
    with pytest.raises(PortError, match="bootstrap") as caught:
        store(bucket).load()
    assert caught.value.outcome is Outcome.REFUSED


def test_a_body_that_breaks_off_is_worth_another_look(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.BytesIO):
        def read(self, *_size: Any) -> bytes:
            raise OSError("reset")

    monkeypatch.setattr(bucket, "read", lambda *_call, **_more: {"Body": Broken(), "ETag": "x"})
    with pytest.raises(PortError) as caught:
        store(bucket).load()
    assert caught.value.outcome is Outcome.TURNED_AWAY


MINE = Lease(SERVICE, owner="me", who="ops@one", doing="rollout r1", rollout_id="r1", beat=1)
THEIRS = Lease(SERVICE, owner="them", who="dev@two", doing="rollout r2", rollout_id="r2", beat=1)


def test_a_lock_is_created_renewed_freed_and_taken_again(bucket: Bucket) -> None:
    mine, theirs = store(bucket), store(bucket)
    assert theirs.read_lock() == Lease(SERVICE)
    first = mine.write_lock(MINE)
    assert theirs.read_lock() == first
    second = mine.write_lock(replace(first, beat=2))
    assert second.version != first.version
    freed = mine.write_lock(lease.freed(second, "released"))
    taken = theirs.write_lock(replace(THEIRS, version=freed.version))
    assert mine.read_lock() == taken
    assert set(bucket.objects) == {LOCK}


@pytest.mark.parametrize("created", [False, True])
def test_of_two_that_take_a_lock_one_gets_it(bucket: Bucket, created: bool) -> None:
    if created:
        store(bucket).write_lock(lease.freed(store(bucket).write_lock(MINE), "released"))
    version = store(bucket).read_lock().version
    held = store(bucket).write_lock(replace(MINE, version=version, beat=9))
    with pytest.raises(PortError) as caught:
        store(bucket).write_lock(replace(THEIRS, version=version))
    assert caught.value.outcome is Outcome.TAKEN
    assert store(bucket).read_lock() == held


def test_a_lock_whose_answer_was_lost_is_ours_when_it_reads_so(bucket: Bucket) -> None:
    bucket.fail_after = [LOST]
    held = store(bucket).write_lock(MINE)
    assert held == store(bucket).read_lock()
    assert store(bucket).write_lock(replace(held, beat=2)).beat == 2


def test_a_lock_nobody_could_read_back_is_unknown_and_may_be_written_again(bucket: Bucket) -> None:
    bucket.fail_after, bucket.unreadable = [LOST], [refusal("SlowDown", 503, mutating=False)]
    with pytest.raises(PortError) as caught:
        store(bucket).write_lock(MINE)
    assert caught.value.outcome is Outcome.UNKNOWN
    assert store(bucket).write_lock(MINE).version == '"1"'  # falls over the condition, and finds its own words there


@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "SlowDown"])
def test_a_conflict_or_throttling_had_no_effect(bucket: Bucket, code: str) -> None:
    bucket.fail_before = [refusal(code, 409, mutating=True)]
    with pytest.raises(PortError) as caught:
        store(bucket).write_lock(MINE)
    assert caught.value.outcome is Outcome.TURNED_AWAY
    assert bucket.objects == {}


def test_a_lock_that_was_removed_under_us_is_taken(bucket: Bucket) -> None:
    held = store(bucket).write_lock(MINE)
    del bucket.objects[LOCK]
    with pytest.raises(PortError) as caught:
        store(bucket).write_lock(replace(held, beat=2))
    assert caught.value.outcome is Outcome.TAKEN


def test_a_lock_that_cannot_be_used_says_where_it_is_and_what_mends_it(bucket: Bucket) -> None:
    bucket.objects[LOCK] = (b"x" * 70_000, 1)
    with pytest.raises(PortError, match=r"s3://records/.*digits.lock can't be used: .*larger.*Remove the object"):
        store(bucket).read_lock()


def test_a_request_is_asked_answered_and_not_answered_twice(bucket: Bucket) -> None:
    assert not store(bucket).read_request().open
    asked = store(bucket).write_request(Request(SERVICE, id="q1", action="abort", rollout_id="r1", reason="why not"))
    assert store(bucket).read_request() == asked
    assert asked.open
    answered = store(bucket).write_request(replace(asked, answer="rolling back"))
    assert store(bucket).read_request() == answered
    with pytest.raises(PortError) as caught:
        store(bucket).write_request(replace(asked, answer="something else"))
    assert caught.value.outcome is Outcome.TAKEN


@pytest.mark.parametrize("body", [b"{}", b"no", b"x" * 70_000, b'{"format": 1, "service": "serving/digits"}'])
def test_what_is_no_request_asks_nothing_and_can_be_written_over(bucket: Bucket, body: bytes) -> None:
    bucket.objects[REQUEST] = (body, 7)
    found = store(bucket).read_request()
    assert (found.open, found.action) == (False, "")
    assert "s3://records/greenlight" in found.answer
    asked = Request(SERVICE, id="q1", action="pause", version=found.version)
    assert store(bucket).write_request(asked).open


def test_the_key_names_platform_region_cluster_and_service() -> None:
    assert key_of("greenlight", "ecs", "eu-central-1", SERVICE) == "greenlight/ecs/eu-central-1/serving/digits.json"
    assert key_of("/", "ecs", "r", SERVICE) == "ecs/r/serving/digits.json"


def test_no_store_remembers_within_a_run_only() -> None:
    none = NoStore(SERVICE)
    assert none.load() == Record(service=SERVICE)
    none.save(FIRST)
    assert none.load() == FIRST
    held = none.write_lock(replace(MINE, beat=3))
    assert held == none.read_lock()
    assert held.version != none.write_lock(replace(held, beat=4)).version
    asked = none.write_request(Request(SERVICE, id="q1", action="pause"))
    assert asked == none.read_request()
