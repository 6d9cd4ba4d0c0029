# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fault injection in front of the API: WSGI middleware, switched at run time, deterministic by seed."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from threading import Lock
from typing import Any, NoReturn

from tests.lab.aws.chaos.buckets import Buckets
from tests.lab.aws.chaos.faults import CONFLICT, Dice, Fault, Faults, Throw, conditional, failed, throttled
from tests.lab.aws.chaos.memory import Memory
from tests.lab.aws.ports import Clock
from tests.lab.aws.trace import App, StartResponse
from tests.lab.aws.wire import Call, Headers, error

Answer = tuple[str, Headers, list[bytes]]
NOTHING = Throw(-1, Fault(), frozenset())


class Chaos:
    """Below `Trace`, which put the call and its body into the environment; above the lab's lock."""

    def __init__(self, app: App, clock: Clock, seed: int, sleep: Callable[[float], None] = time.sleep) -> None:
        self._app, self._clock, self._seed, self._sleep = app, clock, seed, sleep
        self._lock = Lock()
        self.set(Faults())

    def set(self, faults: Faults) -> None:
        """From now on these; counting starts again."""
        with self._lock:
            self._dice, self._buckets = Dice(faults, self._seed), Buckets()
            self._memory: Memory[Answer] = Memory()

    def shown(self) -> dict[str, Any]:
        """The rules and how many faults of each kind were met."""
        return {**asdict(self._dice.faults), "counts": dict(self._dice.counts), "calls": dict(self._dice.calls)}

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        call: Call = environ["lab.call"]
        with self._lock:
            throw = self._dice.throw(call) or NOTHING
            crowded = self._dice.faults.buckets and not self._buckets.admits(
                call.service, call.operation, self._clock.now()
            )
        if "latency" in throw.kinds:
            self._met(environ, throw, "latency")
            self._sleep(throw.fault.latency_seconds)
        if crowded or "throttle" in throw.kinds:
            self._met(environ, throw, "throttle")
            return _reply(start_response, _error(call, *throttled(call)))
        if "error" in throw.kinds:
            self._met(environ, throw, "error")
            return _reply(start_response, _error(call, *failed(call)))
        if "conflict" in throw.kinds and conditional(call, environ):
            self._met(environ, throw, "conflict")
            return _reply(start_response, _error(call, *CONFLICT))
        if "reset" in throw.kinds:
            self._met(environ, throw, "reset")
            reset(environ)
        return _reply(start_response, self._answer(environ, call, throw))

    def _answer(self, environ: dict[str, Any], call: Call, throw: Throw) -> Answer:
        key = (call.name, environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", ""), environ["lab.body"].hex())
        if "stale" in throw.kinds:
            with self._lock:
                old = self._memory.recall(call.service, key, self._clock.now(), throw.fault.stale_seconds)
            if old is not None:
                self._met(environ, throw, "stale")
                return old
        answer = _collect(self._app, environ)
        with self._lock:
            if call.mutating:
                self._memory.change(call.service, self._clock.now())
            elif any(fault.stale for fault in self._dice.faults.rules):
                self._memory.keep(key, answer, self._clock.now())
        if "lost" in throw.kinds:
            self._met(environ, throw, "lost")
            reset(environ)
        return answer

    def _met(self, environ: dict[str, Any], throw: Throw, kind: str) -> None:
        environ["lab.fault"] = kind
        with self._lock:
            self._dice.met(throw, kind)


def reset(environ: dict[str, Any]) -> NoReturn:
    """End the connection with an RST. `close()` alone would keep it open: the server's files refer to it."""
    connection = environ.get("werkzeug.socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError("injected")


def _error(call: Call, status: int, code: str, message: str) -> Answer:
    number, headers, body = error(call, status, code, message)
    return f"{number} {code}", headers, [body]


def _reply(start_response: StartResponse, answer: Answer) -> list[bytes]:
    status, headers, body = answer
    start_response(status, list(headers))
    return body


def _collect(app: App, environ: dict[str, Any]) -> Answer:
    seen: dict[str, Any] = {}

    def start(status: str, headers: Headers, _exc_info: Any = None) -> None:
        seen.update(status=status, headers=headers)

    body = list(app(environ, start))
    return seen["status"], seen["headers"], body
