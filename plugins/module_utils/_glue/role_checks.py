# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of a role's variables as data: a field, what is good, and what to tell people. No check ever raises."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .._engine.finding import Finding
from .._probes.reader import is_finite, is_whole

Values = Mapping[str, Any]  # names without the role's prefix; what was not given is missing
Test = Callable[[Any], bool]  # of the field's value; None when it was not given
Fit = Callable[[Values], bool]  # of all values together; asked only when the field's own value is good
SHOWN = 120  # characters of what was given
HIDDEN = "not shown"


@dataclass(frozen=True)
class Check:
    """`hide`: the value may hold what nobody should read in a log."""

    field: str
    good: Test
    problem: str
    mend: str
    fits: Fit | None = None
    hide: bool = False

    def holds(self, values: Values) -> bool:
        return self.good(values.get(self.field)) and (self.fits is None or self.fits(values))


def findings(checks: Iterable[Check], values: Values, prefix: str) -> list[Finding]:
    """What is wrong; of each field the first thing only: what follows may come from it."""
    found: dict[str, Finding] = {}
    for check in checks:
        if check.field not in found and not check.holds(values):
            value = values.get(check.field)
            given = HIDDEN if check.hide else "nothing" if value is None else str(value)[:SHOWN]
            found[check.field] = Finding(f"{prefix}{check.field}", given, check.problem, check.mend)
    return list(found.values())


# ---- what a value may be -------------------------------------------------------------------------


def text(pattern: str) -> Test:
    """A string that the pattern matches as a whole."""
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def whole(low: int, high: int) -> Test:
    """A whole number from `low` to `high`; neither a string nor a truth value."""
    return lambda value: is_whole(value) and low <= value <= high


def one_of(*choices: str) -> Test:
    return lambda value: isinstance(value, str) and value in choices


def listing(pattern: str, least: int = 0, most: int = 1000) -> Test:
    """A list of `least` to `most` different strings, each of which the pattern matches as a whole."""
    each = text(pattern)

    def good(value: Any) -> bool:
        if not isinstance(value, (list, tuple)) or not least <= len(value) <= most:
            return False
        return all(each(item) for item in value) and len(set(value)) == len(value)

    return good


def words(value: Any) -> bool:
    """A list of strings without control characters."""
    return isinstance(value, (list, tuple)) and all(map(text(r"[^\x00-\x1f\x7f]*"), value))


def named(name: str, what: str = "(?s:.*)") -> Test:
    """A mapping whose names and values are strings that the patterns match as a whole."""
    key, content = text(name), text(what)
    return lambda value: (
        isinstance(value, Mapping) and all(map(key, value)) and all(content(one) for one in value.values())
    )


def both(*tests: Test) -> Test:
    """All of them; a later one is only asked when those before it are content."""
    return lambda value: all(test(value) for test in tests)


def either(*tests: Test) -> Test:
    return lambda value: any(test(value) for test in tests)


def without(*wrong: str) -> Test:
    """A list in which these are not."""
    return lambda value: not set(wrong) & set(value)


def numbers(values: Values, *fields: str) -> bool:
    """Whether all of these are finite numbers: a rule about several fields leaves the rest to each field's own."""
    return all(is_finite(values.get(field)) for field in fields)


def yes(value: Any) -> bool:
    """Whether a truth value, or a word for one, is true."""
    return str(value).lower() in ("true", "yes", "on", "1")


def no(value: Any) -> bool:
    """Whether a truth value, or a word for one, is false."""
    return str(value).lower() in ("false", "no", "off", "0")
