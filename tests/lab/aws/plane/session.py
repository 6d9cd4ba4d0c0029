# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client's connection to a load balancer: requests, rules, and the answers the load balancer gives itself.

A request that was sent to a target is never sent again, to this target or another.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import h11

from tests.lab.aws.engine.rules import Fixed, Forward, Redirect, Request, choose, select
from tests.lab.aws.plane.exchange import Exchange
from tests.lab.aws.plane.headers import Headers, for_target, page, reason
from tests.lab.aws.plane.upstream import Broken
from tests.lab.aws.plane.wire import Event, WatchedReader, Wire

if TYPE_CHECKING:
    from tests.lab.aws.plane.alb import Front
    from tests.lab.aws.plane.routes import Route

REFUSED = {"TRACE", "CONNECT"}  # "HTTP 405: Method not allowed", troubleshooting page
BODY = 1 << 20  # of a request nobody reads: more than this, and the connection is closed instead


class Router(Protocol):
    """What a front asks of the balancer."""

    def now(self) -> float: ...

    def route(self, group: str, draw: float) -> Route | None:
        """The target for one request, counted as in flight; None: no target can take it."""

    def draw(self, *key: object) -> float: ...

    def trace(self) -> str:
        """A fresh identifier for X-Amzn-Trace-Id."""

    def admits(self, groups: tuple[str, ...], port: int, address: str) -> bool: ...

    def failed(self, listener: str, request: Request, cause: str, status: int, target: str) -> None:
        """A request did not get a target's complete answer."""


