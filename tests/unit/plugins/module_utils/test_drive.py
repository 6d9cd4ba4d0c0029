# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop: it does what decide() says, tells it how that went, and lets nothing else pass."""

from __future__ import annotations

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._drive import drive
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Deployment,
    Finding,
    Movement,
    Observation,
    Outcome,
    Plan,
    Record,
    Target,
    Verb,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Event
from ansible_collections.greenlight.serving.plugins.module_utils._engine.verdict import PASS, Sample
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.base import PortError
from tests.unit.plugins.module_utils._engine.cases import PLAN, plan, record


class Ports:
    """A service that moves as soon as it is told to; writes down every call."""

    def __init__(self, live: str = "old") -> None:
        self.at, self.log, self.live, self.saved = 0.0, [], live, record(live=live)
        self.fail: dict[str, PortError] = {}
        self.previous: list[str] = []  # what the platform was told to go back to

    def _do(self, call: str) -> None:
        self.log.append(call)
        self.at += 0.1
        error = self.fail.pop(call, None)
        if error:
            raise error

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.at += seconds

    def load(self) -> Record:
        self._do("load")
        return self.saved

    def save(self, new: Record) -> None:
        self._do("save")
        self.saved = new

    def preflight(self, plan: Plan) -> list[Finding]:
        self._do("preflight")
        return []

    def observe(self, plan: Plan) -> Observation:
        at = self.at
        self.previous.append(plan.previous)
        self._do("observe")
        moved = Deployment("d1", "new", Movement.MOVED)
        return Observation(
            at=at,
            exists=True,
            serving=self.live,
            deployment=moved if self.live == "new" else None,
            desired=1,
            targets=(Target("t", self.live, "healthy"),),
            todo={Verb.BEGIN: () if self.live == "new" else ("UpdateService",)},
        )

    def perform(self, verb: Verb, plan: Plan, seen: Observation) -> str:
        self.live = "new"  # an answer that is lost all the same
        self._do(f"{verb.value} {seen.todo[verb][0]}")
        return "updated the service"

    def probe(self, route: str, release: str, seen: Observation) -> tuple[Sample, ...]:
        self._do("probe")
        return (Sample(self.at, route, PASS, release=self.live),)


def run(ports: Ports, wanted: Plan = PLAN, stop_after: str = ""):  # type: ignore[no-untyped-def]
    lines: list[tuple[Event, bool]] = []
    ended = drive(
        wanted,
        ports,
        ports,
        ports,
        ports,
        lambda event, waiting: lines.append((event, waiting)),
        lambda: bool(stop_after) and ports.log[-1].startswith(stop_after),
    )
    return ended, lines


def test_a_rollout_in_the_order_that_everything_relies_on() -> None:
    ports = Ports()
    ended, lines = run(ports)
    assert ended.stop.state == "live"
    first = [call for call in ports.log if call not in ("observe", "probe")]
    assert first == ["load", "preflight", "save", "begin UpdateService", "save", "save"]
    assert ports.log.index("observe") < ports.log.index("preflight")
    assert ports.saved.live == "new"
    assert set(ports.previous) == {"old"}
    told = [event for event, waiting in lines if not waiting]
    assert tuple(told) == ended.state.events
    assert any(waiting for _ignored, waiting in lines)
    assert ended.duration == ports.at


def test_a_second_run_reads_twice_and_writes_nothing() -> None:
    ports = Ports()
    run(ports)
    ports.log.clear()
    ended, _ignored = run(ports)
    assert ended.stop.state == "unchanged"
    assert ports.log == ["load", "observe"]


def test_check_mode_writes_nothing() -> None:
    ports = Ports()
    ended, _ignored = run(ports, plan(check_mode=True))
    assert ended.stop.state == "planned"
    assert ports.log == ["load", "observe", "preflight"]


@pytest.mark.parametrize("call", ["load", "observe", "preflight", "save", "begin UpdateService"])
@pytest.mark.parametrize("outcome", [Outcome.TURNED_AWAY, Outcome.UNKNOWN])
def test_one_failed_call_of_any_kind_changes_no_end(call: str, outcome: Outcome) -> None:
    ports = Ports()
    ports.fail[call] = PortError(outcome, "said so")
    ended, _ignored = run(ports)
    assert ended.stop.state == "live"
    assert not ports.fail


@pytest.mark.parametrize("call", ["load", "observe", "begin UpdateService", "probe"])
def test_interrupted_after_the_call_at_hand(call: str) -> None:
    ports = Ports()
    ended, _ignored = run(ports, stop_after=call)
    assert ended.stop.state == "interrupted"
    assert ports.log[-1] == ("save" if ports.saved.unfinished else call)
    if ports.saved.unfinished:
        assert ports.saved.unfinished["interrupted"] == "yes"


def test_an_error_that_is_no_answer_is_not_swallowed() -> None:
    ports = Ports()
    ports.fail["observe"] = ValueError("a defect")  # type: ignore[assignment]
    with pytest.raises(ValueError, match="a defect"):
        run(ports)
