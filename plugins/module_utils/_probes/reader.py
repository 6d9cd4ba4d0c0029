# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read untyped input field by field, and gather everything that is wrong with it. Standard library only, Python 3.9."""

from __future__ import annotations

import math
from typing import Any, Callable, Collection, List, Mapping, Optional

from .._engine.finding import Finding
from .text import printable

_SHOWN = 60  # characters of what was given


class Reader:
    """The fields of one mapping. A field that is wrong adds a finding and reads as its default."""

    def __init__(self, given: object, where: str, known: Collection[str], findings: List[Finding]) -> None:
        self._where = where
        self._findings = findings
        self._fields: Mapping[Any, Any] = {}
        self.usable = isinstance(given, Mapping)
        if not isinstance(given, Mapping):
            findings.append(Finding(where, shown(given), "a mapping of fields is wanted", f"Known: {_list(known)}."))
            return
        self._fields = {key: value for key, value in given.items() if value is not None}  # None: left out
        for key in self._fields:
            if key not in known:
                self.wrong(
                    printable(str(key), _SHOWN), "unknown", f"one of {_list(known)}", "Remove it, or mend its name."
                )

    def wrong(self, field: str, given: str, problem: str, mend: str) -> None:
        """Add a finding about a field; "" is the mapping itself. `given` must be safe to show."""
        self._findings.append(Finding(".".join(filter(None, (self._where, field))), given, problem, mend))

    def inside(self, field: str, known: Collection[str]) -> Reader:
        """The reader of a mapping in a field; of an empty one where the field is left out."""
        return Reader(self.raw(field, {}), f"{self._where}.{field}", known, self._findings)

    def has(self, field: str) -> bool:
        return field in self._fields

    def raw(self, field: str, default: Any = None) -> Any:
        return self._fields.get(field, default)

    def text(self, field: str, default: Optional[str], allowed: str, good: Callable[[str], bool], mend: str) -> str:
        """Text that is good; without a default the field must be given."""
        value = self.raw(field, default)
        if isinstance(value, str) and (field not in self._fields or good(value)):
            return value
        self.wrong(field, "nothing" if value is None else shown(value), allowed, mend)
        return default or ""

    def choice(self, field: str, default: str, choices: Collection[str]) -> str:
        return self.text(
            field, default, f"one of {_list(choices)}", lambda value: value in choices, "Name one of them."
        )

    def number(self, field: str, default: float, low: float, high: float, unit: str = " seconds") -> float:
        """A finite number of low to high."""
        value = self.raw(field, default)
        if is_finite(value) and low <= value <= high:
            return float(value)
        self.wrong(field, shown(value), f"a number from {low:g} to {high:g}{unit}", _mend(value))
        return default

    def flag(self, field: str, default: bool) -> bool:
        value = self.raw(field, default)
        if isinstance(value, bool):
            return value
        self.wrong(field, shown(value), "true or false", "Write one of the two.")
        return default

    def optional(self, field: str, low: float, high: float) -> Optional[float]:
        return self.number(field, low, low, high) if self.has(field) else None

    def whole(self, field: str, default: int, low: int, high: int) -> int:
        value = self.raw(field, default)
        if is_whole(value) and low <= value <= high:
            return int(value)
        self.wrong(field, shown(value), f"a whole number from {low} to {high}", _mend(value))
        return default


def _mend(value: object) -> str:
    return "Write it without quotation marks." if isinstance(value, str) else "Give one in that range."


def is_finite(value: object) -> bool:
    """A number that is neither NaN nor infinite, and no truth value."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def is_whole(value: object) -> bool:
    """A whole number, and no truth value."""
    return isinstance(value, int) and not isinstance(value, bool)


def shown(value: object) -> str:
    """What was given, safe to print and short; of a mapping or list only how large it is."""
    if isinstance(value, (list, tuple, Mapping)):
        return f"{'a mapping' if isinstance(value, Mapping) else 'a list'} of {len(value)}"
    return printable(repr(value), _SHOWN)


def _list(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
