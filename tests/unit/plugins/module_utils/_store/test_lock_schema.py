# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks and requests are hostile until they were checked; what we write can always be read back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.greenlight.serving.plugins.module_utils._engine.lease import ACTIONS, Lease, Request
from ansible_collections.greenlight.serving.plugins.module_utils._store import lock_schema as schema
from ansible_collections.greenlight.serving.plugins.module_utils._store.document import RecordError

SERVICE = "serving/digits"
LEASE = Lease(SERVICE, "0123abcd", "ops@one", "2026-03-01T10:00:00+00:00", "rollout", "20260301T1-ab", 60.0, 7, "v")
REQUEST = Request(SERVICE, "q1", "abort", "20260301T1-ab", "2", "wrong model", "ops@one", "2026-03-01", "", "v")


def changed(raw: bytes, **changes: Any) -> bytes:
    return json.dumps({**json.loads(raw), **changes}).encode()


def test_both_survive_the_way() -> None:
    assert schema.parse_lease(schema.dump_lease(LEASE), SERVICE, "v") == LEASE
    assert schema.parse_request(schema.dump_request(REQUEST), SERVICE, "v") == REQUEST


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"format": 2}, "format"),
        ({"service": "serving/other"}, "lock of another service"),
        ({"service": 7}, "service is not a printable text"),
        ({"version": "x"}, "not known"),
        ({"owner": "a b"}, "owner is not an id"),
        ({"owner": None}, "owner is not a printable"),
        ({"rollout_id": "../x"}, "rollout_id is not an id"),
        ({"who": "\x1b[2J"}, "who is not a printable"),
        ({"doing": "x" * 601}, "doing is not a printable"),
        ({"seconds": 1e9}, "seconds is not a number"),
        ({"seconds": 0}, "seconds is not a number"),
        ({"seconds": float("nan")}, "seconds is not a number"),
        ({"seconds": True}, "seconds is not a number"),
        ({"seconds": "60"}, "seconds is not a number"),
        ({"beat": -1}, "beat is not a count"),
        ({"beat": 2**60}, "beat is not a count"),
    ],
)
def test_any_other_lock_is_refused_and_says_what(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(RecordError, match=problem):
        schema.parse_lease(changed(schema.dump_lease(LEASE), **changes), SERVICE, "v")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"action": "unlock"}, "action is none of promote, pause, resume, abort"),
        ({"action": ""}, "action is none of"),
        ({"action": ["abort"]}, "action is not a printable"),
        ({"id": "a b"}, "id is not an id"),
        ({"reason": "x" * 601}, "reason is not a printable"),
        ({"service": "serving/other"}, "request of another service"),
        ({"more": "x"}, "not known"),
    ],
)
def test_any_other_request_is_refused_and_says_what(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(RecordError, match=problem):
        schema.parse_request(changed(schema.dump_request(REQUEST), **changes), SERVICE, "v")


@pytest.mark.parametrize("raw", [b"", b"\xff", b"[]", b"x" * (schema.LARGEST + 1), b"[" * 8000, b'{"format": 1}'])
def test_what_is_no_document_is_neither(raw: bytes) -> None:
    for parse in (schema.parse_lease, schema.parse_request):
        with pytest.raises(RecordError):
            parse(raw, SERVICE, "v")


texts = st.text(max_size=2_000)


@given(texts, texts, texts, st.sampled_from(ACTIONS))
def test_whatever_people_write_can_be_read_back(who: str, doing: str, reason: str, action: str) -> None:
    lock = schema.dump_lease(Lease(SERVICE, "me", who=who, doing=doing, since=reason))
    assert len(lock) <= schema.LARGEST
    assert schema.parse_lease(lock, SERVICE, "v").owner == "me"
    request = schema.dump_request(
        Request(SERVICE, "q", action, reason=reason, by=who, answer=doing, step=who, at=reason)
    )
    assert len(request) <= schema.LARGEST
    assert schema.parse_request(request, SERVICE, "v").action == action


def test_the_longest_texts_of_all_fit() -> None:
    long = "\U0001f600" * 2_000
    request = Request(SERVICE, "q", "abort", step=long, reason=long, by=long, at=long, answer=long)
    assert len(schema.parse_request(schema.dump_request(request), SERVICE, "v").answer) == 600
