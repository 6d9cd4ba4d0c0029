# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate as a whole, on a fake clock: options in, rounds, a result out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.greenlight.serving.plugins.module_utils._engine.verdict import INCONCLUSIVE, PASS, Sample
from ansible_collections.greenlight.serving.plugins.module_utils._glue.probe_gate import (
    STEP,
    Tools,
    argument_spec,
    run,
    summary,
)
from ansible_collections.greenlight.serving.plugins.module_utils._probes.transport import Answer, Request
from ansible_collections.greenlight.serving.plugins.module_utils._probes.wire import NoAnswerError

ASK = {"base_url": "http://model.example:8000/v1", "probes": [{"name": "seven", "path": "/seven"}]}
MARK = (("x-greenlight-release", "new"),)


class World:
    """A clock that only sleeping and asking move on, and a server that answers from a list, the last for ever."""

    def __init__(self, *answers: Any) -> None:
        self.time, self.slept, self.answers = 50.0, 0.0, list(answers)
        self.requests: list[Request] = []
        self.lines: list[str] = []
        self.beats: list[str] = []
        self.stops_at = float("inf")

    def sleep(self, seconds: float) -> None:
        assert seconds <= STEP
        self.slept += seconds
        self.time += seconds

    def send(self, _base: Any, request: Request, _reach: Any, _clock: Callable[[], float]) -> Answer:
        self.requests.append(request)
        self.time += 0.5
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return Answer(*answer, seconds=0.5)

    def run(self, **options: Any) -> dict[str, Any]:
        checked = ArgumentSpecValidator(argument_spec()).validate({**ASK, **options})
        assert checked.error_messages == []
        tools = Tools(lambda: self.time, self.sleep, self.send, lambda: self.time >= self.stops_at)
        return run(checked.validated_parameters, self.report, tools)

    def report(self, at: float, line: str, waiting: bool) -> None:
        assert at == self.time - 50.0
        (self.beats if waiting else self.lines).append(line)


GOOD, OURS, WRONG, LATE = (200, (), b""), (200, MARK, b""), (404, (), b""), NoAnswerError("late", "too late")


def test_pass() -> None:
    world = World(OURS)
    assert world.run(gate={"count": 3}) == {
        "changed": False,
        "verdict": "pass",
        "reason": "3 passes in a row",
        "identity": "unproven",
        "samples": {
            "passed": 3,
            "failed": 0,
            "inconclusive": 0,
            "p50": 0.5,
            "p95": 0.5,
            "last_reason": "",
            "releases": ["new"],
        },
        "duration": 3.5,
    }
    assert world.slept == 2.0
    assert world.lines == ["right answer by release new after 0.500 s"]


def test_a_wrong_answer_fails_the_task_at_once() -> None:
    result = World(GOOD, WRONG, GOOD).run()
    assert (result["verdict"], result["failed"], result["changed"]) == ("fail", True, False)
    assert result["msg"] == (
        "The probes of http://model.example:8000/v1 ended in fail: "
        "1 wrong answer, 0 forgiven: seven: expected status 200, got 404."
    )
    assert (result["samples"]["passed"], result["samples"]["failed"]) == (1, 1)


def test_a_server_that_comes_up_late_passes() -> None:
    world = World(LATE, LATE, LATE, GOOD)
    result = world.run(gate={"count": 2, "initial_delay": 4, "interval": 2})
    assert result["verdict"] == "pass"
    assert result["samples"]["inconclusive"] == 3
    assert result["samples"]["last_reason"] == "seven: too late"
    assert world.slept == 12.0
    assert world.lines == ["inconclusive: seven: too late", "right answer after 0.500 s"]


def test_errors_in_a_row_end_it_before_the_deadline() -> None:
    result = World(LATE).run(gate={"error_limit": 2})
    assert (result["verdict"], result["samples"]["inconclusive"], result["failed"]) == ("inconclusive", 3, True)


def test_the_deadline_ends_it() -> None:
    world = World(LATE, GOOD, LATE)
    result = world.run(gate={"count": 2, "deadline": 10, "interval": 3})
    assert result["verdict"] == "inconclusive"
    assert result["reason"].startswith("undecided after 10 s: 0 of 2 passes in a row: seven: too late")
    assert world.time == 60.0
    assert world.requests[-1].timeout == pytest.approx(3.0)


