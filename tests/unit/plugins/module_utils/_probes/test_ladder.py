# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A round: which answer is which outcome, who answered, and what is never shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine.verdict import FAIL, INCONCLUSIVE, PASS, Sample
from ansible_collections.greenlight.serving.plugins.module_utils._probes.address import Base
from ansible_collections.greenlight.serving.plugins.module_utils._probes.ladder import Route, of_release, run_round
from ansible_collections.greenlight.serving.plugins.module_utils._probes.spec import ProbeSpec, parse_specs
from ansible_collections.greenlight.serving.plugins.module_utils._probes.transport import Answer, Reach, Request
from ansible_collections.greenlight.serving.plugins.module_utils._probes.wire import NoAnswerError

BASE = Base("http", "model.example", 80, "")
ROUTE = Route(BASE)


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


class Server:
    """Answers from a list, each after so many seconds of the fake clock."""

    def __init__(self, clock: Clock, *answers: Any, takes: float = 0.25, headers: Any = ()) -> None:
        self.clock, self.answers, self.takes, self.headers = clock, list(answers), takes, headers
        self.requests: list[Request] = []

    def __call__(self, _base: Base, request: Request, _reach: Reach, clock: Callable[[], float]) -> Answer:
        assert clock is self.clock
        self.requests.append(request)
        self.clock.time += self.takes
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        return Answer(status, self.headers, body.encode(), self.takes)


def specs(*items: dict[str, Any]) -> tuple[ProbeSpec, ...]:
    parsed, findings = parse_specs([{"path": f"/{number}", **item} for number, item in enumerate(items)])
    assert findings == []
    return parsed


def sample(answer: Any, route: Route = ROUTE, headers: Any = (), takes: float = 0.25, **item: Any) -> Sample:
    clock = Clock()
    samples = run_round(specs(item), route, None, clock, Server(clock, answer, takes=takes, headers=headers))
    assert len(samples) == 1
    return samples[0]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, PASS),
        (204, FAIL),
        (302, FAIL),
        (400, FAIL),
        (404, FAIL),
        (408, INCONCLUSIVE),
        (425, INCONCLUSIVE),
        (429, INCONCLUSIVE),
        (500, INCONCLUSIVE),
        (503, INCONCLUSIVE),
        (599, INCONCLUSIVE),
    ],
)
def test_statuses(status: int, outcome: str) -> None:
    seen = sample((status, ""))
    assert (seen.outcome, seen.status, seen.seconds, seen.at) == (outcome, status, 0.25, 100.25)


def test_an_expected_5xx_with_a_wrong_body_is_a_wrong_answer() -> None:
    assert sample((503, "down"), expect={"status": [503], "text": "down"}).outcome == PASS
    assert sample((503, "up"), expect={"status": [503], "text": "down"}).outcome == FAIL


def test_a_wrong_answer_says_which_probe_and_what() -> None:
    seen = sample((200, '{"digit": 1}'), name="seven", expect={"json": {"digit": 7}})
    assert (seen.outcome, seen.reason) == (FAIL, "seven: $.digit: expected 7, got 1")


@pytest.mark.parametrize("cause", ["late", "broken", "unconnected", "malformed", "oversized", "forbidden"])
def test_no_answer_is_inconclusive_with_its_cause(cause: str) -> None:
    seen = sample(NoAnswerError(cause, "because"), name="seven")
    assert (seen.outcome, seen.reason, seen.status, seen.seconds) == (INCONCLUSIVE, "seven: because", 0, 0.25)


def test_over_the_budget() -> None:
    late = "seven: right, but after 0.250 s (budget 0.2 s)"
    for over, outcome in (("inconclusive", INCONCLUSIVE), ("fail", FAIL)):
        seen = sample((200, ""), name="seven", latency_budget=0.2, over_budget=over)
        assert (seen.outcome, seen.reason) == (outcome, late)
    assert sample((200, ""), latency_budget=0.25).outcome == PASS
    assert sample((404, ""), latency_budget=0.2).outcome == FAIL


def test_the_round_goes_on_after_a_wrong_answer_and_ends_when_nothing_answers() -> None:
    clock = Clock()
    server = Server(clock, (404, ""), (200, ""), NoAnswerError("late", "late"), (200, ""))
    samples = run_round(specs({}, {}, {}, {}), ROUTE, None, clock, server)
    assert [one.outcome for one in samples] == [FAIL, PASS, INCONCLUSIVE]
    assert [request.target for request in server.requests] == ["/0", "/1", "/2"]


def test_the_deadline_cuts_the_round_and_the_probe_under_way() -> None:
    clock = Clock()
    server = Server(clock, (200, ""), (200, ""), takes=1.0)
    assert len(run_round(specs({"timeout": 3}, {"timeout": 3}, {}), ROUTE, 102.0, clock, server)) == 2
    assert [request.timeout for request in server.requests] == [2.0, 1.0]


def test_the_route_is_on_every_sample() -> None:
    route = Route(BASE, "direct", "10.0.0.1:8080")
    for answer in ((200, ""), NoAnswerError("late", "late")):
        seen = sample(answer, route)
        assert (seen.route, seen.target) == ("direct", "10.0.0.1:8080")


def test_headers_of_the_route_give_way_to_the_probes_own() -> None:
    clock = Clock()
    server = Server(clock, (200, ""))
    route = Route(BASE, headers=(("X-Proof", "p"), ("Accept", "a/b")))
    run_round(specs({"headers": {"accept": "c/d"}}), route, None, clock, server)
    assert server.requests[0].headers == (("X-Proof", "p"), ("accept", "c/d"))


def test_who_answered() -> None:
    assert sample((200, ""), headers=(("X-GREENLIGHT-RELEASE", "abc"),)).release == "abc"
    assert sample((200, ""), Route(BASE, mark="X-Model"), headers=(("x-model", "m1"),)).release == "m1"
    assert sample((200, "")).release == ""
    hostile = sample((200, ""), headers=(("x-greenlight-release", "\x1b[2J" + "x" * 999),)).release
    assert len(hostile) == 64
    assert hostile.isprintable()


def test_of_release() -> None:
    ours = Sample(0.0, "production", FAIL, "wrong", "new", status=200)
    assert of_release(ours, "new") == ours
    theirs = of_release(ours, "newer")
    assert (theirs.outcome, theirs.reason) == (INCONCLUSIVE, "answered by release new, expected newer")
    nobody = of_release(Sample(0.0, "production", PASS, status=200), "new")
    assert (nobody.outcome, nobody.reason) == (
        INCONCLUSIVE,
        "answered by a release that doesn't name itself, expected new",
    )
    unheard = Sample(0.0, "production", INCONCLUSIVE, "late")
    assert of_release(unheard, "new") == unheard


def test_an_echoed_secret_is_not_shown() -> None:
    route = Route(BASE, headers=(("X-Proof", "pr00f"),), secrets=("pr00f",))
    for body in ("Bearer t0ken and pr00f", '{"a": "t0ken pr00f"}'):
        for expect in ({"text": "x"}, {"json": {"a": 1}}):
            seen = sample(
                (200, body),
                route,
                headers=(("x-greenlight-release", "t0ken"),),
                secret_headers={"Authorization": "Bearer t0ken"},
                expect=expect,
            )
            assert seen.outcome == FAIL
            assert not any(secret in f"{seen}" for secret in ("t0ken", "pr00f"))


def test_a_reason_is_short_and_printable() -> None:
    seen = sample(NoAnswerError("late", "x\n" * 500), name="n" * 64)
    assert len(seen.reason) == 120
    assert seen.reason.isprintable()
