# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One-time schedules: precision, retries, what disturbs them, when they are over."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.lab.aws.core import chance
from tests.lab.aws.engine import schedules
from tests.lab.aws.engine.schedules import AT_ONCE, Book, Schedule, Ways, parse

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Timer:
    """A book, a clock and a target that answers `errors` in turn, then well."""

    ways: Ways = field(default_factory=Ways)
    errors: list[str] = field(default_factory=list)
    book: Book = field(default_factory=Book)
    fired: list[tuple[float, str]] = field(default_factory=list)
    now: float = 0.0

    def add(self, name: str = "s", at: float = 100.0, past: bool = False, **given: Any) -> Schedule:
        policy = {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 60}
        shown = {"Target": {"RetryPolicy": policy}, "ActionAfterCompletion": "DELETE", **given}
        made = Schedule("default", name, at, EPOCH, EPOCH, shown, past=past)
        self.book.schedules[made.key] = made
        return made

    def run(self, until: float) -> list[float]:
        """When the target was called."""
        while self.now < until:
            self.now += 1
            for event in schedules.due(self.book, self.ways, lambda *key: chance(3, *key), self.now):
                error = self.errors.pop(0) if self.errors else ""
                self.fired.append((self.now, event.schedule.name))
                schedules.delivered(self.book, event, error, self.now)
        return [at for at, _ignored in self.fired]


def test_it_fires_once_within_a_minute_of_its_time_and_is_deleted() -> None:
    timer = Timer()
    timer.add()
    [at] = timer.run(1000)
    assert 100 <= at <= 161
    assert timer.book.schedules == {}
    again = Timer()
    again.add()
    assert again.run(1000) == [at]  # by seed and name


def test_different_names_fire_at_different_moments() -> None:
    timer = Timer()
    for number in range(5):
        timer.add(f"s{number}")
    assert len(set(timer.run(1000))) > 2


def test_without_deletion_it_stays_and_fires_no_more() -> None:
    timer = Timer()
    timer.add(ActionAfterCompletion="NONE")
    assert len(timer.run(5000)) == 1
    assert list(timer.book.schedules) == [("default", "s")]


def test_a_disabled_schedule_does_not_fire() -> None:
    timer = Timer()
    timer.add(State="DISABLED")
    assert timer.run(1000) == []


def test_errors_are_retried_within_the_policy_and_the_schedule_waits_for_that() -> None:
    timer = Timer(Ways(precision=0), ["no", "no"])
    timer.add()
    timer.run(106)
    assert ("default", "s") in timer.book.schedules
    assert timer.run(1000) == [100, 105, 115]
    assert timer.book.schedules == {}


def test_retries_end_with_their_number_or_their_age() -> None:
    timer = Timer(Ways(precision=0), ["no"] * 20)
    timer.add()
    assert len(timer.run(1000)) == 3
    assert timer.book.schedules == {}
    old = Timer(Ways(precision=0), ["no"] * 200)
    old.add(Target={"RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 60}})
    calls = old.run(1000)
    assert calls[-1] < 160
    assert len(calls) < 6


def test_the_default_policy_is_a_day_of_185_retries() -> None:
    assert Timer().add(Target={}).policy == (185, 86400)


def test_late_doubled_and_lost() -> None:
    rules = parse(
        {"rules": [{"only": "^late", "late": 300}, {"only": "^twice", "again": 50}, {"only": "^lost", "lost": True}]}
    ).rules
    timer = Timer(Ways(rules, precision=0))
    for name in ("late", "twice", "lost", "plain"):
        timer.add(name)
    timer.run(1000)
    assert timer.fired == [(100, "twice"), (100, "plain"), (150, "twice"), (400, "late")]
    assert timer.book.schedules == {}


def test_a_disturbance_can_be_limited() -> None:
    timer = Timer(Ways(parse({"rules": [{"lost": True, "limit": 1}]}).rules, precision=0))
    timer.add("a")
    timer.add("b", at=200)
    assert timer.run(1000) == [200]


def test_a_late_event_comes_though_its_schedule_was_deleted() -> None:
    timer = Timer(Ways(parse({"rules": [{"late": 300}]}).rules, precision=0))
    timer.add()
    timer.run(150)
    del timer.book.schedules["default", "s"]
    timer.add(at=5000)  # a new one of that name
    assert timer.run(1000) == [400]
    assert list(timer.book.schedules) == [("default", "s")]


def test_a_schedule_deleted_in_time_does_not_fire() -> None:
    timer = Timer()
    timer.add()
    timer.run(90)
    timer.book.schedules.clear()
    assert timer.run(1000) == []


def test_a_time_that_is_past_at_the_creation() -> None:
    timer = Timer()
    timer.add(at=-5, past=True)
    assert timer.run(1000) == []
    prompt = Timer(Ways(precision=0, past=AT_ONCE))
    prompt.add(at=-5, past=True)
    assert prompt.run(1000) == [1]


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        {"rule": []},
        {"rules": {}},
        {"rules": ["x"]},
        {"rules": [{"late": "soon"}]},
        {"rules": [{"never": 1}]},
        {"precision": -1},
        {"precision": True},
        {"past": "sometimes"},
    ],
)
def test_what_is_no_setting_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"rules|precision|past"):
        parse(wrong)


def test_settings_are_shown_as_given() -> None:
    document = {"rules": [{"only": "x", "late": 1.0, "again": 2.0, "lost": False, "limit": 3}], "precision": 5.0}
    assert parse(document).shown() == {**document, "past": "never"}
