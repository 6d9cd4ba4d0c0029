# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWS documents loosely or not at all about deployments, as switches: a test may try either way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

AT_START = ("ignored", "fails")


@dataclass(frozen=True)
class Habits:
    """The defaults are what AWS's pages say.

    `alarm_at_start`: "ignored" ("If an alarm is in the ALARM state at the beginning of a deployment, Amazon ECS
    will not monitor alarms for the duration of that deployment"), or "fails": the deployment fails at once.
    `blind`: ECS's own DescribeAlarms calls are throttled ("Amazon ECS might miss the alarm and the roll back
    might not occur"). `watch_clean_up`: alarms count in CLEAN_UP, too (AWS says: in the bake time).
    `native_breaker`: the circuit breaker acts in SCALE_UP of a native deployment, too (botocore,
    DeploymentCircuitBreaker: "can only be used for services using the rolling update").
    Quoted page: Amazon ECS Developer Guide, "How CloudWatch alarms detect Amazon ECS deployment failures".
    """

    alarm_at_start: str = AT_START[0]
    blind: bool = False
    watch_clean_up: bool = False
    native_breaker: bool = False

    def shown(self) -> dict[str, Any]:
        return asdict(self)


def parse(document: Any) -> Habits:
    """A JSON object with any of the fields; the others have their defaults. Raises ValueError."""
    given: Mapping[str, Any] = document if isinstance(document, Mapping) else {"": document}
    known = Habits().shown()
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"no habit {name!r}; there are: {', '.join(known)}")
        if not isinstance(value, type(known[name])) or (name == "alarm_at_start" and value not in AT_START):
            raise ValueError(f"{name}: {value!r} is none of its values ({' or '.join(AT_START)}, true or false)")
    return Habits(**given)
