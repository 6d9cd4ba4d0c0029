# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes and gates from plain data: what they become, and every finding at once."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine.verdict import Gate
from ansible_collections.greenlight.serving.plugins.module_utils._glue import argspec_common
from ansible_collections.greenlight.serving.plugins.module_utils._probes.golden import Json, Near, Status, Text
from ansible_collections.greenlight.serving.plugins.module_utils._probes.spec import ProbeSpec, parse_gate, parse_specs


def one(**item: Any) -> ProbeSpec:
    specs, findings = parse_specs([{"path": "/", **item}])
    assert findings == []
    return specs[0]


def findings_of(**item: Any) -> list[str]:
    return [str(finding) for finding in parse_specs([{"path": "/", **item}])[1]]


def test_the_least() -> None:
    spec = one()
    assert (spec.name, spec.request.method, spec.request.target, spec.request.body) == ("probe 1", "GET", "/", None)
    assert (spec.checks, spec.latency_budget, spec.over_budget) == ((Status((200,)),), None, "inconclusive")
    assert (spec.request.timeout, spec.request.max_body) == (5.0, 65536)


def test_everything() -> None:
    spec = one(
        name="seven",
        path="/v2/models/digits/infer",
        method="POST",
        headers={"X-A": 1},
        secret_headers={"Authorization": "Bearer abc"},
        body_json={"inputs": []},
        expect={
            "status": [200, 201],
            "json": {"model_name": "digits"},
            "numeric": {"path": "outputs[0].data", "value": [0.1, 0.9], "abs": 0.01, "rel": 0.001},
        },
        timeout=3,
        latency_budget=0.5,
        over_budget="fail",
        max_body=1000,
    )
    assert spec.request.headers == (
        ("X-A", "1"),
        ("Authorization", "Bearer abc"),
        ("Content-Type", "application/json"),
    )
    assert spec.request.body == b'{"inputs": []}'
    assert spec.checks == (
        Status((200, 201)),
        Json({"model_name": "digits"}),
        Near(("outputs", 0, "data"), [0.1, 0.9], 0.01, 0.001),
    )
    assert (spec.request.timeout, spec.latency_budget, spec.over_budget, spec.request.max_body) == (
        3,
        0.5,
        "fail",
        1000,
    )
    assert spec.secrets == ("Bearer abc",)


def test_a_body_makes_a_post_and_a_content_type_of_ones_own_stays() -> None:
    spec = one(body_json=[1], headers={"content-type": "application/x-tensor"})
    assert spec.request.method == "POST"
    assert spec.request.headers == (("content-type", "application/x-tensor"),)
    assert one(body="é").request.body == "é".encode()
    assert one(body="é").request.headers == ()


def test_text_and_a_single_status() -> None:
    assert one(expect={"status": 204, "text": ""}).checks == (Status((204,)), Text(""))


def test_none_is_left_out() -> None:
    nothing = dict.fromkeys(("name", "method", "headers", "body", "body_json", "latency_budget", "over_budget"))
    assert one(**nothing, expect={"status": None, "json": None, "text": None, "numeric": None}) == one()


def test_a_false_json_is_a_wanted_one() -> None:
    assert one(expect={"json": False}).checks[1] == Json(False)


