# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an account must look like before a serving role makes anything in it: everything that is wrong, at once.

`read` is what the stock modules' look-ups gave, as they gave it: `caller` (aws_caller_info), `subnets`
(ec2_vpc_subnet_info), `group` (ec2_security_group_info) and `image` (ec2_ami_info); a look-up that failed holds a
message instead. `front` is what the role alb_frontend hands over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._engine.finding import Finding
from .._probes.reader import is_finite, is_whole

FRONT = ("vpc_id", "zones", "security_group_id", "production_listener_arn", "test_listener_arn", "target_groups")
MESSAGE = 300  # characters of what AWS said


@dataclass(frozen=True)
class Account:
    """`owner`: the tag of what is ours. `group_name`: of the security group that the role makes."""

    prefix: str
    values: Mapping[str, Any]
    read: Mapping[str, Any]
    front: Any
    owner: str
    group_name: str
    subnets: list[Mapping[str, Any]] = field(init=False)
    zones: list[str] = field(init=False)

    def __post_init__(self) -> None:
        found = self.answer("subnets").get("subnets") or []
        object.__setattr__(self, "subnets", sorted(found, key=lambda each: str(each["subnet_id"])))
        object.__setattr__(self, "zones", sorted({str(each["availability_zone"]) for each in found}))

    def answer(self, name: str) -> Mapping[str, Any]:
        """What a look-up gave; nothing while it was left out."""
        given = self.read.get(name)
        return given if isinstance(given, Mapping) else {}

    def says(self, name: str, given: str, problem: str, mend: str) -> Finding:
        return Finding(name if name == "serving_aws" else self.prefix + name, given, problem, mend)

    def unread(self, name: str, key: str, field_: str, what: str, mend: str) -> Iterator[Finding]:
        """That a look-up failed."""
        if self.answer(name).get(key) is None:
            said = " ".join(str(self.answer(name).get("msg", "nothing")).split())[:MESSAGE]
            yield self.says(field_, said, f"{what} cannot be read", mend)


def findings(account: Account, absent: bool) -> list[Finding]:
    """Of removing only what the removal itself needs."""
    found = [*_ours(account)]
    return found if absent else [*found, *_front(account), *_behind(account), *_place(account), *_image(account)]


def _ours(account: Account) -> Iterator[Finding]:
    mend = "Check region, endpoint and credentials."
    yield from account.unread("caller", "account", "serving_aws", "the account", mend)
    mend = "Check serving_aws and the permission ec2:DescribeSecurityGroups."
    yield from account.unread("group", "security_groups", "name", "the security group", mend)
    for group in (account.answer("group").get("security_groups") or [])[:1]:
        owner = str((group.get("tags") or {}).get("greenlight:owner", ""))
        if owner != account.owner:
            problem = f"there is a security group {account.group_name} that this role did not make"
            mend = f"Choose another name, or hand it over with the tag greenlight:owner={account.owner}."
            yield account.says("name", owner or "no owner", problem, mend)


def _front(account: Account) -> Iterator[Finding]:
    lacks = [key for key in FRONT if not isinstance(account.front, Mapping) or key not in account.front]
    if lacks:
        mend = "Run greenlight.serving.alb_frontend before, in the same play."
        yield account.says("frontend", f"without {', '.join(lacks)}", "must be what the role alb_frontend gives", mend)


def _behind(account: Account) -> Iterator[Finding]:
    """Whether the target groups are made for instances, where a role serves from them."""
    front: Mapping[str, Any] = account.front if isinstance(account.front, Mapping) else {}
    values = account.values
    if "ami_id" not in values:
        return
    if front.get("target_type", "instance") != "instance":
        mend = "Set alb_frontend_target_type: instance. AWS cannot change it: of another front end, under another name."
        yield account.says("frontend", f"target_type {front['target_type']}", "must be made for instances", mend)
    if str(front.get("target_port", values.get("port"))) != str(values.get("port")):
        problem = f"Auto Scaling registers instances at the target groups' port, which is {front['target_port']}"
        yield account.says("port", str(values.get("port")), problem, "Set alb_frontend_target_port to the same.")
    delay = front.get("deregistration_delay")
    if is_finite(delay) and is_finite(values.get("drain_seconds")) and values["drain_seconds"] < delay:
        mend = "Raise it, or lower alb_frontend_deregistration_delay."
        problem = f"must not be less than the load balancer's deregistration delay of {delay} seconds"
        yield account.says("drain_seconds", str(values["drain_seconds"]), problem, mend)


