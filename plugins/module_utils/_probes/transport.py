# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP request, one answer. Standard library only, Python 3.9.

http.client with a socket of our own: no redirects (a 3xx is an answer), no proxies, cookies, .netrc or other
credentials from around us, a fresh connection each time, one deadline, limits on header and body.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import re
import socket
import time
from dataclasses import dataclass
from typing import Optional, Tuple

from . import wire
from .address import Base
from .text import printable
from .wire import Clock, NoAnswerError, Wire

HEADER_LIMIT = 32 * 1024  # bytes: status lines and headers, those of 1xx answers as well
BODY_LIMIT = 64 * 1024  # bytes, unless a request says otherwise
FRAMING = 8  # a chunk of one byte takes six; so much more than the body may come over the wire
USER_AGENT = "greenlight-probe"


@dataclass(frozen=True)
class Request:
    """What is sent. `target` is a path with its query, below the base URL's prefix."""

    target: str
    method: str = "GET"
    headers: Tuple[Tuple[str, str], ...] = ()
    body: Optional[bytes] = None
    timeout: float = 5.0  # seconds for all of it: look-up, connection, request, answer
    max_body: int = BODY_LIMIT


@dataclass(frozen=True)
class Reach:
    """What a probe may connect to beside public and private addresses, and whom it trusts."""

    allow_loopback: bool = False
    ca_file: Optional[str] = None  # PEM file with the only certificate authorities to trust; None: the system's


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Tuple[Tuple[str, str], ...]
    body: bytes
    seconds: float  # from the first byte sent to the last one read

    def header(self, name: str) -> str:
        """The first header of that name, whatever its case; "" = none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


def send(base: Base, request: Request, reach: Reach, clock: Clock = time.monotonic) -> Answer:
    """Send one request and read its answer. Raises NoAnswerError when there is none to judge."""
    deadline = clock() + request.timeout
    addresses = wire.resolve(base, reach.allow_loopback, deadline, clock)
    connection = wire.connect(addresses, deadline, clock)
    try:
        if base.scheme == "https":
            connection = wire.secure(connection, base.host, reach.ca_file, deadline, clock)
        line = Wire(connection, deadline, HEADER_LIMIT, clock)
        return _exchange(line, base, request, clock)
    except socket.timeout as error:  # noqa: UP041 - another class on Python 3.9
        raise NoAnswerError("late", f"no complete answer within {request.timeout:g} s") from error
    except NoAnswerError as error:
        if error.cause == "late":
            raise NoAnswerError("late", f"no complete answer within {request.timeout:g} s") from error
        raise
    except http.client.IncompleteRead as error:
        raise NoAnswerError("broken", "the connection ended before the answer was complete") from error
    except (http.client.RemoteDisconnected, ConnectionError) as error:
        raise NoAnswerError("broken", "the connection was closed without an answer") from error
    except (http.client.HTTPException, ValueError) as error:
        raise NoAnswerError(
            "malformed", f"no HTTP answer: {printable(str(error), 60) or type(error).__name__}"
        ) from error
    except OSError as error:
        raise NoAnswerError("broken", f"the connection broke: {error.strerror or type(error).__name__}") from error
    finally:
        connection.close()


def _exchange(line: Wire, base: Base, request: Request, clock: Clock) -> Answer:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        _ask(line, base, request)  # a server may refuse a request before it has read all of it; its answer says why
    with _head(line, request.method) as response:
        line.budget += FRAMING * request.max_body
        body = response.read(request.max_body + 1)
        if len(body) > request.max_body:
            raise NoAnswerError("oversized", f"the body is larger than {request.max_body} bytes")
        if response.length:  # http.client counts down what Content-Length promised
            raise http.client.IncompleteRead(b"", response.length)
    sent_at = clock() if line.sent_at is None else line.sent_at
    return Answer(response.status, tuple(response.getheaders()), body, clock() - sent_at)


def _ask(line: Wire, base: Base, request: Request) -> None:
    connection = http.client.HTTPConnection(base.host, base.port)
    connection.auto_open = 0  # it would look the name up again, and connect to whatever it finds then
    connection.sock = line
    given = {name.lower() for name, _value in request.headers}
    connection.putrequest(
        request.method, (base.prefix + request.target) or "/", skip_host=True, skip_accept_encoding=True
    )
    ours = [("Host", base.authority), ("User-Agent", USER_AGENT), ("Accept-Encoding", "identity")]
    for name, value in [header for header in ours if header[0].lower() not in given]:
        connection.putheader(name, value)
    for name, value in request.headers:
        connection.putheader(name, value)
    connection.putheader("Connection", "close")
    if request.body is not None:
        connection.putheader("Content-Length", str(len(request.body)))
    connection.endheaders(request.body)


def _head(line: Wire, method: str) -> http.client.HTTPResponse:
    """The final answer's status and headers; informational ones before it are read past, within the limit."""
    stream = io.BufferedReader(line)
    while True:
        response = http.client.HTTPResponse(_Source(stream), method=method)  # type: ignore[arg-type]
        try:
            response.begin()
            _refuse_ambiguous(response)
        except BaseException:
            response.close()
            raise
        if not 100 <= response.status < 200 or response.status == 101:
            return response
        response.fp = None  # type: ignore[assignment] # or the stream would be closed together with this answer


def _refuse_ambiguous(response: http.client.HTTPResponse) -> None:
    """http.client shrugs at framing that makes no sense, and guesses where the body ends."""
    length, coding = response.getheader("Content-Length"), response.getheader("Transfer-Encoding")
    if length is not None and not re.fullmatch(r"\d{1,18}", length.strip()):
        raise NoAnswerError("malformed", f"no HTTP answer: Content-Length is {printable(length, 40)}")
    if coding is not None and coding.strip().lower() != "chunked":
        raise NoAnswerError("malformed", f"no HTTP answer: Transfer-Encoding is {printable(coding, 40)}")


class _Source:
    """What http.client wants of a socket in order to read from it: answers after one another from one buffer."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream

    def makefile(self, _mode: str) -> io.BufferedReader:
        return self._stream