@pytest.mark.parametrize(
    ("item", "field", "says"),
    [
        ({"path": None}, "path", "begins with a slash"),
        ({"path": "v2"}, "path", "begins with a slash"),
        ({"path": "http://x/"}, "path", "begins with a slash"),
        ({"path": "/a b"}, "path", "printable ASCII"),
        ({"path": "/a\r\nX: y"}, "path", "printable ASCII"),
        ({"path": "/é"}, "path", "percent-encoding"),
        ({"path": "/#a"}, "path", "no fragment"),
        ({"path": "/" + "a" * 2048}, "path", "at most 2048"),
        ({"name": ""}, "name", "1 to 64"),
        ({"name": "a\nb"}, "name", "1 to 64"),
        ({"name": "x" * 65}, "name", "1 to 64"),
        ({"method": "DELETE"}, "method", "GET, HEAD, POST"),
        ({"method": "GET", "body": "x"}, "method", "only a POST has a body"),
        ({"body": "x", "body_json": 1}, "body", "one of the two"),
        ({"body": 7}, "body", "text"),
        ({"body_json": math.nan}, "body_json", "what JSON can hold"),
        ({"body_json": {1j}}, "body_json", "what JSON can hold"),
        ({"headers": ["a"]}, "headers", "a mapping"),
        ({"headers": {"a b": 1}}, "headers", "a header's name"),
        ({"headers": {"a:": 1}}, "headers", "a header's name"),
        ({"headers": {"Content-Length": 1}}, "headers", "set by the probe itself"),
        ({"headers": {"Transfer-Encoding": "chunked"}}, "headers", "set by the probe itself"),
        ({"headers": {"a": "b\r\nc: d"}}, "headers.a", "Latin-1"),
        ({"headers": {"a": True}}, "headers.a", "Latin-1"),
        ({"headers": {"a": " b"}}, "headers.a", "without blanks"),
        ({"headers": {"a": "日"}}, "headers.a", "Latin-1"),
        ({"timeout": 0}, "timeout", "0.05 to 600"),
        ({"timeout": "5"}, "timeout", "without quotation marks"),
        ({"timeout": True}, "timeout", "0.05 to 600"),
        ({"timeout": math.nan}, "timeout", "0.05 to 600"),
        ({"timeout": math.inf}, "timeout", "0.05 to 600"),
        ({"latency_budget": 0}, "latency_budget", "0.001 to 5"),
        ({"latency_budget": 6}, "latency_budget", "0.001 to 5"),
        ({"over_budget": "warn"}, "over_budget", "fail, inconclusive"),
        ({"max_body": 0}, "max_body", "1 to 16777216"),
        ({"max_body": 1.5}, "max_body", "a whole number"),
        ({"expect": []}, "expect", "a mapping"),
        ({"expect": {"jsn": 1}}, "expect.jsn", "json, numeric, status, text"),
        ({"expect": {"status": []}}, "expect.status", "100 to 599"),
        ({"expect": {"status": [600]}}, "expect.status", "100 to 599"),
        ({"expect": {"status": [True]}}, "expect.status", "100 to 599"),
        ({"expect": {"status": "200"}}, "expect.status", "100 to 599"),
        ({"expect": {"text": 7}}, "expect.text", "quotation marks"),
        ({"method": "HEAD", "expect": {"text": ""}}, "expect", "HEAD has no body"),
        ({"expect": {"numeric": {"path": "a..b", "value": 1}}}, "expect.numeric.path", "outputs[0].data[3]"),
        ({"expect": {"numeric": {"value": 1}}}, "expect.numeric.path", "a path to a number"),
        ({"expect": {"numeric": {"path": "a"}}}, "expect.numeric.value", "a finite number"),
        ({"expect": {"numeric": {"path": "a", "value": "1"}}}, "expect.numeric.value", "a finite number"),
        ({"expect": {"numeric": {"path": "a", "value": [1, math.nan]}}}, "expect.numeric.value", "a finite number"),
        ({"expect": {"numeric": {"path": "a", "value": []}}}, "expect.numeric.value", "a finite number"),
        ({"expect": {"numeric": {"path": "a", "value": 1, "abs": -1}}}, "expect.numeric.abs", "a number from 0"),
        ({"expect": {"numeric": {"path": "a", "value": 1, "absolute": 1}}}, "expect.numeric.absolute", "one of abs"),
        ({"expect": {"numeric": 7}}, "expect.numeric", "a mapping of fields is wanted"),
        ({"url": "http://x/"}, "url", "Remove it, or mend its name"),
    ],
)
def test_what_is_wrong_names_the_field_and_the_mend(item: dict[str, Any], field: str, says: str) -> None:
    findings = findings_of(**item)
    assert len(findings) == 1, findings
    assert findings[0].startswith(f"probes[0].{field}: ")
    assert says in findings[0]


