# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all objects of a store have in common: canonical JSON of bounded size, believed only after it was checked.

What a store holds may have been written by anybody. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

FORMAT = 1
LONGEST = 600  # characters of a text
ID = re.compile(r"[A-Za-z0-9._-]{0,80}\Z")


class RecordError(ValueError):
    """Says which part is wrong; safe to print."""


def dump(members: Mapping[str, Any]) -> bytes:
    return json.dumps({"format": FORMAT, **members}, indent=1).encode()


def parse(raw: bytes, largest: int, known: Iterable[str], service: str, what: str) -> dict[str, Any]:
    """The members, none of them checked but for their names and the service; raises RecordError.

    `largest`: bytes; `what`: "record", "lock" or "request".
    """
    if len(raw) > largest:
        raise RecordError(f"it is larger than {largest} bytes")
    try:
        document = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise RecordError("it is not JSON") from error
    if not isinstance(document, dict):
        raise RecordError("it is not an object")
    if document.pop("format", None) != FORMAT:
        raise RecordError(f"its format is not {FORMAT}: another version of greenlight.serving wrote it")
    unknown = sorted(set(document) - set(known))
    if unknown:
        raise RecordError(f"it has fields that are not known: {', '.join(map(repr, unknown[:3]))[:100]}")
    check_text("service", document.get("service"))
    if document["service"] != service:
        raise RecordError(f"it is the {what} of another service")
    return document


def cut(text: str) -> str:
    """Printable, and short enough to be read back."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return printable if len(printable) <= LONGEST else printable[: LONGEST - 1] + "…"


def check_text(name: str, value: Any) -> None:
    if not isinstance(value, str) or len(value) > LONGEST or not value.isprintable():
        raise RecordError(f"{name} is not a printable text of at most {LONGEST} characters")


def check_count(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise RecordError(f"{name} is not a count")


def check_id(name: str, value: str) -> None:
    """Of a rollout, a lock's owner or a request."""
    if not ID.match(value):
        raise RecordError(f"{name} is not an id")
