# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small checks that several ELBv2 rules are made of, and where they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tests.lab.aws.truth.base import Params, Refusal

API = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_"
GUIDE = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/"
# Texts that no AWS page prints were taken from errors that users of AWS quote in public issue threads, or follow
# the pattern of those; the codes are those of botocore's elbv2 model.
VALIDATION = "ValidationError"
CONFIGURATION = "InvalidConfigurationRequest"

Check = Callable[[Params, Any], Refusal | None]


def constrained(field: str, low: int, high: int) -> Check:
    """A number outside the API model's range, in the words of AWS's request validation."""

    def check(params: Params, _facts: Any) -> Refusal | None:
        return out_of_range(params.get(field), field[0].lower() + field[1:], low, high)

    return check


def out_of_range(value: Any, name: str, low: int, high: int) -> Refusal | None:
    if value is None or low <= int(value) <= high:
        return None
    bound = f"less than or equal to {high}" if int(value) > high else f"greater than or equal to {low}"
    return Refusal(
        VALIDATION,
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
        f"Member must have value {bound}",
    )


def first(refusals: Iterable[Refusal | None]) -> Refusal | None:
    return next((refusal for refusal in refusals if refusal is not None), None)


def attributes(params: Params) -> dict[str, str]:
    """Attributes=[{Key, Value}, …] as a dict."""
    return {one["Key"]: str(one.get("Value", "")) for one in params.get("Attributes") or ()}


def number_between(name: str, value: str, low: int, high: int) -> Refusal | None:
    if value.isdigit() and low <= int(value) <= high:
        return None
    return Refusal(VALIDATION, f"'{name}' value '{value}' must be between '{low}-{high}' inclusive")


def one_of(name: str, value: str, allowed: Iterable[str]) -> Refusal | None:
    if value in allowed:
        return None
    return Refusal(VALIDATION, f"'{name}' value '{value}' must be one of [{', '.join(allowed)}]")
