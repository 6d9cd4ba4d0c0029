# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each comparer: what it takes for the right answer, and how it says what differs."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.greenlight.serving.plugins.module_utils._probes.golden import (
    Check,
    Json,
    Near,
    Status,
    Text,
    compare,
    parse_path,
)
from ansible_collections.greenlight.serving.plugins.module_utils._probes.transport import Answer

NOPE = hashlib.sha256(b"nope").hexdigest()[:12]


def differs(check: Check, body: bytes | str, status: int = 200, hide: tuple[str, ...] = ()) -> str:
    return compare([check], Answer(status, (), body.encode() if isinstance(body, str) else body, 0.0), hide)


@pytest.mark.parametrize(
    ("wanted", "status", "difference"),
    [
        ((200,), 200, ""),
        ((200, 204), 204, ""),
        ((200,), 404, "expected status 200, got 404"),
        ((200, 204), 302, "expected status 200 or 204, got 302 (redirects are not followed)"),
        (tuple(range(200, 210)), 500, "expected status 200 or 201 or 202 or 203 or 204 …, got 500"),
    ],
)
def test_status(wanted: tuple[int, ...], status: int, difference: str) -> None:
    assert differs(Status(wanted), "", status) == difference


def test_text() -> None:
    assert differs(Text("sieben\n"), "sieben\n") == ""
    digests = [hashlib.sha256(body).hexdigest()[:12] for body in (b"sieben", b"sieben\n")]
    wanted = f"expected text of 6 bytes (sha256 {digests[0]}), got 7 ({digests[1]}): sieben�"
    assert differs(Text("sieben"), "sieben\n") == wanted
    assert differs(Text("é"), "é".encode("latin-1")).endswith(": �")


@pytest.mark.parametrize(
    ("wanted", "body", "difference"),
    [
        ({"a": 1}, '{"a": 1, "b": 2}', ""),
        ({"a": 1}, '{"a": 1.0}', ""),
        ({"a": {"b": [1, {"c": None}]}}, '{"a": {"b": [1, {"c": null, "d": 0}], "e": 1}}', ""),
        ([], "[]", ""),
        ("text", '"text"', ""),
        ({"a": math.nan}, '{"a": NaN}', ""),
        ({"a": 1}, '{"a": 2}', "$.a: expected 1, got 2"),
        ({"a": 1}, '{"a": true}', "$.a: expected 1, got true"),
        ({"a": 1}, '{"a": "1"}', '$.a: expected 1, got "1"'),
        ({"a": 1}, '{"a": NaN}', "$.a: expected 1, got NaN"),
        ({"a": 1}, '{"a": -Infinity}', "$.a: expected 1, got -Infinity"),
        ({"a": 1}, "{}", "nothing at $.a"),
        ({"a": 1}, "[1]", "$: expected an object, got a list of 1"),
        ({"a": [1, 2]}, '{"a": [1]}', "$.a: expected a list of 2, got a list of 1"),
        ({"a": [1, 2]}, '{"a": [1, 3]}', "$.a[1]: expected 2, got 3"),
        ({"a": [1]}, '{"a": {"0": 1}}', "$.a: expected a list of 1, got an object of 1"),
        ({"a": 1}, "nope", f"the body is not JSON at byte 0 (4 bytes, sha256 {NOPE})"),
    ],
)
def test_json(wanted: Any, body: str, difference: str) -> None:
    assert differs(Json(wanted), body) == difference


@pytest.mark.parametrize(
    ("check", "body", "difference"),
    [
        (Near(("y",), 1.0, abs=0.125), '{"y": 1.125}', ""),
        (Near(("y",), 100.0, rel=0.01), '{"y": 99}', ""),
        (Near(("y", 1), 2, abs=0.5), '{"y": [0, 2.5]}', ""),
        (Near((), 7), "7", ""),
        (Near(("y",), [1, [2, 3]], abs=0.1), '{"y": [1.05, [1.95, 3]]}', ""),
        (Near(("y",), 1.0, abs=0.1), '{"y": 1.2}', "$.y: expected 1.0 ± 0.1, got 1.2"),
        (Near(("y",), 1.0, abs=9), '{"y": NaN}', "$.y: expected 1.0 ± 9, got NaN"),
        (Near(("y",), 1.0, abs=9), '{"y": Infinity}', "$.y: expected 1.0 ± 9, got Infinity"),
        (Near(("y",), 1.0, rel=9), '{"y": -1e999}', "$.y: expected 1.0 ± 9, got -Infinity"),
        (Near(("y",), 1.0, abs=9), '{"y": null}', "$.y: expected 1.0 ± 9, got null"),
        (Near(("y",), 1.0, abs=9), '{"y": true}', "$.y: expected 1.0 ± 9, got true"),
        (Near(("y",), 1.0, abs=9), '{"y": "1"}', '$.y: expected 1.0 ± 9, got "1"'),
        (Near(("y",), [1, 2], abs=9), '{"y": [1]}', "$.y: expected 2 numbers, got a list of 1"),
        (Near(("y",), [1, 2], abs=0.1), '{"y": [1, 3]}', "$.y[1]: expected 2 ± 0.1, got 3"),
        (Near(("y", 2), 1), '{"y": [1]}', "nothing at $.y[2]"),
        (Near(("y", "z"), 1), '{"y": [1]}', "nothing at $.y.z"),
        (Near((0,), 1), '{"0": 1}', "nothing at $[0]"),
    ],
)
def test_near(check: Near, body: str, difference: str) -> None:
    assert differs(check, body) == difference


