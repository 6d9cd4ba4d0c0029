# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS's limits on the size of requests."""

from __future__ import annotations

from tests.lab.aws.core import Lab
from tests.lab.aws.truth.base import Check, Params, Refusal, Rule


def at_most(field: str, count: int, code: str, message: str) -> Check:
    """No more than `count` items in the list `field`."""

    def check(params: Params, _facts: object) -> Refusal | None:
        return Refusal(code, message) if len(params.get(field) or ()) > count else None

    return check


def page_size(field: str, most: int, code: str, message: str) -> Check:
    """`field` from 1 to `most`."""

    def check(params: Params, _facts: object) -> Refusal | None:
        size = params.get(field)
        return Refusal(code, message) if size is not None and not 1 <= int(size) <= most else None

    return check


ECS = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_"
INVALID = "InvalidParameterException"

ECS_RULES = [
    Rule(
        "DescribeServices",
        at_most("services", 10, INVALID, "Services cannot be more than 10."),
        ECS + "DescribeServices.html (services: up to 10)",
    ),
    Rule(
        "DescribeTasks",
        at_most("tasks", 100, INVALID, "Tasks cannot be more than 100."),
        ECS + "DescribeTasks.html (tasks: up to 100)",
    ),
    Rule(
        "DescribeClusters",
        at_most("clusters", 100, INVALID, "Clusters cannot be more than 100."),
        ECS + "DescribeClusters.html (clusters: up to 100)",
    ),
    Rule(
        "DescribeServiceDeployments",
        at_most("serviceDeploymentArns", 20, INVALID, "Service deployments cannot be more than 20."),
        ECS + "DescribeServiceDeployments.html (up to 20 ARNs)",
    ),
    Rule(
        "DescribeServiceRevisions",
        at_most("serviceRevisionArns", 20, INVALID, "Service revisions cannot be more than 20."),
        ECS + "DescribeServiceRevisions.html (up to 20 ARNs)",
    ),
    Rule(
        "ListTasks",
        page_size("maxResults", 100, INVALID, "maxResults must be between 1 and 100."),
        ECS + "ListTasks.html (maxResults: between 1 and 100)",
    ),
    Rule(
        "ListServices",
        page_size("maxResults", 100, INVALID, "maxResults must be between 1 and 100."),
        ECS + "ListServices.html (maxResults: between 1 and 100)",
    ),
    Rule(
        "ListServiceDeployments",
        page_size("maxResults", 100, INVALID, "maxResults must be between 1 and 100."),
        ECS + "ListServiceDeployments.html (maxResults: between 1 and 100)",
    ),
]

ELB = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_"
VALIDATION = "ValidationError"

ELB_RULES = [
    Rule(
        "DescribeTags",
        at_most("ResourceArns", 20, VALIDATION, "Up to 20 resources can be described in one request."),
        ELB + "DescribeTags.html (up to 20 resources)",
    ),
    Rule(
        "DescribeLoadBalancers",
        at_most("LoadBalancerArns", 20, VALIDATION, "Up to 20 load balancers can be described in one request."),
        ELB + "DescribeLoadBalancers.html (up to 20 load balancers)",
    ),
    Rule(
        "DescribeLoadBalancers",
        page_size("PageSize", 400, VALIDATION, "PageSize must be between 1 and 400."),
        ELB + "DescribeLoadBalancers.html (PageSize: 1 to 400)",
    ),
]


def install(lab: Lab) -> None:
    lab.truth.add("ecs", ECS_RULES)
    lab.truth.add("elbv2", ELB_RULES)
