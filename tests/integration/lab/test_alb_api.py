# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.lab.alb_world import PORT, World, fixed, forward, get, running, weighted
from tests.unit.lab.aws.plane.harness import reply, until


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with running(tmp_path_factory.mktemp("lab")) as state:
        yield state


@pytest.fixture
def world(lab: dict[str, Any]) -> Iterator[World]:
    made = World(lab)
    yield made
    for backend in made.backends:
        backend.close()


def quick(client: Any, name: str) -> Any:
    """boto3's own waiter, asking more often than every 15 s."""
    waiter = client.get_waiter(name)
    waiter.config.delay, waiter.config.max_attempts = 0.05, 400
    return waiter


def test_a_load_balancer_is_provisioned_then_active_at_an_address_of_its_own(world: World) -> None:
    made = world.balancer()
    assert made["State"]["Code"] == "provisioning"
    assert made["DNSName"].startswith(world.lab["network"].rsplit(".", 2)[0])
    assert world.balancer()["DNSName"] != made["DNSName"]

    quick(world.elb, "load_balancer_available").wait(LoadBalancerArns=[made["LoadBalancerArn"]])

    shown = world.elb.describe_load_balancers(LoadBalancerArns=[made["LoadBalancerArn"]])["LoadBalancers"][0]
    assert shown["State"]["Code"] == "active"
    interfaces = world.ec2.describe_network_interfaces(
        Filters=[{"Name": "private-ip-address", "Values": [made["DNSName"]]}]
    )["NetworkInterfaces"]
    assert interfaces[0]["Description"].startswith("ELB app/lb-")


def test_a_listener_serves_when_create_listener_returns_and_not_after_delete_listener(world: World) -> None:
    balancer = world.balancer()
    for answer in ("one", "two"):
        listener = world.listener(balancer, fixed(200, answer))
        assert get(balancer["DNSName"]) == (200, answer.encode())
        world.elb.delete_listener(ListenerArn=listener)
        with pytest.raises(ConnectionRefusedError):
            get(balancer["DNSName"])


def test_targets_go_into_service_and_out_again(world: World) -> None:
    balancer, group = world.balancer(), world.group()
    world.elb.modify_target_group_attributes(
        TargetGroupArn=group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "20"}]
    )
    backend = world.target(group=group)
    target = {"Id": backend.address, "Port": 8080}
    until(lambda: world.health(group) == [("unused", "Target.NotInUse")])

    world.listener(balancer, forward(group))
    quick(world.elb, "target_in_service").wait(TargetGroupArn=group, Targets=[target])
    assert world.health(group) == [("healthy", "")]
    assert get(balancer["DNSName"]) == (200, b"ok")
    assert world.health(group, target, {"Id": "127.0.0.9", "Port": 1})[1] == ("unused", "Target.NotRegistered")

    world.elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": backend.address}])
    assert world.health(group) == [("draining", "Target.DeregistrationInProgress")]
    quick(world.elb, "target_deregistered").wait(TargetGroupArn=group, Targets=[target])
    assert world.health(group) == []
    assert get(balancer["DNSName"])[0] == 503


def test_one_address_can_be_registered_with_two_ports(world: World) -> None:
    group = world.group()
    backend = world.target(group=group)
    world.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": backend.address, "Port": 9090}])

    found = world.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    assert sorted(one["Target"]["Port"] for one in found) == [8080, 9090]
    assert {one["Target"]["AvailabilityZone"] for one in found} == {"us-east-1a"}
    world.elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": backend.address, "Port": 8080}])
    assert until(lambda: [key["Target"]["Port"] for key in health(world, group)] == [9090])


def health(world: World, group: str) -> list[dict[str, Any]]:
    return list(world.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"])


def test_a_security_group_that_does_not_admit_the_load_balancer_is_a_timeout(world: World) -> None:
    balancer, group = world.balancer(), world.group()
    world.listener(balancer, forward(group))
    closed = world.security_group([{"CidrIp": "10.0.0.0/8"}])
    world.target(group=group, security_group=closed)

    until(lambda: world.health(group) == [("unhealthy", "Target.Timeout")])
    permission = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080}
    permission["UserIdGroupPairs"] = [{"GroupId": world.lb_group}]  # type: ignore[assignment]
    world.ec2.authorize_security_group_ingress(GroupId=closed, IpPermissions=[permission])
    until(lambda: world.health(group) == [("healthy", "")])


