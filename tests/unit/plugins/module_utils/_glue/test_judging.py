# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine import lease
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Timing
from ansible_collections.greenlight.serving.plugins.module_utils._glue import argspec_common, judging

PROBE = {"name": "seven", "path": "/v2/models/digits"}


def test_what_is_not_given_is_the_default() -> None:
    judged, findings = judging.parse({})
    assert findings == []
    assert judged.timing == Timing()
    assert judged.specs == ()


def test_the_options_and_their_bounds_are_the_same_times() -> None:
    options = argspec_common.timing()["options"]
    assert set(options) == set(judging.SECONDS)
    others = {"lease": lease.LEASE, "propagation": judging.PROPAGATION}
    assert {name: option["default"] for name, option in options.items()} == {
        name: others.get(name, getattr(Timing(), name, None)) for name in judging.SECONDS
    }


@pytest.mark.parametrize(
    ("given", "field", "allowed"),
    [
        ({"timing": {"poll": 0}}, "timing.poll", "0.05 to 600"),
        ({"timing": {"bake": -1}}, "timing.bake", "0 to"),
        ({"timing": {"bakes": 1}}, "timing.bakes", "bake, deadline"),
        ({"timing": []}, "timing", "a mapping"),
        ({"gate": {"count": 0}}, "gate.count", "1 to"),
        ({"gate": {"deadline": 4, "count": 9}, "probes": [PROBE]}, "gate.deadline", "longer than the 8 s"),
        ({"probes": {"path": "/"}}, "probes", "a list"),
        ({"probes": [{"path": "//host/"}]}, "probes[0].path", "begins with a slash"),
        ({"reach": {"allow_loopback": "yes"}}, "reach.allow_loopback", "true or false"),
        ({"reach": {"ca_file": 7}}, "reach.ca_file", "the path"),
        ({"reach": {"any": 7}}, "reach.any", "allow_loopback"),
    ],
)
def test_one_finding_names_the_field_and_what_is_allowed(given: dict[str, Any], field: str, allowed: str) -> None:
    for prefix in ("", "role_"):
        _judged, findings = judging.parse(given, prefix)
        assert [finding.field for finding in findings] == [prefix + field]
        assert allowed in findings[0].problem


def test_everything_is_found_at_once() -> None:
    given = {"probes": [{}], "gate": {"x": 1}, "timing": {"y": 2}, "reach": {"z": 3}}
    assert len(judging.parse(given)[1]) == 4


def test_a_probe_outside_the_rule_is_named() -> None:
    _judged, findings = judging.parse({"probes": [PROBE]}, admitted=["/v1/*", "/v?/models"])
    assert [str(finding) for finding in findings] == [
        "probes: the path of seven must be one that the rule admits (/v1/*, /v?/models) (given: /v2/models/digits). "
        "Probe a path that users may use, too."
    ]
    assert judging.parse({"probes": [PROBE]}, admitted=["/v1/*", "/v?/models/*"])[1] == []
    assert judging.parse({"probes": [{**PROBE, "path": "/v1/x?y=1"}]}, admitted=["/v1/x"])[1] == []


def test_a_secret_header_is_not_shown() -> None:
    given = {"probes": [{**PROBE, "secret_headers": {"authorization": "Bearer hunter2\n"}}]}
    findings = judging.parse(given)[1]
    assert len(findings) == 1
    assert "hunter2" not in str(findings[0])
