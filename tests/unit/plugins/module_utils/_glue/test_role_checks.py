# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._glue import fleet_inputs, role_checks, service_inputs
from ansible_collections.greenlight.serving.plugins.module_utils._glue.role_checks import Check

ODD: tuple[Any, ...] = (None, "", "x", 0, -1, 1.5, float("nan"), True, [], [None], {}, {None: None}, {"a": []}, "é\n")


def told(*checks: Check, **values: Any) -> list[str]:
    return [str(finding) for finding in role_checks.findings(checks, values, "my_")]


def test_a_sentence_names_field_limit_value_and_remedy() -> None:
    port = Check("port", role_checks.whole(1, 10), "a whole number, 1 to 10", "Write it without quotes.")
    assert told(port, port="3") == ["my_port: a whole number, 1 to 10 (given: 3). Write it without quotes."]
    assert told(port, port=3) == []
    assert told(port) == ["my_port: a whole number, 1 to 10 (given: nothing). Write it without quotes."]


def test_a_value_that_may_be_secret_is_not_shown() -> None:
    hidden = Check("token", role_checks.one_of("none"), "must be none", "Take it out.", hide=True)
    assert told(hidden, token="hunter2") == ["my_token: must be none (given: not shown). Take it out."]


def test_a_long_value_is_cut() -> None:
    name = Check("name", role_checks.text("[a-z]{1,3}"), "a short name", "Choose one.")
    assert len(told(name, name="a" * 5000)[0]) < 200


def test_of_a_field_the_first_thing_is_told() -> None:
    first = Check("size", role_checks.whole(0, 9), "a digit", "Write one.")
    second = Check("size", role_checks.whole(0, 5), "at most five", "Write less.")
    assert told(first, second, size=20) == ["my_size: a digit (given: 20). Write one."]
    assert told(first, second, size=7) == ["my_size: at most five (given: 7). Write less."]


def test_what_fields_are_together_is_asked_only_of_good_ones() -> None:
    asked: list[Any] = []

    def fits(values: role_checks.Values) -> bool:
        asked.append(values["low"])
        return bool(values["low"] < values["high"])

    low = Check("low", role_checks.whole(0, 9), "less than high", "Lower it.", fits=fits)
    assert told(low, low="1", high=3) == ["my_low: less than high (given: 1). Lower it."]
    assert asked == []
    assert told(low, low=1, high=3) == []
    assert told(low, low=3, high=3) == ["my_low: less than high (given: 3). Lower it."]


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_no_check_raises_whatever_it_is_given(value: Any) -> None:
    checks = fleet_inputs.checks(absent=False)
    fields = {check.field for check in checks}
    everything = role_checks.findings(checks, dict.fromkeys(fields, value), "")
    assert {finding.field for finding in everything} <= fields
    for field in fields:
        role_checks.findings(checks, {field: value}, "")


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (service_inputs.CIDR, ["10.0.0.0/8", "0.0.0.0/0"], ["10.0.0.0/33", "256.0.0.0/8", "10.0.0/8", "fd00::/8"]),
        (service_inputs.USER, ["10001", "10001:10001", "model"], ["0", "root", "root:1", "00:0", "", "a b"]),
        (service_inputs.PATH, ["/tmp", "/var/cache/a-b"], ["/", "tmp", "/a/../b", "/a//b", "/a/"]),
        (
            service_inputs.BY_DIGEST,
            [f"registry.example:5000/a/b:7@sha256:{'0' * 64}"],
            ["b:7", f"https://b@sha256:{'0' * 64}", f"b@sha256:{'0' * 63}", f"me:word@b/c@sha256:{'0' * 64}"],
        ),
        (
            fleet_inputs.ARTIFACT_URL,
            ["s3://bucket/a/b.tar.gz", "https://example.com:8443/a"],
            ["http://example.com/a", "s3://b/a", "https://user:word@example.com/a", "https://example.com/a'b", "/a"],
        ),
    ],
    ids=["cidr", "user", "path", "image", "artifact"],
)
def test_patterns(pattern: str, good: list[str], bad: list[str]) -> None:
    takes = role_checks.text(pattern)
    assert [value for value in good if not takes(value)] == []
    assert [value for value in bad if takes(value)] == []


@pytest.mark.parametrize(
    ("environment", "plain", "wrong"),
    [
        ({"LOG_LEVEL": "info"}, [], False),
        ({"API_TOKEN": "x"}, [], True),
        ({"API_TOKEN": "x"}, ["API_TOKEN"], False),
        ({"WEIGHTS": "AKIA" + "A" * 16}, [], True),
        ({"GREENLIGHT_RELEASE": "x"}, [], True),
    ],
)
def test_what_looks_like_a_secret_is_refused(environment: dict[str, str], plain: list[str], wrong: bool) -> None:
    given = {"environment": environment, "plain_environment": plain}
    found = role_checks.findings(service_inputs.RELEASE, given, "")
    assert ("environment" in {finding.field for finding in found}) is wrong


def test_removing_needs_the_names_alone() -> None:
    assert {check.field for check in fleet_inputs.checks(absent=True)} == {"name", "region", "record_bucket"}
