# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.aws.engine.targets import (
    Group,
    HealthCheck,
    Result,
    Target,
    accepts,
    candidates,
    checked,
    deregister,
    is_due,
    judge,
    pick,
    register,
    sent,
    step,
)

GROUP = Group("arn", HealthCheck(interval=30, healthy=5, unhealthy=2), deregistration_delay=300)
OK, BAD, LATE = Result(status=200), Result(status=503), Result(reason="Target.Timeout")
FAILED = Result(reason="Target.FailedHealthChecks")


def after(target: Target, *results: Result, group: Group = GROUP) -> Target:
    for result in results:
        target = checked(target, group, result, 0.0, others_serve=False)
    return target


def member(state: str, port: int = 1, **given: float | str) -> Target:
    return replace(Target("127.16.0.4", port, state=state), **given)  # type: ignore[arg-type]


HEALTHY, UNHEALTHY = member("healthy"), member("unhealthy")


def test_a_new_target_is_registered_then_checked_and_one_pass_puts_it_into_service() -> None:
    target = register(Target("127.16.0.4", 8080, "us-east-1a"), True, 100.0, 1.0)
    assert (target.state, target.reason) == ("initial", "Elb.RegistrationInProgress")
    assert not is_due(target, 100.9)

    target = step(target, True, 101.0, 1.0) or target
    assert (target.state, target.reason) == ("initial", "Elb.InitialHealthChecking")
    assert is_due(target, 101.0)
    assert not is_due(sent(target, GROUP, 101.0), 130.9)
    assert is_due(sent(target, GROUP, 101.0), 131.0)
    assert (after(target, OK).state, after(target, OK).reason) == ("healthy", "")


def test_a_new_target_stays_initial_until_it_failed_often_enough() -> None:
    target = member("initial", reason="Elb.InitialHealthChecking")

    assert after(target, BAD).state == "initial"
    assert after(target, BAD, BAD).state == "unhealthy"
    assert after(target, BAD, OK).state == "healthy"


def test_the_way_back_needs_the_healthy_threshold_in_a_row() -> None:
    assert after(UNHEALTHY, *[OK] * 4).state == "unhealthy"
    assert after(UNHEALTHY, *[OK] * 5).state == "healthy"
    assert after(UNHEALTHY, *[OK] * 4, BAD, *[OK] * 4).state == "unhealthy"


def test_the_way_down_needs_the_unhealthy_threshold_in_a_row() -> None:
    assert after(HEALTHY, BAD, OK, BAD, OK, BAD).state == "healthy"
    assert after(HEALTHY, BAD, BAD).state == "unhealthy"


@given(st.lists(st.booleans(), max_size=60), st.integers(2, 10), st.integers(2, 10))
def test_only_a_run_of_the_threshold_changes_the_state(passes: list[bool], up: int, down: int) -> None:
    group = Group("arn", HealthCheck(healthy=up, unhealthy=down))
    target, state, run, last = HEALTHY, "healthy", 0, None
    for passed in passes:
        run = run + 1 if passed == last else 1
        last = passed
        target = after(target, OK if passed else BAD, group=group)
        if (passed and state == "unhealthy" and run >= up) or (not passed and state == "healthy" and run >= down):
            state = "healthy" if passed else "unhealthy"
        assert target.state == state


@pytest.mark.parametrize(
    ("result", "reason", "description"),
    [
        (OK, "", ""),
        (BAD, "Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]"),
        (LATE, "Target.Timeout", "Request timed out"),
        (FAILED, "Target.FailedHealthChecks", "Health checks failed"),
    ],
)
def test_the_reason_of_a_failed_check(result: Result, reason: str, description: str) -> None:
    assert judge("200", result) == (reason, description)


def test_an_unhealthy_target_shows_the_newest_reason() -> None:
    assert after(HEALTHY, BAD, BAD).reason == "Target.ResponseCodeMismatch"
    assert after(HEALTHY, BAD, BAD, LATE).reason == "Target.Timeout"


@pytest.mark.parametrize(
    ("matcher", "accepted"),
    [("200", {200}), ("200,202", {200, 202}), ("200-299", {200, 202, 299}), ("200,300-399", {200, 302})],
)
def test_matchers(matcher: str, accepted: set[int]) -> None:
    assert {code for code in (200, 202, 299, 302, 404) if accepts(matcher, code)} == accepted & {
        200,
        202,
        299,
        302,
        404,
    }


