# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests that the load sends, and how an answer is judged: is the digit right? Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

GOLDEN = Path(__file__).parents[1] / "images" / "models" / "golden.json"
INFER = "/v2/models/digits/infer"
STREAM = "/v2/models/digits/generate_stream"


@dataclass(frozen=True)
class Question:
    """One image that every good version of the model reads rightly."""

    body: bytes
    label: int


@cache
def questions() -> Sequence[Question]:
    """The golden images as Open Inference Protocol requests."""
    items = json.loads(GOLDEN.read_text())
    return tuple(
        Question(
            json.dumps(
                {
                    "inputs": [{"name": "image", "shape": [1, 64], "datatype": "FP32", "data": item["pixels"]}],
                    "outputs": [{"name": "label"}],
                }
            ).encode(),
            item["gate"]["label"],
        )
        for item in items
    )


def inferred(body: bytes) -> int | None:
    """The label in an inference answer; None when it is not one."""
    try:
        outputs = json.loads(body)["outputs"]
        return next(int(output["data"][0]) for output in outputs if output["name"] == "label")
    except (ValueError, TypeError, KeyError, IndexError, StopIteration):
        return None


def streamed(body: bytes) -> tuple[bool, int | None]:
    """(whether the last event says that the stream is done, the last label)."""
    events = [line.removeprefix(b"data: ") for line in body.split(b"\n") if line.startswith(b"data: ")]
    try:
        last = json.loads(events[-1])
        return last["done"] is True, int(last["label"])
    except (ValueError, TypeError, KeyError, IndexError):
        return False, None
