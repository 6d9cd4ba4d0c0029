# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate grammar: what samples add up to, by example and by property."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.greenlight.serving.plugins.module_utils._engine.verdict import (
    FAIL,
    INCONCLUSIVE,
    PASS,
    UNDECIDED,
    Gate,
    Sample,
    judge,
    pause,
)

GATE = Gate(interval=1.0, count=3, failure_limit=0, error_limit=2, initial_delay=0.0, deadline=60.0)
SIGNS = {"p": (PASS, ""), "f": (FAIL, "wanted 7, got 1"), "i": (INCONCLUSIVE, "timed out after 5 s")}


def samples(signs: str) -> tuple[Sample, ...]:
    return tuple(Sample(float(at), "production", *SIGNS[sign]) for at, sign in enumerate(signs))


@pytest.mark.parametrize(
    ("signs", "outcome", "reason"),
    [
        ("", UNDECIDED, "0 of 3 passes in a row"),
        ("pp", UNDECIDED, "2 of 3 passes in a row"),
        ("ppp", PASS, "3 passes in a row"),
        ("ppip", UNDECIDED, "1 of 3 passes in a row: timed out after 5 s"),
        ("ppippp", PASS, "3 passes in a row"),
        ("f", FAIL, "1 wrong answer, 0 forgiven: wanted 7, got 1"),
        ("pppf", FAIL, "1 wrong answer, 0 forgiven: wanted 7, got 1"),
        ("fppp", FAIL, "1 wrong answer, 0 forgiven: wanted 7, got 1"),
        ("ii", UNDECIDED, "0 of 3 passes in a row: timed out after 5 s"),
        ("iipii", UNDECIDED, "0 of 3 passes in a row: timed out after 5 s"),
        ("iii", INCONCLUSIVE, "3 probes in a row said nothing, 2 forgiven: timed out after 5 s"),
        ("iiippp", INCONCLUSIVE, "3 probes in a row said nothing, 2 forgiven: timed out after 5 s"),
        ("iiif", FAIL, "1 wrong answer, 0 forgiven: wanted 7, got 1"),
    ],
)
def test_rows(signs: str, outcome: str, reason: str) -> None:
    verdict = judge(GATE, samples(signs))
    assert (verdict.outcome, verdict.reason) == (outcome, reason)
    assert (verdict.passed, verdict.failed, verdict.inconclusive) == tuple(map(signs.count, "pfi"))


def test_forgiven_failures_start_the_row_again() -> None:
    gate = Gate(count=2, failure_limit=1)
    assert judge(gate, samples("pfp")).outcome == UNDECIDED
    assert judge(gate, samples("pfpp")).outcome == PASS
    assert judge(gate, samples("pfppf")).outcome == FAIL


def test_deadline_makes_an_undecided_gate_inconclusive() -> None:
    assert judge(GATE, samples("pp"), 59.9).outcome == UNDECIDED
    late = judge(GATE, samples("ppi"), 60.0)
    assert late.outcome == INCONCLUSIVE
    assert late.reason == "undecided after 60 s: 0 of 3 passes in a row: timed out after 5 s"


def test_deadline_takes_back_no_verdict() -> None:
    assert judge(GATE, samples("ppp"), 1e9).outcome == PASS
    assert judge(GATE, samples("f"), 1e9).outcome == FAIL


def test_no_data_is_never_a_pass() -> None:
    assert judge(Gate(count=0), ()).outcome == UNDECIDED
    assert judge(Gate(count=0), (), 1e9).outcome == INCONCLUSIVE


def test_initial_delay_is_said() -> None:
    assert judge(Gate(initial_delay=5.0), (), 1.0).reason == "first probe after 5 s"


def test_an_unknown_outcome_says_nothing() -> None:
    odd = Sample(0.0, "production", "maybe")
    assert judge(Gate(count=1), [odd]).inconclusive == 1


def test_pause() -> None:
    gate = Gate(interval=2.0, initial_delay=5.0, deadline=10.0)
    assert pause(gate, begun=False, elapsed=1.0) == 4.0
    assert pause(gate, begun=False, elapsed=6.0) == 0.0
    assert pause(gate, begun=True, elapsed=6.0) == 2.0
    assert pause(gate, begun=True, elapsed=9.5) == 0.5
    assert pause(gate, begun=True, elapsed=11.0) == 0.0


gates = st.builds(
    Gate,
    count=st.integers(1, 5),
    failure_limit=st.integers(0, 3),
    error_limit=st.integers(0, 4),
    deadline=st.floats(1, 100),
)
rows = st.text("pfi", max_size=30)


@given(gates, rows)
def test_pass_needs_the_last_count_samples_to_have_passed(gate: Gate, signs: str) -> None:
    verdict = judge(gate, samples(signs))
    wanted = (
        signs.endswith("p" * gate.count)
        and signs.count("f") <= gate.failure_limit
        and "i" * (gate.error_limit + 1) not in signs
    )
    assert (verdict.outcome == PASS) == wanted


@given(gates, rows)
def test_fail_exactly_when_more_wrong_answers_than_forgiven(gate: Gate, signs: str) -> None:
    assert (judge(gate, samples(signs)).outcome == FAIL) == (signs.count("f") > gate.failure_limit)


@given(gates, rows, rows)
def test_more_samples_never_take_back_a_bad_verdict(gate: Gate, before: str, after: str) -> None:
    first, then = judge(gate, samples(before)).outcome, judge(gate, samples(before + after)).outcome
    if first == FAIL:
        assert then == FAIL
    if first == INCONCLUSIVE:
        assert then in (INCONCLUSIVE, FAIL)


@given(gates, rows, st.floats(0, 200))
def test_time_only_ever_turns_undecided_into_inconclusive(gate: Gate, signs: str, elapsed: float) -> None:
    timeless, timed = judge(gate, samples(signs)).outcome, judge(gate, samples(signs), elapsed).outcome
    expected = INCONCLUSIVE if timeless == UNDECIDED and elapsed >= gate.deadline else timeless
    assert timed == expected


@given(gates, rows)
def test_a_bad_verdict_says_why(gate: Gate, signs: str) -> None:
    verdict = judge(gate, samples(signs))
    if verdict.outcome == FAIL:
        assert "wanted 7, got 1" in verdict.reason
    if verdict.outcome == INCONCLUSIVE:
        assert "timed out after 5 s" in verdict.reason


# ---- Argo's grammar: count, consecutive successes, dry run ----------------------------------------


def test_a_success_limit_makes_count_a_least_number_of_answers() -> None:
    gate = Gate(count=5, consecutive_success_limit=2, failure_limit=1)
    assert judge(gate, samples("fppp")).outcome == UNDECIDED  # two in a row, of four answers
    assert judge(gate, samples("fpppp")).outcome == PASS
    assert judge(gate, samples("fppip")).outcome == UNDECIDED
    assert judge(gate, samples("ppppf")).outcome == UNDECIDED
    assert judge(gate, samples("ppppff")).outcome == FAIL


def test_a_dry_run_says_its_verdict_and_always_passes() -> None:
    gate = Gate(count=3, dry_run=True, error_limit=1, deadline=10.0)
    assert judge(gate, samples("f")).outcome == PASS
    assert judge(gate, samples("f")).reason.startswith("dry run, it would have been fail: 1 wrong answer")
    assert judge(gate, samples("ii")).reason.startswith("dry run, it would have been inconclusive")
    assert judge(gate, samples("pp")).outcome == UNDECIDED
    assert judge(gate, samples("ppp")) == judge(Gate(count=3), samples("ppp"))
