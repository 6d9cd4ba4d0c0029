# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from tests.lab.aws.engine.load_balancer import LoadBalancer
from tests.lab.aws.plane.headers import end_to_end, for_client, for_target, page, reason


def sent(*headers: tuple[bytes, bytes], framed: bool = False, **attributes: Any) -> dict[bytes, bytes]:
    balancer = LoadBalancer("arn", "127.16.64.4", **attributes)
    found = for_target(headers, balancer, ("203.0.113.9", 4711), 8000, lambda: "1-5f-1", framed)
    assert len({name.lower() for name, _ignored in found}) == len(found), "no header twice"
    return dict(found)


def test_headers_of_one_connection_stay_behind() -> None:
    headers = [(b"Connection", b"close, X-Private"), (b"Keep-Alive", b"5"), (b"x-private", b"1"), (b"X-Kept", b"2")]
    headers += [(b"Transfer-Encoding", b"chunked"), (b"Upgrade", b"h2c"), (b"TE", b"trailers"), (b"Trailer", b"X")]

    assert end_to_end(headers) == [(b"X-Kept", b"2")]


@pytest.mark.parametrize(
    ("attributes", "value"),
    [
        ({}, b"198.51.100.1, 203.0.113.9"),
        ({"forwarded_port": True}, b"198.51.100.1, 203.0.113.9:4711"),
        ({"forwarded_for": "preserve"}, b"198.51.100.1"),
        ({"forwarded_for": "remove"}, None),
    ],
)
def test_x_forwarded_for_by_attribute(attributes: dict[str, Any], value: bytes | None) -> None:
    assert sent((b"x-forwarded-for", b"198.51.100.1"), **attributes).get(b"X-Forwarded-For") == value


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (b"", b"Root=1-5f-1"),
        (b"Root=1-a-b", b"Self=1-5f-1;Root=1-a-b"),
        (b"Self=1-x-y;Root=1-a-b;Called=z", b"Self=1-5f-1;Root=1-a-b;Called=z"),
        (b"Self=1-x-y", b"Root=1-5f-1"),
    ],
)
def test_the_trace_header(given: bytes, value: bytes) -> None:
    headers = [(b"X-Amzn-Trace-Id", given)] if given else []

    assert sent(*headers)[b"X-Amzn-Trace-Id"] == value


def test_what_a_client_forges_is_replaced() -> None:
    found = sent((b"x-forwarded-proto", b"https"), (b"X-FORWARDED-PORT", b"443"), (b"Host", b"a"))

    assert found[b"X-Forwarded-Proto"] == b"http"
    assert found[b"X-Forwarded-Port"] == b"8000"


def test_a_framed_body_has_no_length_besides() -> None:
    found = sent((b"Content-Length", b"3"), (b"Transfer-Encoding", b"chunked"), framed=True)

    assert found[b"Transfer-Encoding"] == b"chunked"
    assert b"Content-Length" not in found
    assert for_client([(b"Content-Length", b"3"), (b"X", b"y")], framed=True) == [(b"X", b"y")]
    assert for_client([(b"Content-Length", b"3")], framed=False) == [(b"Content-Length", b"3")]


def test_a_request_without_host_gets_the_load_balancers_address() -> None:
    assert sent()[b"Host"] == b"127.16.64.4"


@pytest.mark.parametrize(
    ("status", "text"),
    [(502, "Bad Gateway"), (503, "Service Temporarily Unavailable"), (504, "Gateway Time-out"), (599, "Unknown")],
)
def test_pages_and_reasons(status: int, text: str) -> None:
    assert reason(status) == text
    assert f"<h1>{status} {text}</h1>".encode() in page(status)