def test_an_integer_beyond_every_float_is_far() -> None:
    assert differs(Near((), 1.0, abs=1e300), "1" + "0" * 400).startswith("$: expected 1.0 ± 1e+300, got 1000")


@pytest.mark.parametrize(
    "body", ["", "{", "\x00", b"\xff\xfe", "[" * 60000, "1" * 60000, '{"y": ' * 20000, b"\xef\xbb\xbf{}"]
)
def test_hostile_json_is_a_difference(body: bytes | str) -> None:
    for check in (Json({"y": 1}), Near(("y",), 1)):
        difference = differs(check, body)
        assert 0 < len(difference) <= 120
        assert difference.isprintable()


def test_the_first_difference_counts() -> None:
    answer = Answer(500, (), b"{}", 0.0)
    assert compare([Status((200,)), Json({"a": 1})], answer) == "expected status 200, got 500"
    assert compare([], answer) == ""


def test_long_and_unprintable_values_are_cut_and_masked() -> None:
    body = json.dumps({"k" * 500: {"v": "\x1b[2J" + "x" * 500}})
    difference = differs(Json({"k" * 500: {"v": "y" * 500}}), body)
    assert len(difference) <= 120
    assert difference.isprintable()
    assert difference.startswith("$.kkk")
    assert "…kkkkkkkk" in difference


@pytest.mark.parametrize("pad", [0, 10, 30, 39, 100])
def test_a_secret_that_is_echoed_is_never_shown_nor_half_of_it(pad: int) -> None:
    secret = "Bearer " + "s3cr3t" * 100
    echo = "x" * pad + secret.partition(" ")[2]
    for check in (Text("no"), Json("no"), Json({"a": "no"}), Near(("a",), 1)):
        for body in (echo, json.dumps(echo), json.dumps({"a": echo})):
            assert "s3cr" not in differs(check, body, hide=(secret,))
    assert "s3cr" not in differs(Json({secret: {"b": 1}}), json.dumps({secret: {}}), hide=(secret,))


@pytest.mark.parametrize(
    ("given_path", "steps"),
    [
        ("$", ()),
        ("$.outputs[0].data[3]", ("outputs", 0, "data", 3)),
        ("outputs[0].data", ("outputs", 0, "data")),
        ("[1][2]", (1, 2)),
        (".a", ("a",)),
        ("$['a.b'][\"c]d\"].e", ("a.b", "c]d", "e")),
        ("", None),
        ("$.", None),
        ("a..b", None),
        ("a[", None),
        ("a[]", None),
        ("a[x]", None),
        ("a[-1]", None),
        ("a['x]", None),
        ("a[0]b", None),
        ("$a", None),
    ],
)
def test_paths(given_path: str, steps: tuple[str | int, ...] | None) -> None:
    assert parse_path(given_path) == steps


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(documents)
def test_every_document_holds_itself(document: Any) -> None:
    assert differs(Json(document), json.dumps(document)) == ""


@given(documents, documents)
def test_a_difference_is_always_safe_to_print(wanted: Any, got: Any) -> None:
    difference = differs(Json(wanted), json.dumps(got))
    assert len(difference) <= 120
    assert difference == "" or difference.isprintable()


@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.floats(0, 10), st.floats(0, 1))
def test_near_is_the_formula(wanted: float, tolerance: float, rel: float) -> None:
    limit = tolerance + rel * abs(wanted)
    for got in (wanted, wanted + limit / 2, wanted - limit / 2, wanted + 2 * limit + 1, wanted * 3 + 1):
        near = differs(Near((), wanted, tolerance, rel), json.dumps(got)) == ""
        assert near == (abs(got - wanted) <= limit)
