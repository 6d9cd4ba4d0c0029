# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2 Auto Scaling in simulation, what random seeds don't show: every call killed in order, and how few there are."""

from __future__ import annotations

import pytest

from tests.simulation.asg_play import AsgPlay
from tests.simulation.asg_scenario import STEPS
from tests.simulation.play import simulate
from tests.simulation.ports import Ports
from tests.simulation.schedule import Schedule

STRATEGIES = tuple(sorted(STEPS))


def quiet(strategy: str, release: str, **more: object) -> Schedule:
    """A seed in which nothing goes wrong but what is given."""
    return Schedule(seed=1, strategy=strategy, first=False, release=release, platform="asg", **more)  # type: ignore[arg-type]


class Listening(AsgPlay):
    """Keeps the ports of its runs."""

    def ports(self, wanted: object) -> Ports:
        made = super().ports(wanted)  # type: ignore[arg-type]
        self.heard = [*getattr(self, "heard", []), made]
        return made


def first_run(strategy: str, release: str) -> Ports:
    """The ports of a run that nothing disturbs."""
    play = Listening(quiet(strategy, release))
    play.story()
    return play.heard[0]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("release", ["good", "wrong"])
def test_a_quiet_rollout_makes_few_calls(strategy: str, release: str) -> None:
    calls = first_run(strategy, release).writes
    assert len(calls) <= {"rolling": 10, "blue_green": 18, "canary": 22}[strategy], calls
    assert len([call for call in calls if call.startswith("CreateSchedule")]) == (
        0 if strategy == "rolling" or release == "wrong" else len(STEPS[strategy]) or 1
    )


@pytest.mark.parametrize("first", STRATEGIES)
@pytest.mark.parametrize("then", STRATEGIES)
def test_every_strategy_may_follow_every_other(first: str, then: str) -> None:
    play = AsgPlay(quiet(first, "good"))
    for number, (release, strategy, end) in enumerate(
        [
            ("good", first, "live"),
            ("unmarked" if then != "rolling" else "old", then, "live"),
            ("wrong", first, "rolled_back"),
        ]
    ):
        ended = play.play(release, play.plan(release, number, strategy), play.made.faults)
        assert ended.stop.state == end, ended.stop.reason
        play.rest()


@pytest.mark.parametrize(("strategy", "release"), [("rolling", "wrong"), ("canary", "good"), ("blue_green", "wrong")])
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_call_and_abandoned_nothing_unproven_stays_and_the_next_run_ends_it(
    strategy: str, release: str, after: bool
) -> None:
    points = first_run(strategy, release).wrote_at
    assert len(points) >= 8
    for at in points[after::2]:  # every other call before its effect, the rest after it
        simulate(quiet(strategy, release, kills=((at, after),), between=("abandon",)))
