# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EventBridge Scheduler: one-time schedules, when they fire, how they retry, when they are over. Pure.

Sources: EventBridge Scheduler user guide, "Schedule types" (60-second precision: a schedule for 1:00 invokes its
target between 1:00:00 and 1:00:59), "What is …" (at least once), "Deleting a schedule" (automatic deletion after the
last invocation); botocore scheduler/2021-06-30, RetryPolicy. Inferred: the pauses between retries, and that an event
whose time has come is delivered even if its schedule is deleted meanwhile. All times are AWS seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

NEVER, AT_ONCE = "never", "at_once"
BACKOFF, LONGEST = 5.0, 60.0  # seconds before the first retry, and the longest pause: it doubles


@dataclass(frozen=True)
class Disturbance:
    """What is wrong with a schedule's delivery. `only`: a regular expression found in its name ("" = any).

    `late`: seconds after its time; `again`: so many seconds after the first delivery there is a second one; `lost`:
    there is none. `limit`: schedules at most; 0 = all.
    """

    only: str = ""
    late: float = 0.0
    again: float = 0.0
    lost: bool = False
    limit: int = 0


@dataclass(frozen=True)
class Ways:
    """How delivery is disturbed, and what AWS does not say: what becomes of a time that is past at the creation."""

    rules: tuple[Disturbance, ...] = ()
    precision: float = 60.0
    past: str = NEVER

    def shown(self) -> dict[str, Any]:
        return {"rules": [vars(rule) for rule in self.rules], "precision": self.precision, "past": self.past}


@dataclass
class Schedule:
    """`at`: when it is due; `given`: the request, as GetSchedule shows it."""

    group: str
    name: str
    at: float
    created_at: datetime
    changed_at: datetime
    given: Mapping[str, Any]
    past: bool = False
    token: str = ""  # ClientToken of the request that made it
    taken: bool = False  # its events are under way, or over
    open: int = 0  # events not yet delivered or given up

    @property
    def key(self) -> tuple[str, str]:
        return self.group, self.name

    @property
    def state(self) -> str:
        return str(self.given.get("State") or "ENABLED")

    @property
    def policy(self) -> tuple[int, float]:
        """(retries, longest age). Defaults: EventBridge Scheduler API reference, RetryPolicy: 185 and 24 hours."""
        policy = self.given["Target"].get("RetryPolicy") or {}
        return int(policy.get("MaximumRetryAttempts", 185)), float(policy.get("MaximumEventAgeInSeconds", 86400))


@dataclass
class Event:
    """One delivery to come."""

    schedule: Schedule
    due: float
    expires: float
    attempts: int = 0


@dataclass
class Book:
    """All schedules and the events under way."""

    schedules: dict[tuple[str, str], Schedule] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    met: dict[int, int] = field(default_factory=dict)  # rule's number -> schedules it disturbed


def due(book: Book, ways: Ways, chance: Callable[..., float], now: float) -> list[Event]:
    """The deliveries to be tried now; each must be answered by `delivered`."""
    for schedule in list(book.schedules.values()):
        if not schedule.taken and schedule.state == "ENABLED" and now >= schedule.at:
            _take(book, schedule, ways, chance, now)
    return [event for event in book.events if now >= event.due]


def _take(book: Book, schedule: Schedule, ways: Ways, chance: Callable[..., float], now: float) -> None:
    schedule.taken = True
    if schedule.past and ways.past == NEVER:
        return
    rule = _disturbed(book, schedule, ways)
    if rule.lost:
        _over(book, schedule)
        return
    first = schedule.at + rule.late + ways.precision * chance("schedule", *schedule.key, schedule.at)
    times = [first, first + rule.again] if rule.again else [first]
    _ignored, age = schedule.policy
    schedule.open = len(times)
    book.events += [Event(schedule, time, max(time, now) + age) for time in times]


def _disturbed(book: Book, schedule: Schedule, ways: Ways) -> Disturbance:
    for number, rule in enumerate(ways.rules):
        if re.search(rule.only, schedule.name) and (not rule.limit or book.met.get(number, 0) < rule.limit):
            book.met[number] = book.met.get(number, 0) + 1
            return rule
    return Disturbance()


def delivered(book: Book, event: Event, error: str, now: float) -> bool:
    """The target's answer, "" for success; whether the event is over."""
    retries, _ignored = event.schedule.policy
    event.attempts += 1
    again = now + min(LONGEST, BACKOFF * 2.0 ** (event.attempts - 1))
    if error and event.attempts <= retries and again < event.expires:
        event.due = again
        return False
    book.events.remove(event)
    event.schedule.open -= 1
    _over(book, event.schedule)
    return True


def _over(book: Book, schedule: Schedule) -> None:
    """ActionAfterCompletion DELETE: gone after its last event; a new schedule of that name is left alone."""
    wanted = schedule.given.get("ActionAfterCompletion") == "DELETE"
    if wanted and not schedule.open and book.schedules.get(schedule.key) is schedule:
        del book.schedules[schedule.key]


def parse(document: Any) -> Ways:
    """A JSON object with `rules`, `precision`, `past`. Raises ValueError naming what is wrong."""
    if not isinstance(document, Mapping) or document.keys() - {"rules", "precision", "past"}:
        raise ValueError("an object with rules, precision and past")
    rules = document.get("rules", [])
    if not isinstance(rules, list):
        raise ValueError("rules: a list")
    precision, past = document.get("precision", 60.0), document.get("past", NEVER)
    if isinstance(precision, bool) or not isinstance(precision, int | float) or precision < 0:
        raise ValueError("precision: seconds")
    if past not in (NEVER, AT_ONCE):
        raise ValueError(f"past: {NEVER} or {AT_ONCE}")
    return Ways(tuple(_rule(one) for one in rules), float(precision), past)


def _rule(document: Any) -> Disturbance:
    if not isinstance(document, Mapping):
        raise ValueError("rules: a list of objects")
    kinds: dict[str, Any] = {"only": str, "late": (int, float), "again": (int, float), "lost": bool, "limit": int}
    for name, value in document.items():
        if name not in kinds or not isinstance(value, kinds[name]):
            raise ValueError(f"rules: {name}={value!r}; there are: {', '.join(kinds)}")
    made = Disturbance(**document)
    re.compile(made.only)
    return made