def test_everything_that_is_wrong_at_once() -> None:
    given = [{"path": "/"}, {"name": "probe 1", "path": "x", "timeout": -1, "oops": 1}, "GET /", None]
    specs, findings = parse_specs(given, "probes")
    assert [spec.name for spec in specs] == ["probe 1"]
    assert [finding.field for finding in findings] == [
        "probes[1].oops",
        "probes[1].timeout",
        "probes[1].path",
        "probes[1].name",
        "probes[2]",
        "probes[3]",
    ]


@pytest.mark.parametrize("given", [None, "x", {"path": "/"}, 7])
def test_what_is_no_list(given: object) -> None:
    specs, findings = parse_specs(given)
    assert (specs, [finding.field for finding in findings]) == ((), ["probes"])


@pytest.mark.parametrize("secret", ["s3cr3t\n", " s3cr3t", "日s3cr3t"])
def test_a_secret_that_is_wrong_is_not_shown(secret: str) -> None:
    findings = findings_of(secret_headers={"Authorization": secret})
    assert len(findings) == 1
    assert "(hidden)" in findings[0]
    assert "s3cr3t" not in findings[0]
    assert "s3cr3t" not in findings_of(secret_headers=secret)[0]


def test_gate() -> None:
    assert parse_gate({}) == (Gate(), [])
    given = {"interval": 2, "count": 3, "failure_limit": 1, "error_limit": 0, "initial_delay": 4, "deadline": 60}
    assert parse_gate(given) == (Gate(2.0, 3, 1, 0, 4.0, 60.0), [])


def test_every_option_of_the_gate_counts() -> None:
    given: dict[str, object] = {"interval": 2, "count": 3, "failure_limit": 1, "consecutive_error_limit": 7}
    given |= {"initial_delay": 4, "deadline": 60, "consecutive_success_limit": 2}
    given |= {"dry_run": True, "inconclusive": "pause"}
    assert parse_gate(given) == (Gate(2.0, 3, 1, 7, 4.0, 60.0, 2, True, "pause"), [])
    options = set(argspec_common.gate()["options"])
    assert options == set(given)
    both = {"consecutive_error_limit": 7, "error_limit": 7}  # as a module gives what came by the alias
    assert parse_gate(both) == (Gate(error_limit=7), [])


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"count": 0}, "gate.count"),
        ({"count": 1.5}, "gate.count"),
        ({"count": "3"}, "gate.count"),
        ({"interval": 0}, "gate.interval"),
        ({"failure_limit": -1}, "gate.failure_limit"),
        ({"error_limit": True}, "gate.error_limit"),
        ({"consecutive_error_limit": -1}, "gate.consecutive_error_limit"),
        ({"consecutive_error_limit": 3, "error_limit": 4}, "gate.error_limit"),
        ({"consecutive_success_limit": -1}, "gate.consecutive_success_limit"),
        ({"consecutive_success_limit": 61, "interval": 2.0, "deadline": 120}, "gate.deadline"),
        ({"dry_run": "yes"}, "gate.dry_run"),
        ({"inconclusive": "wait"}, "gate.inconclusive"),
        ({"initial_delay": -1}, "gate.initial_delay"),
        ({"deadline": math.nan}, "gate.deadline"),
        ({"deadlin": 1}, "gate.deadlin"),
        ("fast", "gate"),
        ({"count": 61, "interval": 2.0, "deadline": 120}, "gate.deadline"),
        ({"initial_delay": 120}, "gate.deadline"),
    ],
)
def test_a_gate_that_is_wrong_or_can_never_pass(given: object, field: str) -> None:
    assert [finding.field for finding in parse_gate(given)[1]] == [field]


def test_a_gate_counts_the_probes_of_a_round() -> None:
    given = {"count": 61, "interval": 2.0, "deadline": 120}
    assert parse_gate(given, probes=2) == (Gate(2.0, 61, 0, 20, 0.0, 120.0), [])
