# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a rollout, what need not be asked twice, and who may be unlocked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._clients.aws import Aws
from ansible_collections.greenlight.serving.plugins.module_utils._engine.lease import Lease, Request
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Outcome, Record
from ansible_collections.greenlight.serving.plugins.module_utils._glue.control import control, run
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.base import PortError
from ansible_collections.greenlight.serving.plugins.module_utils._store.none import NoStore

SERVICE = "serving/digits"
MOVING = {"rollout_id": "r1", "to": "0123456789ab", "phase": "moving", "step": "2"}
HELD = Lease(SERVICE, owner="0a1b", who="ops@one", rollout_id="r1", seconds=60.0, beat=3, version="v3")


class Clock:
    """Turned by sleeping; something may happen at a moment."""

    def __init__(self, at: float = float("inf"), act: Callable[[], object] = lambda: None) -> None:
        self.time, self._at, self._act = 100.0, 100.0 + at, act

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        if self.time >= self._at:
            self._at = float("inf")
            self._act()


class Store(NoStore):
    """In memory; counts what is written."""

    def __init__(self, unfinished: dict[str, str] | None = None, held: Lease | None = None) -> None:
        super().__init__(SERVICE)
        self.save(Record(SERVICE, unfinished=unfinished or {}))
        self._lock = held or Lease(SERVICE)
        self.written: list[object] = []

    def write_lock(self, lease: Lease) -> Lease:
        self.written.append(lease)
        return super().write_lock(lease)

    def write_request(self, request: Request) -> Request:
        self.written.append(request)
        return super().write_request(replace(request, version=f"q{len(self.written)}"))


def ask(store: Store, action: str, check: bool = False, clock: Clock | None = None, **more: Any) -> dict[str, Any]:
    params = {"action": action, "reason": None, "holder": None, **more}
    return control(params, check, store, clock or Clock())


@pytest.mark.parametrize("action", ["promote", "pause", "abort"])
def test_a_request_is_left_for_the_rollout_at_work_and_asking_twice_is_unchanged(action: str) -> None:
    store = Store(MOVING, HELD)
    first = ask(store, action, reason="because")
    assert first["changed"]
    assert f"{action} of rollout r1 is asked for; ops@one reads it" in first["msg"]
    left = store.read_request()
    assert (left.action, left.rollout_id, left.step, left.reason, left.open) == (action, "r1", "2", "because", True)
    assert first["request"]["id"] == left.id
    assert (first["diff"]["before"], first["diff"]["after"]["action"]) == ({}, action)
    again = ask(store, action)
    assert not again["changed"]
    assert f"{action} was asked for at" in again["msg"]
    assert store.read_request() == left


def test_when_nobody_is_at_work_the_next_run_reads_it() -> None:
    assert "the next run reads it" in ask(Store(MOVING), "abort")["msg"]


def test_a_rollout_that_has_written_nothing_yet_hears_it_too() -> None:
    store = Store({}, HELD)
    ask(store, "abort")
    assert store.read_request().rollout_id == "r1"


@pytest.mark.parametrize("action", ["promote", "pause", "resume", "abort"])
@pytest.mark.parametrize("held", [None, replace(HELD, owner="", rollout_id="")], ids=["never", "freed"])
def test_where_nothing_is_under_way_there_is_one_clear_error(action: str, held: Lease | None) -> None:
    store = Store({}, held)
    with pytest.raises(
        PortError, match=rf"no rollout is under way, there is nothing to {action}\. Look with"
    ) as caught:
        ask(store, action)
    assert caught.value.outcome is Outcome.REFUSED
    assert store.written == []


@pytest.mark.parametrize("action", ["promote", "pause", "abort"])
def test_check_mode_says_what_would_be_asked(action: str) -> None:
    store = Store(MOVING, HELD)
    result = ask(store, action, check=True)
    assert result["changed"]
    assert "would be asked for" in result["msg"]
    assert result["diff"]["after"]["action"] == action
    assert store.written == []


