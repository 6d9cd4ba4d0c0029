# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One redactor for everything that leaves a run: results, errors, progress lines, records.

It knows the values of every option that the argument specification calls `no_log`, and finds by itself what
looks like a secret among environment variables and headers. An action plugin doesn't get exit_json's scrubbing.
"""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from .._engine.lease import Lease, Request
from .._engine.model import Record
from .._platforms.aws_limits import SECRET_NAME, SECRET_VALUE, looks_secret

MASK = "********"
SHORTEST = 4  # characters; shorter values are masked only where they are the whole text
# Members of a result that hold what we made ourselves, and what such a value looks like: a release id, a rollout
# id, one of our words. A secret that happens to be the same would make the result unusable.
OURS = frozenset({"id", "identity", "outcome", "phase", "release", "rollout_id", "route", "state"})
OWN_FORM = re.compile(r"(?:[0-9a-f]{12}|[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}|[a-z_]{1,20})\Z")
FREE = ("cause", "started_by")  # members of Record.unfinished that are sentences or names
HEADER_NAME = re.compile(r"authorization|cookie|token|secret|api-?key", re.I)


class Redactor:
    """Masks known secrets, also JSON-escaped, URL-encoded or in base64, and well-known forms of keys."""

    def __init__(self, spec: Mapping[str, Any], params: Mapping[str, Any]) -> None:
        values = {value for value in _secrets(spec, params) if value}
        self.values = frozenset(values)
        forms = {form for value in values if len(value) >= SHORTEST for form in _forms(value)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __call__(self, value: Any) -> Any:
        """The same value with every text in it masked; containers are copied."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self(key): self(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self(item) for item in value)
        return value

    def result(self, value: Any, name: str = "") -> Any:
        """A run's result: its keys are ours, and so are ids and words in `OURS`; every other text is masked."""
        if isinstance(value, Mapping):
            return {key: self.result(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self.result(item, name) for item in value]
        if name in OURS and isinstance(value, str) and OWN_FORM.match(value):
            return value
        return self(value)

    def record(self, record: Record) -> Record:
        """A record whose free texts are masked; ids and the service's name stay, or nobody could read it again."""
        unfinished = {key: self.text(text) if key in FREE else text for key, text in record.unfinished.items()}
        return replace(
            record,
            pinned_by=self.text(record.pinned_by),
            rejected={release: self.text(text) for release, text in record.rejected.items()},
            releases={release: self.text(text) for release, text in record.releases.items()},
            unfinished=unfinished,
        )

    def lease(self, lease: Lease) -> Lease:
        """A lock whose free texts are masked."""
        return replace(lease, who=self.text(lease.who), doing=self.text(lease.doing))

    def request(self, request: Request) -> Request:
        """A request whose free texts are masked."""
        return replace(
            request, reason=self.text(request.reason), by=self.text(request.by), answer=self.text(request.answer)
        )

    def text(self, text: str) -> str:
        if text in self.values:
            return MASK
        masked = self._known.sub(MASK, text) if self._known else text
        return SECRET_VALUE.sub(MASK, masked)


def _forms(value: str) -> Iterator[str]:
    yield value
    yield json.dumps(value)[1:-1]
    yield urllib.parse.quote(value, safe="")
    yield urllib.parse.quote_plus(value)
    yield base64.b64encode(value.encode()).decode().rstrip("=")
    yield base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


def _secrets(spec: Mapping[str, Any], params: Mapping[str, Any]) -> Iterator[str]:
    for name, option in spec.items():
        value = params.get(name)
        if option.get("no_log"):
            yield from _leaves(value)
        for inner in value if isinstance(value, list) else [value]:
            if option.get("options") and isinstance(inner, Mapping):
                yield from _secrets(option["options"], inner)
        if name == "environment" and isinstance(value, Mapping):
            yield from (str(text) for key, text in value.items() if looks_secret(str(key), str(text)))
        if name == "headers" and isinstance(value, Mapping):
            yield from (
                str(text) for key, text in value.items() if HEADER_NAME.search(str(key)) or SECRET_NAME.search(str(key))
            )


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield str(value)
