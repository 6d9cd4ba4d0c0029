# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store that nothing unmasked enters."""

from __future__ import annotations

from .._engine.lease import Lease, Request
from .._engine.model import Record
from .._platforms.base import Store
from .redact import Redactor


class Guarded:
    """Implements `_platforms.base.Store`: everything that is written passes the redactor."""

    def __init__(self, store: Store, redactor: Redactor) -> None:
        self._store = store
        self._redactor = redactor
        self._ahead: Record | None = None

    def look(self) -> None:
        """Read the record ahead: the next `load` gives it without another call. Raises PortError."""
        self._ahead = self._store.load()

    def load(self) -> Record:
        ahead, self._ahead = self._ahead, None
        return self._store.load() if ahead is None else ahead

    def save(self, record: Record) -> None:
        self._store.save(self._redactor.record(record))

    def read_lock(self) -> Lease:
        return self._store.read_lock()

    def write_lock(self, lease: Lease) -> Lease:
        return self._store.write_lock(self._redactor.lease(lease))

    def read_request(self) -> Request:
        return self._store.read_request()

    def write_request(self, request: Request) -> Request:
        return self._store.write_request(self._redactor.request(request))
