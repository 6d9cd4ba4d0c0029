# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record as bytes, and back. What a store holds may have been written by anybody: nothing of it is believed
before its size, its shape and every text in it were checked. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from .._engine.model import Record
from .._engine.phases import Phase

FORMAT = 1
LARGEST = 64 * 1024  # bytes
LONGEST = 600  # characters of a text
MOST = 100  # entries of a mapping; the oldest go first
RELEASE = re.compile(r"[0-9a-f]{12}\Z")
KEY = re.compile(r"[a-z_]{1,40}\Z")
BY_RELEASE = ("rejected", "releases")
PHASES = frozenset(phase.value for phase in Phase)
RELEASE_FIELDS = ("live", "last_good", "pinned")


class RecordError(ValueError):
    """Says which part is wrong; safe to print."""


def dump(record: Record) -> bytes:
    """Canonical JSON. Texts are cut and the oldest entries left out, so that it can always be read back."""
    document: dict[str, Any] = {"format": FORMAT}
    for name, value in asdict(record).items():
        if isinstance(value, Mapping):
            document[name] = {key: _cut(text) for key, text in list(value.items())[-MOST:]}
        else:
            document[name] = _cut(value) if isinstance(value, str) else value
    while len(raw := json.dumps(document, indent=1).encode()) > LARGEST:
        longest = max(BY_RELEASE, key=lambda name: len(document[name]))
        document[longest].pop(next(iter(document[longest])))
    return raw


def _cut(text: str) -> str:
    printable = "".join(character if character.isprintable() else " " for character in text)
    return printable if len(printable) <= LONGEST else printable[: LONGEST - 1] + "…"


def parse(raw: bytes, service: str) -> Record:
    """The record of `service`; raises RecordError."""
    if len(raw) > LARGEST:
        raise RecordError(f"it is larger than {LARGEST} bytes")
    try:
        document = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise RecordError("it is not JSON") from error
    if not isinstance(document, dict):
        raise RecordError("it is not an object")
    if document.pop("format", None) != FORMAT:
        raise RecordError(f"its format is not {FORMAT}: another version of greenlight.serving wrote it")
    unknown = sorted(set(document) - {each.name for each in fields(Record)})
    if unknown:
        raise RecordError(f"it has fields that are not known: {', '.join(map(repr, unknown[:3]))[:100]}")
    for name, value in document.items():
        _check(name, value)
    if document.get("service") != service:
        raise RecordError("it is the record of another service")
    return Record(**document)


def _check(name: str, value: Any) -> None:
    if name == "generation":
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
            raise RecordError("generation is not a count")
    elif name in (*BY_RELEASE, "unfinished"):
        _check_mapping(name, value)
    else:
        _check_text(name, value)
        if name in RELEASE_FIELDS and value and not RELEASE.match(value):
            raise RecordError(f"{name} is not a release id")


def _check_mapping(name: str, value: Any) -> None:
    if not isinstance(value, dict) or len(value) > MOST:
        raise RecordError(f"{name} is not an object of at most {MOST} entries")
    for key, text in value.items():
        if not (RELEASE if name in BY_RELEASE else KEY).match(key):
            raise RecordError(f"{name} has a key that is not allowed")
        _check_text(name, text)
        if name == "unfinished" and key in ("from", "to") and text and not RELEASE.match(text):
            raise RecordError(f"unfinished.{key} is not a release id")
        if name == "unfinished" and key == "phase" and text not in PHASES:
            raise RecordError("unfinished.phase is not a known phase")


def _check_text(name: str, value: Any) -> None:
    if not isinstance(value, str) or len(value) > LONGEST or not value.isprintable():
        raise RecordError(f"{name} is not a printable text of at most {LONGEST} characters")
