# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The served application: what each endpoint answers, with the fault that is switched on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from . import protocol
from .engine import Engine
from .faults import Fault
from .protocol import Infer, RefusedError

JSON = "application/json"
EVENTS = "text/event-stream; charset=utf-8"


class CutError(Exception):
    """The connection is to be reset in the middle of the answer (fault stream_cut)."""


@dataclass(frozen=True)
class Answer:
    """`body` is sent at once; `events`, if given, after it, each as a chunk."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    events: AsyncIterator[bytes] | None = None


class Application:
    """`ready` is asked anew on each request: it follows loading, faults and draining."""

    def __init__(self, engine: Engine, version: str, fault: Fault, clock: Callable[[], float]) -> None:
        self.draining = False
        self._engine = engine
        self._version = version
        self._fault = fault
        self._clock = clock  # monotonic, seconds
        self._started = clock()
        self._answered = 0

    @property
    def ready(self) -> bool:
        if self._fault.kind == "slow_start" and self._clock() < self._started + self._fault.number:
            return False
        return not self.draining and self._fault.kind != "never_healthy"

    async def answer(self, method: str, target: str, body: bytes) -> Answer:
        """Never raises for a bad request: that is an answer, too."""
        path, _ignored, query = target.partition("?")
        try:
            name = protocol.route(method, path, self._version)
            if name == "infer":
                return await self._infer(body)
            if name == "stream":
                return await self._stream(body, query)
        except RefusedError as refused:
            return _document(refused.status, {"error": str(refused)})
        status = 200 if name not in ("ready", "model_ready") or self.ready else 503
        return _document(status, self._describe(name))

    def _describe(self, name: str) -> dict[str, Any]:
        if name == "server":
            return protocol.server_metadata(self._version)
        if name == "model":
            return protocol.model_metadata(self._version)
        if name == "model_ready":
            return {"name": protocol.MODEL, "ready": self.ready}
        return {name: name == "live" or self.ready}

    async def _infer(self, body: bytes) -> Answer:
        wanted = protocol.parse_infer(body)
        await self._before_inference()
        return _document(200, protocol.inference(self._classify(wanted.images), wanted, self._version))

    async def _stream(self, body: bytes, query: str) -> Answer:
        steps, seconds = protocol.stream_length(query)
        wanted = protocol.parse_infer(body)
        if len(wanted.images) != 1:
            raise RefusedError(400, "a stream reads one image")
        await self._before_inference()
        return Answer(200, content_type=EVENTS, events=self._read_slowly(wanted, steps, seconds))

    async def _before_inference(self) -> None:
        """Wait or fail as the fault says. A draining server goes on inferring: the requests are there."""
        if self._fault.kind == "engine_dead":
            await asyncio.sleep(self._fault.number)
            raise RefusedError(500, "the inference engine is dead")
        if not (self.ready or self.draining):
            raise RefusedError(503, "the model is not ready")
        self._answered += 1
        if self._fault.kind == "slow_answers":
            await asyncio.sleep(self._fault.number)

    async def _read_slowly(self, wanted: Infer, steps: int, seconds: float) -> AsyncIterator[bytes]:
        """Reveal the image row by row, one event with the current guess per step; the last has `done`."""
        (image,) = wanted.images
        for step in range(1, steps + 1):
            await asyncio.sleep(seconds / steps)
            if self._fault.kind == "stream_cut" and 2 * step > steps:
                raise CutError
            seen = -(-8 * step // steps) * 8  # pixels of the rows that are revealed
            (row,) = self._classify([image[:seen] + [0.0] * (protocol.PIXELS - seen)])
            confidence = max(row)
            event = {
                "model_name": protocol.MODEL,
                "model_version": self._version,
                **({} if wanted.id is None else {"id": wanted.id}),
                "step": step,
                "label": row.index(confidence),
                "confidence": confidence,
                "done": step == steps,
            }
            yield b"data: " + json.dumps(event).encode() + b"\n\n"

    def _classify(self, images: list[list[float]]) -> list[list[float]]:
        table: list[list[float]] = self._engine.probabilities(images).tolist()
        sour = self._fault.kind == "souring" and self._answered > self._fault.number
        if sour or self._fault.kind == "wrong_answers":  # as a model whose classes were numbered from 1
            return [row[-1:] + row[:-1] for row in table]
        return table


def _document(status: int, value: dict[str, Any]) -> Answer:
    return Answer(status, json.dumps(value).encode())
