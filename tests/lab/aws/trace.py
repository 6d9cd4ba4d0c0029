# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every API call, as its client saw it: the outermost middleware."""

from __future__ import annotations

import io
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

from tests.lab.aws.wire import Environ, code_of, identify

StartResponse = Callable[..., Any]
App = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]
LENGTH = 50_000


@dataclass(frozen=True)
class Traced:
    """`code`: AWS's error code, "" when it went well; `fault`: the injected fault that answered, if one did."""

    id: int
    at: str  # ISO 8601, wall clock
    service: str
    operation: str
    mutating: bool
    status: int  # 0: the connection was reset
    code: str
    fault: str
    seconds: float  # real
    user_agent: str


class Trace:
    """WSGI middleware; keeps the newest 50,000 calls. Puts the call into the environment for those below."""

    def __init__(
        self, app: App, route: Callable[[str, Environ], str | None], utc: Callable[[], Any], length: int = LENGTH
    ) -> None:
        self._app, self._route, self._utc = app, route, utc
        self._calls: deque[Traced] = deque(maxlen=length)
        self._lock = Lock()
        self._count = 0

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"], environ["lab.body"] = io.BytesIO(body), body
        environ["lab.call"] = identify(environ, body, self._route)
        started, seen = time.monotonic(), {"status": 0, "headers": []}

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            seen.update(status=int(status.split()[0]), headers=headers)
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        answer: list[bytes] = []
        try:
            answer = list(self._app(environ, start))
            return answer
        finally:
            self._record(environ, seen, b"".join(answer), time.monotonic() - started)

    def since(self, id: int = 0) -> list[dict[str, Any]]:
        return [asdict(call) for call in tuple(self._calls) if call.id > id]

    def clear(self) -> None:
        """Forget what was seen (the lab's own preparations); ids go on."""
        self._calls.clear()

    def _record(self, environ: dict[str, Any], seen: dict[str, Any], body: bytes, seconds: float) -> None:
        call, status = environ["lab.call"], seen["status"]
        with self._lock:
            self._count += 1
            self._calls.append(
                Traced(
                    id=self._count,
                    at=self._utc().isoformat(),
                    service=call.service,
                    operation=call.operation,
                    mutating=call.mutating,
                    status=status,
                    code=code_of(seen["headers"], body) if status >= 400 else "",
                    fault=environ.get("lab.fault", ""),
                    seconds=round(seconds, 4),
                    user_agent=environ.get("HTTP_USER_AGENT", ""),
                )
            )
