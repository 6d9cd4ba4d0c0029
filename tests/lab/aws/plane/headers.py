# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a load balancer does to headers, and the answers it gives itself. Pure.

Sources, in the user guide for Application Load Balancers: "X-Forwarded headers", "Request tracing"
(X-Amzn-Trace-Id), "HTTP headers and Application Load Balancers", "Load balancer attributes"
(routing.http.drop_invalid_header_fields.enabled: names must match [-A-Za-z0-9]+); RFC 9110, 7.6.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from http import HTTPStatus

from tests.lab.aws.engine.load_balancer import LoadBalancer

Headers = list[tuple[bytes, bytes]]
HOP_BY_HOP = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
FORWARDED_FOR, TRACE = b"x-forwarded-for", b"x-amzn-trace-id"
REWRITTEN = {FORWARDED_FOR, TRACE, b"x-forwarded-proto", b"x-forwarded-port", b"expect"}
VALID_NAME = re.compile(rb"[-A-Za-z0-9]+")
REASONS = {503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}


def end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Without what concerns one connection only, also what the Connection header names; framing is h11's."""
    given = list(headers)
    named = {
        token.strip().lower() for name, value in given if name.lower() == b"connection" for token in value.split(b",")
    }
    return [(name, value) for name, value in given if (low := name.lower()) not in HOP_BY_HOP and low not in named]


def for_target(
    headers: Iterable[tuple[bytes, bytes]],
    balancer: LoadBalancer,
    client: tuple[str, int],
    port: int,
    trace: Callable[[], str],
    framed: bool,
) -> Headers:
    """The request's headers as the target sees them. `framed`: the body comes in chunks.

    Expect is answered by the load balancer itself and goes no further.
    """
    kept: Headers = []
    given: dict[bytes, list[bytes]] = {FORWARDED_FOR: [], TRACE: [], b"host": []}
    for name, value in end_to_end(headers):
        low = name.lower()
        if low in given:
            given[low].append(value)
        if low in REWRITTEN or (balancer.drop_invalid_headers and not VALID_NAME.fullmatch(name)):
            continue
        if framed and low == b"content-length":  # with both given, the chunks are what h11 read (RFC 9112, 6.3)
            continue
        kept.append((name, value))
    if not given[b"host"]:  # HTTP/1.0
        kept.insert(0, (b"Host", balancer.address.encode()))
    kept += _forwarded_for(given[FORWARDED_FOR], balancer, client)
    kept += [(b"X-Forwarded-Proto", b"http"), (b"X-Forwarded-Port", str(port).encode())]
    kept.append((b"X-Amzn-Trace-Id", _traced(given[TRACE], trace)))
    if framed:
        kept.append((b"Transfer-Encoding", b"chunked"))
    return kept


def for_client(headers: Iterable[tuple[bytes, bytes]], framed: bool) -> Headers:
    """The response's headers as the client sees them. `framed`: the target sends chunks; h11 frames anew."""
    kept = end_to_end(headers)
    return [item for item in kept if item[0].lower() != b"content-length"] if framed else kept


def _forwarded_for(given: list[bytes], balancer: LoadBalancer, client: tuple[str, int]) -> Headers:
    if balancer.forwarded_for == "append":
        address = f"{client[0]}:{client[1]}" if balancer.forwarded_port else client[0]
        given = [b", ".join([*given, address.encode()])]
    elif balancer.forwarded_for == "remove":
        given = []
    return [(b"X-Forwarded-For", value) for value in given]


def _traced(given: list[bytes], trace: Callable[[], str]) -> bytes:
    """No header: a Root field of ours; a Root field: our Self field before it, in place of an older one."""
    fields = [part for part in b";".join(given).split(b";") if part and not part.lower().startswith(b"self=")]
    rooted = any(part.lower().startswith(b"root=") for part in fields)
    return b";".join([f"{'Self' if rooted else 'Root'}={trace()}".encode(), *fields])


def reason(status: int) -> str:
    """The reason phrase as the load balancer writes it."""
    try:
        return REASONS.get(status) or HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def page(status: int) -> bytes:
    """The body of an answer the load balancer gives itself."""
    title = f"{status} {reason(status)}"
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    ).encode()
