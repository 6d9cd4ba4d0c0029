# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2 Auto Scaling in simulation: every strategy, killed at every call; timers that are late, double or lost."""

from __future__ import annotations

import pytest

from tests.simulation.asg_world import LATE, World, at_rest, quiet

STRATEGIES = ("rolling", "canary", "blue_green")
BAD = ("wrong", "sick")
HOLD = 400.0


def settled(world: World, text: str) -> None:
    found = at_rest(world, text)
    assert all(found.values()), (found, world.cloud.broken, world.cloud.weights(), world.store.load().unfinished)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_good_release_comes_to_live_and_a_second_run_changes_nothing(strategy: str) -> None:
    world = World().begin()
    ended, _ignored = world.run("good", strategy)
    assert ended is not None
    assert ended.stop.state == "live", ended.stop.reason
    settled(world, "good")
    again, writes = world.run("good", strategy)
    assert again is not None
    assert (again.stop.state, writes) == ("unchanged", []), again.stop.reason


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("text", BAD)
def test_a_bad_one_is_taken_back_and_with_a_rule_no_user_ever_met_it(strategy: str, text: str) -> None:
    world = World().begin()
    ended, _ignored = world.run(text, strategy)
    assert ended is not None
    assert ended.stop.state == "rolled_back", ended.stop.reason
    assert ended.state.verified is True
    settled(world, "old")
    assert strategy == "rolling" or text not in world.met


@pytest.mark.parametrize("first", STRATEGIES)
@pytest.mark.parametrize("then", STRATEGIES)
def test_every_strategy_may_follow_every_other(first: str, then: str) -> None:
    world = World().begin()
    for text, strategy in (("good", first), ("better", then), ("wrong", first)):
        ended, _ignored = world.run(text, strategy)
        assert ended is not None
        assert ended.stop.state == ("rolled_back" if text == "wrong" else "live"), ended.stop.reason
    settled(world, "better")


def calls_of(text: str, strategy: str) -> int:
    return len(World().begin().run(text, strategy)[1])


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("text", ["good", "wrong"])
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_call_the_cloud_leaves_nothing_unproven_live_and_the_next_run_ends_it(
    strategy: str, text: str, after: bool
) -> None:
    for number in range(1, calls_of(text, strategy) + 1):
        world = World().begin()
        ended, writes = world.run(text, strategy, number, after)
        assert ended is None, writes
        killed = world.cloud.now
        record = world.store.load()
        proven = text == "good" and (record.unfinished.get("baked") == "yes" or not record.unfinished)
        quiet(world, 2 * HOLD + LATE + 200.0)
        assert world.cloud.broken == [], (writes, world.cloud.broken)
        assert proven or world.serving() == {"old"}, (number, writes, world.serving())
        assert world.met.get("wrong", 0.0) <= killed + HOLD + LATE
        gone_on_with(world, strategy)


def gone_on_with(world: World, strategy: str) -> None:
    """The next run brings the release to live, or tells that the cloud took it back, and the one after does."""
    baked = world.store.load().unfinished.get("baked") == "yes"
    ended, _ignored = world.run("good", strategy)
    assert ended is not None
    if baked and ended.stop.state == "rolled_back":
        ended, _ignored = world.run("good", strategy)
        assert ended is not None
    assert ended.stop.state in ("live", "unchanged"), ended.stop.reason
    settled(world, "good")


@pytest.mark.parametrize("fault", ["late and twice", "lost", "kept"])
def test_a_timer_that_misbehaves_never_leads_to_an_empty_group(fault: str) -> None:
    for number in (0, *range(7, calls_of("good", "canary") + 1)):
        world = World().begin()
        cloud = world.cloud
        cloud.late, cloud.twice = (LATE / 2, True) if fault == "late and twice" else (0.0, False)
        cloud.lost, cloud.kept = fault == "lost", frozenset({1, 2, 3}) if fault == "kept" else frozenset()
        world.run("good", "canary", number)
        quiet(world, 2 * HOLD + LATE)
        assert cloud.broken == [], (number, cloud.broken)
        cloud.lost = False
        gone_on_with(world, "canary")
