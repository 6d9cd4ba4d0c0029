# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock and the request as bytes, and back, checked like the record: anybody may have written them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from .._engine.lease import ACTIONS, LONGEST, SHORTEST, Lease, Request
from .document import RecordError, check_count, check_id, check_text, cut, dump, parse

LARGEST = 64 * 1024  # bytes: every text may be as long as a text may be, and all of it escaped
IDS = ("owner", "rollout_id", "id")
NOT_STORED = "version"  # the store's own mark of the content


def dump_lease(lease: Lease) -> bytes:
    return dump(_members(asdict(lease)))


def dump_request(request: Request) -> bytes:
    return dump(_members(asdict(request)))


def parse_lease(raw: bytes, service: str, version: str) -> Lease:
    """Raises RecordError."""
    document = parse(raw, LARGEST, _names(Lease), service, "lock")
    for name, value in document.items():
        if name == "seconds":
            if not isinstance(value, int | float) or isinstance(value, bool) or not SHORTEST <= value <= LONGEST:
                raise RecordError(f"seconds is not a number from {SHORTEST:g} to {LONGEST:g}")
        elif name == "beat":
            check_count(name, value)
        else:
            _check_text(name, value)
    return Lease(**document, version=version)


def parse_request(raw: bytes, service: str, version: str) -> Request:
    """Raises RecordError."""
    document = parse(raw, LARGEST, _names(Request), service, "request")
    for name, value in document.items():
        _check_text(name, value)
    if document.get("action") not in ACTIONS:
        raise RecordError(f"action is none of {', '.join(ACTIONS)}")
    return Request(**document, version=version)


def _members(members: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: cut(value) if isinstance(value, str) else value for name, value in members.items() if name != NOT_STORED
    }


def _names(kind: type[Lease] | type[Request]) -> list[str]:
    return [each.name for each in fields(kind) if each.name != NOT_STORED]


def _check_text(name: str, value: Any) -> None:
    check_text(name, value)
    if name in IDS:
        check_id(name, value)
