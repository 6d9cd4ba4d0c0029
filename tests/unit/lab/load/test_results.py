# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from tests.lab.load import golden
from tests.lab.load.results import Result, Summary, between, quantile, summarise


def result(number: int = 0, kind: str = "infer", at: float = 0.0, took: float = 0.1, **more: object) -> Result:
    return Result(number, kind, at, at + took, **more)  # type: ignore[arg-type]


def test_summary_counts() -> None:
    summary = summarise(
        [
            result(release="a", took=0.1),
            result(release="b", took=0.3),
            result(kind="stream", release="b", took=4.0),
            result(kind="stream", cause="cut", status=200, release="b"),
            result(cause="status 503", status=503),
            result(cause="status 503", status=503),
            result(wrong=True, release="b", took=0.2),
        ]
    )
    assert summary == Summary(
        requests=7,
        streams=2,
        dropped=3,
        cut_streams=1,
        wrong_answers=1,
        causes={"cut": 1, "status 503": 2},
        releases={"a": 1, "b": 3},
        latency={"p50": 0.2, "p99": 0.3, "max": 0.3},
    )


def test_nothing_sent() -> None:
    assert summarise([]) == Summary()
    assert summarise([result(cause="cut")]).latency == {}


def test_between_takes_the_start_and_leaves_the_end() -> None:
    assert [each.scheduled for each in between([result(at=t) for t in (0.0, 1.0, 2.0)], 1.0, 2.0)] == [1.0]


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 5), (0.99, 10), (1.0, 10)])
def test_quantile(share: float, value: int) -> None:
    assert quantile(list(range(1, 11)), share) == value


def test_line_is_json_with_the_latency() -> None:
    line = json.loads(result(at=5.0, took=0.25, release="abc").line())
    assert (line["latency"], line["release"], line["scheduled"]) == (0.25, "abc", 5.0)


def test_golden_questions_cover_each_digit() -> None:
    assert {question.label for question in golden.questions()} == set(range(10))


@pytest.mark.parametrize(
    ("body", "label"),
    [
        (b'{"outputs": [{"name": "confidence", "data": [0.1]}, {"name": "label", "data": [7]}]}', 7),
        (b'{"outputs": []}', None),
        (b'{"outputs": [{"name": "label", "data": []}]}', None),
        (b"[]", None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_inferred(body: bytes, label: int | None) -> None:
    assert golden.inferred(body) == label


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'data: {"done": false, "label": 1}\n\ndata: {"done": true, "label": 2}\n\n', (True, 2)),
        (b'data: {"done": false, "label": 1}\n\n', (False, 1)),
        (b'data: {"done": true, "lab', (False, None)),
        (b"", (False, None)),
    ],
)
def test_streamed(body: bytes, expected: tuple[bool, int | None]) -> None:
    assert golden.streamed(body) == expected
