# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the record says after each change, and what it keeps."""

from __future__ import annotations

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine import records
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import Phase
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Cause
from tests.unit.plugins.module_utils._engine import cases
from tests.unit.plugins.module_utils._engine.cases import PLAN, UNFINISHED, plan, record


@pytest.mark.parametrize(
    ("live", "last_good", "after"),
    [
        pytest.param("old", "older", "old", id="the-live-one-before"),
        pytest.param("new", "older", "older", id="the-same-again"),
        pytest.param("old", "new", "new", id="going-back-overwrites-nothing"),
        pytest.param("", "", "", id="first"),
    ],
)
def test_last_good(live: str, last_good: str, after: str) -> None:
    state = cases.state(Phase.PROVING, record=record(live=live, last_good=last_good, unfinished=UNFINISHED))
    new = records.live(PLAN, state)
    assert (new.live, new.last_good, new.unfinished) == ("new", after, {})


def test_a_way_back_overwrites_neither_live_nor_last_good() -> None:
    state = cases.state(Phase.VERIFYING, cause=Cause("wrong", rejects="yes"), verified=True)
    for rejects in (True, False):
        new = records.back(PLAN, state, rejects)
        assert (new.live, new.last_good, new.unfinished) == ("old", "older", {})
        assert dict(new.rejected) == ({"new": "2026-01-01T00:00:00Z: wrong"} if rejects else {})


def test_a_lost_record_learns_what_was_verified() -> None:
    lost = record(live="", unfinished=UNFINISHED)
    for verified in (True, False):
        state = cases.state(Phase.VERIFYING, record=lost, cause=Cause("wrong"), verified=verified)
        assert records.back(PLAN, state, False).live == ("old" if verified else "")


def test_pins_follow_the_run() -> None:
    state = cases.state(Phase.PROVING, record=record(pinned="old", pinned_by="bob"))
    assert (records.live(PLAN, state).pinned, records.live(PLAN, state).pinned_by) == ("", "")
    pinned = records.live(plan(pin=True), state)
    assert (pinned.pinned, pinned.pinned_by) == ("new", "ann")


def test_a_release_that_made_it_is_no_longer_rejected() -> None:
    state = cases.state(Phase.PROVING, record=record(rejected={"new": "once", "x": "ever"}))
    assert dict(records.live(PLAN, state).rejected) == {"x": "ever"}


def test_fifty_rejections_are_kept_the_newest_ones() -> None:
    many = {f"r{n}": "once" for n in range(60)}
    state = cases.state(Phase.VERIFYING, record=record(rejected=many), cause=Cause("wrong", rejects="yes"))
    kept = list(records.back(PLAN, state, True).rejected)
    assert (len(kept), kept[0], kept[-1]) == (50, "r11", "new")


def test_every_change_is_the_next_generation_and_names_only_what_it_mentions() -> None:
    base = record(generation=7, releases={"old": "digits:1", "gone": "digits:0"})
    state = cases.state(Phase.CHECKING, record=base)
    new = records.opened(PLAN, state, Phase.CONFIGURING)
    assert new.generation == 8
    assert dict(new.releases) == {"new": "digits:2", "old": "digits:1"}


def test_a_rollout_that_goes_on_is_no_longer_interrupted() -> None:
    left = record(unfinished={**UNFINISHED, "interrupted": "yes"})
    new = records.going(PLAN, cases.state(Phase.MOVING, record=left), Phase.MOVING)
    assert new.unfinished == UNFINISHED


def test_the_way_back_is_written_with_its_cause_and_keeps_whose_rollout_it_is() -> None:
    state = cases.state(Phase.MOVING)
    new = records.turned(PLAN, state, Cause("wrong", "ECS", "proof"))
    assert new.unfinished == {**UNFINISHED, "phase": "rolling_back", "cause": "wrong", "by": "ECS", "rejects": "proof"}


@pytest.mark.parametrize(("live", "first"), [("", True), ("old", False)])
def test_only_a_service_that_never_was_live_is_a_first_one(live: str, first: bool) -> None:
    """Whatever else a record says: the way back of a first release is removal."""
    found = record(live=live, unfinished={**UNFINISHED, "first": "yes", "from": ""})
    assert records.recall(PLAN, cases.state(Phase.START, record=found)).first is first


def test_where_nothing_is_left_a_first_release_begins_with_nothing_live() -> None:
    state = cases.state(Phase.CHECKING, record=record(live="old"), first=True, previous="")
    opened = records.opened(PLAN, state, Phase.CONFIGURING)
    assert (opened.live, opened.unfinished["first"]) == ("", "yes")
    assert records.recall(PLAN, cases.state(Phase.START, record=opened)).first
