# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An API call on the wire: which service and operation, whether it changes anything, and how the service says no.

Knows AWS's protocols, not moto. Protocols: https://smithy.io/2.0/aws/protocols/index.html; which service
speaks which: botocore's service models (`metadata.protocols`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

Environ = Mapping[str, Any]
Headers = list[tuple[str, str]]

SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/")
RPC = re.compile(r"/service/[^/]+/operation/(\w+)$")  # smithy-rpc-v2-cbor
CLIENTS = {"monitoring": "cloudwatch", "tagging": "resourcegroupstaggingapi"}  # signing name -> boto3's client name
CLASSIC = "2012-06-01"  # API version of classic load balancers, which sign as elasticloadbalancing, too
REST = {"s3": "rest-xml", "route53": "rest-xml", "scheduler": "rest-json", "lambda": "rest-json"}

READ_PREFIXES = ("Describe", "List", "Get", "Head", "BatchGet")
READS = {  # reads by another name; whatever is neither here nor above counts as mutating
    "dynamodb.Query",
    "dynamodb.Scan",
    "dynamodb.TransactGetItems",
    "ecr.BatchCheckLayerAvailability",
    "ecs.DiscoverPollEndpoint",
    "iam.SimulateCustomPolicy",
    "iam.SimulatePrincipalPolicy",
    "logs.FilterLogEvents",
    "logs.StartQuery",
    "logs.StopQuery",
    "logs.TestMetricFilter",
    "s3.SelectObjectContent",
    "secretsmanager.ValidateResourcePolicy",
    "sts.AssumeRole",
    "sts.AssumeRoleWithSAML",
    "sts.AssumeRoleWithWebIdentity",
    "sts.DecodeAuthorizationMessage",
}


@dataclass(frozen=True)
class Call:
    service: str  # boto3's client name: "ecs", "elbv2", "cloudwatch"
    operation: str  # botocore's name: "DescribeServices"; "?" when it can't be told
    protocol: str  # json query ec2 rest-xml rest-json cbor
    mutating: bool

    @property
    def name(self) -> str:
        return f"{self.service}.{self.operation}"


def identify(environ: Environ, body: bytes, route: Callable[[str, Environ], str | None]) -> Call:
    """`route(service, environ)` names the operation of a REST request (S3 and the like), or None."""
    scope = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    signed = scope.group(1) if scope else "s3"  # moto's own default for what isn't signed
    target = environ.get("HTTP_X_AMZ_TARGET")
    rpc = RPC.match(environ.get("PATH_INFO", ""))
    form: dict[str, list[str]] = {}
    if target:
        protocol, operation = "json", target.rpartition(".")[2]
    elif rpc:
        protocol, operation = "cbor", rpc.group(1)
    elif signed in REST or not _is_form(environ):
        protocol, operation = REST.get(signed, "rest-json"), route(signed, environ) or "?"
    else:
        form = parse_qs(body.decode("latin-1"))
        protocol, operation = "ec2" if signed == "ec2" else "query", form.get("Action", ["?"])[0]
    service = CLIENTS.get(signed, signed)
    if service == "elasticloadbalancing":
        service = "elb" if form.get("Version") == [CLASSIC] else "elbv2"
    dry = form.get("DryRun") == ["true"]
    return Call(service, operation, protocol, not dry and mutates(service, operation))


def mutates(service: str, operation: str) -> bool:
    return not (operation.startswith(READ_PREFIXES) or f"{service}.{operation}" in READS)


def error(call: Call, status: int, code: str, message: str) -> tuple[int, Headers, bytes]:
    """Status, headers and body with which this service reports `code` over the call's protocol."""
    if call.protocol in ("json", "rest-json"):
        kind, body = "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message}).encode()
    elif call.protocol == "cbor":
        kind, body = "application/cbor", _cbor({"__type": code, "message": message})
    else:
        kind, body = "text/xml", _xml(call.protocol, status, escape(code), escape(message)).encode()
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("x-amzn-RequestId", "lab")]
    if call.protocol == "cbor":
        headers.append(("smithy-protocol", "rpc-v2-cbor"))
    elif kind != "text/xml":
        headers.append(("X-Amzn-ErrorType", code))
    return status, headers, body


def code_of(headers: Headers, body: bytes) -> str:
    """The error code of an answer with a status of 400 or more, over any of the protocols; "" when it has none."""
    for name, value in headers:
        if name.lower() == "x-amzn-errortype":
            return value.partition(":")[0].rpartition("#")[2]
    found = re.search(rb"<Code>([^<]+)</Code>", body) or re.search(rb'"__type":\s*"(?:[^"#]*#)?([^"]+)"', body)
    return found.group(1).decode() if found else _cbor_type(body).rpartition("#")[2]


def _is_form(environ: Environ) -> bool:
    return str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded")


def _xml(protocol: str, status: int, code: str, message: str) -> str:
    if protocol == "ec2":
        return (
            f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
            "<RequestID>lab</RequestID></Response>"
        )
    if protocol == "rest-xml":
        return f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>lab</RequestId></Error>"
    blame = "Sender" if status < 500 else "Receiver"
    return (
        f"<ErrorResponse><Error><Type>{blame}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        "<RequestId>lab</RequestId></ErrorResponse>"
    )


def _cbor(fields: Mapping[str, str]) -> bytes:
    """A map of short texts (RFC 8949, 3.1: major types 5 and 3)."""
    return bytes([0xA0 | len(fields)]) + b"".join(_text(key) + _text(value) for key, value in fields.items())


def _cbor_type(body: bytes) -> str:
    """The text after the key `__type`."""
    _ignored, found, rest = body.partition(b"\x66__type")
    if not found or not rest:
        return ""
    short = rest[0] & 0x1F  # the length itself, or how many bytes of it follow
    width = {24: 1, 25: 2}.get(short, 0)
    size = int.from_bytes(rest[1 : 1 + width], "big") if width else short
    return rest[1 + width : 1 + width + size].decode(errors="replace")


def _text(value: str) -> bytes:
    data = value.encode()
    if len(data) < 24:
        return bytes([0x60 | len(data)]) + data
    return b"\x79" + len(data).to_bytes(2, "big") + data
