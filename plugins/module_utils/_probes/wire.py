# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection with one deadline and a limit on what is read from it. Standard library only, Python 3.9.

A socket's own timeout starts again with every byte, so a server that sends one byte a second keeps a client
for ever. Here every operation gets what is left of the one deadline.
"""

from __future__ import annotations

import io
import socket
import ssl
import threading
import time
from typing import Any, Callable, Optional

from .address import Base, forbidden

Clock = Callable[[], float]


class NoAnswerError(Exception):
    """No answer that could be judged. `cause` is one of CAUSES; the message is one clause, safe to print."""

    def __init__(self, cause: str, message: str) -> None:
        super().__init__(message)
        self.cause = cause


CAUSES = {
    "forbidden": "the name resolves to an address that no probe may connect to: nothing was sent",
    "unresolved": "the name does not resolve",
    "unconnected": "no connection could be made",
    "untrusted": "the TLS handshake failed, or the certificate isn't good for this name",
    "late": "the answer was not complete in time",
    "broken": "the connection ended before the answer was complete",
    "malformed": "what came is no HTTP answer",
    "oversized": "header or body are larger than allowed",
}


class Wire(io.RawIOBase):
    """A connected socket, read and written until one deadline. http.client sends through it as if it were one."""

    def __init__(self, connection: socket.socket, deadline: float, budget: int, clock: Clock) -> None:
        """`deadline` on the clock, in seconds; `budget`: how many bytes may be read until it is raised."""
        super().__init__()
        self._connection = connection
        self._deadline = deadline
        self._clock = clock
        self.budget = budget
        self.sent_at: Optional[float] = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.budget <= 0:
            raise NoAnswerError("oversized", "the answer's header or framing is larger than allowed")
        self._arm()
        view = memoryview(buffer)[: self.budget]
        count = self._connection.recv_into(view)
        self.budget -= count
        return count

    def sendall(self, data: Any) -> None:
        """A part at a time: under TLS the standard library's own starts its timeout again with each."""
        left = memoryview(data)
        self.sent_at = self._clock() if self.sent_at is None else self.sent_at
        while left:
            self._arm()
            left = left[self._connection.send(left) :]

    def close(self) -> None:
        self._connection.close()
        super().close()

    def _arm(self) -> None:
        self._connection.settimeout(remaining(self._deadline, self._clock))


def remaining(deadline: float, clock: Clock) -> float:
    """Seconds that are left, more than 0; raises NoAnswerError when none are."""
    left = deadline - clock()
    if left <= 0:
        raise NoAnswerError("late", "no time was left")
    return left


def resolve(base: Base, allow_loopback: bool, deadline: float, clock: Clock = time.monotonic) -> list[Any]:
    """The socket addresses of a base URL, looked up once: what was judged is what is connected to.

    One forbidden address condemns the name: it has no business among a service's own.
    """
    found = _look_up(base, remaining(deadline, clock))
    for _family, address in found:
        reason = forbidden(str(address[0]), allow_loopback)
        if reason:
            raise NoAnswerError("forbidden", f"refused to connect: {reason}")
    return found


def _look_up(base: Base, timeout: float) -> list[Any]:
    """The resolver knows no timeout of its own, so it runs in a thread that nobody waits for any longer."""
    found: list[Any] = []
    trouble: list[str] = []

    def run() -> None:
        try:
            entries = socket.getaddrinfo(base.host, base.port, type=socket.SOCK_STREAM)
            found.extend((family, address) for family, _type, _protocol, _name, address in entries)
        except (OSError, UnicodeError) as error:
            trouble.append(getattr(error, "strerror", None) or str(error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout)
    if found and not thread.is_alive():
        return found
    raise NoAnswerError("unresolved", f"{base.host} does not resolve: {trouble[0] if trouble else 'no answer in time'}")


def connect(addresses: list[Any], deadline: float, clock: Clock = time.monotonic) -> socket.socket:
    """A connection to the first address that takes one. Nothing was sent to those before it."""
    trouble = ""
    for family, address in addresses:
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(remaining(deadline, clock))
            connection.connect(address)
        except OSError as error:
            connection.close()
            late = isinstance(error, socket.timeout)  # on Python 3.9 no TimeoutError
            trouble = "no connection in time" if late else f"no connection: {error.strerror or error}"
        except NoAnswerError:
            connection.close()
            break
        else:
            return connection
    raise NoAnswerError("unconnected", trouble or "no connection in time")


def secure(
    connection: socket.socket, host: str, ca_file: Optional[str], deadline: float, clock: Clock = time.monotonic
) -> socket.socket:
    """TLS over a connection, the certificate verified for `host`; raises NoAnswerError."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        wrapped = context.wrap_socket(connection, server_hostname=host, do_handshake_on_connect=False)
    except (OSError, ValueError) as error:
        raise NoAnswerError("untrusted", f"TLS could not be set up: {_tls(error)}") from error
    try:
        wrapped.settimeout(remaining(deadline, clock))
        wrapped.do_handshake()
    except socket.timeout as error:  # noqa: UP041 - another class on Python 3.9
        wrapped.close()
        raise NoAnswerError("late", "the TLS handshake was not over in time") from error
    except (OSError, ValueError) as error:
        wrapped.close()
        raise NoAnswerError("untrusted", f"the TLS handshake failed: {_tls(error)}") from error
    return wrapped


def _tls(error: Exception) -> str:
    return str(getattr(error, "verify_message", None) or getattr(error, "reason", None) or error)
