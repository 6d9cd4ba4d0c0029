# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS's limits: what is just allowed and what is just not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.aws.truth.base import Truth
from tests.lab.aws.truth.limits import ECS_RULES, ELB_RULES


@pytest.fixture
def truth() -> Truth:
    truth = Truth()
    truth.add("ecs", ECS_RULES)
    truth.add("elbv2", ELB_RULES)
    return truth


LISTS = [
    ("ecs", "DescribeServices", "services", 10, "InvalidParameterException"),
    ("ecs", "DescribeTasks", "tasks", 100, "InvalidParameterException"),
    ("ecs", "DescribeClusters", "clusters", 100, "InvalidParameterException"),
    ("ecs", "DescribeServiceDeployments", "serviceDeploymentArns", 20, "InvalidParameterException"),
    ("ecs", "DescribeServiceRevisions", "serviceRevisionArns", 20, "InvalidParameterException"),
    ("elbv2", "DescribeTags", "ResourceArns", 20, "ValidationError"),
    ("elbv2", "DescribeLoadBalancers", "LoadBalancerArns", 20, "ValidationError"),
]
PAGES = [
    ("ecs", "ListTasks", "maxResults", 100, "InvalidParameterException"),
    ("ecs", "ListServices", "maxResults", 100, "InvalidParameterException"),
    ("ecs", "ListServiceDeployments", "maxResults", 100, "InvalidParameterException"),
    ("elbv2", "DescribeLoadBalancers", "PageSize", 400, "ValidationError"),
]


@pytest.mark.parametrize(("service", "operation", "field", "most", "code"), LISTS)
def test_lists_have_a_longest(truth: Truth, service: str, operation: str, field: str, most: int, code: str) -> None:
    assert truth.refusal(service, operation, {field: ["x"] * most}) is None
    assert truth.refusal(service, operation, {}) is None
    refusal = truth.refusal(service, operation, {field: ["x"] * (most + 1)})
    assert refusal is not None
    assert refusal.code == code


@pytest.mark.parametrize(("service", "operation", "field", "most", "code"), PAGES)
def test_pages_have_a_size(truth: Truth, service: str, operation: str, field: str, most: int, code: str) -> None:
    def outcome(size: Any) -> str | None:
        refusal = truth.refusal(service, operation, {} if size is None else {field: size})
        return refusal.code if refusal else None

    assert [outcome(size) for size in (None, 1, most, 0, most + 1)] == [None, None, None, code, code]


def test_every_limit_has_a_test() -> None:
    tested = {(service, operation, field) for service, operation, field, _ignored, _ignored in [*LISTS, *PAGES]}
    rules = [("ecs", rule) for rule in ECS_RULES] + [("elbv2", rule) for rule in ELB_RULES]
    assert sorted((service, operation) for service, operation, _ignored in tested) == sorted(
        (service, rule.operation) for service, rule in rules
    )
