# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""alb_target_group against the SDK's own model: every request and answer is checked by botocore's Stubber."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from botocore.stub import Stubber

from ansible_collections.greenlight.serving.plugins.module_utils._clients.aws import Aws
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Outcome
from ansible_collections.greenlight.serving.plugins.module_utils._glue.target_group import ATTEMPTS, argument_spec, run
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.base import PortError

ARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/digits-blue/0123456789abcdef"
DESCRIBED = {
    "TargetGroupArn": ARN,
    "TargetGroupName": "digits-blue",
    "Protocol": "HTTP",
    "Port": 8080,
    "VpcId": "vpc-1",
    "TargetType": "ip",
    "HealthCheckProtocol": "HTTP",
    "HealthCheckPort": "traffic-port",
    "HealthCheckPath": "/v2/health/ready",
    "HealthCheckIntervalSeconds": 10,
    "HealthCheckTimeoutSeconds": 5,
    "HealthyThresholdCount": 2,
    "UnhealthyThresholdCount": 2,
    "Matcher": {"HttpCode": "200"},
    "LoadBalancerArns": [],
}
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html: the defaults
PLAIN = {
    "deregistration_delay.timeout_seconds": "300",
    "slow_start.duration_seconds": "0",
    "load_balancing.algorithm.type": "round_robin",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
    "stickiness.enabled": "false",
}
HEALTH = {
    "path": "/v2/health/ready",
    "port": "traffic-port",
    "protocol": "HTTP",
    "interval": 10,
    "timeout": 5,
    "healthy_threshold": 2,
    "unhealthy_threshold": 2,
    "matcher": "200",
}
ASKED: dict[str, Any] = {"name": "digits-blue", "vpc_id": "vpc-1", "port": 8080, "health_check": HEALTH}
CREATION = {
    "Name": "digits-blue",
    **{key: value for key, value in DESCRIBED.items() if not key.startswith(("TargetGroup", "LoadBalancerArns"))},
}


