# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Elastic Load Balancing takes for a target group, checked before any call. Pure.

Sources: botocore's elasticloadbalancingv2 2015-12-01 service model (names, ranges, attribute values), and of the user
guide "Target groups for your Application Load Balancers", "Edit target group attributes" and "Tag restrictions".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .._engine.finding import Finding

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?")
_PATH = re.compile(r"/[\x21-\x7e]{0,1023}")
_MATCHER = re.compile(r"([2-4]\d\d)(?:-([2-4]\d\d))?")
# Option -> lowest, highest, unit.
_RANGES = {"port": (1, 65535, ""), "deregistration_delay": (0, 3600, " seconds")}
_HEALTH_RANGES = {
    "interval": (5, 300, " seconds"),
    "timeout": (2, 120, " seconds"),
    "healthy_threshold": (2, 10, ""),
    "unhealthy_threshold": (2, 10, ""),
}
MOST_TAGS = 50


def check(options: Mapping[str, Any]) -> list[Finding]:
    """Everything that is wrong with the options, at once."""
    return list(_findings(options)) if options["state"] == "present" else list(_name(options["name"]))


def _findings(options: Mapping[str, Any]) -> Iterator[Finding]:
    yield from _name(options["name"])
    for name in ("vpc_id", "port"):
        if options[name] is None:
            yield Finding(name, "nothing", "needed for state present", f"Set {name}.")
    yield from _ranges(options, _RANGES, "")
    yield from _health(options["health_check"] or {})
    yield from _slow_start(options["slow_start"], options["algorithm"])
    for name, value in (options["minimum_healthy"] or {}).items():
        yield from _minimum(name, value)
    yield from _tags(options["tags"] or {})


def _name(name: str) -> Iterator[Finding]:
    if not _NAME.fullmatch(name):
        problem = "1 to 32 letters, digits and hyphens, no hyphen at either end"
        yield Finding("name", repr(name)[:60], problem, "Shorten or change it.")


def _ranges(given: Mapping[str, Any], ranges: Mapping[str, tuple[int, int, str]], where: str) -> Iterator[Finding]:
    for name, (low, high, unit) in ranges.items():
        value = given.get(name)
        if value is not None and not low <= value <= high:
            yield Finding(f"{where}{name}", str(value), f"{low} to {high}{unit}", "Give a value in that range.")


def _health(given: Mapping[str, Any]) -> Iterator[Finding]:
    yield from _ranges(given, _HEALTH_RANGES, "health_check.")
    interval, timeout = given.get("interval"), given.get("timeout")
    if interval is not None and timeout is not None and timeout >= interval:
        problem = f"less than the interval of {interval} seconds"
        yield Finding("health_check.timeout", str(timeout), problem, "Lower the timeout or raise the interval.")
    path = given.get("path")
    if path is not None and not _PATH.fullmatch(path):
        problem = "a slash, then at most 1023 printable ASCII characters without blanks"
        yield Finding("health_check.path", repr(path)[:60], problem, "For example /v2/health/ready.")
    port = given.get("port")
    if port is not None and port != "traffic-port" and not (port.isdecimal() and 1 <= int(port) <= 65535):
        yield Finding(
            "health_check.port", port, "traffic-port, or 1 to 65535", "traffic-port is the target's own port."
        )
    matcher = given.get("matcher")
    if matcher is not None and not all(map(_is_matcher, matcher.split(","))):
        problem = "statuses from 200 to 499, or ranges of them, separated by commas"
        yield Finding("health_check.matcher", matcher[:60], problem, "For example 200 or 200-299.")


def _is_matcher(part: str) -> bool:
    match = _MATCHER.fullmatch(part)
    return match is not None and (match[2] is None or match[1] < match[2])


def _slow_start(seconds: int | None, algorithm: str | None) -> Iterator[Finding]:
    if not seconds:
        return
    if not 30 <= seconds <= 900:
        yield Finding("slow_start", str(seconds), "0 (off), or 30 to 900 seconds", "Give a value in that range.")
    if algorithm not in (None, "round_robin"):
        problem = f"only with the algorithm round_robin, not with {algorithm}"
        yield Finding("slow_start", str(seconds), problem, "Set slow_start: 0, or algorithm: round_robin.")


def _minimum(name: str, value: str | None) -> Iterator[Finding]:
    if value is None:
        return
    may_be_off = name != "unhealthy_routing_count"
    highest = 100 if name.endswith("percentage") else 1_000_000
    if (value == "off" and may_be_off) or (value.isdecimal() and 1 <= int(value) <= highest):
        return
    allowed = "1 to 100" if highest == 100 else "1 or more"
    problem = f"{'off, or ' if may_be_off else ''}{allowed}"
    yield Finding(f"minimum_healthy.{name}", value[:60], problem, "Quote off in YAML, where it is a truth value.")


def _tags(tags: Mapping[Any, Any]) -> Iterator[Finding]:
    if len(tags) > MOST_TAGS:
        yield Finding("tags", str(len(tags)), f"at most {MOST_TAGS} tags", "Leave some out.")
    for key, value in tags.items():
        if not 1 <= len(str(key)) <= 128 or str(key).lower().startswith("aws:") or len(str(value)) > 256:
            problem = "a key of 1 to 128 characters that doesn't begin with aws:, a value of at most 256"
            yield Finding("tags", repr(key)[:60], problem, "Shorten or rename it.")
