# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock and the request in a bucket over HTTP: two writers at once, lost answers, and people who ask."""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

import tests.unit.conftest  # noqa: F401 - makes the collection importable
from ansible_collections.greenlight.serving.plugins.module_utils._clients.aws import Aws
from ansible_collections.greenlight.serving.plugins.module_utils._engine import lease
from ansible_collections.greenlight.serving.plugins.module_utils._engine.lease import Lease, Move, Terms
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Outcome, Record
from ansible_collections.greenlight.serving.plugins.module_utils._glue import argspec_info, control, info
from ansible_collections.greenlight.serving.plugins.module_utils._glue.ending import attempt
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.base import PortError
from ansible_collections.greenlight.serving.plugins.module_utils._store.s3 import S3Store, key_of
from tests.lab.aws.running import RunningLab

ENTRIES = 8  # of each writer into what one at a time may enter
SICK = {"rules": [{"only": "s3.PutObject", "lost": 0.25, "conflict": 0.2, "throttle": 0.1, "reset": 0.1}]}


@dataclass(frozen=True)
class Place:
    """A service of its own in a versioned bucket, as bootstrap.yml makes it."""

    lab: RunningLab
    bucket: str
    name: str

    @property
    def service(self) -> str:
        return f"serving/{self.name}"

    @property
    def connection(self) -> dict[str, Any]:
        state = self.lab.state
        options = {name: state[name] for name in ("region", "access_key", "secret_key")}
        return {**options, "endpoint_url": state["endpoint"], "aws_config": {}}

    @property
    def options(self) -> dict[str, Any]:
        record = {"bucket": self.bucket, "prefix": "greenlight"}
        return {**self.connection, "platform": "ecs", "cluster": "serving", "name": self.name, "record": record}

    def store(self) -> S3Store:
        key = key_of("greenlight", "ecs", self.lab.state["region"], self.service)
        return S3Store(Aws(self.connection), self.bucket, key, self.service)

    def ask(self, action: str, check: bool = False, **more: Any) -> dict[str, Any]:
        params = {**self.options, "action": action, "reason": None, "holder": None, **more}
        return attempt(control.run, argspec_info.rollout_control(), params, check)

    def look(self) -> dict[str, Any]:
        return attempt(info.run, argspec_info.rollout_info(), self.options, False)


@pytest.fixture
def place(faulty_lab: RunningLab) -> Place:
    bucket = f"greenlight-{secrets.token_hex(4)}"
    s3 = faulty_lab.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return Place(faulty_lab, bucket, f"digits-{secrets.token_hex(3)}")


