# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines, reasons and diffs as people read them."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.greenlight.serving.plugins.module_utils._engine import timeline
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Step, Wait
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import Phase
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Event
from tests.unit.plugins.module_utils._engine import cases
from tests.unit.plugins.module_utils._engine.cases import PLAN, moved, seen, targets


def test_a_line_says_when_who_and_what() -> None:
    event = Event(95.2, "moving", "ECS", "moves the targets")
    assert timeline.lines(event) == ["  1:35 ECS        moves the targets"]


@given(st.text(), st.floats(0, 1e6), st.sampled_from(["ECS", "greenlight", "EC2 Auto Scaling"]))
def test_no_line_is_longer_than_the_terminal(text: str, at: float, who: str) -> None:
    lines = timeline.lines(Event(at, "moving", who, text))
    assert lines
    assert all(len(line) <= 80 and "\n" not in line for line in lines)


def test_a_long_line_goes_on_below_its_text() -> None:
    first, second = timeline.lines(Event(1.0, "moving", "ECS", "word " * 15))
    assert first.startswith("  0:01 ECS        word")
    assert second.startswith(" " * 18 + "word")


def test_the_heartbeat_names_who_acts() -> None:
    for phase, who in ((Phase.MOVING, "ECS"), (Phase.TURNING_BACK, "ECS"), (Phase.JUDGING, "greenlight")):
        event = timeline.waiting(PLAN, cases.state(phase), Wait(2.0, "1 of 2 healthy"), 95.0)
        assert (event.who, event.text) == (who, f"1 of 2 healthy (45 s in {phase.value})")


def test_a_reason_says_where_what_how_long_what_serves_and_what_next() -> None:
    state = cases.state(Phase.MOVING)
    now = seen(targets=(*targets("old"), *targets("new", count=1)), closed=True, labels={"old": "digits:1"})
    assert timeline.sentence(PLAN, state, now, 95.0, "something happened.", "run it again") == (
        "svc: something happened (after 95 s); now digits:2 (new) on 1 and digits:1 (old) on 2 of 2 targets serves, "
        "closed to the public; next: run it again."
    )


def test_what_serves_when_nothing_does() -> None:
    state = cases.state(Phase.MOVING)
    assert timeline.serves(PLAN, state, None) == "what serves now was never seen"
    assert timeline.serves(PLAN, state, seen(exists=False)) == "nothing serves"
    assert timeline.serves(PLAN, state, moved(targets=targets("new", "initial"))) == "no target is healthy, 2 wanted"
    assert (
        timeline.serves(PLAN, state, moved(targets=targets(""))) == "a release without a name on 2 of 2 targets serves"
    )


def test_diff_has_each_field_on_either_side() -> None:
    text = timeline.diff(PLAN, ("image: a:1 -> b:2", "rule: missing"), "digits:1", "digits:2")
    assert text["before"] == "release: digits:1\nimage: a:1\nrule: missing\n"
    assert text["after"] == "release: digits:2\nimage: b:2\nrule: missing\n"
    assert timeline.diff(PLAN, (), "same", "same")["before"] == ""


def test_the_way_of_a_release_in_one_sentence() -> None:
    steps = (Step(10, 20.0, True), Step(100))
    assert timeline.itinerary(replace(PLAN, strategy="canary", steps=steps)) == (
        "canary: judged before any user meets it, then with 10 % of the traffic, where a person decides, then with "
        "100 % of the traffic; the old release runs beside it until all of that passed"
    )
    assert timeline.itinerary(PLAN) == ""
    alone = replace(PLAN, strategy="canary", steps=steps, first_alone=True)
    assert timeline.itinerary(alone) == timeline.itinerary(replace(alone, first_alone=False))
    assert timeline.itinerary(alone, first=True).startswith("a first release: closed to the public until")
    told = [text for _who, text in timeline.planned(alone, cases.seen(), None, first=True)]
    assert not any("would hold" in text for text in told)
    assert "would stay closed to the public when nobody runs any more" in told
    assert any("would hold" in text for _who, text in timeline.planned(alone, cases.seen(), None))
