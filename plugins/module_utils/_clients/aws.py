# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS clients from connection options, and what their errors mean for a call's effect.

Two clients per service: reads are retried by the SDK, a mutating call is sent exactly once, so that only
the engine repeats it, after reading back. The process's environment is read by the SDK, never changed.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible.module_utils.basic import missing_required_lib

from .._engine.finding import Finding
from .._engine.model import Outcome
from .._platforms.base import PortError
from .aws_errors import AwsError

try:
    import boto3
    import botocore.config
    import botocore.exceptions
    import botocore.parsers

    BOTO_MISSING = ""
except ImportError:
    BOTO_MISSING = traceback.format_exc()

READ_ATTEMPTS = 6  # at 25 % throttling one read in 4,000 still fails; the loop then looks again
CONNECT_TIMEOUT = 5  # seconds
READ_TIMEOUT = 30
MEND = "Give the members of botocore.config.Config with values of the right type."


LONGEST_WAIT = 86_400
NUMBERS = ("connect_timeout", "read_timeout", "max_pool_connections")


def _given(aws_config: Mapping[str, Any]) -> Any:
    """`aws_config` as the SDK's own settings; PortError REFUSED when it takes them not.

    The SDK checks the names, some of the values, and no number:
    https://botocore.amazonaws.com/v1/documentation/api/latest/reference/config.html
    """
    try:
        config = botocore.config.Config(**aws_config)
        for name in NUMBERS:
            number = aws_config.get(name, 1)
            if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number < LONGEST_WAIT:
                raise ValueError(f"{name} must be a number above 0 and below {LONGEST_WAIT}")
        retries = aws_config.get("retries") or {}
        for name in ("max_attempts", "total_max_attempts"):
            if name in retries and (isinstance(retries[name], bool) or not isinstance(retries[name], int)):
                raise ValueError(f"retries.{name} must be a whole number")
    except (TypeError, ValueError, AttributeError, botocore.exceptions.BotoCoreError) as error:
        finding = Finding("aws_config", ", ".join(map(str, aws_config))[:100], str(error)[:200], MEND)
        raise PortError(Outcome.REFUSED, str(finding)) from error
    return config


def longest_call(aws_config: Mapping[str, Any]) -> float:
    """Seconds that a mutating call, which is sent once, may take until its answer is given up.

    An answer that keeps trickling could take longer; the bodies of ours fit one packet.
    """
    given = {"connect_timeout": CONNECT_TIMEOUT, "read_timeout": READ_TIMEOUT}
    given |= {name: aws_config[name] for name in given if isinstance(aws_config.get(name), int | float)}
    return float(sum(given.values()))


class Aws:
    """Calls to one account and region. Clients are built at first use: wrong arguments cost no network."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """`options`: the connection options of `_glue.argspec_common.connection()`."""
        if BOTO_MISSING:
            raise PortError(Outcome.REFUSED, missing_required_lib("boto3"))
        self._options = options
        self._given = _given(options.get("aws_config") or {})
        self._clients: dict[tuple[str, bool], Any] = {}
        self._session: Any = None

    @property
    def region(self) -> str:
        region = self._options.get("region") or self._connected().region_name
        if not region:
            raise PortError(Outcome.REFUSED, "No region is set. Set `region`, for example region: eu-central-1.")
        return str(region)

    def read(self, api: str, operation: str, /, **arguments: Any) -> dict[str, Any]:
        """One reading call (`operation` as boto3 names the method). Raises PortError."""
        return self._call(api, operation, False, arguments)

    def write(self, api: str, operation: str, /, **arguments: Any) -> dict[str, Any]:
        """One mutating call, sent exactly once. Raises PortError; UNKNOWN means: read back."""
        return self._call(api, operation, True, arguments)

    def pages(self, api: str, operation: str, key: str, /, **arguments: Any) -> Iterator[Any]:
        """The items under `key` of every page, for all the ways in which the services continue."""
        while True:
            page = self.read(api, operation, **arguments)
            yield from page.get(key, [])
            following = {name: page.get(name) for name in ("nextToken", "NextToken")}
            following["Marker"] = page.get("NextMarker")
            following = {name: value for name, value in following.items() if value}
            if not following:
                return
            arguments |= following

    def _call(self, service: str, operation: str, mutating: bool, arguments: Mapping[str, Any]) -> dict[str, Any]:
        def call() -> dict[str, Any]:
            answer: dict[str, Any] = getattr(self._client(service, mutating), operation)(**arguments)
            return answer

        done: dict[str, Any] = self._guarded(call, f"{service}:{operation}", mutating)
        return done

    def _client(self, service: str, mutating: bool) -> Any:
        if (service, mutating) not in self._clients:
            options = self._options
            verify = (options.get("aws_ca_bundle") or True) if options.get("validate_certs", True) else False
            self._clients[service, mutating] = self._connected().client(
                service,
                region_name=self.region,
                endpoint_url=options.get("endpoint_url") or None,
                verify=verify,
                config=self._config(mutating),
            )
        return self._clients[service, mutating]

    def _config(self, mutating: bool) -> Any:
        config = botocore.config.Config(
            user_agent_extra="greenlight.serving",
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            retries={"mode": "standard", "total_max_attempts": READ_ATTEMPTS},
        ).merge(self._given)
        once = botocore.config.Config(retries={"mode": "standard", "total_max_attempts": 1})
        return config.merge(once) if mutating else config

    def _connected(self) -> Any:
        """The SDK's session; the same rules as amazon.aws: a profile or keys, never both."""
        if self._session is None:
            options = self._options
            keys = {
                "aws_access_key_id": options.get("access_key") or None,
                "aws_secret_access_key": options.get("secret_key") or None,
                "aws_session_token": options.get("session_token") or None,
            }
            if options.get("profile") and any(keys.values()):
                raise PortError(
                    Outcome.REFUSED, "Both a profile and keys are set. Set either `profile` or `access_key`."
                )
            self._session = self._guarded(
                lambda: boto3.session.Session(profile_name=options.get("profile") or None, **keys), "session", False
            )
        return self._session

    @staticmethod
    def _guarded(call: Callable[[], Any], what: str, mutating: bool) -> Any:
        try:
            return call()
        except (
            botocore.exceptions.ClientError,
            botocore.exceptions.BotoCoreError,
            botocore.parsers.ResponseParserError,
            ValueError,
        ) as error:
            raise AwsError(error, what, mutating) from error
