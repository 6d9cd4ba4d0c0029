# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults: the dice are a function of seed, operation and count; the documents are checked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.aws.chaos.faults import KINDS, Dice, Fault, Faults, failed, parse, throttled
from tests.lab.aws.wire import Call

WRITE = Call("ecs", "UpdateService", "json", True)
READ = Call("ecs", "DescribeServices", "json", False)
ALL = Fault(throttle=0.2, error=0.2, conflict=0.2, reset=0.2, lost=0.2, stale=0.2, latency=0.2)


def thrown(dice: Dice, call: Call, times: int) -> list[list[str]]:
    found = []
    for _ignored in range(times):
        throw = dice.throw(call)
        found.append(sorted(throw.kinds) if throw else [])
    return found


def test_the_same_seed_gives_the_same_faults_whatever_the_order_of_the_calls() -> None:
    one, two = Dice(Faults((ALL,)), 7), Dice(Faults((ALL,)), 7)
    first = {"write": thrown(one, WRITE, 40), "read": thrown(one, READ, 40)}
    mixed: dict[str, list[list[str]]] = {"write": [], "read": []}
    for _ignored in range(40):
        mixed["read"] += thrown(two, READ, 1)
        mixed["write"] += thrown(two, WRITE, 1)
    assert mixed == first


def test_other_seeds_give_other_faults_and_the_documents_seed_wins() -> None:
    lab7, lab8 = thrown(Dice(Faults((ALL,)), 7), READ, 40), thrown(Dice(Faults((ALL,)), 8), READ, 40)
    assert lab7 != lab8
    assert thrown(Dice(Faults((ALL,), seed=8), 7), READ, 40) == lab8


def test_probabilities_hold_roughly() -> None:
    kinds = [kind for found in thrown(Dice(Faults((ALL,)), 1), READ, 2000) for kind in found]
    assert all(300 < kinds.count(kind) < 500 for kind in KINDS)


def test_never_and_always() -> None:
    assert thrown(Dice(Faults((Fault(),)), 1), READ, 50) == [[]] * 50
    assert thrown(Dice(Faults((Fault(throttle=1),)), 1), READ, 50) == [["throttle"]] * 50


def test_only_reads_are_stale_and_s3_never_is() -> None:
    dice = Dice(Faults((Fault(stale=1),)), 1)
    assert thrown(dice, READ, 1) == [["stale"]]
    assert thrown(dice, WRITE, 1) == [[]]
    assert thrown(dice, Call("s3", "GetObject", "rest-xml", False), 1) == [[]]


def test_the_first_rule_that_matches_decides() -> None:
    dice = Dice(Faults((Fault(only=r"ecs\.Describe", error=1), Fault(only="^ecs", throttle=1))), 1)
    assert thrown(dice, READ, 1) == [["error"]]
    assert thrown(dice, WRITE, 1) == [["throttle"]]
    assert dice.throw(Call("ec2", "CreateVpc", "ec2", True)) is None


def test_a_limit_counts_faults_that_were_met() -> None:
    dice = Dice(Faults((Fault(lost=1, limit=2),)), 1)
    for _ignored in range(2):
        throw = dice.throw(WRITE)
        assert throw is not None
        dice.met(throw, "lost")
    assert dice.throw(WRITE) is None
    assert dice.counts == {"lost": 2}


def test_a_fault_that_no_client_met_spends_nothing() -> None:
    dice = Dice(Faults((Fault(stale=1, limit=1),)), 1)
    assert thrown(dice, READ, 3) == [["stale"]] * 3


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (Call("ecs", "X", "json", True), (400, "ThrottlingException")),
        (Call("logs", "X", "json", True), (400, "ThrottlingException")),
        (Call("elbv2", "X", "query", True), (400, "Throttling")),
        (Call("iam", "X", "query", True), (400, "Throttling")),
        (Call("ec2", "X", "ec2", True), (503, "RequestLimitExceeded")),
        (Call("s3", "X", "rest-xml", True), (503, "SlowDown")),
    ],
)
def test_each_service_throttles_in_its_own_words(call: Call, expected: tuple[int, str]) -> None:
    assert throttled(call)[:2] == expected


@pytest.mark.parametrize(("service", "code"), [("ecs", "ServerException"), ("elbv2", "InternalFailure")])
def test_server_errors_too(service: str, code: str) -> None:
    assert failed(Call(service, "X", "json", True))[:2] == (500, code)


def test_a_document_becomes_rules() -> None:
    found = parse({"rules": [{"only": "^ecs", "throttle": 0.25, "limit": 3}], "seed": 9, "buckets": True})
    assert found == Faults((Fault(only="^ecs", throttle=0.25, limit=3),), 9, True)
    assert parse({}) == Faults()


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "an object"),
        ({"rules": {}}, "a list"),
        ({"rules": [1]}, "an object"),
        ({"throttle": 0.5}, "unknown in faults: throttle"),
        ({"rules": [{"throtle": 0.5}]}, "unknown in a rule: throtle"),
        ({"rules": [{"throttle": 25}]}, "throttle is a probability"),
        ({"rules": [{"lost": "0.5"}]}, "lost is a probability"),
        ({"rules": [{"only": "("}]}, "only: "),
        ({"rules": [{"stale_seconds": -1}]}, "stale_seconds"),
    ],
)
def test_a_wrong_document_is_refused_by_name(document: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(document)
