# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's own endpoints under /lab/: state, faults, trace, counters, log. Not AWS, not traced, not faulty."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from tests.lab.aws.trace import App, StartResponse

Endpoint = Callable[[Any, Mapping[str, str]], Any]  # (JSON body or None, query) -> JSON answer
ROOT = "/lab/"


class Control:
    """WSGI: answers `/lab/…` by `endpoints[(method, name)]`, hands the rest on.

    An endpoint that raises ValueError (or LookupError) says what the caller did wrong: 400 with its text.
    """

    def __init__(self, app: App, endpoints: Mapping[tuple[str, str], Endpoint]) -> None:
        self._app, self._endpoints = app, endpoints

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ.get("PATH_INFO", "")
        if not path.startswith(ROOT):
            return self._app(environ, start_response)
        endpoint = self._endpoints.get((environ["REQUEST_METHOD"], path.removeprefix(ROOT)))
        if endpoint is None:
            return _json(start_response, "404 Not Found", {"error": f"no {environ['REQUEST_METHOD']} {path}"})
        try:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            query = {name: values[-1] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
            return _json(start_response, "200 OK", endpoint(json.loads(body) if body else None, query))
        except (ValueError, LookupError) as wrong:
            return _json(start_response, "400 Bad Request", {"error": str(wrong)})


def _json(start_response: StartResponse, status: str, answer: Any) -> list[bytes]:
    body = json.dumps(answer, default=_plain).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)
