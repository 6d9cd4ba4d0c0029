# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a release is judged, read from plain data: probes, gate, timing, reach. Everything that is wrong, at once.

The rollout modules read their options with it, and roles check theirs before they change anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._engine import lease
from .._engine.finding import Finding
from .._engine.model import Timing
from .._engine.verdict import Gate
from .._probes.reader import Reader, shown
from .._probes.spec import ProbeSpec, parse_gate, parse_specs

DAY = 86400.0
# Option -> the least and the most seconds. Nobody waits for a gate longer than a month; a poll that is rarer than
# every ten minutes would judge by news of the day before.
SECONDS: dict[str, tuple[float, float]] = {
    "deadline": (1, 30 * DAY),
    "rollback_deadline": (1, 30 * DAY),
    "min_ready": (0, DAY),
    "bake": (0, 7 * DAY),
    "poll": (0.05, 600),
    "settle": (0.05, 600),
    "propagation": (0, 600),
    "lease": (lease.SHORTEST, lease.LONGEST),
}
PROPAGATION = 10.0


@dataclass(frozen=True)
class Judging:
    """What a release has to show, how often and for how long."""

    specs: tuple[ProbeSpec, ...]
    gate: Gate
    timing: Timing
    propagation: float = PROPAGATION  # seconds until the load balancer does what its rule says, at the latest
    lease: float = lease.LEASE  # seconds that the lock counts without a beat


def parse(given: Mapping[str, Any], prefix: str = "", admitted: Sequence[str] = ()) -> tuple[Judging, list[Finding]]:
    """`given`: the options `probes`, `gate`, `timing` and `reach`; what is missing is as if it were not given.

    `prefix` stands before their names in the findings: a role's variables carry the role's name. `admitted`: path
    patterns outside of which no probe reaches the service; none = all of them.
    """
    probes = [] if given.get("probes") is None else given["probes"]
    specs, findings = parse_specs(probes, f"{prefix}probes")
    each = len(probes) if isinstance(probes, (list, tuple)) else 1
    gate, gates = parse_gate(_or_empty(given, "gate"), each, f"{prefix}gate")
    timing, propagation, beat, times = _timing(_or_empty(given, "timing"), f"{prefix}timing")
    found = [*findings, *_outside(specs, f"{prefix}probes", admitted), *gates, *times]
    return Judging(specs, gate, timing, propagation, beat), [*found, *_reach(given, f"{prefix}reach")]


def _or_empty(given: Mapping[str, Any], field: str) -> object:
    return {} if given.get(field) is None else given[field]


def _outside(specs: Sequence[ProbeSpec], field: str, admitted: Sequence[str]) -> Iterator[Finding]:
    """Probes that no rule would let through. In a pattern `*` is anything, `?` one character."""
    known = [re.escape(str(pattern)).replace(r"\*", ".*").replace(r"\?", ".") for pattern in admitted]
    for spec in specs if known else ():
        path = spec.request.target.partition("?")[0]
        if not any(re.fullmatch(pattern, path) for pattern in known):
            problem = f"the path of {spec.name} must be one that the rule admits ({', '.join(map(str, admitted))})"
            yield Finding(field, path[:60], problem, "Probe a path that users may use, too.")


def _timing(given: object, field: str) -> tuple[Timing, float, float, list[Finding]]:
    """The rollout's times, the load balancer's, and the lock's lease."""
    findings: list[Finding] = []
    read, plain = Reader(given, field, tuple(SECONDS), findings), Timing()
    others = {"propagation": PROPAGATION, "lease": lease.LEASE}
    defaults = {name: getattr(plain, name, others.get(name, 0.0)) for name in SECONDS}
    seconds = {name: read.number(name, defaults[name], *SECONDS[name]) for name in SECONDS}
    propagation, beat = seconds.pop("propagation"), seconds.pop("lease")
    return Timing(**seconds), propagation, beat, findings


def _reach(given: Mapping[str, Any], field: str) -> list[Finding]:
    findings: list[Finding] = []
    read = Reader(_or_empty(given, "reach"), field, ("allow_loopback", "ca_file"), findings)
    if not isinstance(read.raw("allow_loopback", False), bool):
        read.wrong("allow_loopback", shown(read.raw("allow_loopback")), "true or false", "Write one of the two.")
    if not isinstance(read.raw("ca_file", ""), str):
        read.wrong("ca_file", shown(read.raw("ca_file")), "the path of a file", "Name a file with certificates.")
    return findings
