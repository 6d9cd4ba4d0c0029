# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls on the wire: what they are, whether they change anything, how each service's client reads our errors."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.parsers import create_parser

from tests.lab.aws.wire import Call, code_of, error, identify, mutates

SESSION = botocore.session.get_session()
FORM = "application/x-www-form-urlencoded; charset=utf-8"
# What the collection, its roles and the stock modules they use talk to.
USED = ("application-autoscaling", "cloudwatch", "ec2", "ecs", "elbv2", "iam", "logs", "s3", "secretsmanager", "sts")
OTHER_READS = {
    "logs.FilterLogEvents",
    "logs.StartQuery",
    "logs.StopQuery",
    "logs.TestMetricFilter",
    "ecs.DiscoverPollEndpoint",
    "iam.SimulateCustomPolicy",
    "iam.SimulatePrincipalPolicy",
    "s3.SelectObjectContent",
    "secretsmanager.ValidateResourcePolicy",
    "sts.AssumeRole",
    "sts.AssumeRoleWithSAML",
    "sts.AssumeRoleWithWebIdentity",
    "sts.DecodeAuthorizationMessage",
}


def environ(service: str, **fields: str) -> dict[str, Any]:
    return {
        "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential=LAB/20260101/us-east-1/{service}/aws4_request, Signature=x",
        "PATH_INFO": "/",
        **fields,
    }


def seen(fields: dict[str, Any], body: bytes = b"") -> Call:
    return identify(fields, body, lambda service, _ignored: f"{service}-operation")


@pytest.mark.parametrize(
    ("fields", "body", "expected"),
    [
        (
            environ("ecs", HTTP_X_AMZ_TARGET="AmazonEC2ContainerServiceV20141113.UpdateService"),
            b"{}",
            Call("ecs", "UpdateService", "json", True),
        ),
        (
            environ("elasticloadbalancing", CONTENT_TYPE=FORM),
            b"Action=DescribeTargetHealth&Version=2015-12-01",
            Call("elbv2", "DescribeTargetHealth", "query", False),
        ),
        (
            environ("elasticloadbalancing", CONTENT_TYPE=FORM),
            b"Action=DescribeLoadBalancers&Version=2012-06-01",
            Call("elb", "DescribeLoadBalancers", "query", False),
        ),
        (environ("ec2", CONTENT_TYPE=FORM), b"Action=CreateVpc", Call("ec2", "CreateVpc", "ec2", True)),
        (environ("ec2", CONTENT_TYPE=FORM), b"Action=CreateVpc&DryRun=true", Call("ec2", "CreateVpc", "ec2", False)),
        (
            environ("monitoring", PATH_INFO="/service/GraniteServiceVersion20100801/operation/PutMetricAlarm"),
            b"",
            Call("cloudwatch", "PutMetricAlarm", "cbor", True),
        ),
        (environ("s3", PATH_INFO="/bucket/key"), b"", Call("s3", "s3-operation", "rest-xml", True)),
        ({"PATH_INFO": "/bucket"}, b"", Call("s3", "s3-operation", "rest-xml", True)),
        (
            environ("scheduler", PATH_INFO="/schedules"),
            b"",
            Call("scheduler", "scheduler-operation", "rest-json", True),
        ),
    ],
)
def test_calls_are_recognised(fields: dict[str, Any], body: bytes, expected: Call) -> None:
    assert seen(fields, body) == expected


def test_what_cannot_be_told_counts_as_mutating() -> None:
    assert identify(environ("s3"), b"", lambda *_ignored: None) == Call("s3", "?", "rest-xml", True)


@pytest.mark.parametrize("service", USED)
def test_reads_are_those_named_so_and_a_known_few(service: str) -> None:
    names = SESSION.get_service_model(service).operation_names
    reads = {f"{service}.{name}" for name in names if not mutates(service, name)}
    plain = {f"{service}.{name}" for name in names if name.startswith(("Describe", "List", "Get", "Head", "BatchGet"))}
    assert reads - plain == {name for name in OTHER_READS if name.startswith(f"{service}.")}
    assert plain <= reads


@pytest.mark.parametrize("service", USED)
def test_no_operation_that_takes_an_idempotency_token_counts_as_a_read(service: str) -> None:
    model = SESSION.get_service_model(service)
    for name in model.operation_names:
        shape = model.operation_model(name).input_shape
        if shape is not None and shape.type_name == "structure":
            tokens = [member for member, of in shape.members.items() if of.metadata.get("idempotencyToken")]
            assert not tokens or mutates(service, name), name


PROTOCOLS = {"s3": "rest-xml", "ecs": "json", "ec2": "ec2", "elbv2": "query", "cloudwatch": "smithy-rpc-v2-cbor"}


@pytest.mark.parametrize("service", PROTOCOLS)
def test_the_services_own_client_reads_our_errors(service: str) -> None:
    protocol = PROTOCOLS[service]
    call = Call(service, "Any", {"smithy-rpc-v2-cbor": "cbor"}.get(protocol, protocol), True)
    message = "Rate <exceeded> & more than twenty-four bytes of it"
    status, headers, body = error(call, 400, "Throttling", message)
    model = SESSION.get_service_model(service)
    operation = model.operation_model(model.operation_names[0])
    parsed = create_parser(protocol).parse(
        {"status_code": status, "headers": {name.lower(): value for name, value in headers}, "body": body},
        operation.output_shape,
    )
    assert parsed["Error"]["Code"] == "Throttling"
    assert parsed["Error"]["Message"] == message
    assert code_of(headers, body) == "Throttling"
    assert code_of([], body) == "Throttling"
    assert ("Content-Length", str(len(body))) in headers


def test_codes_are_read_without_their_namespace() -> None:
    assert code_of([("X-Amzn-Errortype", "com.amazonaws.ecs#ClientException:http://x")], b"") == "ClientException"
    assert code_of([], b'{"__type": "ns.v1#NotFound", "message": "x"}') == "NotFound"
    assert code_of([], b"plain") == ""
