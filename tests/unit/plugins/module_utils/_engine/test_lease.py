# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock's policy, rule by rule; lease_race.py has the contenders that run against each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.greenlight.serving.plugins.module_utils._clients import aws
from ansible_collections.greenlight.serving.plugins.module_utils._engine import lease
from ansible_collections.greenlight.serving.plugins.module_utils._engine.evolve import evolve
from ansible_collections.greenlight.serving.plugins.module_utils._engine.lease import Grip, Lease, Move, Terms

SERVICE = "serving/digits"
TERMS = Terms(60.0, 35.0)
MINE = Lease(SERVICE, owner="me", who="ops@one", since="2026-03-01T10:00:00+00:00", doing="rollout r1", rollout_id="r1")
THEIRS = evolve(MINE, owner="them", who="dev@two", doing="rollout r2 to digits:8", beat=4, version="v4")
FREE = Lease(SERVICE, beat=7, version="v7")


def begun() -> Grip:
    return lease.begin(MINE, TERMS)


def held(at: float = 100.0) -> Grip:
    """A lock that we took at that moment."""
    grip = lease.sending(lease.read(begun(), FREE, at - 1), at)
    return lease.written(grip, evolve(lease.wanted(grip), version="v8"))


def test_a_free_lock_is_taken_and_kept() -> None:
    grip = begun()
    assert lease.move(grip, 0.0) is Move.READ
    grip = lease.read(grip, FREE, 1.0)
    assert lease.move(grip, 1.0) is Move.WRITE
    written = lease.wanted(grip)
    assert (written.owner, written.version, written.beat, written.seconds) == ("me", "v7", 8, 60.0)
    assert lease.move(held(), 101.0) is Move.KEEP


def test_a_lock_that_never_was_is_created() -> None:
    assert lease.wanted(lease.read(begun(), Lease(SERVICE), 1.0)).version == ""


@pytest.mark.parametrize(("now", "allowed"), [(100.0, True), (119.9, True), (120.0, False), (500.0, False)])
def test_a_call_is_made_only_if_it_is_over_before_the_lease_is(now: float, allowed: bool) -> None:
    """Taken at 100 for 60 s: a call of at most 35 s and a margin of 5 s must end before 160."""
    assert lease.may_write(held(), now) is allowed


def test_without_the_lock_no_call_is_made() -> None:
    assert not lease.may_write(begun(), 0.0)
    assert not lease.may_write(lease.read(begun(), THEIRS, 0.0), 0.0)
    assert not lease.may_write(lease.taken(held()), 100.0)


@pytest.mark.parametrize(("now", "move"), [(114.9, Move.KEEP), (115.0, Move.WRITE), (900.0, Move.WRITE)])
def test_it_is_renewed_when_a_quarter_is_over_and_even_when_all_of_it_is(now: float, move: Move) -> None:
    """Late, too: the condition on the version tells whether anybody had it in between."""
    assert lease.move(held(), now) is move
    assert lease.due(held()) == 115.0


def test_renewing_counts_from_when_it_was_first_sent() -> None:
    grip = lease.sending(held(), 116.0)
    grip = lease.read(lease.unanswered(grip), evolve(held().found or FREE), 117.0)  # no effect, so far
    grip = lease.sending(grip, 130.0)
    stored = evolve(lease.wanted(grip), version="v9")
    assert lease.written(grip, stored).end == 176.0  # the first may have come late, and others count from that


def test_a_lost_answer_is_read_back() -> None:
    grip = lease.unanswered(lease.sending(lease.read(begun(), FREE, 90.0), 100.0))
    assert lease.move(grip, 135.0) is Move.READ
    assert not lease.may_write(grip, 101.0)
    ours = lease.read(grip, evolve(lease.wanted(grip), version="v8"), 136.0)
    assert lease.ours(ours)
    assert ours.end == 160.0
    nothing = lease.read(grip, FREE, 136.0)
    assert lease.move(nothing, 136.0) is Move.WRITE
    theirs = lease.read(grip, THEIRS, 136.0)
    assert lease.move(theirs, 136.0) is Move.WAIT
    assert not theirs.lost  # it never was ours


