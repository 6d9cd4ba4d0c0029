# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record as one S3 object, written only on condition that nobody else wrote since it was read.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from .._clients.aws_errors import AwsError
from .._engine.model import Outcome, Record
from .._platforms.base import PortError
from . import schema


class Calls(Protocol):
    """What the store needs of `_clients.aws.Aws`."""

    def read(self, api: str, operation: str, /, **arguments: Any) -> dict[str, Any]: ...

    def write(self, api: str, operation: str, /, **arguments: Any) -> dict[str, Any]: ...


def key_of(prefix: str, platform: str, region: str, service: str) -> str:
    """`service`: cluster/name."""
    return "/".join(part for part in (prefix.strip("/"), platform, region, f"{service}.json") if part)


class NoBucketError(PortError):
    """The bucket is not there: it will not be there a moment later, either."""


class S3Store:
    """Implements `_platforms.base.Store`."""

    def __init__(self, calls: Calls, bucket: str, key: str, service: str) -> None:
        self._calls = calls
        self._place = {"Bucket": bucket, "Key": key}
        self._service = service
        self._etag = ""  # of what was loaded or written last; "" = there was no object

    def load(self) -> Record:
        """The record, or an empty one. Raises PortError."""
        raw, self._etag = self._get()
        if raw is None:
            return Record(service=self._service)
        try:
            return schema.parse(raw, self._service)
        except schema.RecordError as error:
            where = f"s3://{self._place['Bucket']}/{self._place['Key']}"
            mend = "Restore an earlier version of the object, or remove it: then no release is known to be good."
            raise PortError(Outcome.REFUSED, f"The record {where} can't be used: {error}. {mend}") from error

    def save(self, record: Record) -> None:
        """Raises PortError. TAKEN: somebody else wrote since `load`. UNKNOWN: not even reading back told."""
        body = schema.dump(record)
        condition: Mapping[str, str] = {"IfMatch": self._etag} if self._etag else {"IfNoneMatch": "*"}
        try:
            answer = self._calls.write(
                "s3", "put_object", **self._place, Body=body, ContentType="application/json", **condition
            )
        except AwsError as error:
            gone = error.code == "NoSuchKey" and bool(self._etag)
            if error.outcome is not Outcome.UNKNOWN and error.code != "PreconditionFailed" and not gone:
                raise
            self._settle(body, error)
            return
        self._etag = str(answer["ETag"])

    def _settle(self, body: bytes, error: AwsError) -> None:
        """The answer was lost, or our own earlier attempt may be what the condition fell over: read back."""
        try:
            found, etag = self._get()
        except PortError as unreadable:
            raise PortError(Outcome.UNKNOWN, f"{error}; reading back failed, too: {unreadable}") from error
        if found == body:
            self._etag = etag
        elif etag == self._etag:
            raise PortError(Outcome.TURNED_AWAY, f"{error}; it had no effect") from error
        else:
            raise PortError(Outcome.TAKEN, "Somebody else wrote the record since this run read it.") from error

    def _get(self) -> tuple[bytes | None, str]:
        """The object's bytes and ETag; (None, "") when there is none."""
        try:
            answer = self._calls.read("s3", "get_object", **self._place)
        except AwsError as error:
            if error.code == "NoSuchKey":
                return None, ""
            if error.code == "NoSuchBucket":
                mend = "Run playbooks/bootstrap.yml, which makes it, or mend record.bucket."
                raise NoBucketError(Outcome.REFUSED, f"There is no bucket {self._place['Bucket']}. {mend}") from error
            raise
        try:
            return answer["Body"].read(schema.LARGEST + 1), str(answer["ETag"])
        except Exception as error:  # the SDK's streaming errors have no common base
            raise PortError(Outcome.TURNED_AWAY, f"The record broke off while it was read: {error}") from error
