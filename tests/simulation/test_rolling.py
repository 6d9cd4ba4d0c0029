# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolling without a lock and a heartbeat: a kill at every call, refused calls, and how little a quiet run writes."""

from __future__ import annotations

import random

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Plan
from tests.simulation import parts, scenario
from tests.simulation.checks import check_end
from tests.simulation.ecs_ports import EcsPorts
from tests.simulation.faults import Faults
from tests.simulation.played import Played
from tests.simulation.ports import KilledError
from tests.simulation.runs import run
from tests.simulation.scenario import BAD, world_with

RELEASES = sorted(set(parts.RELEASES) - {"souring", "turning"})  # these are right for a while


def cloud_with(live: str, rng: random.Random) -> EcsPorts:
    return EcsPorts(world_with(live, rng), rng)


def plan(release: str, number: int = 0) -> Plan:
    return scenario.plan(release, number, heartbeat=None)


def again(ports: EcsPorts) -> EcsPorts:
    """The ports of the next run in the same world."""
    return EcsPorts(ports.world, ports.rng, "again")


def _calls(release: str, live: str) -> int:
    """Port calls of a run that nothing disturbs."""
    ports = cloud_with(live, random.Random(1))
    run(ports, plan(release))
    return ports.calls


@pytest.mark.parametrize("live", ["old", ""], ids=["second", "first"])
@pytest.mark.parametrize("release", RELEASES)
def test_a_kill_at_any_call_changes_no_end(release: str, live: str) -> None:
    """Killed before and after every call, then run again: the end is that of a run that nobody killed."""
    calls = _calls(release, live)
    assert calls > 20
    for at in range(1, calls + 1):
        for after in (False, True):
            ports = cloud_with(live, random.Random(1))
            try:
                run(ports, plan(release), Faults(kill_at=at, kill_after=after))
                continue  # a call that may not be killed after its effect: it has none
            except KilledError:
                before = ports.world.store.record
            wanted, ports = plan(release, 1), again(ports)
            ended = run(ports, wanted)
            rejected = release in before.rejected
            assert rejected == (ended.stop.state == "refused"), (at, after, ended.stop)
            check_end(Played(ports, wanted, ended, before, disturbed=False, killed=True))


@pytest.mark.parametrize("release", RELEASES)
def test_a_kill_then_another_release(release: str) -> None:
    """An unfinished rollout goes home before another one begins; nothing of it is left."""
    other = "unmarked" if release == "good" else "good"
    for at in range(1, _calls(release, "old") + 1):
        ports = cloud_with("old", random.Random(2))
        try:
            run(ports, plan(release), Faults(kill_at=at, kill_after=True))
            continue
        except KilledError:
            before = ports.world.store.record
        wanted, ports = plan(other, 1), again(ports)
        ended = run(ports, wanted)
        assert ended.stop.state == "live", (at, ended.stop)
        check_end(Played(ports, wanted, ended, before, disturbed=False, killed=True))


@pytest.mark.parametrize(
    "verb", ["RegisterTaskDefinition", "UpdateService", "CreateRule", "CreateService", "ModifyRule"]
)
@pytest.mark.parametrize("release", ["good", "wrong"])
@pytest.mark.parametrize("live", ["old", ""], ids=["second", "first"])
def test_a_refused_call_never_leaves_a_mixture(verb: str, release: str, live: str) -> None:
    ports = cloud_with(live, random.Random(3))
    ended = run(ports, plan(release), Faults(refuse=verb))
    targets = {task.release for task in ports.cloud.tasks}
    expected = {"live", "rolled_back"} if live else {"live", "removed"}
    if ended.stop.state == "needs_operator":
        assert "was refused: AccessDenied" in ended.stop.reason
        assert verb == "ModifyRule"
        assert ports.cloud.rule == "closed"
    elif ended.stop.state == "refused":
        assert targets == ({live} if live else set())
        assert not ports.world.store.record.unfinished
    else:
        assert ended.stop.state in expected, ended.stop
    assert not (ended.stop.state == "live" and release in BAD)


def test_a_way_back_that_is_refused_needs_a_person() -> None:
    ports = cloud_with("old", random.Random(4))
    ended = run(ports, plan("wrong"), Faults(refuse="UpdateService old"))
    assert ended.stop.state == "needs_operator"
    assert "the way back is closed: UpdateService old back was refused: AccessDenied" in ended.stop.reason
    assert ports.world.store.record.unfinished["cause"].startswith("the new release answers wrongly")
    rerun = run(again(ports), plan("wrong", 1))
    assert rerun.stop.state == "rolled_back"
    assert "wrong" in ports.world.store.record.rejected


def test_a_quiet_rollout_makes_two_calls_and_three_saves() -> None:
    ports = cloud_with("old", random.Random(5))
    ended = run(ports, plan("good"))
    assert ended.stop.state == "live"
    assert ports.writes == ["RegisterTaskDefinition good", "UpdateService good"]
    assert ports.saves == 3  # before the first call, once it moves, at the end
    assert ended.state.proven is True
