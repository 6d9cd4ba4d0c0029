# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a platform on AWS needs of its client, and what every answer tells besides its content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

from .._clients.aws_errors import AwsError

Json = dict[str, Any]


class Calls(Protocol):
    """What a platform needs of `_clients.aws.Aws`."""

    def read(self, api: str, operation: str, /, **arguments: Any) -> Json: ...

    def write(self, api: str, operation: str, /, **arguments: Any) -> Json: ...

    def pages(self, api: str, operation: str, key: str, /, **arguments: Any) -> Iterator[Any]: ...


def absent_is_empty(calls: Calls, api: str, operation: str, /, **arguments: Any) -> Json:
    """The answer; {} when what was asked for is not there. Raises PortError."""
    try:
        return calls.read(api, operation, **arguments)
    except AwsError as error:
        if error.not_found:
            return {}
        raise


def answered_at(answer: Mapping[str, Any]) -> datetime:
    """When the API answered, at the latest, by its own clock (the Date header, whole seconds): ours may be wrong."""
    said = ((answer.get("ResponseMetadata") or {}).get("HTTPHeaders") or {}).get("date")
    try:
        return parsedate_to_datetime(said).astimezone(UTC) + timedelta(seconds=1) if said else datetime.now(UTC)
    except ValueError:
        return datetime.now(UTC)