@pytest.mark.parametrize(
    ("action", "state", "words"),
    [
        ("abort", {"phase": "rolling_back", "cause": "wrong answers"}, "on its way back: wrong answers"),
        ("abort", {"phase": "verifying"}, "on its way back: it was asked for"),
        ("pause", {"paused": "asked for by ops@one"}, "is paused: asked for by ops@one"),
        ("resume", {}, "is not paused"),
        ("resume", {"phase": "pausing"}, "is not paused, it waits to be promoted"),
    ],
)
def test_what_is_so_already_is_unchanged(action: str, state: dict[str, str], words: str) -> None:
    store = Store({**MOVING, **state}, HELD)
    result = ask(store, action)
    assert (result["changed"], store.written) == (False, [])
    assert words in result["msg"]


def test_a_later_request_takes_the_place_of_one_that_nobody_read() -> None:
    store = Store(MOVING, HELD)
    ask(store, "pause")
    resumed = ask(store, "resume")  # not paused yet, but about to be
    assert resumed["changed"]
    assert (resumed["diff"]["before"]["action"], store.read_request().action) == ("pause", "resume")


@pytest.mark.parametrize("action", ["promote", "pause", "resume"])
def test_nothing_takes_the_place_of_an_abort(action: str) -> None:
    store = Store(MOVING, HELD)
    ask(store, "abort")
    with pytest.raises(PortError, match=r"abort was asked for at .* Nothing else can follow"):
        ask(store, action)


def test_an_answered_promotion_is_done_until_the_rollout_waits_again() -> None:
    store = Store({**MOVING, "phase": "pausing"}, HELD)
    ask(store, "promote")
    store.write_request(replace(store.read_request(), answer="went on past step 2"))
    store.save(Record(SERVICE, unfinished=MOVING))
    done = ask(store, "promote")
    assert not done["changed"]
    assert "went on past step 2" in done["msg"]
    store.save(Record(SERVICE, unfinished={**MOVING, "step": "3", "phase": "pausing"}))
    assert ask(store, "promote")["changed"]
    assert store.read_request().step == "3"


def test_a_request_to_an_earlier_rollout_counts_for_nothing() -> None:
    store = Store(MOVING, HELD)
    ask(store, "abort")
    store.save(Record(SERVICE, unfinished={**MOVING, "rollout_id": "r2"}))
    assert ask(store, "pause")["changed"]
    assert store.read_request().rollout_id == "r2"


# ---- unlock --------------------------------------------------------------------------------------

WHY = {"holder": "0a1b", "reason": "its machine is gone"}


def test_a_free_lock_need_not_be_unlocked() -> None:
    store = Store(MOVING)
    result = ask(store, "unlock", **WHY)
    assert (result["changed"], store.written) == (False, [])


def test_a_silent_holder_is_unlocked_after_its_lease_and_the_skew() -> None:
    store, clock = Store(MOVING, HELD), Clock()
    result = ask(store, "unlock", clock=clock, **WHY)
    assert clock.time >= 170.0
    assert result["changed"]
    assert not result["lock"]["held"]
    assert (result["diff"]["before"]["owner"], result["diff"]["after"]["owner"]) == ("0a1b", "")
    assert "its machine is gone" in store.read_lock().doing
    assert not ask(store, "unlock", **WHY)["changed"]


def test_a_holder_that_shows_any_sign_of_life_is_not_unlocked() -> None:
    store = Store(MOVING, HELD)
    alive = Clock(65.0, lambda: NoStore.write_lock(store, replace(HELD, beat=4)))
    with pytest.raises(PortError, match="ops@one is alive and renewed the lock"):
        ask(store, "unlock", clock=alive, **WHY)
    assert store.written == []


def test_another_holder_than_the_named_one_is_not_unlocked() -> None:
    store, clock = Store(MOVING, HELD), Clock()
    with pytest.raises(PortError, match="ops@one holds the lock as 0a1b, not dead"):
        ask(store, "unlock", clock=clock, holder="dead", reason="x")
    assert (clock.time, store.written) == (100.0, [])


def test_check_mode_watches_and_frees_nothing() -> None:
    store, clock = Store(MOVING, HELD), Clock()
    result = ask(store, "unlock", check=True, clock=clock, **WHY)
    assert result["changed"]
    assert "would be free" in result["msg"]
    assert clock.time >= 170.0
    assert store.written == []


# ---- run() ---------------------------------------------------------------------------------------


def test_without_a_bucket_the_mend_is_named() -> None:
    params = {"record": {"bucket": None}, "cluster": "serving", "name": "digits", "region": "eu-central-1"}
    with pytest.raises(PortError, match=r"record\.bucket"):
        run(params, False, Aws(params))
