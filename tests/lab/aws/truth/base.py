# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The truth filter: a request that AWS refuses is refused here, before moto would let it through.

A rule is a small function in a table. It sees the request's parameters by botocore's names and the
facts its service offers (an object of the API layer: "which target groups have a load balancer"),
and answers None or the refusal. The source says which AWS page the rule was taken from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Refusal:
    """AWS's error code and text."""

    code: str
    message: str


Check = Callable[[Params, Any], Refusal | None]


@dataclass(frozen=True)
class Rule:
    """`operation`: botocore's name ("CreateService"); `source`: title or address of the AWS page."""

    operation: str
    check: Check
    source: str


class Truth:
    """All rules, by service. A service's rules are asked in the order they were added."""

    def __init__(self) -> None:
        self._rules: dict[tuple[str, str], list[tuple[Rule, Any]]] = {}

    def add(self, service: str, rules: Iterable[Rule], facts: Any = None) -> None:
        """`service` is the client name ("ecs", "elbv2"); `facts` is handed to each check as is."""
        for rule in rules:
            if not rule.source:
                raise ValueError(f"{service} {rule.operation}: a rule names the page it was taken from")
            self._rules.setdefault((service, rule.operation), []).append((rule, facts))

    def refusal(self, service: str, operation: str, params: Params) -> Refusal | None:
        """The first refusal, or None: AWS would take this request."""
        for rule, facts in self._rules.get((service, operation), ()):
            found = rule.check(params, facts)
            if found is not None:
                return found
        return None

    def rules(self) -> list[tuple[str, Rule]]:
        """(service, rule) of all, for the documentation and its test."""
        return [(service, rule) for (service, _ignored), entries in self._rules.items() for rule, _ignored in entries]
