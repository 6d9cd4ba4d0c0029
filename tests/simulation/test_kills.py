# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exhaustive kill matrix: SIGKILL before and after every mutating call, in every strategy, then run again."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Ended
from tests.simulation.checks import check_end
from tests.simulation.ecs_play import ABANDONED
from tests.simulation.ecs_ports import EcsPorts
from tests.simulation.faults import Faults
from tests.simulation.played import Played
from tests.simulation.ports import KilledError, World
from tests.simulation.runs import locked, run
from tests.simulation.scenario import BAD, STEPS, plan, world_with

FORWARD, BACKWARD = ("good", "unmarked"), ("wrong", "souring", "never_healthy")
ROLLOUTS = [(strategy, release) for strategy in sorted(STEPS) for release in (*FORWARD, *BACKWARD)]


def _ports(world: World, owner: str) -> EcsPorts:
    return EcsPorts(world, random.Random(7), owner)


def _calls(strategy: str, release: str, live: str) -> list[int]:
    """Which port calls of a run that nothing disturbs are mutating."""
    ports = _ports(world_with(live, random.Random(1)), "first")
    run(ports, locked(plan(release, 0, strategy), "first"), Faults(locked=True))
    return ports.wrote_at


def _killed(strategy: str, release: str, live: str, at: int, after: bool) -> World:
    """A world in which a run was killed at that call."""
    world = world_with(live, random.Random(1))
    with pytest.raises(KilledError):
        run(_ports(world, "first"), locked(plan(release, 0, strategy), "first"), Faults(kill_at=at, kill_after=after))
    return world


def _again(world: World, release: str, strategy: str, **changes: object) -> Ended:
    """The next run, and what must hold at its end."""
    before, ports = world.store.record, _ports(world, "second")
    wanted = plan(release, 1, strategy, **changes)
    ended = run(ports, locked(wanted, "second"), Faults(locked=True))
    check_end(Played(ports, wanted, ended, before, disturbed=False, killed=True))
    return ended


def _points(strategy: str, release: str, live: str) -> list[tuple[int, bool]]:
    calls = _calls(strategy, release, live)
    assert len(calls) >= 8
    return [(at, after) for at in calls for after in (False, True)]


@pytest.mark.parametrize("policy", ["resume", "roll_back"])
@pytest.mark.parametrize("live", ["old", ""], ids=["second", "first"])
@pytest.mark.parametrize(("strategy", "release"), ROLLOUTS)
def test_the_same_again_ends_as_if_nobody_was_killed(strategy: str, release: str, live: str, policy: str) -> None:
    for at, after in _points(strategy, release, live):
        world = _killed(strategy, release, live, at, after)
        rejected = release in world.store.record.rejected
        ended = _again(world, release, strategy, on_unfinished=policy)
        if ended.stop.state not in ("live", "unchanged", "refused") and not _by_us(release, ended):
            ended = _again(world, release, strategy, on_unfinished=policy)  # the cloud's timer was first: once more
        assert rejected == (ended.stop.state == "refused"), (at, after, ended.stop)
        assert rejected or (release in BAD) != (ended.stop.state in ("live", "unchanged")), (at, after, ended.stop)


def _by_us(release: str, ended: Ended) -> bool:
    return release in BAD or ended.state.cause is None or ended.state.cause.by == "greenlight"


@pytest.mark.parametrize(("strategy", "release"), ROLLOUTS)
def test_another_release_first_takes_the_unfinished_one_home(strategy: str, release: str) -> None:
    other = "unmarked" if release == "good" else "good"
    for at, after in _points(strategy, release, "old"):
        ended = _again(_killed(strategy, release, "old", at, after), other, strategy)
        assert ended.stop.state == "live", (at, after, ended.stop)


@pytest.mark.parametrize(("strategy", "release"), ROLLOUTS)
def test_check_mode_changes_nothing_whatever_it_finds(strategy: str, release: str) -> None:
    for at, after in _points(strategy, release, "old"):
        world = _killed(strategy, release, "old", at, after)
        before, lock, ports = world.store.record, world.store.lock, _ports(world, "check")
        ended = run(ports, locked(plan(release, 1, strategy, check_mode=True), "check"))
        assert [ports.wrote_at, world.store.record, world.store.lock] == [[], before, lock]
        assert ended.stop.state in ("planned", "unchanged", "refused"), (at, after, ended.stop)


@pytest.mark.parametrize(("strategy", "release"), [each for each in ROLLOUTS if each[0] != "rolling"])
def test_nobody_comes_back_and_the_cloud_ends_it(strategy: str, release: str) -> None:
    """What was not proven at every hold does not stay; what was proven is whole."""
    for at, after in _points(strategy, release, "old"):
        world = _killed(strategy, release, "old", at, after)
        proven = world.store.record.unfinished.get("baked") == "yes"
        world.cloud.advance(ABANDONED)
        service = world.cloud.service
        assert service is not None
        assert world.cloud.open() is None, (at, after)
        assert service.serving in (("old", release) if proven or world.store.record.live == release else ("old",))
        assert {task.release for task in world.cloud.tasks} == {service.serving}
        assert release not in BAD or service.serving == "old"


@pytest.mark.parametrize("strategy", sorted(STEPS))
def test_a_way_back_that_is_refused_needs_a_person_and_a_rerun_ends_it(strategy: str) -> None:
    world = world_with("old", random.Random(4))
    refuse = "UpdateService old" if strategy == "rolling" else "ContinueServiceDeployment ROLLBACK"
    ended = run(_ports(world, "one"), locked(plan("wrong", 0, strategy), "one"), Faults(refuse=refuse, locked=True))
    if strategy == "rolling":
        assert ended.stop.state == "needs_operator"
        assert "the way back is closed: UpdateService old back was refused: AccessDenied" in ended.stop.reason
    else:
        assert ended.stop.state in ("needs_operator", "rolled_back")  # the cloud's own timer may be first
    assert "answers wrongly" in world.store.record.unfinished.get("cause", "answers wrongly")
    again = run(_ports(world, "two"), locked(plan("wrong", 1, strategy), "two"), Faults(locked=True))
    assert again.stop.state in ("rolled_back", "refused")
    assert "wrong" in world.store.record.rejected


@pytest.mark.parametrize("strategy", sorted(STEPS))
def test_a_quiet_rollout_makes_few_calls(strategy: str) -> None:
    world = world_with("old", random.Random(5))
    ports = _ports(world, "one")
    ended = run(ports, locked(plan("good", 0, strategy), "one"), replace(Faults(), locked=True))
    assert ended.stop.state == "live"
    steps = len(STEPS[strategy])
    words = [call for call in ports.writes if call.startswith("ContinueServiceDeployment CONTINUE")]
    assert len(words) == (steps + 1 if steps else 0)
    assert [call for call in ports.writes if call not in words] == [
        "PutMetricAlarm rest",
        "PutMetricAlarm breaching",
        "RegisterTaskDefinition good",
        "UpdateService good",
        "PutMetricAlarm silent",
    ]
    assert ended.state.proven is True
    assert world.store.lock.owner == ""