class Cloud:
    """Aws with one stubbed client for reads and writes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.client = boto3.client("elbv2", "eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")
        self.stub = Stubber(self.client)
        self.aws = Aws({"region": "eu-central-1"})
        self.slept: list[float] = []
        monkeypatch.setattr(self.aws, "_client", lambda *_args: self.client)

    def looks(self, described: Any = None, attributes: Any = None, tags: Any = ()) -> None:
        """The three reads of a look."""
        described = described or DESCRIBED
        pairs = [{"Key": key, "Value": value} for key, value in (attributes or PLAIN).items()]
        labels = [{"Key": key, "Value": value} for key, value in dict(tags).items()]
        self.stub.add_response("describe_target_groups", {"TargetGroups": [described]}, {"Names": ["digits-blue"]})
        self.stub.add_response("describe_target_group_attributes", {"Attributes": pairs}, {"TargetGroupArn": ARN})
        one = {"ResourceArn": ARN, **({"Tags": labels} if labels else {})}
        described_tags = {"TagDescriptions": [one]}
        self.stub.add_response("describe_tags", described_tags, {"ResourceArns": [ARN]})

    def looks_in_vain(self) -> None:
        self.stub.add_client_error("describe_target_groups", "TargetGroupNotFound", http_status_code=400)

    def run(self, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        checked = ArgumentSpecValidator(argument_spec()).validate({**ASKED, **options})
        assert checked.error_messages == []
        with self.stub:
            result = run(checked.validated_parameters, check_mode, self.aws, self.slept.append)
        self.stub.assert_no_pending_responses()
        return result

    @contextmanager
    def refuses(self) -> Iterator[Any]:
        with pytest.raises(PortError) as caught:
            yield caught
        self.stub.assert_no_pending_responses()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    return Cloud(monkeypatch)


def test_creates_what_is_missing_then_its_attributes(cloud: Cloud) -> None:
    cloud.looks_in_vain()
    creation = {**CREATION, "Tags": [{"Key": "stage", "Value": "production"}]}
    cloud.stub.add_response("create_target_group", {"TargetGroups": [DESCRIBED]}, creation)
    cloud.looks(tags={"stage": "production"})
    wanted = [
        {"Key": "deregistration_delay.timeout_seconds", "Value": "120"},
        {"Key": "slow_start.duration_seconds", "Value": "30"},
        {"Key": "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "Value": "50"},
    ]
    cloud.stub.add_response(
        "modify_target_group_attributes", {"Attributes": []}, {"TargetGroupArn": ARN, "Attributes": wanted}
    )
    cloud.looks(attributes={**PLAIN, **{pair["Key"]: pair["Value"] for pair in wanted}}, tags={"stage": "production"})
    result = cloud.run(
        deregistration_delay=120,
        slow_start=30,
        minimum_healthy={"unhealthy_routing_percentage": 50},
        tags={"stage": "production"},
    )
    assert result["changed"]
    assert result["diff"]["before"] == {}
    assert result["target_group"] == {
        "arn": ARN,
        "name": "digits-blue",
        "protocol": "HTTP",
        "port": 8080,
        "vpc_id": "vpc-1",
        "target_type": "ip",
        "health_check": HEALTH,
        "deregistration_delay": 120,
        "slow_start": 30,
        "algorithm": "round_robin",
        "minimum_healthy": {
            "dns_failover_count": "1",
            "dns_failover_percentage": "off",
            "unhealthy_routing_count": "1",
            "unhealthy_routing_percentage": "50",
        },
        "load_balancer_arns": [],
        "tags": {"stage": "production"},
    }
    assert cloud.slept == []


def test_nothing_to_do_is_three_reads(cloud: Cloud) -> None:
    cloud.looks(tags={"by hand": "stays"})
    result = cloud.run(deregistration_delay=300, algorithm="round_robin")
    assert not result["changed"]
    assert result["diff"]["before"] == result["diff"]["after"] == result["target_group"]


def test_what_is_not_given_is_left_alone(cloud: Cloud) -> None:
    odd = {**DESCRIBED, "HealthCheckIntervalSeconds": 77, "Matcher": {"HttpCode": "204"}}
    cloud.looks(odd, {**PLAIN, "slow_start.duration_seconds": "90"}, {"by": "hand"})
    assert not cloud.run(health_check=None)["changed"]


def test_changes_only_what_differs_in_one_call_each(cloud: Cloud) -> None:
    drifted = {**DESCRIBED, "HealthCheckIntervalSeconds": 30, "Matcher": {"HttpCode": "200-499"}}
    cloud.looks(drifted)
    mended = {"HealthCheckIntervalSeconds": 10, "Matcher": {"HttpCode": "200"}}
    cloud.stub.add_response("modify_target_group", {"TargetGroups": []}, {"TargetGroupArn": ARN, **mended})
    cloud.looks()
    attributes = [{"Key": "load_balancing.algorithm.type", "Value": "least_outstanding_requests"}]
    cloud.stub.add_response(
        "modify_target_group_attributes", {"Attributes": []}, {"TargetGroupArn": ARN, "Attributes": attributes}
    )
    changed = {**PLAIN, "load_balancing.algorithm.type": "least_outstanding_requests"}
    cloud.looks(attributes=changed)
    tags = [{"Key": "a", "Value": "1"}]
    cloud.stub.add_response("add_tags", {}, {"ResourceArns": [ARN], "Tags": tags})
    cloud.looks(attributes=changed, tags={"a": "1"})
    result = cloud.run(algorithm="least_outstanding_requests", tags={"a": 1})
    assert result["changed"]
    assert result["diff"]["before"]["health_check"]["interval"] == 30
    assert result["diff"]["after"]["health_check"] == HEALTH


def test_check_mode_on_a_first_run_gives_a_placeholder(cloud: Cloud) -> None:
    cloud.looks_in_vain()
    result = cloud.run(check_mode=True, slow_start=30, tags={"a": "1"})
    group = result["target_group"]
    assert result["changed"]
    assert group["arn"] == (
        "arn:aws:elasticloadbalancing:eu-central-1:000000000000:targetgroup/digits-blue/0000000000000000"
    )
    assert (group["name"], group["port"], group["health_check"], group["slow_start"]) == (
        "digits-blue",
        8080,
        HEALTH,
        30,
    )
    assert group["tags"] == {"a": "1"}


def test_check_mode_says_what_a_run_then_does(cloud: Cloud) -> None:
    for check_mode in (True, False):
        cloud.looks(tags={"b": "2"})
        if not check_mode:
            cloud.stub.add_response("add_tags", {}, {"ResourceArns": [ARN], "Tags": [{"Key": "a", "Value": "1"}]})
            cloud.looks(tags={"a": "1", "b": "2"})
        result = cloud.run(check_mode=check_mode, tags={"a": "1"})
        assert result["diff"]["after"]["tags"] == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("option", "given", "is_"),
    [
        ("port", 9090, "8080"),
        ("protocol", "HTTPS", "HTTP"),
        ("vpc_id", "vpc-2", "vpc-1"),
        ("target_type", "instance", "ip"),
    ],
)
def test_what_cannot_be_changed_is_refused_by_name(cloud: Cloud, option: str, given: Any, is_: str) -> None:
    cloud.looks()
    with cloud.refuses() as caught:
        cloud.run(**{option: given})
    assert str(caught.value) == (
        "Nothing was changed. Mend the options:\n"
        f"- {option}: cannot be changed, target group digits-blue has {is_} (given: {given}). "
        "Give that value, or another name: a new target group, which then takes the old one's place."
    )


def test_bad_options_are_refused_before_any_call(cloud: Cloud) -> None:
    with cloud.refuses() as caught:
        cloud.run(port=0, deregistration_delay=4000)
    assert str(caught.value).count("\n- ") == 2


# ---- absent ------------------------------------------------------------------------------------------------


def test_absent(cloud: Cloud) -> None:
    cloud.looks()
    cloud.stub.add_response("delete_target_group", {}, {"TargetGroupArn": ARN})
    cloud.looks_in_vain()
    result = cloud.run(state="absent")
    assert (result["changed"], result["target_group"], result["diff"]["after"]) == (True, {}, {})


def test_absent_in_check_mode(cloud: Cloud) -> None:
    cloud.looks()
    assert cloud.run(check_mode=True, state="absent")["changed"]


def test_absent_when_there_is_none(cloud: Cloud) -> None:
    cloud.looks_in_vain()
    result = cloud.run(state="absent")
    assert (result["changed"], result["target_group"]) == (False, {})


def test_absent_while_a_rule_forwards_to_it(cloud: Cloud) -> None:
    for _turn in range(ATTEMPTS - 1):
        cloud.looks()
        cloud.stub.add_client_error("delete_target_group", "ResourceInUse", "is currently in use", 400)
        cloud.looks()
    cloud.looks()
    cloud.stub.add_client_error("delete_target_group", "ResourceInUse", "is currently in use", 400)
    cloud.looks()
    with cloud.refuses() as caught:
        cloud.run(state="absent")
    assert "ResourceInUse" in str(caught.value)
    assert str(caught.value).endswith("Remove the listeners and rules that forward to it first.")
    assert cloud.slept == [1.0, 2.0, 4.0, 8.0, 16.0]


# ---- calls that don't go well ------------------------------------------------------------------------------


def test_throttling_is_waited_out(cloud: Cloud) -> None:
    cloud.looks_in_vain()
    cloud.stub.add_client_error("create_target_group", "Throttling", http_status_code=400)
    cloud.looks_in_vain()
    cloud.looks_in_vain()
    cloud.stub.add_response("create_target_group", {"TargetGroups": [DESCRIBED]}, CREATION)
    cloud.looks()
    assert cloud.run()["changed"]
    assert cloud.slept == [1.0]


def test_a_lost_answer_is_read_back_and_not_asked_again(cloud: Cloud) -> None:
    cloud.looks_in_vain()
    cloud.stub.add_client_error("create_target_group", "InternalFailure", http_status_code=500)
    cloud.looks()
    cloud.looks()
    assert cloud.run()["target_group"]["arn"] == ARN


def test_an_effect_that_shows_late_is_waited_for(cloud: Cloud) -> None:
    cloud.looks_in_vain()
    cloud.stub.add_response("create_target_group", {"TargetGroups": [DESCRIBED]}, CREATION)
    cloud.looks_in_vain()
    cloud.looks()
    assert cloud.run()["target_group"]["arn"] == ARN
    assert cloud.slept == [1.0]


def test_an_effect_that_never_shows_is_an_error(cloud: Cloud) -> None:
    for _turn in range(ATTEMPTS):
        cloud.looks()
        cloud.stub.add_response("add_tags", {}, {"ResourceArns": [ARN], "Tags": [{"Key": "a", "Value": "1"}]})
        cloud.looks()
    with cloud.refuses() as caught:
        cloud.run(tags={"a": "1"})
    assert str(caught.value) == "add_tags was accepted, but shows no effect."
    assert caught.value.outcome == Outcome.UNKNOWN


def test_what_aws_refuses_is_said_in_its_words(cloud: Cloud) -> None:
    cloud.looks_in_vain()
    cloud.stub.add_client_error("create_target_group", "TooManyTargetGroups", "The maximum number is 3000", 400)
    cloud.looks_in_vain()
    with cloud.refuses() as caught:
        cloud.run()
    assert "TooManyTargetGroups: The maximum number is 3000" in str(caught.value)
    assert cloud.slept == []


def test_a_read_that_fails_is_no_missing_target_group(cloud: Cloud) -> None:
    cloud.stub.add_client_error("describe_target_groups", "AccessDenied", "no", 403)
    with cloud.refuses() as caught:
        cloud.run()
    assert "AccessDenied" in str(caught.value)


def test_never_touches_targets() -> None:
    """Neither this module nor what it stands on knows the calls that register or deregister targets."""
    plugins = Path(__file__).resolve().parents[5] / "plugins"
    sources = [*(plugins / "module_utils/_alb").glob("*.py"), plugins / "module_utils/_glue/target_group.py"]
    assert len(sources) >= 3
    for source in sources:
        assert "register_targets" not in source.read_text(encoding="utf-8")
