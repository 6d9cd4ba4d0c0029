# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is this the answer that was wanted? One small comparer per kind of expectation, each saying what differs.

A difference is a clause of at most 120 printable characters and never the whole body. Adding a kind is adding a
class with `difference(answer, hide)`, and its reader to the table in spec.py. Standard library only, Python 3.9.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import Any, Optional, Protocol, Sequence, Tuple, Union

from .text import printable
from .transport import Answer

Step = Union[str, int]
_VALUE = 40  # characters of a value, or of the path to it, in a difference


class Check(Protocol):
    """What an answer must be like."""

    def difference(self, answer: Answer, hide: Sequence[str], /) -> str:
        """What was wanted and what was seen, without what is to be hidden; "" = as wanted."""


@dataclass(frozen=True)
class Status:
    """The status is one of these."""

    wanted: Tuple[int, ...]

    def difference(self, answer: Answer, _hide: Sequence[str]) -> str:
        if answer.status in self.wanted:
            return ""
        hint = " (redirects are not followed)" if 300 <= answer.status < 400 else ""
        return f"expected status {_either(self.wanted)}, got {answer.status}{hint}"


@dataclass(frozen=True)
class Text:
    """The body is exactly this text, in UTF-8, line ends included."""

    wanted: str

    def difference(self, answer: Answer, hide: Sequence[str]) -> str:
        wanted = self.wanted.encode()
        if answer.body == wanted:
            return ""
        start = printable(answer.body.decode("utf-8", "replace"), _VALUE, hide)
        return (
            f"expected text of {len(wanted)} bytes (sha256 {_digest(wanted)}), "
            f"got {len(answer.body)} ({_digest(answer.body)}): {start}"
        )


@dataclass(frozen=True)
class Json:
    """The body is JSON that holds this: every named key of an object, every item of a list; numbers by value."""

    wanted: Any

    def difference(self, answer: Answer, hide: Sequence[str]) -> str:
        body, trouble = parse_json(answer.body)
        return trouble or _subset(self.wanted, body, (), hide)


@dataclass(frozen=True)
class Near:
    """The number at a path, or every number of the list there, is near: |got - wanted| <= abs + rel * |wanted|.

    Infinity is near nothing but itself, and NaN near nothing at all.
    """

    path: Tuple[Step, ...]
    wanted: Any  # a number, or a list of these
    abs: float = 0.0
    rel: float = 0.0

    def difference(self, answer: Answer, hide: Sequence[str]) -> str:
        body, trouble = parse_json(answer.body)
        if trouble:
            return trouble
        for depth, step in enumerate(self.path):
            known = step in body if isinstance(step, str) and isinstance(body, dict) else _has_item(body, step)
            if not known:
                return f"nothing at {_path(self.path[: depth + 1], hide)}"
            body = body[step]
        return self._far(self.wanted, body, self.path, hide)

    def _far(self, wanted: Any, got: Any, at: Tuple[Step, ...], hide: Sequence[str]) -> str:
        if isinstance(wanted, (list, tuple)):
            if not isinstance(got, list) or len(got) != len(wanted):
                return f"{_path(at, hide)}: expected {len(wanted)} numbers, got {_show(got, hide)}"
            differences = (self._far(one, got[index], (*at, index), hide) for index, one in enumerate(wanted))
            return next(filter(None, differences), "")
        if is_number(got) and self._is_near(wanted, got):
            return ""
        tolerance = " ± ".join([_show(wanted, hide), f"{self._tolerance(wanted):.3g}"])
        return f"{_path(at, hide)}: expected {tolerance}, got {_show(got, hide)}"

    def _is_near(self, wanted: float, got: float) -> bool:
        try:
            if math.isfinite(wanted) and math.isfinite(got):
                return abs(got - wanted) <= self._tolerance(wanted)
        except OverflowError:  # an integer beyond every float
            return False
        return wanted == got

    def _tolerance(self, wanted: float) -> float:
        return self.abs + self.rel * abs(wanted)


