# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record, the lock and the request of a service: three S3 objects side by side, each written by condition."""

from __future__ import annotations

from .._engine.evolve import evolve
from .._engine.lease import Lease, Request
from .._engine.model import Outcome, Record
from .._platforms.base import PortError
from . import lock_schema, schema
from .document import RecordError
from .s3_object import Calls, NoBucketError, S3Object

__all__ = ["Calls", "NoBucketError", "S3Store", "key_of"]


def key_of(prefix: str, platform: str, region: str, service: str) -> str:
    """Of the record; `service`: cluster/name, neither of which can hold a dot."""
    return "/".join(part for part in (prefix.strip("/"), platform, region, f"{service}.json") if part)


class S3Store:
    """Implements `_platforms.base.Store`. `key`: of the record; the others stand beside it."""

    def __init__(self, calls: Calls, bucket: str, key: str, service: str) -> None:
        beside = key.removesuffix(".json")
        self._record = S3Object(calls, bucket, key, "record", schema.LARGEST)
        self._lock = S3Object(calls, bucket, f"{beside}.lock", "lock", lock_schema.LARGEST)
        self._request = S3Object(calls, bucket, f"{beside}.request", "request", lock_schema.LARGEST)
        self._service = service
        self._etag = ""  # of the record that was loaded or written last; "" = there was none

    @property
    def record_written(self) -> str:
        """When the record that was loaded last had been written, by the store's clock: UTC, ISO 8601; "" = unknown."""
        return self._record.seen.written

    @property
    def lock_age(self) -> float | None:
        """Seconds between the lock's last beat and its last reading, by the store's clock; None = unknown."""
        return self._lock.seen.age

    def load(self) -> Record:
        raw, self._etag = self._record.get()
        if raw is None:
            return Record(service=self._service)
        try:
            return schema.parse(raw, self._service)
        except RecordError as error:
            mend = "Restore an earlier version of the object, or remove it: then no release is known to be good."
            raise _unusable(self._record, "record", error, mend) from error

    def save(self, record: Record) -> None:
        self._etag = self._record.put(schema.dump(record), self._etag)

    def read_lock(self) -> Lease:
        raw, version = self._lock.get()
        if raw is None:
            return Lease(self._service)
        try:
            return lock_schema.parse_lease(raw, self._service, version)
        except RecordError as error:
            raise _unusable(self._lock, "lock", error, "Remove the object once no rollout is at work.") from error

    def write_lock(self, lease: Lease) -> Lease:
        return evolve(lease, version=self._lock.put(lock_schema.dump_lease(lease), lease.version))

    def read_request(self) -> Request:
        raw, version = self._request.get()
        if raw is None:
            return Request(self._service)
        try:
            return lock_schema.parse_request(raw, self._service, version)
        except RecordError as error:
            return Request(
                self._service, answer=f"what {self._request.url} holds is no request: {error}", version=version
            )

    def write_request(self, request: Request) -> Request:
        return evolve(request, version=self._request.put(lock_schema.dump_request(request), request.version))


def _unusable(place: S3Object, what: str, error: RecordError, mend: str) -> PortError:
    return PortError(Outcome.REFUSED, f"The {what} {place.url} can't be used: {error}. {mend}")
