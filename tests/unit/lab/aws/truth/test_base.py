# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of rules: asked in order, by service and operation, each with its source."""

from __future__ import annotations

import botocore.session
import pytest

from tests.lab.aws.truth.base import Params, Refusal, Rule, Truth

PAGE = "ECS API reference, CreateService"


def refusing(code: str) -> Rule:
    return Rule("CreateService", lambda _params, _facts: Refusal(code, "no"), PAGE)


def admitting() -> Rule:
    return Rule("CreateService", lambda _params, _facts: None, PAGE)


def test_the_first_refusal_counts() -> None:
    truth = Truth()
    truth.add("ecs", [admitting(), refusing("First"), refusing("Second")])
    assert truth.refusal("ecs", "CreateService", {}) == Refusal("First", "no")


def test_other_operations_and_services_are_not_asked() -> None:
    truth = Truth()
    truth.add("ecs", [refusing("No")])
    assert truth.refusal("ecs", "UpdateService", {}) is None
    assert truth.refusal("elbv2", "CreateService", {}) is None


def test_a_rule_sees_the_parameters_and_its_services_facts() -> None:
    seen: list[tuple[Params, object]] = []
    truth = Truth()
    truth.add("ecs", [Rule("CreateService", lambda params, facts: seen.append((params, facts)), PAGE)], facts="known")
    assert truth.refusal("ecs", "CreateService", {"serviceName": "s"}) is None
    assert seen == [({"serviceName": "s"}, "known")]


def test_a_rule_without_a_source_is_refused() -> None:
    with pytest.raises(ValueError, match="names the page"):
        Truth().add("ecs", [Rule("CreateService", lambda _params, _facts: None, "")])


def test_every_rule_of_the_lab_is_about_an_operation_that_exists() -> None:
    from tests.lab.aws.truth import ecs, elbv2, limits

    truth = Truth()
    truth.add("ecs", [*limits.ECS_RULES, *ecs.RULES])
    truth.add("elbv2", [*limits.ELB_RULES, *elbv2.RULES])
    session = botocore.session.get_session()
    for service, rule in truth.rules():
        assert rule.operation in session.get_service_model(service).operation_names, rule
