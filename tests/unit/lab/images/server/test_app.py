# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.lab.images.server.app import Answer, Application, CutError
from tests.lab.images.server.engine import Engine
from tests.lab.images.server.faults import parse
from tests.lab.images.train import MODELS

GOLDEN = json.loads((MODELS / "golden.json").read_text())[-1]  # a nine
BODY = json.dumps(
    {"id": "q", "inputs": [{"name": "image", "shape": [1, 64], "datatype": "FP32", "data": GOLDEN["pixels"]}]}
).encode()
INFER = "/v2/models/digits/infer"
STREAM = "/v2/models/digits/generate_stream?steps=4&seconds=0.02"


class FakeClock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def build(fault: str = "", clock: FakeClock | None = None) -> Application:
    engine = Engine((MODELS / "digits-2.onnx").read_bytes())
    return Application(engine, "2", parse(fault), clock or FakeClock())


def ask(app: Application, method: str, target: str, body: bytes = b"") -> tuple[int, Any]:
    answer = asyncio.run(app.answer(method, target, body))
    return answer.status, json.loads(answer.body)


def read_stream(app: Application) -> list[dict[str, Any]]:
    async def read() -> list[bytes]:
        answer: Answer = await app.answer("POST", STREAM, BODY)
        assert answer.events is not None
        return [event async for event in answer.events]

    return [json.loads(event.removeprefix(b"data: ")) for event in asyncio.run(read())]


def label(document: dict[str, Any]) -> int:
    return int(document["outputs"][0]["data"][0])


def test_endpoints_of_a_good_server() -> None:
    app = build()
    assert ask(app, "GET", "/v2/health/live") == (200, {"live": True})
    assert ask(app, "GET", "/v2/health/ready") == (200, {"ready": True})
    assert ask(app, "GET", "/v2/models/digits/ready") == (200, {"name": "digits", "ready": True})
    status, document = ask(app, "POST", INFER, BODY)
    assert (status, label(document), document["id"]) == (200, 9, "q")


def test_stream_ends_with_the_whole_image() -> None:
    events = read_stream(build())
    assert [event["step"] for event in events] == [1, 2, 3, 4]
    assert [event["done"] for event in events] == [False, False, False, True]
    assert (events[-1]["label"], events[-1]["id"]) == (9, "q")
    assert events[0]["confidence"] < events[-1]["confidence"]


def test_bad_request_and_stream_of_two_images_are_answers() -> None:
    assert ask(build(), "POST", INFER, b"{")[0] == 400
    two = BODY.replace(b"[1, 64]", b"[2, 64]").replace(b'"data": [', b'"data": [' + b"0, " * 64)
    assert ask(build(), "POST", STREAM, two) == (400, {"error": "a stream reads one image"})


def test_draining_server_is_not_ready_but_finishes_what_arrives() -> None:
    app = build()
    app.draining = True
    assert ask(app, "GET", "/v2/health/ready")[0] == 503
    assert ask(app, "GET", "/v2/health/live")[0] == 200
    assert ask(app, "POST", INFER, BODY)[0] == 200


def test_slow_start() -> None:
    clock = FakeClock()
    app = build("slow_start:10", clock)
    assert ask(app, "GET", "/v2/health/ready")[0] == 503
    assert ask(app, "POST", INFER, BODY) == (503, {"error": "the model is not ready"})
    clock.now = 10.0
    assert ask(app, "GET", "/v2/health/ready")[0] == 200
    assert ask(app, "POST", INFER, BODY)[0] == 200


def test_never_healthy_lives() -> None:
    app = build("never_healthy")
    assert ask(app, "GET", "/v2/health/live")[0] == 200
    assert ask(app, "GET", "/v2/health/ready")[0] == 503
    assert ask(app, "POST", INFER, BODY)[0] == 503


def test_wrong_answers_are_200_sure_and_wrong() -> None:
    app = build("wrong_answers")
    assert ask(app, "GET", "/v2/health/ready")[0] == 200
    status, document = ask(app, "POST", INFER, BODY)
    assert (status, label(document)) == (200, 0)
    assert document["outputs"][1]["data"][0] > 0.95
    assert read_stream(app)[-1]["label"] == 0


def test_souring_is_right_for_as_many_answers_as_it_says() -> None:
    app = build("souring:2")
    assert [label(ask(app, "POST", INFER, BODY)[1]) for _ignored in range(4)] == [9, 9, 0, 0]
    assert read_stream(app)[-1]["label"] == 0


def test_engine_dead_is_ready_but_fails() -> None:
    app = build("engine_dead")
    assert ask(app, "GET", "/v2/health/ready")[0] == 200
    assert ask(app, "POST", INFER, BODY) == (500, {"error": "the inference engine is dead"})


@pytest.mark.parametrize("fault", ["engine_dead:hang", "slow_answers:3"])
def test_inference_that_does_not_answer_in_time(fault: str) -> None:
    async def impatient() -> None:
        async with asyncio.timeout(0.05):
            await build(fault).answer("POST", INFER, BODY)

    with pytest.raises(TimeoutError):
        asyncio.run(impatient())


def test_slow_answers_are_right() -> None:
    assert label(ask(build("slow_answers:0.01"), "POST", INFER, BODY)[1]) == 9


def test_stream_cut() -> None:
    with pytest.raises(CutError):
        read_stream(build("stream_cut"))
    assert ask(build("stream_cut"), "POST", INFER, BODY)[0] == 200
