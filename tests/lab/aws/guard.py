# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The innermost middleware: one call at a time, and no HTML where a client expects its protocol's error."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from typing import Any

from tests.lab.aws.core import Lab
from tests.lab.aws.trace import App, StartResponse
from tests.lab.aws.wire import Call, error

# What services answer to an operation they don't have: code, status (botocore retries 500, 502, 503, 504).
UNKNOWN = {
    "json": (400, "UnknownOperationException"),
    "rest-json": (404, "UnknownOperationException"),
    "rest-xml": (501, "NotImplemented"),
    "cbor": (404, "UnknownOperationException"),
    "ec2": (400, "InvalidAction"),
    "query": (400, "InvalidAction"),
}


class Guard:
    """Holds the lab's lock around moto, and turns what moto lacks or breaks on into an answer."""

    def __init__(self, app: App, lab: Lab) -> None:
        self._app, self._lab = app, lab

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        call: Call = environ["lab.call"]
        try:
            with self._lab.lock:
                return list(self._app(environ, start_response))
        except NotImplementedError as lacking:
            status, code = UNKNOWN[call.protocol]
            return self._say(call, start_response, status, code, f"The lab has no {call.name} ({lacking}).")
        except Exception as broken:
            self._lab.log("api-crash", call=call.name, error=repr(broken), traceback=traceback.format_exc())
            return self._say(call, start_response, 500, "InternalFailure", f"The lab broke on {call.name}: {broken!r}")

    def _say(self, call: Call, start_response: StartResponse, status: int, code: str, message: str) -> list[bytes]:
        number, headers, body = error(call, status, code, message)
        start_response(f"{number} {code}", headers)
        return [body]
