# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/1.1 over asyncio with h11: keep-alive, chunked answers, polite draining."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence

import h11

from .app import Answer, Application, CutError

MAX_BODY = 1_048_576  # bytes
Headers = Sequence[tuple[str, str]]


class Server:
    """Serves `app`; `headers` go with every answer.

    `keep_alive`: seconds a connection may wait for a request. It must be longer than the load balancer's
    idle timeout, or the load balancer meets a closed connection (AWS: "Troubleshoot your Application Load
    Balancers", HTTP 502).
    """

    def __init__(self, app: Application, headers: Headers = (), keep_alive: float = 75.0) -> None:
        self.app = app
        self.headers = headers
        self.keep_alive = keep_alive
        self._connections: set[Connection] = set()
        self._listener: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> int:
        """Start accepting; returns the port (useful with 0)."""
        self._listener = await asyncio.start_server(self._accept, host, port, backlog=1024)
        bound: int = self._listener.sockets[0].getsockname()[1]
        return bound

    async def drain(self, linger: float, limit: float) -> int:
        """Finish politely; returns how many connections had to be cut.

        For `linger` seconds new requests are still answered (whoever routes to us needs time to notice), but
        each answer closes its connection. Then idle connections are closed and running requests and streams
        get until `limit` seconds from now.
        """
        self.app.draining = True
        deadline = asyncio.get_running_loop().time() + limit
        await asyncio.sleep(min(linger, limit))
        if self._listener is not None:
            self._listener.close()
        for connection in [each for each in self._connections if not each.busy]:
            connection.close()
        running = [connection.task for connection in self._connections]
        if running:
            remaining = max(0.0, deadline - asyncio.get_running_loop().time())
            await asyncio.wait(running, timeout=remaining)
        left = list(self._connections)
        for connection in left:
            connection.abort()
        if left:
            await asyncio.wait([connection.task for connection in left], timeout=1.0)
        return len(left)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)


class Connection:
    """One client's connection. `busy` from a request's first byte to its answer's last."""

    def __init__(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.busy = False
        task = asyncio.current_task()
        assert task is not None
        self.task: asyncio.Task[None] = task
        self._server = server
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)

    def close(self) -> None:
        self._writer.close()

    def abort(self) -> None:
        """End at once, in the middle of whatever is going on."""
        self._writer.transport.abort()
        self.task.cancel()

    async def run(self) -> None:
        """Serve requests until one side closes. A client that goes away is no error."""
        try:
            with contextlib.suppress(ConnectionError, TimeoutError):
                while await self._exchange():
                    self._http.start_next_cycle()
                    # a pipelined request is there already, and counts as begun
                    self.busy = bool(self._http.trailing_data[0])
        except CutError:
            self._writer.transport.abort()
        except asyncio.CancelledError:  # by abort(): the connection is gone, and its task ends without noise
            pass
        finally:
            self._writer.close()

    async def _exchange(self) -> bool:
        """One request and its answer; whether the connection can carry another."""
        try:
            async with asyncio.timeout(self._server.keep_alive):
                request = await self._next_event()
                if not isinstance(request, h11.Request):
                    return False
                body = await self._body()
        except h11.RemoteProtocolError as error:
            await self._send(Answer(error.error_status_hint, _error(str(error))), "GET", close=True)
            return False
        if body is None:
            await self._send(Answer(413, _error(f"the body is larger than {MAX_BODY} bytes")), "GET", close=True)
            return False
        method, target = request.method.decode("ascii"), request.target.decode("ascii")
        answer = await self._server.app.answer(method, target, body)
        await self._send(answer, method, close=self._server.app.draining)
        finished = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        return finished and not self._server.app.draining

    async def _body(self) -> bytes | None:
        """The request's body; None when it is too large."""
        parts: list[bytes] = []
        size = 0
        while isinstance(event := await self._next_event(), h11.Data):
            size += len(event.data)
            if size > MAX_BODY:
                return None
            parts.append(bytes(event.data))
        if isinstance(event, h11.ConnectionClosed):
            raise ConnectionResetError
        return b"".join(parts)

    async def _next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._http.they_are_waiting_for_100_continue:
                await self._write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])))
            data = await self._reader.read(65_536)
            self.busy = self.busy or bool(data)
            self._http.receive_data(data)

    async def _send(self, answer: Answer, method: str, close: bool) -> None:
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return  # broken beyond an answer
        headers = [("content-type", answer.content_type), *self._server.headers]
        if close:
            headers.append(("connection", "close"))
        if answer.events is None:
            headers.append(("content-length", str(len(answer.body))))
        data = self._http.send(h11.Response(status_code=answer.status, headers=headers)) or b""
        if answer.body and method != "HEAD":
            data += self._http.send(h11.Data(data=answer.body)) or b""
        if answer.events is not None:
            await self._write(data)
            data = b""
            async for event in answer.events:
                await self._write(self._http.send(h11.Data(data=event)))
        await self._write(data + (self._http.send(h11.EndOfMessage()) or b""))

    async def _write(self, data: bytes | None) -> None:
        self._writer.write(data or b"")
        await self._writer.drain()


def _error(message: str) -> bytes:
    return json.dumps({"error": message}).encode()
