# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an error says about a call's effect. The errors are botocore's own, raised by botocore where it is easy."""

from __future__ import annotations

from typing import Any

import botocore.exceptions as sdk
import botocore.parsers
import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._clients import aws_errors
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Outcome


def client_error(code: str, status: int = 400, text: str = "said so") -> sdk.ClientError:
    answer: Any = {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return sdk.ClientError(answer, "UpdateService")


AWAY, UNKNOWN, REFUSED = Outcome.TURNED_AWAY, Outcome.UNKNOWN, Outcome.REFUSED
URL = "https://ecs.example.com"
CASES: list[tuple[Exception, Outcome, Outcome]] = [  # error, for a change, for a read
    (client_error("ThrottlingException"), AWAY, AWAY),
    (client_error("Throttling"), AWAY, AWAY),
    (client_error("RequestLimitExceeded", 503), AWAY, AWAY),
    (client_error("SlowDown", 503), AWAY, AWAY),
    (client_error("Anything", 429), AWAY, AWAY),
    (client_error("ConflictException"), AWAY, AWAY),
    (client_error("ServerException", 500), UNKNOWN, AWAY),
    (client_error("InternalFailure", 500), UNKNOWN, AWAY),
    (client_error("", 502), UNKNOWN, AWAY),
    (client_error("AccessDeniedException"), REFUSED, REFUSED),
    (client_error("InvalidParameterException"), REFUSED, REFUSED),
    (client_error("LimitExceededException"), REFUSED, REFUSED),
    (client_error("InvalidParameterException", 400, "Unable to Start a service that is still Draining."), AWAY, AWAY),
    (sdk.ConnectionClosedError(endpoint_url=URL), UNKNOWN, AWAY),
    (sdk.ReadTimeoutError(endpoint_url=URL, error="x"), UNKNOWN, AWAY),
    (sdk.HTTPClientError(error="x"), UNKNOWN, AWAY),
    (botocore.parsers.ResponseParserError("cut"), UNKNOWN, AWAY),
    (sdk.EndpointConnectionError(endpoint_url=URL, error="x"), AWAY, AWAY),
    (sdk.ConnectTimeoutError(endpoint_url=URL, error="x"), AWAY, AWAY),
    (sdk.SSLError(endpoint_url=URL, error="x"), REFUSED, REFUSED),
    (sdk.NoCredentialsError(), REFUSED, REFUSED),
    (sdk.ParamValidationError(report="x"), REFUSED, REFUSED),
    (ValueError("Invalid endpoint: nonsense"), REFUSED, REFUSED),
]


@pytest.mark.parametrize(
    ("error", "change", "read"), CASES, ids=[f"{n}-{type(c[0]).__name__}" for n, c in enumerate(CASES)]
)
def test_every_error_has_an_outcome(error: Exception, change: Outcome, read: Outcome) -> None:
    assert aws_errors.outcome_of(error, mutating=True) is change
    assert aws_errors.outcome_of(error, mutating=False) is read


def test_an_error_without_a_response_is_no_trap() -> None:
    """HTTPClientError has a `response` that is None."""
    error = sdk.HTTPClientError(error="x")
    assert error.response is None
    assert (aws_errors.code_of(error), aws_errors.status_of(error)) == ("", 0)


def test_a_message_names_the_call_the_code_and_what_mends_it() -> None:
    text = aws_errors.explain(
        client_error("AccessDeniedException", 400, "User x is\n not authorized"), "ecs:update_service"
    )
    assert text.startswith("ecs UpdateService: AccessDeniedException: User x is not authorized")
    assert "Allow this action" in text
    assert "Check the keys" in aws_errors.explain(client_error("ExpiredTokenException"), "ecs:list_tasks")
    unreachable = sdk.EndpointConnectionError(endpoint_url=URL, error="x")
    assert "Check region, endpoint_url" in aws_errors.explain(unreachable, "ecs:list_tasks")


def test_a_message_is_bounded() -> None:
    assert len(aws_errors.explain(client_error("X", 400, "y" * 10_000), "ecs:update_service")) < 600


def test_an_aws_error_knows_what_is_not_there() -> None:
    assert aws_errors.AwsError(client_error("ClusterNotFoundException"), "ecs:x", False).not_found
    assert not aws_errors.AwsError(client_error("AccessDenied"), "ecs:x", False).not_found
