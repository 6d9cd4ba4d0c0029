# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._glue.service_account import Account, findings

OWNER, GROUP = "asg_fleet/letters", "letters-instances"
VALUES = {"ami_id": "ami-1", "root_device_name": "/dev/xvda", "root_volume_gib": 30, "port": 8080, "drain_seconds": 120}
FRONT = {
    "vpc_id": "vpc-1",
    "zones": ["a", "b"],
    "security_group_id": "sg-1",
    "production_listener_arn": "arn:production",
    "test_listener_arn": "arn:test",
    "target_groups": {},
    "target_type": "instance",
    "target_port": 8080,
    "deregistration_delay": 120,
}


def subnet(number: int, zone: str, vpc: str = "vpc-1", public: bool = False) -> dict[str, Any]:
    place = {"vpc_id": vpc, "availability_zone": zone, "map_public_ip_on_launch": public}
    return {"subnet_id": f"subnet-{number}", **place}


def image(**changed: Any) -> dict[str, Any]:
    disk = {"device_name": "/dev/xvda", "ebs": {"volume_size": 8}}
    plain = {"state": "available", "root_device_name": "/dev/xvda", "root_device_type": "ebs"}
    return {"images": [{**plain, "block_device_mappings": [disk], **changed}]}


def told(absent: bool = False, front: Any = None, values: dict[str, Any] | None = None, **read: Any) -> list[str]:
    known = {
        "caller": {"account": "123456789012"},
        "group": {"security_groups": []},
        "subnets": {"subnets": [subnet(1, "a"), subnet(2, "b")]},
        "image": image(),
        **read,
    }
    given = {"minimum_zones": 2, "desired_capacity": 2, "subnet_ids": ["x"], **VALUES, **(values or {})}
    account = Account("my_", given, known, FRONT if front is None else front, OWNER, GROUP)
    return [str(finding) for finding in findings(account, absent)]


def test_an_account_in_order_gives_nothing() -> None:
    assert told() == []


def test_whoever_serves_no_instances_is_asked_about_no_image() -> None:
    account = Account("my_", {"minimum_zones": 2}, {"subnets": {"subnets": []}}, FRONT, OWNER, GROUP)
    assert not [finding for finding in findings(account, absent=False) if "ami_id" in finding.field]


def test_failed_reads_are_told_with_what_the_cloud_said_in_one_line() -> None:
    found = told(caller={"msg": "Unable to\nlocate credentials"}, group={"msg": "x" * 1000}, image={"msg": "denied"})
    assert [sentence.partition(":")[0] for sentence in found] == ["serving_aws", "my_name", "my_ami_id"]
    assert "Unable to locate credentials" in found[0]
    assert max(map(len, found)) < 500


@pytest.mark.parametrize("tags", [None, {}, {"greenlight:owner": "asg_fleet/other"}])
def test_a_group_of_somebody_else_is_not_taken(tags: dict[str, str] | None) -> None:
    found = told(absent=True, group={"security_groups": [{"group_id": "sg-2", "tags": tags}]})
    assert len(found) == 1
    assert f"there is a security group {GROUP} that this role did not make" in found[0]


def test_our_own_group_is_taken() -> None:
    assert told(group={"security_groups": [{"group_id": "sg-2", "tags": {"greenlight:owner": OWNER}}]}) == []


def test_removing_asks_only_about_what_is_removed() -> None:
    assert told(absent=True, subnets={"msg": "denied"}, image={"msg": "denied"}, front={}) == []


@pytest.mark.parametrize(
    ("subnets", "words"),
    [
        ([subnet(1, "a"), subnet(2, "b", vpc="vpc-2")], "must be of the front end's VPC vpc-1 (given: subnet-2 (b))"),
        ([subnet(1, "a"), subnet(2, "b", public=True)], "must not give out public addresses (given: subnet-2 (b))"),
        ([subnet(1, "a"), subnet(2, "c")], "in a zone that the load balancer is in (given: subnet-2 (c))"),
        ([subnet(1, "a"), subnet(2, "a")], "must be in at least 2 zones (given: 2 subnets in a)"),
        ([], "must be in at least 2 zones (given: 0 subnets in none)"),
    ],
)
def test_subnets_are_private_and_where_the_load_balancer_is(subnets: list[dict[str, Any]], words: str) -> None:
    found = told(subnets={"subnets": subnets})
    assert len(found) == 1
    assert found[0].startswith("my_subnet_ids: ")
    assert words in found[0]


def test_no_zone_is_left_empty() -> None:
    three = {"subnets": [subnet(1, "a"), subnet(2, "b"), subnet(3, "c")]}
    front = {**FRONT, "zones": ["a", "b", "c"]}
    assert "my_desired_capacity: leaves a zone of a, b, c empty (given: 2)" in told(subnets=three, front=front)[0]
    assert told(subnets=three, front=front, values={"desired_capacity": 0}) == []


def test_one_instance_for_each_zone_has_room() -> None:
    few = {"min_size": 0, "max_size": 1, "desired_capacity": 0}
    assert "my_max_size: leaves no room for an instance in each zone of a, b (given: 1)" in told(values=few)[0]
    assert told(values={**few, "max_size": 2}) == []


@pytest.mark.parametrize(
    ("front", "field"),
    [
        ({"target_type": "ip"}, "my_frontend"),
        ({"target_port": 80}, "my_port"),
        ({"deregistration_delay": 121}, "my_drain_seconds"),
    ],
)
def test_the_front_end_is_made_for_the_instances(front: dict[str, Any], field: str) -> None:
    assert [sentence.partition(":")[0] for sentence in told(front={**FRONT, **front})] == [field]


@pytest.mark.parametrize("front", [{}, {"vpc_id": "vpc-1"}, "nothing", []])
def test_without_a_front_end_that_is_said(front: Any) -> None:
    assert "Run greenlight.serving.alb_frontend before" in " ".join(told(front=front))


@pytest.mark.parametrize(
    ("read", "field"),
    [
        ({"images": []}, "my_ami_id"),
        (image(state="pending"), "my_ami_id"),
        (image(root_device_type="instance-store"), "my_ami_id"),
        (image(root_device_name="/dev/sda1", block_device_mappings=[]), "my_root_device_name"),
        (image(block_device_mappings=[{"device_name": "/dev/xvda", "ebs": {"volume_size": 31}}]), "my_root_volume_gib"),
    ],
)
def test_the_machine_image_fits(read: dict[str, Any], field: str) -> None:
    assert [sentence.partition(":")[0] for sentence in told(image=read)] == [field]