def test_a_load_balancer_without_security_groups_gets_the_default_one_and_hangs(world: World) -> None:
    balancer = world.balancer(SecurityGroups=[])
    world.listener(balancer, fixed(200))
    (group,) = balancer["SecurityGroups"]
    shown = world.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    assert shown["GroupName"] == "default"

    with pytest.raises(TimeoutError):
        get(balancer["DNSName"], timeout=0.5)
    world.elb.set_security_groups(LoadBalancerArn=balancer["LoadBalancerArn"], SecurityGroups=[world.lb_group])
    assert get(balancer["DNSName"])[0] == 200


def test_weights_are_moved_by_modify_rule(world: World) -> None:
    balancer, blue, green = world.balancer(), world.group(), world.group()
    listener = world.listener(balancer)
    made = world.elb.create_rule(
        ListenerArn=listener,
        Priority=10,
        Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
        Actions=[weighted({blue: 100, green: 0})],
    )["Rules"][0]
    for group, body in ((blue, b"blue"), (green, b"green")):
        world.target(lambda connection, _ignored, body=body: connection.sendall(reply(body)), group)  # type: ignore[misc]
        until(lambda group=group: world.health(group) == [("healthy", "")])  # type: ignore[misc]

    def share() -> Counter[bytes]:
        return Counter(get(balancer["DNSName"])[1] for _ignored in range(200))

    assert share() == {b"blue": 200}
    world.elb.modify_rule(RuleArn=made["RuleArn"], Actions=[weighted({blue: 90, green: 10})])
    until(lambda: get(balancer["DNSName"])[1] == b"green")
    assert 5 <= share()[b"green"] <= 40
    world.elb.modify_rule(RuleArn=made["RuleArn"], Actions=[weighted({blue: 0, green: 100})])
    until(lambda: share() == {b"green": 200})
    shown = world.elb.describe_rules(RuleArns=[made["RuleArn"]])["Rules"][0]["Actions"][0]
    assert shown["ForwardConfig"]["TargetGroups"] == [
        {"TargetGroupArn": blue, "Weight": 0},
        {"TargetGroupArn": green, "Weight": 100},
    ]