class Session:
    """One client connection. A client that ends its sending side is taken to have left."""

    task: asyncio.Task[None]

    def __init__(self, front: Front, reader: WatchedReader, writer: asyncio.StreamWriter) -> None:
        self.front, self.router = front, front.router
        self.peer: tuple[str, int] = (writer.get_extra_info("peername") or ("0.0.0.0", 0))[:2]
        self.wire = Wire(h11.SERVER, reader, writer, self._touch)
        self.opened_at = self.touched_at = self.router.now()
        self.exchange: Exchange | None = None
        self._broken: Broken | None = None
        self._busy = False
        self.dropped = False  # by the security groups
        reader.gone = lambda: self.interrupt(Broken("client", 460))

    async def run(self) -> None:
        front = self.front
        try:
            if self.router.admits(front.balancer.security_groups, front.port, self.peer[0]):
                front.counters.connections += 1
                await self._serve()
            else:  # dropped packets: the client sees nothing at all, until it gives up
                front.counters.rejected += 1
                self.dropped = True
                while await self.wire.reader.read(1 << 16):
                    pass
        except OSError:
            pass  # the client is gone
        except asyncio.CancelledError:
            if self._broken is None:
                raise
        finally:
            self.wire.close()

    async def _serve(self) -> None:
        while True:
            try:
                event = await self.wire.event()
            except h11.RemoteProtocolError as error:
                await self._refuse(error.error_status_hint)
                return
            if not isinstance(event, h11.Request):
                return
            self._busy = True
            await self._request(event)
            self._busy = False
            if self.front.closed or not self.wire.idle():
                return
            self.wire.http.start_next_cycle()

    async def _request(self, head: h11.Request) -> None:
        front = self.front
        front.counters.requests += 1
        front.served += 1
        if self.wire.http.they_are_waiting_for_100_continue:
            # "immediately responds with HTTP 100 Continue without testing the content length header"
            self.wire.send(h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue"))
            await self.wire.flush()
        request = view(head, self.peer[0])
        if request.method in REFUSED:
            await self._answer(405, "method", page(405))
            return
        action = select(front.rules.get(self.router.now()), request).action
        if isinstance(action, Forward):
            await self._forward(action, head, request)
        elif isinstance(action, Fixed):
            headers = [(b"Content-Type", action.content_type.encode())] if action.content_type else []
            await self._answer(action.status, "fixed", action.body.encode(), headers)
        else:
            await self._redirect(action, request)

    async def _redirect(self, action: Redirect, request: Request) -> None:
        location = action.location(request, "http", self.front.port)
        await self._answer(action.status, "redirect", page(action.status), [(b"Location", location.encode())])

    async def _forward(self, action: Forward, head: h11.Request, request: Request) -> None:
        front, router = self.front, self.router
        draw = router.draw(front.arn, front.served)
        group = choose(action, draw)
        route = router.route(group, router.draw(group, front.arn, front.served)) if group else None
        if route is None:
            router.failed(front.arn, request, "no_target", 503, group or "")
            await self._answer(503, "no_target", page(503))
            return
        with route.taken(self.interrupt) as counters:
            self.exchange = Exchange(self.wire, counters, self.interrupt)
            try:
                with self._interruptible():
                    await self._exchange(self.exchange, route, head)
            except Broken as broken:
                counters.failed[broken.cause] += 1
                router.failed(front.arn, request, broken.cause, broken.status, route.name)
                await self._give_up(broken, self.exchange)
            finally:
                self.exchange = None

    async def _exchange(self, exchange: Exchange, route: Route, head: h11.Request) -> None:
        client = self.wire
        body = list(_here(client))
        framed = any(name == b"transfer-encoding" for name, _ignored in head.headers)
        headers = for_target(
            head.headers.raw_items(), self.front.balancer, self.peer, self.front.port, self.router.trace, framed
        )
        request = h11.Request(method=head.method, target=head.target, headers=headers)
        closing = self.front.closed or self.router.now() - self.opened_at >= self.front.balancer.client_keep_alive
        upstream = await route.connect()
        complete = False
        try:
            await exchange.run(upstream, request, body, closing)
            complete = True
        finally:
            route.release(upstream, complete)

    async def _give_up(self, broken: Broken, exchange: Exchange) -> None:
        """Tell the client what happened, if it can still be told: after the head only the end says it."""
        counters = self.front.counters
        if broken.cause == "client":
            counters.client_closed += 1
        elif exchange.status or self.wire.http.our_state is not h11.SEND_RESPONSE:
            counters.cut += 1
            with contextlib.suppress(OSError):
                await self.wire.flush()
        else:
            await self._answer(broken.status, broken.cause, page(broken.status))
            return
        self.wire.close()

    async def _answer(self, status: int, why: str, body: bytes, headers: Headers | None = None) -> None:
        """An answer of the load balancer's own, after the request's body, if it comes, was read and thrown away."""
        self.front.counters.answered[f"{status} {why}"] += 1
        complete = not why.startswith("client_") and await self._discard()
        own = headers or [(b"Content-Type", b"text/html")]
        own = [(b"Server", b"awselb/2.0"), *own, (b"Content-Length", str(len(body)).encode())]
        if not complete or self.front.closed:
            own.append((b"Connection", b"close"))
        self.wire.send(h11.Response(status_code=status, headers=own, reason=reason(status).encode()))
        self.wire.send(h11.Data(data=body))
        self.wire.send(h11.EndOfMessage())
        await self.wire.flush()

    async def _discard(self) -> bool:
        read = 0
        while self.wire.http.their_state is h11.SEND_BODY and read < BODY and not self.wire.ended:
            try:
                event = await self.wire.event()
            except h11.RemoteProtocolError:
                return False
            if isinstance(event, h11.Data):
                read += len(event.data)
        return self.wire.http.their_state is not h11.SEND_BODY

    async def _refuse(self, status: int) -> None:
        """What the client sent is no HTTP. If it sent nothing more than its end, there is nobody to tell."""
        if self.wire.http.our_state in (h11.IDLE, h11.SEND_RESPONSE) and not self.wire.ended:
            self.front.counters.answered[f"{status} malformed"] += 1
            body = page(status)
            headers = [(b"Server", b"awselb/2.0"), (b"Content-Type", b"text/html"), (b"Connection", b"close")]
            headers.append((b"Content-Length", str(len(body)).encode()))
            self.wire.send(h11.Response(status_code=status, headers=headers, reason=reason(status).encode()))
            self.wire.send(h11.Data(data=body))
            self.wire.send(h11.EndOfMessage())
            await self.wire.flush()

    # ---- what ends a session from outside; in the loop's thread

    def interrupt(self, broken: Broken) -> None:
        """End the request under way with this reason (the client left, nothing moved, the target is drained)."""
        if self._busy and self._broken is None:
            self._broken = broken
            self.task.cancel()

    def expire(self) -> None:
        """Nothing has moved for the idle timeout."""
        if not self._busy:
            self.wire.close()
        elif self.exchange is not None and not self.exchange.uploaded:
            self.interrupt(Broken("client_timeout", 408))
        else:
            self.interrupt(Broken("timeout", 504))

    def leave(self) -> None:
        if not self._busy:
            self.wire.close()

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        try:
            yield
        except asyncio.CancelledError:
            if self._broken is None:
                raise
            broken, self._broken = self._broken, None
            self.task.uncancel()
            raise broken from None

    def _touch(self) -> None:
        self.touched_at = self.router.now()


def view(head: h11.Request, source: str) -> Request:
    """The request as rules see it. The host without its port, as a host header condition compares it."""
    path, _ignored, query = head.target.decode("latin-1").partition("?")
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers)
    host = next((value for name, value in headers if name == "host"), "")
    return Request(head.method.decode("latin-1"), path, query, host.rsplit(":", 1)[0], source, headers)


def _here(wire: Wire) -> Iterator[Event]:
    """The part of the body that has arrived, without waiting."""
    while wire.http.their_state is h11.SEND_BODY:
        try:
            event = wire.poll()
        except h11.RemoteProtocolError:
            raise Broken("client_malformed", 400) from None
        if event is h11.NEED_DATA:
            return
        yield event
