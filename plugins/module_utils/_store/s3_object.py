# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One S3 object, written only on condition that nobody else wrote since it was read.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

from .._clients.aws_errors import AwsError
from .._engine.model import Outcome
from .._platforms.base import PortError


class Calls(Protocol):
    """What the store needs of `_clients.aws.Aws`."""

    def read(self, api: str, operation: str, /, **arguments: Any) -> dict[str, Any]: ...

    def write(self, api: str, operation: str, /, **arguments: Any) -> dict[str, Any]: ...


class NoBucketError(PortError):
    """The bucket is not there: it will not be there a moment later, either."""


@dataclass(frozen=True)
class Seen:
    """When the content that was read last had been written, by S3's own clock."""

    written: str = ""  # UTC, ISO 8601; "" = there was no object, or the store doesn't say
    age: float | None = None  # seconds, in whole ones

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Seen:
        """From GetObject's Last-Modified and the answer's Date: no clock of ours is compared with S3's."""
        written = answer.get("LastModified")
        said = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        if not isinstance(written, datetime):
            return cls()
        try:
            age = (parsedate_to_datetime(said) - written).total_seconds()
        except (TypeError, ValueError):  # no Date, or one that is none
            return cls(written.isoformat(timespec="seconds"))
        return cls(written.isoformat(timespec="seconds"), max(0.0, age))


class S3Object:
    """`what`: how messages call it; `largest`: bytes, one more is read so that a larger one is found out."""

    def __init__(self, calls: Calls, bucket: str, key: str, what: str, largest: int) -> None:
        self._calls = calls
        self._place = {"Bucket": bucket, "Key": key}
        self._what = what
        self._largest = largest
        self.seen = Seen()

    @property
    def url(self) -> str:
        return f"s3://{self._place['Bucket']}/{self._place['Key']}"

    def get(self) -> tuple[bytes | None, str]:
        """The object's bytes and ETag; (None, "") when there is none. Raises PortError."""
        try:
            answer = self._calls.read("s3", "get_object", **self._place)
        except AwsError as error:
            if error.code == "NoSuchKey":
                self.seen = Seen()
                return None, ""
            if error.code == "NoSuchBucket":
                mend = "Run playbooks/bootstrap.yml, which makes it, or mend record.bucket."
                raise NoBucketError(Outcome.REFUSED, f"There is no bucket {self._place['Bucket']}. {mend}") from error
            raise
        self.seen = Seen.of(answer)
        try:
            return answer["Body"].read(self._largest + 1), str(answer["ETag"])
        except Exception as error:  # the SDK's streaming errors have no common base
            raise PortError(Outcome.TURNED_AWAY, f"The {self._what} broke off while it was read: {error}") from error

    def put(self, body: bytes, etag: str) -> str:
        """Write over the content with that ETag ("": there must be no object); gives the new one.

        The same body again after a lost answer is harmless. Raises PortError. TAKEN: something else is there now.
        TURNED_AWAY: not written, as far as can be seen. UNKNOWN: not even reading back told.
        """
        condition: Mapping[str, str] = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        try:
            answer = self._calls.write(
                "s3", "put_object", **self._place, Body=body, ContentType="application/json", **condition
            )
        except AwsError as error:
            gone = error.code == "NoSuchKey" and bool(etag)
            if error.outcome is not Outcome.UNKNOWN and error.code != "PreconditionFailed" and not gone:
                raise
            return self._settle(body, etag, error)
        return str(answer["ETag"])

    def _settle(self, body: bytes, etag: str, error: AwsError) -> str:
        """The answer was lost, or our own earlier attempt may be what the condition fell over: read back."""
        try:
            found, current = self.get()
        except PortError as unreadable:
            raise PortError(Outcome.UNKNOWN, f"{error}; reading back failed, too: {unreadable}") from error
        if found == body:
            return current
        if current == etag:
            raise PortError(Outcome.TURNED_AWAY, f"{error}; it had no effect") from error
        raise PortError(Outcome.TAKEN, f"Somebody else wrote the {self._what} since this run read it.") from error
