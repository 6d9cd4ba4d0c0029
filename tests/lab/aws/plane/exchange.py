# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One request through a target: up and down at once, chunk by chunk. Never sends anything twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

import h11

from tests.lab.aws.plane.counters import TargetCounters
from tests.lab.aws.plane.headers import Headers, for_client
from tests.lab.aws.plane.upstream import Broken
from tests.lab.aws.plane.wire import Event, Wire

CHUNKED = b"transfer-encoding"


class Exchange:
    """`client`: our side towards the client; `interrupt`: ends the client's session with a reason."""

    def __init__(self, client: Wire, counters: TargetCounters, interrupt: Callable[[Broken], None]) -> None:
        self.client, self.counters, self.interrupt = client, counters, interrupt
        self.status = 0  # of the target's answer; 0 until its head has come
        self.uploaded = False

    async def run(self, upstream: Wire, head: h11.Request, body: Sequence[Event], closing: bool) -> None:
        """`head`: as the target shall see it; `body`: what of it is here already; `closing`: tell the client
        that this is the connection's last answer. Raises Broken.
        """
        upstream.send(head)
        self._pass_up(upstream, body)
        try:
            await upstream.flush()
        except OSError:
            raise Broken("reset", 502) from None
        upload = None if self.uploaded else asyncio.ensure_future(self._upload(upstream))
        try:
            await self._download(upstream, closing)
        finally:
            if upload is not None:
                upload.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await upload

    def _pass_up(self, upstream: Wire, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, h11.Data):
                self.counters.bytes_in += len(event.data)
                upstream.send(event)
            elif isinstance(event, h11.EndOfMessage):
                upstream.send(event)
                self.uploaded = True

    async def _upload(self, upstream: Wire) -> None:
        """The rest of the request's body. A target that stops listening may still answer: the download judges."""
        try:
            while not self.uploaded:
                event = await self.client.event()
                self._pass_up(upstream, [event])
                await upstream.flush()
        except h11.RemoteProtocolError:
            self.interrupt(Broken("client_malformed", 400))
        except (OSError, h11.LocalProtocolError):
            return

    async def _download(self, upstream: Wire, closing: bool) -> None:
        client = self.client
        try:
            while True:
                event = upstream.poll()
                if event is h11.NEED_DATA:
                    await self._flush()
                    await upstream.read()
                    client.touched()
                elif isinstance(event, h11.InformationalResponse):
                    self._inform(event)
                elif isinstance(event, h11.Response):
                    self._answer(event, closing)
                elif isinstance(event, h11.Data):
                    self.counters.bytes_out += len(event.data)
                    client.send(event)
                elif isinstance(event, h11.EndOfMessage):
                    client.send(event)
                    await self._flush()
                    return
        except h11.RemoteProtocolError:
            raise Broken(self._cause(upstream.ended), 502) from None
        except OSError:
            raise Broken(self._cause(True), 502) from None

    async def _flush(self) -> None:
        try:
            await self.client.flush()
        except OSError:
            raise Broken("client", 460) from None

    def _inform(self, event: h11.InformationalResponse) -> None:
        """100 was given by us; 101 never comes, for we pass no Upgrade on; others are for the client."""
        if event.status_code not in (100, 101) and self.client.http.their_http_version == b"1.1":
            self.client.send(event)

    def _answer(self, event: h11.Response, closing: bool) -> None:
        self.status = event.status_code
        self.counters.status[event.status_code] += 1
        framed = any(name == CHUNKED for name, _ignored in event.headers)
        headers: Headers = for_client(event.headers.raw_items(), framed)
        if closing:
            headers.append((b"Connection", b"close"))
        self.client.send(h11.Response(status_code=event.status_code, headers=headers, reason=event.reason))

    def _cause(self, ended: bool) -> str:
        if self.status:
            return "cut"
        return "reset" if ended else "malformed"
