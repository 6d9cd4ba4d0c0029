# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong between the options and the account: found before any change, each with its field, all at once."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration.ecs_rollout.conftest import made
from tests.integration.ecs_rollout.stack import CONTAINER, PRODUCTION, Stack
from tests.lab.aws.running import RunningLab


@pytest.fixture(scope="module")
def bare(shared_lab: RunningLab) -> Iterator[Stack]:
    """No service yet: whatever is refused here would have been a first release."""
    with made(shared_lab) as stack:
        yield stack


def refused(stack: Stack, **changes: Any) -> dict[str, Any]:
    since = stack.mark()
    result = stack.roll_out("1", **changes)
    assert (result["state"], result["failed"], result["changed"]) == ("refused", True, False), result["reason"]
    assert stack.calls(since, mutating=True) == []
    return result


def behind(stack: Stack, **changes: Any) -> dict[str, Any]:
    return {"load_balancer": {**stack.options()["load_balancer"], **changes}}


def target_group(stack: Stack, name: str, **more: Any) -> str:
    made = stack.lab.client("elbv2").create_target_group(
        Name=f"{stack.name}-{name}", Protocol="HTTP", Port=CONTAINER, VpcId=stack.state["vpc_id"], **more
    )
    arn: str = made["TargetGroups"][0]["TargetGroupArn"]
    return arn


def one_zone(stack: Stack) -> dict[str, Any]:
    first = stack.state["subnets"]["private"][0]
    return {"network": {**stack.options()["network"], "subnets": [first]}}


def unknown_subnet(stack: Stack) -> dict[str, Any]:
    return {"network": {**stack.options()["network"], "subnets": ["subnet-0123456789abcdef0"]}}


def closed_tasks(stack: Stack) -> dict[str, Any]:
    group = stack.lab.client("ec2").create_security_group(
        GroupName=f"{stack.name}-shut", Description="admits nobody", VpcId=stack.state["vpc_id"]
    )["GroupId"]
    return {"network": {**stack.options()["network"], "security_groups": [group]}}


def unknown_cluster(_stack: Stack) -> dict[str, Any]:
    return {"cluster": "nowhere"}


def instance_targets(stack: Stack) -> dict[str, Any]:
    return behind(stack, green_target_group_arn=target_group(stack, "ec2", TargetType="instance"))


def unknown_listener(stack: Stack) -> dict[str, Any]:
    return behind(stack, test_listener_arn=stack.facts["test"][:-4] + "0000")


def another_balancer(stack: Stack) -> dict[str, Any]:
    elb = stack.lab.client("elbv2")
    other = elb.create_load_balancer(
        Name=f"{stack.name}-other", Subnets=stack.state["subnets"]["public"], SecurityGroups=[stack.facts["front"]]
    )["LoadBalancers"][0]["LoadBalancerArn"]
    action = {"Type": "forward", "TargetGroupArn": target_group(stack, "other", TargetType="ip")}
    listener = elb.create_listener(LoadBalancerArn=other, Protocol="HTTP", Port=PRODUCTION, DefaultActions=[action])
    return behind(stack, test_listener_arn=listener["Listeners"][0]["ListenerArn"])


def taken_priority(stack: Stack) -> dict[str, Any]:
    stack.lab.client("elbv2").create_rule(
        ListenerArn=stack.facts["production"],
        Priority=55,
        Conditions=[{"Field": "path-pattern", "Values": ["/elsewhere"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": stack.facts["closed"]}],
    )
    return behind(stack, rule={"priority": 55})


def wrong_principal(stack: Stack) -> dict[str, Any]:
    return behind(stack, role_arn=stack.facts["execution"])


def closed_route(stack: Stack) -> dict[str, Any]:
    return {"route": "direct", "network": {**stack.options()["network"]}}


ROWS: list[tuple[Callable[[Stack], dict[str, Any]], str, str]] = [
    (one_zone, "network.subnets", "at least two zones"),
    (unknown_subnet, "network.subnets", "NotFound"),
    (closed_tasks, "network.security_groups", f"does not admit the load balancer on port {CONTAINER}"),
    (unknown_cluster, "cluster", "no such active cluster"),
    (instance_targets, "load_balancer", "target type ip"),
    (unknown_listener, "load_balancer.test_listener_arn", "NotFound"),
    (another_balancer, "load_balancer.test_listener_arn", "another load balancer"),
    (taken_priority, "load_balancer.rule.priority", "is taken on the production listener"),
    (wrong_principal, "load_balancer.role_arn", "ecs.amazonaws.com may not assume it"),
    (closed_route, "route", "is the way of the probes"),
]


@pytest.mark.parametrize(("spoil", "field", "problem"), ROWS, ids=[row[0].__name__ for row in ROWS])
def test_each_is_refused_before_any_change(
    bare: Stack, spoil: Callable[[Stack], dict[str, Any]], field: str, problem: str
) -> None:
    result = refused(bare, **spoil(bare))
    assert f"{field}: " in result["reason"]
    assert problem in result["reason"]


def test_what_is_wrong_with_the_input_and_the_account_is_said_together(bare: Stack) -> None:
    definition = copy.deepcopy(bare.options()["task_definition"])
    definition["cpu"] = 300
    result = refused(bare, **one_zone(bare), **wrong_principal(bare), task_definition=definition)
    for field in ("task_definition.cpu", "network.subnets", "load_balancer.role_arn"):
        assert f"{field}: " in result["reason"]


def test_a_record_that_somebody_broke_is_refused_and_says_what_mends_it(bare: Stack) -> None:
    key = f"greenlight/ecs/{bare.state['region']}/{bare.facts['cluster']}/{bare.name}.json"
    s3 = bare.lab.client("s3")
    s3.put_object(Bucket=bare.facts["bucket"], Key=key, Body=json.dumps({"format": 1, "evil": 1}).encode())
    result = refused(bare)
    assert "can't be used" in result["reason"]
    assert "Restore an earlier version" in result["reason"]
    s3.delete_object(Bucket=bare.facts["bucket"], Key=key)


def test_a_bucket_that_is_not_there_says_what_makes_it(bare: Stack) -> None:
    assert "bootstrap" in refused(bare, record={"bucket": "greenlight-nowhere"})["reason"]
