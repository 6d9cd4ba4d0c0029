# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listener rules: which action a request meets, and which target group a weighted forward picks. Pure.

Source of the matching rules: botocore's elbv2 model (RuleCondition and its …ConditionConfig shapes) and
"Condition types for listener rules" in the user guide for Application Load Balancers.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote_plus

DEFAULT = 10**9  # sorts the default rule behind every priority (1-50000)


@dataclass(frozen=True)
class Request:
    """What a rule can see of a request. Header names in lower case; `path` without the query string."""

    method: str
    path: str
    query: str = ""
    host: str = ""
    source: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Condition:
    """One condition; it holds if any of its values does.

    `values`: wildcard patterns, methods or CIDR blocks; `pairs`: (key pattern or "", value pattern) of
    query-string; `expressions`: regular expressions (RegexValues); `header`: name for http-header.
    """

    field: str
    values: tuple[str, ...] = ()
    header: str = ""
    pairs: tuple[tuple[str, str], ...] = ()
    expressions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Forward:
    """(target group ARN, weight 0-999), in the order given."""

    groups: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Fixed:
    status: int
    content_type: str = ""
    body: str = ""


@dataclass(frozen=True)
class Redirect:
    """Parts may hold #{protocol} #{host} #{port} #{path} #{query}, as in RedirectActionConfig."""

    status: int
    protocol: str = "#{protocol}"
    host: str = "#{host}"
    port: str = "#{port}"
    path: str = "/#{path}"
    query: str = "#{query}"

    def location(self, request: Request, protocol: str, port: int) -> str:
        known = {
            "protocol": protocol.lower(),
            "host": request.host,
            "port": str(port),
            "path": request.path.removeprefix("/"),
            "query": request.query,
        }

        def fill(text: str) -> str:
            return re.sub(r"#\{(protocol|host|port|path|query)\}", lambda found: known[found[1]], text)

        query = fill(self.query)
        address = f"{fill(self.protocol).lower()}://{fill(self.host)}:{fill(self.port)}{fill(self.path)}"
        return f"{address}?{query}" if query else address


Action = Forward | Fixed | Redirect


@dataclass(frozen=True)
class Rule:
    arn: str
    priority: int
    action: Action
    conditions: tuple[Condition, ...] = field(default=())


def ordered(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """By priority, lowest value first ("Rules are evaluated in priority order", API_CreateRule)."""
    return tuple(sorted(rules, key=lambda rule: rule.priority))


def select(rules: Sequence[Rule], request: Request) -> Rule:
    """The first rule all of whose conditions hold; `rules` are `ordered`, so the default rule, without any, is last."""
    for rule in rules:
        if all(holds(condition, request) for condition in rule.conditions):
            return rule
    raise LookupError("a listener always has a default rule")


def holds(condition: Condition, request: Request) -> bool:
    """Whether one of the condition's values matches the request."""
    match condition.field:
        case "path-pattern":
            return _any(condition, [request.path], ignore_case=False)
        case "host-header":
            return _any(condition, [request.host], ignore_case=True)
        case "http-header":
            found = [value for name, value in request.headers if name == condition.header.lower()]
            return _any(condition, found, ignore_case=True)
        case "http-request-method":
            return request.method in condition.values
        case "query-string":
            return _query(condition.pairs, request.query)
        case "source-ip":
            address = ipaddress.ip_address(request.source)
            return any(address in ipaddress.ip_network(block, strict=False) for block in condition.values)
    raise ValueError(f"unknown condition field {condition.field!r}")


def choose(forward: Forward, draw: float) -> str | None:
    """The target group for a number drawn from [0, 1); None if every weight is 0.

    The weights alone decide: a group without a healthy target keeps its share and answers 503
    ("Weighted target groups … don't fail over", user guide, "Target groups").
    """
    left = draw * sum(weight for _ignored, weight in forward.groups)
    for group, weight in forward.groups:
        left -= weight
        if left < 0:
            return group
    return None


def matches(pattern: str, text: str, ignore_case: bool) -> bool:
    """AWS wildcards: * is zero or more characters, ? exactly one, and a backslash takes either literally."""
    return _wildcard(pattern, ignore_case).fullmatch(text) is not None


@lru_cache(maxsize=1024)
def _wildcard(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    parts = []
    for token in re.findall(r"\\[*?\\]|.", pattern, flags=re.DOTALL):
        parts.append({"*": ".*", "?": "."}.get(token, re.escape(token[-1])))
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _any(condition: Condition, texts: Sequence[str], ignore_case: bool) -> bool:
    return any(
        any(matches(pattern, text, ignore_case) for pattern in condition.values)
        or any(re.search(expression, text) for expression in condition.expressions)
        for text in texts
    )


def _query(pairs: Sequence[tuple[str, str]], query: str) -> bool:
    """A pattern without a key is compared to every value ("key/value pairs or values to find")."""
    given = [part.partition("=")[::2] for part in query.split("&") if part]
    return any(
        (not key or matches(key, unquote_plus(name), ignore_case=True))
        and matches(value, unquote_plus(text), ignore_case=True)
        for key, value in pairs
        for name, text in given
    )
