# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record as bytes, and back: nothing of it is believed before its shape and every text in it were checked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from .._engine.model import Record
from .._engine.phases import Phase
from .document import FORMAT, RecordError, check_count, check_id, check_text, cut
from .document import parse as parse_document

LARGEST = 64 * 1024  # bytes
MOST = 100  # entries of a mapping; the oldest go first
RELEASE = re.compile(r"[0-9a-f]{12}\Z")
KEY = re.compile(r"[a-z_]{1,40}\Z")
BY_RELEASE = ("rejected", "releases")
PHASES = frozenset(phase.value for phase in Phase)
RELEASE_FIELDS = ("live", "last_good", "pinned")


def dump(record: Record) -> bytes:
    """Canonical JSON. Texts are cut and the oldest entries left out, so that it can always be read back."""
    document: dict[str, Any] = {"format": FORMAT}
    for name, value in asdict(record).items():
        if isinstance(value, Mapping):
            document[name] = {key: cut(text) for key, text in list(value.items())[-MOST:]}
        else:
            document[name] = cut(value) if isinstance(value, str) else value
    while len(raw := json.dumps(document, indent=1).encode()) > LARGEST:
        longest = max(BY_RELEASE, key=lambda name: len(document[name]))
        document[longest].pop(next(iter(document[longest])))
    return raw


def parse(raw: bytes, service: str) -> Record:
    """The record of `service`; raises RecordError."""
    document = parse_document(raw, LARGEST, (each.name for each in fields(Record)), service, "record")
    for name, value in document.items():
        _check(name, value)
    return Record(**document)


def _check(name: str, value: Any) -> None:
    if name == "generation":
        check_count(name, value)
    elif name in (*BY_RELEASE, "unfinished"):
        _check_mapping(name, value)
    else:
        check_text(name, value)
        if name in RELEASE_FIELDS and value and not RELEASE.match(value):
            raise RecordError(f"{name} is not a release id")


def _check_mapping(name: str, value: Any) -> None:
    if not isinstance(value, dict) or len(value) > MOST:
        raise RecordError(f"{name} is not an object of at most {MOST} entries")
    for key, text in value.items():
        if not (RELEASE if name in BY_RELEASE else KEY).match(key):
            raise RecordError(f"{name} has a key that is not allowed")
        check_text(name, text)
        if name == "unfinished" and key in ("from", "to") and text and not RELEASE.match(text):
            raise RecordError(f"unfinished.{key} is not a release id")
        if name == "unfinished" and key == "phase" and text not in PHASES:
            raise RecordError("unfinished.phase is not a known phase")
        if name == "unfinished" and key == "rollout_id":
            check_id("unfinished.rollout_id", text)