def compare(checks: Sequence[Check], answer: Answer, hide: Sequence[str] = ()) -> str:
    """The first difference between an answer and what is wanted of it; "" = none."""
    for check in checks:
        difference = check.difference(answer, hide)
        if difference:
            return printable(difference, hide=hide)
    return ""


def parse_json(body: bytes) -> Tuple[Any, str]:
    """The document and "", or None and what is wrong with it. NaN and Infinity are taken as the numbers they are."""
    try:
        return json.loads(body), ""
    except RecursionError:
        return None, "the body is JSON that is nested too deep"
    except ValueError as error:  # not JSON, not Unicode, or an absurdly long integer
        place = f" at byte {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        return None, f"the body is not JSON{place} ({len(body)} bytes, sha256 {_digest(body)})"


def parse_path(given: str) -> Optional[Tuple[Step, ...]]:
    """The steps of `outputs[0].data[3]`, `$.outputs[0]['a key']` or `$`; None if it is none of these."""
    rest = given[1:] if given.startswith("$") else "." + given if given and given[0] not in ".[" else given
    steps = []
    while rest:
        step, length = _first_step(rest)
        if step is None:
            return None
        steps.append(step)
        rest = rest[length:]
    return tuple(steps) if given else None


def is_number(value: Any) -> bool:
    """JSON knows no other numbers; a truth value is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _first_step(rest: str) -> Tuple[Optional[Step], int]:
    if rest[0] == ".":
        name = rest[1:].split(".", 1)[0].split("[", 1)[0]
        return name or None, len(name) + 1
    if rest[0] != "[" or "]" not in rest:
        return None, 0
    if rest[1:2] in ("'", '"'):
        end = rest.find(rest[1] + "]", 2)
        return (rest[2:end], end + 2) if end > 2 else (None, 0)
    inside = rest[1 : rest.index("]")]
    return (int(inside), len(inside) + 2) if inside.isdecimal() and inside.isascii() else (None, 0)


def _has_item(body: Any, step: Step) -> bool:
    return isinstance(body, list) and isinstance(step, int) and step < len(body)


def _subset(wanted: Any, got: Any, at: Tuple[Step, ...], hide: Sequence[str]) -> str:
    if isinstance(wanted, dict):
        if not isinstance(got, dict):
            return f"{_path(at, hide)}: expected an object, got {_show(got, hide)}"
        missing = next((key for key in wanted if key not in got), None)
        if missing is not None:
            return f"nothing at {_path((*at, missing), hide)}"
        differences = (_subset(value, got[key], (*at, key), hide) for key, value in wanted.items())
        return next(filter(None, differences), "")
    if isinstance(wanted, (list, tuple)):
        if not isinstance(got, list) or len(got) != len(wanted):
            return f"{_path(at, hide)}: expected a list of {len(wanted)}, got {_show(got, hide)}"
        differences = (_subset(one, got[index], (*at, index), hide) for index, one in enumerate(wanted))
        return next(filter(None, differences), "")
    if _same(wanted, got):
        return ""
    return f"{_path(at, hide)}: expected {_show(wanted, hide)}, got {_show(got, hide)}"


def _same(wanted: Any, got: Any) -> bool:
    if is_number(wanted) and is_number(got):
        return bool(wanted == got) or (_is_nan(wanted) and _is_nan(got))
    return type(wanted) is type(got) and bool(wanted == got)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _show(value: Any, hide: Sequence[str]) -> str:
    """A scalar as JSON writes it; of a list or an object only how large it is."""
    if isinstance(value, (list, dict)):
        return f"{'a list' if isinstance(value, list) else 'an object'} of {len(value)}"
    try:
        return printable(json.dumps(value, ensure_ascii=False), _VALUE, hide)
    except ValueError:  # an integer too long to be written
        return "a very long number"


def _path(steps: Sequence[Step], hide: Sequence[str]) -> str:
    text = printable("$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps), 10**6, hide)
    return text if len(text) <= _VALUE else f"{text[: _VALUE // 2 - 1]}…{text[-_VALUE // 2 :]}"


def _either(numbers: Sequence[int]) -> str:
    return " or ".join(map(str, numbers[:5])) + (" …" if len(numbers) > 5 else "")


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:12]
