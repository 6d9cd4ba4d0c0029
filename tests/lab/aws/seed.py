# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an account has before any service arrives: a VPC over three zones, as a landing zone makes it.

Made through the lab's own EC2 API, so it is what a client would see had it made it itself.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

ZONES = ("a", "b", "c")
TIERS = {"private": (0, 16, 32), "public": (64, 80, 96)}  # third octet of each zone's /20


@dataclass(frozen=True)
class Landing:
    """Ids of what was seeded; `subnets` by tier, in the order of the zones."""

    vpc_id: str
    subnets: dict[str, list[str]]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def seed(ec2: Any, region: str, octet: int) -> Landing:
    """`ec2`: a boto3 client of the lab. The region's default VPC goes: processes run in the lab's network only."""
    for vpc in ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]:
        remove(ec2, vpc["VpcId"])
    vpc_id = ec2.create_vpc(CidrBlock=f"127.{octet}.0.0/16", TagSpecifications=tagged("vpc", Name="lab"))["Vpc"][
        "VpcId"
    ]
    ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": True})
    subnets: dict[str, list[str]] = {}
    for tier, thirds in TIERS.items():
        for zone, third in zip(ZONES, thirds, strict=True):
            made = ec2.create_subnet(
                VpcId=vpc_id,
                CidrBlock=f"127.{octet}.{third}.0/20",
                AvailabilityZone=region + zone,
                TagSpecifications=tagged("subnet", Name=f"lab-{tier}-{zone}", tier=tier),
            )
            subnet_id = made["Subnet"]["SubnetId"]
            # moto takes a zone's first subnet for its default one and lets it give out public addresses
            ec2.modify_subnet_attribute(SubnetId=subnet_id, MapPublicIpOnLaunch={"Value": tier == "public"})
            subnets.setdefault(tier, []).append(subnet_id)
    gateway = ec2.create_internet_gateway(TagSpecifications=tagged("internet-gateway", Name="lab"))
    gateway_id = gateway["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway_id, VpcId=vpc_id)
    table = ec2.create_route_table(
        VpcId=vpc_id, TagSpecifications=tagged("route-table", Name="lab-public", tier="public")
    )
    table_id = table["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table_id, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway_id)
    for subnet in subnets["public"]:
        ec2.associate_route_table(RouteTableId=table_id, SubnetId=subnet)
    return Landing(vpc_id, subnets)


def remove(ec2: Any, vpc_id: str) -> None:
    for subnet in ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    ec2.delete_vpc(VpcId=vpc_id)


def tagged(kind: str, **tags: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]
