# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest

from tests.lab.images.server import protocol
from tests.lab.images.server.protocol import RefusedError


def body(**changes: Any) -> bytes:
    tensor = {"name": "image", "shape": [1, 64], "datatype": "FP32", "data": [0] * 64} | changes
    return json.dumps({"id": "7", "inputs": [tensor]}).encode()


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/v2/health/live", "live"),
        ("HEAD", "/v2/health/ready", "ready"),
        ("GET", "/v2", "server"),
        ("GET", "/v2/", "server"),
        ("GET", "/v2/models/digits", "model"),
        ("GET", "/v2/models/digits/versions/2", "model"),
        ("GET", "/v2/models/digits/versions/2/ready", "model_ready"),
        ("POST", "/v2/models/digits/infer", "infer"),
        ("POST", "/v2/models/digits/versions/2/infer", "infer"),
        ("POST", "/v2/models/digits/generate_stream", "stream"),
    ],
)
def test_route(method: str, path: str, name: str) -> None:
    assert protocol.route(method, path, "2") == name


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/", 404, "no such endpoint"),
        ("GET", "/v2/models/letters", 404, "unknown model 'letters'"),
        ("POST", "/v2/models/digits/versions/1/infer", 404, "no version '1': this server has '2'"),
        ("GET", "/v2/models/digits/infer", 405, "answers POST, not GET"),
        ("DELETE", "/v2", 405, "answers GET"),
    ],
)
def test_route_refused(method: str, path: str, status: int, message: str) -> None:
    with pytest.raises(RefusedError, match=message) as caught:
        protocol.route(method, path, "2")
    assert caught.value.status == status


def test_flat_and_nested_data_mean_the_same() -> None:
    flat = list(range(64))
    nested = [[flat[start : start + 8] for start in range(0, 64, 8)]]
    for changes in ({"data": flat}, {"data": nested, "shape": [1, 8, 8]}, {"data": [flat], "datatype": "UINT8"}):
        assert protocol.parse_infer(body(**changes)).images == [flat]


def test_two_images_stay_two() -> None:
    images = protocol.parse_infer(body(shape=[2, 64], data=[1] * 64 + [2] * 64)).images
    assert images == [[1] * 64, [2] * 64]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'"x"', "must be a JSON object"),
        (b"{}", "`inputs` must be a list of one tensor"),
        (b'{"id": 7, "inputs": []}', "`id` must be a string"),
        (body(name="picture"), "unknown input 'picture'"),
        (body(datatype="BYTES"), "datatype"),
        (body(shape=[64]), r"\[n, 64\]"),
        (body(shape=[True, 64]), r"\[n, 64\]"),
        (body(shape=[0, 64], data=[]), "n 1..64"),
        (body(shape=[65, 64]), "n 1..64"),
        (body(shape=[1, 4, 16]), r"\[n, 8, 8\]"),
        (body(data=[0] * 63), "holds 63 values, the shape demands 64"),
        (body(data=[0] * 5000), "the shape demands 64"),
        (body(data=["1"] * 64), "must be numbers"),
        (body(data=[True] * 64), "must be numbers"),
        (body(data=None), "must be numbers"),
        (body(data=[10**400] * 64), "must be numbers"),
        (body(data=[0] * 64).replace(b"[0,", b"[NaN,"), "NaN is not JSON"),
        (body(data=[0] * 64).replace(b"[0,", b"[1e999,"), "must be numbers"),
        (body()[:-1] + b', "outputs": [{"name": "mood"}]}', "`outputs` may name"),
        (body()[:-1] + b', "outputs": [{"name": "label"}, {"name": "label"}]}', "once"),
        (body()[:-1] + b', "outputs": "label"}', "must be a list"),
    ],
)
def test_bad_request_says_what_is_wrong(text: bytes, message: str) -> None:
    with pytest.raises(RefusedError, match=message) as caught:
        protocol.parse_infer(text)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("query", "expected"), [("", (8, 2.0)), ("steps=20&seconds=0.5", (20, 0.5)), ("steps=200&seconds=60", (200, 60.0))]
)
def test_stream_length(query: str, expected: tuple[int, float]) -> None:
    assert protocol.stream_length(query) == expected


@pytest.mark.parametrize("query", ["steps=0", "steps=201", "seconds=61", "seconds=-1", "steps=x", "seconds=nan"])
def test_stream_length_is_bounded(query: str) -> None:
    with pytest.raises(RefusedError) as caught:
        protocol.stream_length(query)
    assert caught.value.status == 400


def test_inference_echoes_id_and_version_and_selects_outputs() -> None:
    table = [[0.0] * 9 + [1.0], [0.9] + [0.0] * 8 + [0.1]]
    whole = protocol.inference(table, protocol.Infer(images=[], id="a"), "2")
    assert (whole["id"], whole["model_name"], whole["model_version"]) == ("a", "digits", "2")
    by_name = {output["name"]: output for output in whole["outputs"]}
    assert by_name["label"] == {"name": "label", "datatype": "INT64", "shape": [2], "data": [9, 0]}
    assert by_name["confidence"]["data"] == [1.0, 0.9]
    assert (by_name["probabilities"]["shape"], len(by_name["probabilities"]["data"])) == ([2, 10], 20)
    one = protocol.inference(table, protocol.Infer(images=[], outputs=("label",)), "2")
    assert [output["name"] for output in one["outputs"]] == ["label"]
    assert "id" not in one


def test_metadata_names_what_inference_returns() -> None:
    named = {output["name"] for output in protocol.model_metadata("2")["outputs"]}
    assert named == set(protocol.OUTPUTS)
    assert protocol.server_metadata("2")["extensions"] == ["generate"]