def test_a_late_effect_that_seemed_to_be_none_is_found_to_be_ours() -> None:
    grip = lease.sending(lease.read(begun(), FREE, 90.0), 100.0)
    grip = lease.read(lease.unanswered(grip), FREE, 110.0)
    grip = lease.taken(lease.sending(grip, 120.0))
    assert lease.move(grip, 121.0) is Move.READ
    grip = lease.read(grip, evolve(MINE, beat=8, version="v8"), 122.0)
    assert (lease.ours(grip), grip.end) == (True, 160.0)


@pytest.mark.parametrize("now", [0.0, 69.9, 70.0, 300.0])
def test_a_held_lock_is_stolen_only_after_its_lease_and_the_skew_without_a_beat(now: float) -> None:
    grip = lease.read(begun(), THEIRS, 0.0)
    seen_again = lease.read(grip, THEIRS, now)
    assert seen_again.first == 0.0
    assert lease.move(seen_again, now) is (Move.WRITE if now >= 70.0 else Move.WAIT)
    beaten = lease.read(grip, evolve(THEIRS, beat=5, version="v5"), now)
    assert lease.move(beaten, now + 69.9) is Move.WAIT


def test_patience_is_for_what_the_holder_claimed_not_for_what_we_would() -> None:
    long = lease.read(lease.begin(MINE, Terms(6.0, 1.0)), evolve(THEIRS, seconds=600.0), 0.0)
    assert lease.patience(long) == 700.0
    short = lease.read(begun(), evolve(THEIRS, seconds=6.0), 0.0)
    assert lease.patience(short) == 16.0  # our own skew, as it is the longer


@pytest.mark.parametrize("claimed", [float("inf"), 1e9, -5.0, 0.0])
def test_no_claim_blocks_for_ever_or_not_at_all(claimed: float) -> None:
    grip = lease.read(begun(), evolve(THEIRS, seconds=claimed), 0.0)
    assert lease.SHORTEST < lease.patience(grip) <= lease.LONGEST * 7 / 6


@pytest.mark.parametrize("other", [THEIRS, FREE], ids=["stolen", "unlocked"])
def test_a_lost_lock_ends_the_run(other: Lease) -> None:
    grip = lease.read(lease.taken(held()), other, 180.0)
    assert lease.move(grip, 180.0) is Move.LOST
    assert not lease.may_write(grip, 180.0)
    assert not lease.ours(lease.read(grip, evolve(MINE, beat=99, version="v99"), 181.0))  # for good


def test_letting_go_names_no_owner_and_never_repeats_a_content() -> None:
    found = held().found or FREE
    free = lease.freed(found, "released")
    assert (free.owner, free.rollout_id, free.version, free.beat) == ("", "", "v8", 9)
    assert lease.move(lease.read(begun(), evolve(free, version="v9"), 0.0), 0.0) is Move.WRITE


def test_a_second_operator_is_told_who_since_when_what_and_how_to_go_on() -> None:
    words = lease.told(lease.read(begun(), THEIRS, 10.0), 30.0)
    for part in (
        "dev@two",
        "2026-03-01T10:00:00+00:00",
        "rollout r2 to digits:8",
        "status.yml",
        "serving_action=abort",
        "50 s",
    ):
        assert part in words
    assert lease.told(lease.read(begun(), FREE, 0.0), 0.0) == "serving/digits: nobody holds the lock."


def test_a_request_is_open_until_it_is_answered() -> None:
    asked = lease.Request(SERVICE, id="q1", action="pause")
    assert asked.open
    assert not evolve(asked, answer="paused").open
    assert not lease.Request(SERVICE).open


def test_the_longest_call_is_what_the_clients_allow() -> None:
    assert Terms().call >= aws.CONNECT_TIMEOUT + aws.READ_TIMEOUT
    assert Terms().seconds >= Terms().shortest


@given(st.floats(0.1, 600.0))
def test_the_shortest_lease_leaves_time_to_call_after_a_beat_is_due(call: float) -> None:
    terms = Terms(max(Terms(60.0, call).shortest, 2.0), call)
    assert terms.seconds - call - terms.margin > terms.seconds / 4
