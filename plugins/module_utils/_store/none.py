# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No store: for check mode without a bucket, where nothing is remembered and nothing is written."""

from __future__ import annotations

from .._engine.evolve import evolve
from .._engine.lease import Lease, Request
from .._engine.model import Record


class NoStore:
    """Implements `_platforms.base.Store`: the lock is always free, nobody asks for anything."""

    def __init__(self, service: str) -> None:
        self._record = Record(service=service)
        self._lock = Lease(service)
        self._request = Request(service)

    def load(self) -> Record:
        return self._record

    def save(self, record: Record) -> None:
        self._record = record

    def read_lock(self) -> Lease:
        return self._lock

    def write_lock(self, lease: Lease) -> Lease:
        self._lock = evolve(lease, version=f"beat {lease.beat}")
        return self._lock

    def read_request(self) -> Request:
        return self._request

    def write_request(self, request: Request) -> Request:
        self._request = request
        return request