def code(call: Any, **arguments: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    answer = refused.value.response
    return str(answer["Error"]["Code"]), int(answer["ResponseMetadata"]["HTTPStatusCode"])


def test_conditional_writes_are_refused_as_s3_refuses_them(place: Place) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html, in a versioned bucket."""
    s3, at = place.lab.client("s3", attempts=1), {"Bucket": place.bucket, "Key": "one"}
    assert code(s3.put_object, **at, Body=b"1", IfMatch='"none"') == ("NoSuchKey", 404)
    first = s3.put_object(**at, Body=b"1", IfNoneMatch="*")["ETag"]
    assert code(s3.put_object, **at, Body=b"2", IfNoneMatch="*") == ("PreconditionFailed", 412)
    s3.put_object(**at, Body=b"2", IfMatch=first)
    assert code(s3.put_object, **at, Body=b"3", IfMatch=first) == ("PreconditionFailed", 412)
    s3.delete_object(**at)  # a delete marker counts as nothing
    assert code(s3.put_object, **at, Body=b"3", IfMatch=first) == ("NoSuchKey", 404)
    place.lab.control("PUT", "chaos", {"rules": [{"only": "s3.PutObject", "conflict": 1.0, "limit": 1}]})
    assert code(s3.put_object, **at, Body=b"3", IfNoneMatch="*") == ("ConditionalRequestConflict", 409)
    s3.put_object(**at, Body=b"3", IfNoneMatch="*")


@dataclass
class Room:
    """What two must never be in at the same time."""

    inside: int = 0
    entries: int = 0
    clashes: int = 0

    def visit(self) -> None:
        self.inside += 1
        self.clashes += self.inside > 1
        time.sleep(0.005)
        self.entries += 1
        self.inside -= 1


def writer(place: Place, owner: str, room: Room) -> None:
    """Takes the lock by the policy, enters, lets go; again and again."""
    store = place.store()
    for number in range(ENTRIES):
        grip = lease.begin(Lease(place.service, owner=f"{owner}{number}"), Terms())
        while (move := lease.move(grip, time.monotonic())) is not Move.KEEP:
            time.sleep(0.01)
            if move is Move.WRITE:
                grip = written(store, lease.sending(grip, time.monotonic()))
            else:
                grip = lease.read(grip, store.read_lock(), time.monotonic())
        assert lease.may_write(grip, time.monotonic())
        room.visit()
        free(store, owner)


def written(store: S3Store, grip: lease.Grip) -> lease.Grip:
    try:
        return lease.written(grip, store.write_lock(lease.wanted(grip)))
    except PortError as error:
        return {Outcome.TAKEN: lease.taken, Outcome.UNKNOWN: lease.unanswered}.get(error.outcome, lambda same: same)(
            grip
        )


def free(store: S3Store, owner: str) -> None:
    while (found := store.read_lock()).owner.startswith(owner):
        with contextlib.suppress(PortError):  # by then it is free, or it must be tried again
            store.write_lock(lease.freed(found, "released"))


def test_two_writers_take_turns_while_answers_are_lost(place: Place) -> None:
    room, broken = Room(), []

    def run(owner: str) -> None:
        try:
            writer(place, owner, room)
        except BaseException as error:
            broken.append(error)

    place.lab.control("PUT", "chaos", SICK)
    threads = [threading.Thread(target=run, args=(owner,)) for owner in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert broken == []
    assert (room.entries, room.clashes) == (2 * ENTRIES, 0)
    counts = place.lab.control("GET", "chaos")["counts"]
    assert {"lost", "conflict"} <= set(counts)
    assert place.store().read_lock().owner == ""


@pytest.fixture
def at_work(place: Place) -> Place:
    """A rollout of which the record and the lock tell."""
    store = place.store()
    store.load()
    unfinished = {"rollout_id": "r1", "to": "0123456789ab", "phase": "moving", "step": "10", "started_by": "ops@one"}
    store.save(Record(place.service, unfinished=unfinished))
    store.write_lock(Lease(place.service, "0a1b", "ops@one", "2026-03-01T10:00:00+00:00", "to digits:8", "r1", 2.0, 1))
    return place


def test_a_request_is_left_seen_and_answered(at_work: Place) -> None:
    planned = at_work.ask("abort", check=True, reason="too slow")
    assert (planned["changed"], at_work.store().read_request().open) == (True, False)
    asked = at_work.ask("abort", reason=f"not {at_work.lab.state['secret_key']}")
    assert asked["changed"], asked
    assert not at_work.ask("abort")["changed"]
    seen = at_work.look()
    assert (seen["request"]["action"], seen["request"]["answer"], seen["request"]["rollout_id"]) == ("abort", "", "r1")
    assert at_work.lab.state["secret_key"] not in json.dumps(seen) + at_work.store().read_request().reason
    store = at_work.store()
    store.write_request(replace(store.read_request(), answer="rolling back"))
    assert at_work.look()["request"]["answer"] == "rolling back"


def test_the_lock_and_what_is_unfinished_are_shown(at_work: Place) -> None:
    seen = at_work.look()
    lock, unfinished = seen["lock"], seen["unfinished"]
    assert (lock["held"], lock["owner"], lock["who"], lock["lease"]) == (True, "0a1b", "ops@one", 2.0)
    assert 0 <= lock["age"] < 60
    assert (unfinished["phase"], unfinished["step"]) == ("moving", "10")
    assert unfinished["since"].endswith("+00:00")


def test_a_dead_holder_is_unlocked_and_a_living_one_is_not(at_work: Place) -> None:
    why = {"holder": "0a1b", "reason": "its machine is gone"}
    store, stop = at_work.store(), threading.Event()

    def live() -> None:
        held = store.read_lock()
        while not stop.wait(0.3):
            held = store.write_lock(replace(held, beat=held.beat + 1))

    alive = threading.Thread(target=live)
    alive.start()
    refused = at_work.ask("unlock", **why)
    stop.set()
    alive.join()
    assert refused["failed"]
    assert "is alive and renewed the lock" in refused["msg"]
    freed = at_work.ask("unlock", **why)
    assert freed["changed"], freed
    assert store.read_lock().owner == ""
    assert not at_work.ask("unlock", **why)["changed"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"action": "unlock"}, "action is unlock but all of the following are missing: holder, reason"),
        ({"action": "jump"}, "value of action must be one of: promote, pause, resume, abort, unlock"),
        ({"action": "pause"}, "no rollout is under way, there is nothing to pause"),
    ],
)
def test_the_module_says_what_is_wrong(place: Place, arguments: dict[str, Any], words: str) -> None:
    options = {name: value for name, value in place.options.items() if name != "aws_config"}
    line = [sys.executable, "-c", MODULE]
    document = json.dumps({"ANSIBLE_MODULE_ARGS": {**options, **arguments}})
    done = subprocess.run(line, input=document, capture_output=True, text=True, check=False)
    result = json.loads(done.stdout)
    assert result["failed"]
    assert words in result["msg"]


MODULE = """
import tests.unit.conftest
from ansible_collections.greenlight.serving.plugins.modules import rollout_control
rollout_control.main()
"""
