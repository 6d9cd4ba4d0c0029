# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the parts of the parameters that every platform on AWS shares. Pure: no account is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._engine.finding import Finding
from . import aws_limits as limits

Params = Mapping[str, Any]


def between(field: str, value: int, bounds: tuple[int, int], unit: str = "") -> Iterator[Finding]:
    low, high = bounds
    if not low <= value <= high:
        allowed = f"{low} to {high} {unit}".strip()
        yield Finding(field, str(value), f"must be {allowed}", f"Choose {allowed}.")


def repeated(field: str, values: list[Any]) -> Iterator[Finding]:
    twice = sorted({str(value) for value in values if values.count(value) > 1})
    if twice:
        yield Finding(field, ", ".join(twice), "must not name a thing twice", "Remove the repetition.")


def balancer(params: Params, route: str) -> Iterator[Finding]:
    """The load balancer's part; `route`: where probes go."""
    given, rule = params["load_balancer"], params["load_balancer"]["rule"]
    if given["blue_target_group_arn"] == given["green_target_group_arn"]:
        yield Finding(
            "load_balancer.green_target_group_arn",
            given["blue_target_group_arn"],
            "must not be the blue one",
            "Name the other group.",
        )
    if given.get("test_listener_arn") == given["production_listener_arn"]:
        test = str(given.get("test_listener_arn"))
        yield Finding("load_balancer.test_listener_arn", test, "must not be the production listener", "Name another.")
    if route == "test_listener" and not given.get("test_listener_arn"):
        yield Finding("route", "test_listener", "needs load_balancer.test_listener_arn", "Name the test listener.")
    yield from between("load_balancer.rule.priority", rule["priority"], limits.PRIORITY)
    values = [*(rule.get("path_patterns") or []), *(rule.get("host_headers") or [])]
    if not values:
        yield Finding(
            "load_balancer.rule", "no condition", "needs a path pattern or a host header", "Give path_patterns."
        )
    if len(values) > limits.CONDITION_VALUES - 1:
        problem = (
            f"may have {limits.CONDITION_VALUES - 1} values (AWS: {limits.CONDITION_VALUES}; one is the proof header)"
        )
        yield Finding("load_balancer.rule", f"{len(values)} values", problem, "Shorten the lists.")
    for value in values:
        if not 1 <= len(value) <= limits.CONDITION_LENGTH or not value.isprintable() or " " in value:
            problem = f"must be 1 to {limits.CONDITION_LENGTH} characters without spaces"
            yield Finding("load_balancer.rule", repr(value)[:60], problem, "Mend the pattern.")
    for pattern in rule.get("path_patterns") or []:
        if not pattern.startswith(("/", "*")):
            yield Finding(
                "load_balancer.rule.path_patterns", pattern[:60], "must begin with / or *", f"Write /{pattern[:40]}."
            )


def tags(params: Params) -> Iterator[Finding]:
    own = params.get("tags") or {}
    if len(own) > limits.TAGS - 2:
        problem = f"may have {limits.TAGS - 2} (AWS: {limits.TAGS}; two are ours)"
        yield Finding("tags", f"{len(own)} tags", problem, "Remove some.")
    for key, value in own.items():
        reserved = str(key).lower().startswith(("aws:", "greenlight:"))
        if reserved or not 1 <= len(str(key)) <= limits.TAG_KEY or len(str(value)) > limits.TAG_VALUE or value is None:
            sizes = f"{limits.TAG_KEY} and {limits.TAG_VALUE} characters"
            problem = f"must have at most {sizes}, and not begin with aws: or greenlight:"
            yield Finding(f"tags.{str(key)[:60]}", str(value)[:60], problem, "Choose another tag.")
