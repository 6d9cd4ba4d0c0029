# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a store holds is hostile until it was checked; what we write can always be read back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Record
from ansible_collections.greenlight.serving.plugins.module_utils._store import schema

A, B = "0123456789ab", "ba9876543210"
FULL = Record(
    service="serving/digits",
    generation=7,
    live=A,
    last_good=B,
    pinned=A,
    pinned_by="ops@host",
    rejected={B: "2026-03-01: wrong answers"},
    unfinished={"rollout_id": "x", "before": "arn:aws:ecs:…", "from": "", "to": A, "phase": "proving"},
    releases={A: "digits:7"},
)


def document(**changes: Any) -> bytes:
    return json.dumps({**json.loads(schema.dump(FULL)), **changes}).encode()


def test_a_record_survives_the_way() -> None:
    assert schema.parse(schema.dump(FULL), "serving/digits") == FULL
    assert schema.parse(schema.dump(Record(service="a/b")), "a/b") == Record(service="a/b")


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"x" * (schema.LARGEST + 1), "larger than"),
        (b"not json", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 60_000, "not JSON"),
        (b"[]", "not an object"),
        (document(format=2), "its format"),
        (b'{"service": "serving/digits"}', "its format"),
        (document(evil="x"), "not known"),
        (document(service="serving/other"), "another service"),
        (document(generation=-1), "generation"),
        (document(generation=True), "generation"),
        (document(generation="7"), "generation"),
        (document(live="../../x"), "live is not a release id"),
        (document(live=7), "printable text"),
        (document(pinned_by="x" * 601), "printable text"),
        (document(pinned_by="\x1b[2J"), "printable text"),
        (document(rejected=[]), "rejected is not an object"),
        (document(rejected={"x": "y"}), "key that is not allowed"),
        (document(rejected={A: {"deep": 1}}), "printable text"),
        (document(unfinished={"Robert'); DROP": "x"}), "key that is not allowed"),
        (document(unfinished={"to": "zzz"}), "unfinished.to is not a release id"),
        (document(unfinished={"from": "../x"}), "unfinished.from is not a release id"),
        (document(unfinished={"phase": "banana"}), "not a known phase"),
        (document(unfinished={"rollout_id": "a b"}), "unfinished.rollout_id is not an id"),
        (document(releases={f"{n:012x}": "x" for n in range(101)}), "at most 100 entries"),
    ],
)
def test_anything_else_is_refused_and_says_what(raw: bytes, problem: str) -> None:
    with pytest.raises(schema.RecordError, match=problem):
        schema.parse(raw, "serving/digits")


texts = st.text(max_size=2_000)
ids = st.text("0123456789abcdef", min_size=12, max_size=12)


@given(texts, st.dictionaries(ids, texts, max_size=120), st.dictionaries(st.sampled_from(["before", "cause"]), texts))
def test_whatever_is_remembered_can_be_read_back(
    who: str, rejected: dict[str, str], unfinished: dict[str, str]
) -> None:
    written = schema.dump(Record(service="a/b", pinned_by=who, rejected=rejected, unfinished=unfinished))
    read = schema.parse(written, "a/b")
    assert list(read.rejected) == list(rejected)[len(rejected) - len(read.rejected) :]
    assert set(read.unfinished) == set(unfinished)


def test_the_newest_rejections_stay_when_there_are_too_many_to_keep() -> None:
    rejected = {f"{number:012x}": "\u2026" * 600 for number in range(100)}
    read = schema.parse(schema.dump(Record(service="a/b", rejected=rejected)), "a/b")
    assert 10 < len(read.rejected) < 100
    assert list(read.rejected)[-1] == f"{99:012x}"
