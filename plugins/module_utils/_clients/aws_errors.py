# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an SDK error says about a call's effect, and how to say it to a person. Imports no SDK: errors go by name."""

from __future__ import annotations

from typing import Any

from .._engine.model import Outcome
from .._platforms.base import PortError

# botocore/retries/standard.py, ThrottledRetryableChecker; without LimitExceededException, which is a quota at ECS.
THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
# Refused now because something else is under way; worth another look.
BUSY = frozenset(
    {
        "ActiveInstanceRefreshNotFound",  # Auto Scaling RollbackInstanceRefresh: it ended in between
        "ConflictException",  # ECS StopServiceDeployment: it ended in between; Scheduler: it is there already
        "ConditionalRequestConflict",  # S3 PutObject: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        "InstanceRefreshInProgress",  # Auto Scaling; the next snapshot shows whose
        "OperationAborted",  # S3
        "ResourceContention",  # Auto Scaling: a pending update to the group
        "ResourceInUse",  # Auto Scaling DeleteAutoScalingGroup: instances are still on their way out
        "ScalingActivityInProgress",  # Auto Scaling
        "UpdateInProgressException",  # ECS
        "RequestTimeTooSkewed",
    }
)
# Texts of InvalidParameterException and ClientException that pass with time: eventual consistency between services.
# Source: terraform-provider-aws internal/service/ecs/service.go, the retry conditions of create and update.
PASSING = (
    "does not have an associated load balancer",
    "still draining",
    "an active instance refresh with a desired configuration exists",  # Auto Scaling UpdateAutoScalingGroup
    "unable to assume the service linked role",
    "verify that the ecs service role being passed has the proper permissions",
)
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthFailure"})
STALE_KEYS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
    }
)
# Raised by botocore before a byte of the request was sent.
NOT_SENT = frozenset({"EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError"})
# Raised when the request may have arrived but its answer did not.
ANSWER_LOST = frozenset({"ConnectionError", "HTTPClientError", "ResponseParserError", "ResponseStreamingError"})
NOT_FOUND = frozenset(
    {
        "ClusterNotFoundException",
        "ListenerNotFound",
        "LoadBalancerNotFound",
        "NoSuchKey",
        "RuleNotFound",
        "ServiceDeploymentNotFoundException",
        "ServiceNotFoundException",
        "TargetGroupNotFound",
    }
)
LONGEST = 400  # characters of a cloud's own text that a message repeats


class AwsError(PortError):
    """A failed call with the service's own error code ("" = it never answered)."""

    def __init__(self, error: BaseException, what: str, mutating: bool) -> None:
        super().__init__(outcome_of(error, mutating), explain(error, what))
        self.code = code_of(error)

    @property
    def not_found(self) -> bool:
        return self.code in NOT_FOUND


def code_of(error: BaseException) -> str:
    """The service's error code; "" when the answer carried none."""
    response: Any = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def status_of(error: BaseException) -> int:
    """The HTTP status; 0 without an answer."""
    response: Any = getattr(error, "response", None) or {}
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) if isinstance(response, dict) else 0


def outcome_of(error: BaseException, mutating: bool) -> Outcome:
    """TURNED_AWAY: no effect, worth another try. UNKNOWN: read back. REFUSED: it will be refused again."""
    lost = Outcome.UNKNOWN if mutating else Outcome.TURNED_AWAY
    code, status = code_of(error), status_of(error)
    if not code and not status:
        names = {kind.__name__ for kind in type(error).__mro__}
        if names & NOT_SENT:
            return Outcome.TURNED_AWAY
        return lost if names & ANSWER_LOST and "SSLError" not in names else Outcome.REFUSED
    if code in THROTTLED or code in BUSY or status == 429:
        return Outcome.TURNED_AWAY
    if status >= 500 or code in ("InternalFailure", "InternalError", "ServerException", "ServiceUnavailable"):
        return lost
    if any(text in str(error).lower() for text in PASSING):
        return Outcome.TURNED_AWAY
    return Outcome.REFUSED


def explain(error: BaseException, what: str) -> str:
    """One line: what was called, the cloud's own code and words, and how to mend it where that is known.

    `what`: "service:operation".
    """
    service, _sep, operation = what.partition(":")
    title = f"{service} {''.join(word.capitalize() for word in operation.split('_'))}".strip()
    code = code_of(error)
    response: Any = getattr(error, "response", None) or {}
    text = str(response["Error"].get("Message", "")) if code else str(error)
    text = " ".join(text.split())[:LONGEST]
    return f"{title}: {code or type(error).__name__}: {text}{_hint(type(error).__name__, code)}"


def _hint(name: str, code: str) -> str:
    if code in DENIED:
        return " Allow this action to the controller's identity (playbooks/bootstrap.yml prints the least policy)."
    if code in STALE_KEYS or name in ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound"):
        return " Check the keys or the profile in the connection options."
    if name in NOT_SENT:
        return " Check region, endpoint_url and the network."
    return ""
