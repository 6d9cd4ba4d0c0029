# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store: the record, the lock and the request of one service, each written by condition."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.greenlight.serving.plugins.module_utils._engine.evolve import evolve
from ansible_collections.greenlight.serving.plugins.module_utils._engine.lease import Lease, Request
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Outcome, Record
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.base import PortError


@dataclass
class Objects:
    """What is kept; every write makes a new version."""

    record: Record = field(default_factory=lambda: Record("svc"))
    version: int = 0
    lock: Lease = field(default_factory=lambda: Lease("svc"))
    request: Request = field(default_factory=lambda: Request("svc"))
    locked_at: float = 0.0  # when the lock was written last
    writes: int = 0

    def save(self, record: Record, known: int) -> int:
        """`known`: the version that the writer read or wrote last."""
        if record == self.record:
            return self.version
        if known != self.version:
            raise PortError(Outcome.TAKEN, "another run wrote")
        assert record.generation <= self.record.generation + 1, "a generation was skipped"
        self.record, self.version = record, self.version + 1
        return self.version

    def write_lock(self, lease: Lease) -> Lease:
        if lease.version != self.lock.version:
            raise PortError(Outcome.TAKEN, "the lock has another version")
        self.lock = evolve(lease, version=self._new())
        return self.lock

    def write_request(self, request: Request) -> Request:
        if request.version != self.request.version:
            raise PortError(Outcome.TAKEN, "the request has another version")
        self.request = evolve(request, version=self._new())
        return self.request

    def _new(self) -> str:
        self.writes += 1
        return f"v{self.writes}"