def test_fail_on() -> None:
    assert "failed" not in World(LATE).run(gate={"error_limit": 0}, fail_on=["fail"])
    assert World(WRONG).run(fail_on=["fail"])["failed"]
    assert "failed" not in World(WRONG).run(fail_on=[])


def test_only_the_named_release_counts() -> None:
    old = (200, (("x-greenlight-release", "old"),), b"")
    result = World(old, GOOD, OURS).run(release="new", gate={"count": 2})
    assert (result["verdict"], result["identity"]) == ("pass", "proven")
    assert result["samples"]["inconclusive"] == 2
    assert result["samples"]["releases"] == ["new", "old"]
    assert World(old).run(release="new", gate={"error_limit": 1})["identity"] == "unproven"


def test_wrong_answers_of_another_release_do_not_fail_ours() -> None:
    old = (500, (("x-greenlight-release", "old"),), b"")
    assert World(old, OURS).run(release="new")["verdict"] == "pass"


def test_another_identity_header() -> None:
    marked = (200, (("X-Model", "m7"),), b"")
    assert World(marked).run(release="m7", identity={"header": "x-model"})["identity"] == "proven"


def test_a_budget_for_all_gives_way_to_a_probes_own() -> None:
    probes = [{"path": "/a", "latency_budget": 1}, {"path": "/b", "over_budget": "fail"}]
    result = World(GOOD).run(probes=probes, latency_budget=0.1)
    assert (result["verdict"], result["samples"]["passed"], result["samples"]["failed"]) == ("fail", 1, 1)
    assert result["samples"]["last_reason"] == "probe 2: right, but after 0.500 s (budget 0.1 s)"


def test_headers_for_all_and_secrets() -> None:
    world = World((200, (), b"you sent t0ken"))
    result = world.run(
        headers={"X-A": "1"},
        secret_headers={"Authorization": "Bearer t0ken"},
        probes=[{"name": "echo", "path": "/", "expect": {"text": "no"}}],
    )
    assert world.requests[0].headers == (("X-A", "1"), ("Authorization", "Bearer t0ken"))
    assert "t0ken" not in str(result)
    assert "t0ken" not in str(world.lines)


def test_how_it_stands_while_nothing_changes() -> None:
    world = World(LATE)
    world.run(gate={"error_limit": 1})
    assert world.lines == ["inconclusive: seven: too late"]
    assert world.beats == ["0 of 5 passes in a row", "0 of 5 passes in a row: seven: too late"]


def test_somebody_ends_it() -> None:
    world = World(GOOD)
    world.stops_at = 53.0
    result = world.run(gate={"count": 100, "interval": 60, "deadline": 86400}, fail_on=[])
    assert (result["verdict"], result["failed"]) == ("interrupted", True)
    assert result["reason"] == "stopped at 1 of 100 passes in a row"
    assert world.time == 53.0
    assert len(world.requests) == 1


def test_everything_that_is_wrong_before_anything_is_sent() -> None:
    world = World(GOOD)
    result = world.run(
        base_url="ftp://model.example",
        probes=[{"path": "seven"}],
        gate={"count": 0},
        headers={"a b": 1},
    )
    assert (result["failed"], result["changed"], world.requests) == (True, False, [])
    for field in ("base_url: ", "probes[0].path: ", "gate.count: ", "headers: "):
        assert f"\n- {field}" in result["msg"]


def test_without_probes_nothing_is_proven() -> None:
    assert "\n- probes: at least one probe" in World(GOOD).run(probes=[])["msg"]


def test_percentiles_are_nearest_rank() -> None:
    def at(seconds: float, status: int = 200) -> Sample:
        return Sample(0.0, "production", PASS if status else INCONCLUSIVE, status=status, seconds=seconds)

    hundred = summary([at(number / 100) for number in range(100, 0, -1)])
    assert (hundred["p50"], hundred["p95"]) == (0.5, 0.95)
    assert summary([at(1.0), at(9.0, status=0)])["p95"] == 1.0
    assert (summary([])["p50"], summary([])["p95"]) == (None, None)