def test_a_target_of_an_unused_group_is_unused_and_starts_over_when_it_is_used() -> None:
    assert register(HEALTHY, False, 0.0, 1.0).reason == "Target.NotInUse"
    unused = step(HEALTHY, False, 5.0, 1.0)
    assert unused is not None
    assert (unused.state, unused.reason) == ("unused", "Target.NotInUse")
    assert not is_due(unused, 5.0)
    used = step(unused, True, 7.0, 1.0)
    assert used is not None
    assert (used.state, used.reason, used.check_at) == ("initial", "Elb.RegistrationInProgress", 8.0)


def test_a_deregistered_target_drains_until_the_delay_is_over_even_when_idle() -> None:
    target = deregister(HEALTHY, GROUP, 100.0, 1.0)
    assert (target.state, target.reason) == ("draining", "Target.DeregistrationInProgress")
    assert deregister(target, GROUP, 200.0, 1.0) is target
    assert step(target, True, 399.9, 1.0) is target
    assert step(target, True, 400.0, 1.0) is None
    assert after(target, OK).state == "draining"


def test_an_unused_target_leaves_at_once() -> None:
    assert step(deregister(member("unused"), GROUP, 100.0, 1.0), False, 100.0, 1.0) is None


def test_a_draining_target_still_gets_requests_until_the_change_has_spread() -> None:
    leaving = deregister(HEALTHY, GROUP, 100.0, 1.0)

    assert candidates([leaving], GROUP, 100.9) == [leaving]
    assert candidates([leaving], GROUP, 101.0) == []


@pytest.mark.parametrize("state", ["initial", "unused", "unavailable"])
def test_targets_that_were_never_judged_get_nothing(state: str) -> None:
    assert candidates([member(state)], GROUP, 0.0) == []


def test_healthy_targets_alone_serve_and_without_one_all_do() -> None:
    assert candidates([HEALTHY, UNHEALTHY], GROUP, 0.0) == [HEALTHY]
    assert candidates([UNHEALTHY, member("initial")], GROUP, 0.0) == [UNHEALTHY]


@pytest.mark.parametrize(
    ("count", "percentage", "healthy", "open_"),
    [(1, 0, 1, False), (2, 0, 1, True), (2, 0, 2, False), (1, 50, 2, False), (1, 51, 2, True), (3, 50, 2, True)],
)
def test_below_either_minimum_requests_go_to_unhealthy_targets_too(
    count: int, percentage: int, healthy: int, open_: bool
) -> None:
    group = replace(GROUP, minimum_count=count, minimum_percentage=percentage)
    targets = [member("healthy" if n < healthy else "unhealthy", n) for n in range(4)]

    assert len(candidates(targets, group, 0.0)) == (4 if open_ else healthy)


def idle(_target: Target) -> int:
    return 0


def test_round_robin_takes_turns() -> None:
    pool = [member("healthy", n) for n in range(3)]

    assert [pick(pool, GROUP, turn, 0.0, 0.0, idle).port for turn in range(6)] == [0, 1, 2, 0, 1, 2]


def test_least_outstanding_requests_takes_the_idlest_and_turns_among_equals() -> None:
    pool = [member("healthy", n) for n in range(3)]
    group = replace(GROUP, algorithm="least_outstanding_requests")
    load = {0: 2, 1: 0, 2: 0}

    assert [pick(pool, group, turn, 0.0, 0.0, lambda one: load[one.port]).port for turn in range(3)] == [1, 1, 2]


def test_weighted_random_follows_the_draw() -> None:
    pool = [member("healthy", n) for n in range(4)]
    group = replace(GROUP, algorithm="weighted_random")

    assert [pick(pool, group, 0, draw, 0.0, idle).port for draw in (0.0, 0.3, 0.6, 0.99)] == [0, 1, 2, 3]


def test_slow_start_grows_a_new_targets_share() -> None:
    group = replace(GROUP, slow_start=100)
    joined = checked(member("initial", 2), group, OK, 1000.0, others_serve=True)
    pool = [HEALTHY, joined]

    def share(now: float) -> float:
        found = Counter(pick(pool, group, n, n / 1000, now, idle).port for n in range(1000))
        return found[2] / 1000

    assert share(1000.0) == pytest.approx(0.1 / 1.1, abs=0.01)
    assert share(1050.0) == pytest.approx(0.5 / 1.5, abs=0.01)
    assert share(1100.0) == pytest.approx(0.5, abs=0.01)


def test_the_first_target_of_a_group_does_not_start_slowly() -> None:
    group = replace(GROUP, slow_start=100)
    first = checked(member("initial"), group, OK, 1000.0, others_serve=False)
    other = checked(member("initial", 2), group, OK, 1000.0, others_serve=False)

    assert [pick([first, other], group, turn, 0.99, 1000.0, idle).port for turn in range(2)] == [1, 2]
