# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small HTTP/1.1 client over asyncio and h11 that never retries and says exactly how a request failed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import h11

MAX_BODY = 4_194_304  # bytes of one answer


class FailureError(Exception):
    """One request failed. `cause` is one of CAUSES or `status <code>`; `status`, `headers`: as far as they came."""

    def __init__(self, cause: str, status: int = 0, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.status = status
        self.headers = headers or {}


# What each cause means, in the order of a request's life.
CAUSES: Mapping[str, str] = {
    "not sent": "too many requests were in flight at the generator: its own limit, nobody else's fault",
    "connect refused": "the connection was refused",
    "connect reset": "the connection was reset before it was made",
    "connect timeout": "no connection in time",
    "reset": "the connection was reset before an answer began",
    "closed": "the connection was closed before an answer began",
    "timeout": "no complete answer in time",
    "cut": "the answer began and did not end",
    "malformed": "the answer was not HTTP, or 200 without a result",
}


@dataclass(frozen=True)
class Response:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes


class Connection:
    """One keep-alive connection; `idle_since` is loop time."""

    def __init__(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.idle_since = asyncio.get_running_loop().time()
        self._host = host
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)

    @classmethod
    async def open(cls, host: str, port: int) -> Connection:
        """Raises FailureError `connect …`; the caller's timeout is a `connect timeout`."""
        try:
            reader, writer = await asyncio.open_connection(host, port)
        except ConnectionRefusedError:
            raise FailureError("connect refused") from None
        except TimeoutError:
            raise FailureError("connect timeout") from None
        except OSError:
            raise FailureError("connect reset") from None
        return cls(f"{host}:{port}", reader, writer)

    @property
    def reusable(self) -> bool:
        """Whether another request may go out: the last exchange is over and the peer has not closed."""
        fresh = self._http.our_state is h11.IDLE and self._http.their_state is h11.IDLE
        return fresh and not self._reader.at_eof() and not self._writer.is_closing()

    def close(self) -> None:
        self._writer.close()

    async def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        """One exchange. Raises FailureError; the caller's timeout raises TimeoutError through here."""
        sent = {"host": self._host, "content-length": str(len(body)), **headers}
        data = self._http.send(h11.Request(method=method, target=target, headers=list(sent.items()))) or b""
        data += self._http.send(h11.Data(data=body)) or b""
        data += self._http.send(h11.EndOfMessage()) or b""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError:
            raise FailureError("reset") from None
        head = await self._head()
        response_headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
        received = await self._body(head.status_code, response_headers)
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            self.idle_since = asyncio.get_running_loop().time()
        return Response(head.status_code, response_headers, received)

    async def _head(self) -> h11.Response:
        try:
            while not isinstance(event := await self._next_event(), h11.Response):
                if isinstance(event, h11.ConnectionClosed):
                    raise FailureError("closed")
        except ConnectionError:
            raise FailureError("reset") from None
        except h11.RemoteProtocolError:
            # h11 says so, too, when the peer closes before or inside the head
            raise FailureError("closed" if self._reader.at_eof() else "malformed") from None
        return event

    async def _body(self, status: int, headers: Mapping[str, str]) -> bytes:
        parts: list[bytes] = []
        size = 0
        try:
            while isinstance(event := await self._next_event(), h11.Data):
                size += len(event.data)
                if size > MAX_BODY:
                    raise FailureError("malformed", status, headers)
                parts.append(bytes(event.data))
        except (ConnectionError, h11.RemoteProtocolError):
            raise FailureError("cut", status, headers) from None
        return b"".join(parts)

    async def _next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            self._http.receive_data(await self._reader.read(65_536))