def test_answers_have_the_form_that_aws_gives_them(world: World) -> None:
    balancer, group = world.balancer(), world.group()
    listener = world.listener(balancer, forward(group))
    rule = world.elb.create_rule(
        ListenerArn=listener,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/v2/*"]}}],
        Actions=[forward(group)],
    )["Rules"][0]

    (shown,) = world.elb.describe_rules(RuleArns=[rule["RuleArn"]])["Rules"]
    assert shown["Priority"] == "1"
    assert shown["Conditions"] == [
        {"Field": "path-pattern", "Values": ["/v2/*"], "PathPatternConfig": {"Values": ["/v2/*"]}}
    ]
    assert shown["Actions"] == [
        {
            "Type": "forward",
            "TargetGroupArn": group,
            "ForwardConfig": {
                "TargetGroups": [{"TargetGroupArn": group, "Weight": 1}],
                "TargetGroupStickinessConfig": {"Enabled": False},
            },
        }
    ]
    (shown,) = world.elb.describe_target_groups(TargetGroupArns=[group])["TargetGroups"]
    assert shown["LoadBalancerArns"] == [balancer["LoadBalancerArn"]]
    keys = {one["Key"] for one in world.elb.describe_target_group_attributes(TargetGroupArn=group)["Attributes"]}
    assert "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count" in keys
    world.elb.delete_listener(ListenerArn=listener)
    (shown,) = world.elb.describe_target_groups(TargetGroupArns=[group])["TargetGroups"]
    assert shown["LoadBalancerArns"] == []


def test_creating_the_same_again_returns_the_same(world: World) -> None:
    settings = {"Subnets": world.lab["subnets"]["public"][:2], "SecurityGroups": [world.lb_group]}
    first = world.elb.create_load_balancer(Name="twice", **settings)["LoadBalancers"][0]
    assert world.elb.create_load_balancer(Name="twice", **settings)["LoadBalancers"][0]["DNSName"] == first["DNSName"]
    group = {"Name": "twice", "Protocol": "HTTP", "Port": 8080, "VpcId": world.lab["vpc_id"], "TargetType": "ip"}
    arns = {world.elb.create_target_group(**group)["TargetGroups"][0]["TargetGroupArn"] for _ignored in range(2)}
    assert len(arns) == 1
    assert world.listener(first, fixed(200)) == world.listener(first, fixed(200))
    with pytest.raises(ClientError, match="DuplicateTargetGroupName"):
        world.elb.create_target_group(**group | {"Port": 8081})


def test_priorities_can_be_swapped(world: World) -> None:
    listener = world.listener(world.balancer())
    arns = [
        world.elb.create_rule(
            ListenerArn=listener,
            Priority=priority,
            Conditions=[{"Field": "path-pattern", "Values": ["/a*"]}],
            Actions=[fixed(200, str(priority))],
        )["Rules"][0]["RuleArn"]
        for priority in (1, 2)
    ]
    world.elb.set_rule_priorities(
        RulePriorities=[{"RuleArn": arns[0], "Priority": 2}, {"RuleArn": arns[1], "Priority": 1}]
    )

    rules = world.elb.describe_rules(ListenerArn=listener)["Rules"]
    assert {rule["RuleArn"]: rule["Priority"] for rule in rules if not rule["IsDefault"]} == {
        arns[0]: "2",
        arns[1]: "1",
    }


def test_a_port_the_lab_cannot_have_is_refused_and_leaves_nothing_behind(world: World) -> None:
    balancer = world.balancer()
    with socket.create_server((balancer["DNSName"], PORT)), pytest.raises(ClientError, match="Address already in use"):
        world.listener(balancer, fixed(200))
    assert world.elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"] == []
    world.listener(balancer, fixed(200))
    with pytest.raises(ClientError, match="DuplicateListener"):
        world.listener(balancer, fixed(404))
    assert len(world.elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]) == 1


def test_a_deleted_load_balancer_frees_its_address_and_groups(world: World) -> None:
    balancer, group = world.balancer(), world.group()
    world.listener(balancer, forward(group))
    arn = balancer["LoadBalancerArn"]
    protection = {"Key": "deletion_protection.enabled", "Value": "true"}
    world.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[protection])
    with pytest.raises(ClientError, match=r"OperationNotPermitted.*deletion protection is enabled"):
        world.elb.delete_load_balancer(LoadBalancerArn=arn)
    with pytest.raises(ClientError, match=r"ResourceInUse.*is currently in use by a listener or a rule"):
        world.elb.delete_target_group(TargetGroupArn=group)
    protection["Value"] = "false"
    world.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[protection])
    world.elb.delete_load_balancer(LoadBalancerArn=arn)
    world.elb.delete_load_balancer(LoadBalancerArn=arn)

    with pytest.raises(ConnectionRefusedError):
        get(balancer["DNSName"], port=PORT)
    with pytest.raises(ClientError, match="LoadBalancerNotFound"):
        world.elb.describe_load_balancers(LoadBalancerArns=[arn])
    world.elb.delete_target_group(TargetGroupArn=group)


def test_modified_health_checks_and_attributes_take_effect(world: World) -> None:
    balancer, group = world.balancer(), world.group(Matcher={"HttpCode": "200"})
    world.listener(balancer, forward(group))
    backend = world.target(group=group)
    backend.healthy = "204 No Content"
    until(lambda: world.health(group) == [("unhealthy", "Target.ResponseCodeMismatch")])
    (shown,) = health(world, group)
    assert shown["TargetHealth"]["Description"] == "Health checks failed with these codes: [204]"
    assert shown["HealthCheckPort"] == "8080"

    world.elb.modify_target_group(TargetGroupArn=group, Matcher={"HttpCode": "200-299"}, HealthCheckPath="/other")
    until(lambda: world.health(group) == [("healthy", "")])
    attributes = world.elb.modify_target_group_attributes(
        TargetGroupArn=group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "3600"}]
    )["Attributes"]
    assert {"Key": "deregistration_delay.timeout_seconds", "Value": "3600"} in attributes