def _place(account: Account) -> Iterator[Finding]:
    """Private subnets of the front end's VPC, in zones that the load balancer is in."""
    where = "subnet_ids" if account.values.get("subnet_ids") else "subnet_tags"
    front: Mapping[str, Any] = account.front if isinstance(account.front, Mapping) else {}
    yield from account.unread(
        "subnets", "subnets", where, "the subnets", "Check them and the permission ec2:DescribeSubnets."
    )
    wrong = [
        (
            [each for each in account.subnets if each["vpc_id"] != front.get("vpc_id", "")],
            f"must be of the front end's VPC {front.get('vpc_id', '')}",
            "Targets and load balancer share one VPC.",
        ),
        (
            [each for each in account.subnets if each.get("map_public_ip_on_launch")],
            "must not give out public addresses",
            "Name private subnets; a NAT gateway or VPC endpoints lead out of them.",
        ),
        (
            [each for each in account.subnets if front and each["availability_zone"] not in front.get("zones", [])],
            "must be in a zone that the load balancer is in",
            "It sends nothing to targets in other zones.",
        ),
    ]
    for subnets, problem, mend in wrong:
        if subnets and account.front:
            named = ", ".join(f"{each['subnet_id']} ({each['availability_zone']})" for each in subnets)
            yield account.says(where, named, problem, mend)
    yield from _zones(account, where)


def _zones(account: Account, where: str) -> Iterator[Finding]:
    least, desired = account.values.get("minimum_zones"), account.values.get("desired_capacity")
    if account.answer("subnets").get("subnets") is None:
        return
    zones = ", ".join(account.zones) or "none"
    if is_whole(least) and len(account.zones) < int(least or 2):
        problem = f"must be in at least {least} zones"
        yield account.says(where, f"{len(account.subnets)} subnets in {zones}", problem, "Name subnets in more zones.")
    most = account.values.get("max_size")
    if account.values.get("min_size") == 0 and is_whole(most) and int(most or 0) < len(account.zones):
        mend = "Raise it, name subnets in fewer zones, or ask for another min_size."
        problem = f"leaves no room for an instance in each zone of {zones}"
        yield account.says("max_size", str(most), problem, mend)
    if is_whole(desired) and 1 < int(desired or 0) < len(account.zones):
        mend = "Ask for at least one for each zone, or name subnets in fewer zones."
        yield account.says("desired_capacity", str(desired), f"leaves a zone of {zones} empty", mend)


def _image(account: Account) -> Iterator[Finding]:
    """The machine image, where a role names one (EC2 API reference, Image)."""
    if "ami_id" not in account.values:
        return
    mend = "Check the id, the region and the permission ec2:DescribeImages."
    yield from account.unread("image", "images", "ami_id", "the machine image", mend)
    images = account.answer("image").get("images")
    given = str(account.values["ami_id"])
    if images == []:
        yield account.says("ami_id", given, "there is no such machine image in this region", mend)
    for image in images or []:
        state, root = str(image.get("state", "")), str(image.get("root_device_name", ""))
        if state != "available" or str(image.get("root_device_type", "ebs")) != "ebs":
            said = f"{given}, {state}, {image.get('root_device_type', '')}"
            yield account.says("ami_id", said, "must be an available image with a root volume", "Name another one.")
        if root and root != account.values.get("root_device_name"):
            shown = str(account.values.get("root_device_name"))
            yield account.says("root_device_name", shown, f"the root device of {given} is {root}", "Name that one.")
        yield from _room(account, image, root)


def _room(account: Account, image: Mapping[str, Any], root: str) -> Iterator[Finding]:
    """A volume cannot be smaller than the snapshot that it is made from (EC2 API reference, EbsBlockDevice)."""
    given = account.values.get("root_volume_gib")
    sizes = [
        int((device.get("ebs") or {}).get("volume_size") or 0)
        for device in image.get("block_device_mappings") or []
        if device.get("device_name") == root
    ]
    if is_whole(given) and sizes and int(given or 0) < max(sizes):
        mend = "A volume is at least as large as the machine image's snapshot."
        yield account.says("root_volume_gib", str(given), f"must be at least {max(sizes)}", mend)
