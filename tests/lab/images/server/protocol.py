# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Open Inference Protocol v2 over REST as pure functions: routes, requests, answers.

Source: kserve/open-inference-protocol, specification/protocol/inference_rest.md and
generate_rest.md (extension "generate": `generate_stream` with server-sent events).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

MODEL = "digits"
PIXELS = 64
CLASSES = 10
MAX_ROWS = 64  # images in one request
MAX_STEPS = 200
MAX_SECONDS = 60.0
DATATYPES = ("FP32", "UINT8")
OUTPUTS = ("label", "confidence", "probabilities")

_MODEL = r"/v2/models/(?P<model>[^/]+)(?:/versions/(?P<version>[^/]+))?"
ROUTES: Sequence[tuple[str, str, re.Pattern[str]]] = tuple(
    (name, method, re.compile(pattern + "/?"))
    for name, method, pattern in (
        ("live", "GET", "/v2/health/live"),
        ("ready", "GET", "/v2/health/ready"),
        ("server", "GET", "/v2"),
        ("model", "GET", _MODEL),
        ("model_ready", "GET", _MODEL + "/ready"),
        ("infer", "POST", _MODEL + "/infer"),
        ("stream", "POST", _MODEL + "/generate_stream"),
    )
)


class RefusedError(Exception):
    """The request is answered with `status` and `{"error": message}`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Infer:
    """A checked inference request: images [n][64], outputs wanted in order, the request's id."""

    images: list[list[float]]
    outputs: tuple[str, ...] = OUTPUTS
    id: str | None = None


def route(method: str, path: str, version: str) -> str:
    """The endpoint's name. Raises RefusedError: 404 unknown path, model or version, 405 wrong method."""
    for name, allowed, pattern in ROUTES:
        match = pattern.fullmatch(path)
        if match is None:
            continue
        named = match.groupdict()
        if named.get("model", MODEL) != MODEL:
            raise RefusedError(404, f"unknown model {named['model']!r}: this server has {MODEL!r}")
        if (named.get("version") or version) != version:
            raise RefusedError(404, f"model {MODEL!r} has no version {named['version']!r}: this server has {version!r}")
        if method != allowed and not (method == "HEAD" and allowed == "GET"):
            raise RefusedError(405, f"{path} answers {allowed}, not {method}")
        return name
    raise RefusedError(404, f"no such endpoint: {path}")


def parse_infer(body: bytes) -> Infer:
    """Check the body of an inference request. Raises RefusedError(400) saying what is wrong."""
    try:
        document = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, f"the body is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise RefusedError(400, "the body must be a JSON object with `inputs`")
    identity = document.get("id")
    if identity is not None and not isinstance(identity, str):
        raise RefusedError(400, "`id` must be a string")
    return Infer(_images(document.get("inputs")), _outputs(document.get("outputs")), identity)


def stream_length(query: str) -> tuple[int, float]:
    """(steps, seconds) of a stream from `?steps=8&seconds=2`. Raises RefusedError(400) out of bounds."""
    values = parse_qs(query)
    try:
        steps, seconds = int(values.get("steps", ["8"])[-1]), float(values.get("seconds", ["2"])[-1])
    except ValueError:
        raise RefusedError(400, "`steps` must be a whole number and `seconds` a number") from None
    if not (1 <= steps <= MAX_STEPS and 0 <= seconds <= MAX_SECONDS):
        raise RefusedError(400, f"`steps` must be 1..{MAX_STEPS} and `seconds` 0..{MAX_SECONDS:g}")
    return steps, seconds


def inference(table: Sequence[Sequence[float]], wanted: Infer, version: str) -> dict[str, Any]:
    """The answer to `wanted` from probabilities [n][10]."""
    labels = [max(range(CLASSES), key=row.__getitem__) for row in table]
    values: Mapping[str, tuple[str, list[int], list[Any]]] = {
        "label": ("INT64", [len(table)], labels),
        "confidence": ("FP32", [len(table)], [row[label] for row, label in zip(table, labels, strict=True)]),
        "probabilities": ("FP32", [len(table), CLASSES], [value for row in table for value in row]),
    }
    outputs = [
        {"name": name, "datatype": datatype, "shape": shape, "data": data}
        for name in wanted.outputs
        for datatype, shape, data in [values[name]]
    ]
    identity = {} if wanted.id is None else {"id": wanted.id}
    return {"model_name": MODEL, "model_version": version, **identity, "outputs": outputs}


def server_metadata(version: str) -> dict[str, Any]:
    return {"name": "greenlight-lab", "version": version, "extensions": ["generate"]}


def model_metadata(version: str) -> dict[str, Any]:
    shapes = {"label": ("INT64", [-1]), "confidence": ("FP32", [-1]), "probabilities": ("FP32", [-1, CLASSES])}
    return {
        "name": MODEL,
        "versions": [version],
        "platform": "onnx_onnxv1",
        "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, PIXELS]}],
        "outputs": [{"name": name, "datatype": datatype, "shape": shape} for name, (datatype, shape) in shapes.items()],
    }


def _images(inputs: object) -> list[list[float]]:
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise RefusedError(400, "`inputs` must be a list of one tensor")
    tensor = inputs[0]
    if tensor.get("name") != "image":
        raise RefusedError(400, f"unknown input {tensor.get('name')!r}: the model's input is 'image'")
    if tensor.get("datatype") not in DATATYPES:
        raise RefusedError(400, f"datatype of 'image' must be one of {', '.join(DATATYPES)}")
    shape = tensor.get("shape")
    # type(...) is int: JSON's true must not pass for 1
    if not (isinstance(shape, list) and len(shape) > 1 and all(type(size) is int for size in shape)):
        raise RefusedError(400, "shape of 'image' must be [n, 64] or [n, 8, 8]")
    if not 1 <= shape[0] <= MAX_ROWS or shape[1:] not in ([PIXELS], [8, 8]):
        raise RefusedError(400, f"shape of 'image' must be [n, 64] or [n, 8, 8] with n 1..{MAX_ROWS}, not {shape[:4]}")
    values = list(_numbers(tensor.get("data"), shape[0] * PIXELS))
    if len(values) != shape[0] * PIXELS:
        raise RefusedError(400, f"data of 'image' holds {len(values)} values, the shape demands {shape[0] * PIXELS}")
    return [values[start : start + PIXELS] for start in range(0, len(values), PIXELS)]


def _numbers(data: object, limit: int) -> Iterator[float]:
    """The numbers of a flat or nested list (the protocol allows both), one more than `limit` at most."""
    pending, count = [data], 0
    while pending and count <= limit:
        value = pending.pop()
        if isinstance(value, list):
            pending.extend(reversed(value))
        elif type(value) in (int, float) and math.isfinite(number := _float(value)):
            count += 1
            yield number
        else:
            raise RefusedError(400, "data of 'image' must be numbers, flat or nested")


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _outputs(outputs: object) -> tuple[str, ...]:
    if outputs is None:
        return OUTPUTS
    if not isinstance(outputs, list) or not outputs or not all(isinstance(item, dict) for item in outputs):
        raise RefusedError(400, "`outputs` must be a list of objects with `name`")
    names = tuple(item.get("name") for item in outputs)
    unknown = [name for name in names if name not in OUTPUTS]
    if unknown or len(set(names)) != len(names):
        raise RefusedError(400, f"`outputs` may name each of {', '.join(OUTPUTS)} once")
    return names


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
