# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the loop needs of a platform, a prober, a store and a clock. Nothing here knows a cloud."""

from __future__ import annotations

from typing import Protocol

from .._engine.finding import Finding
from .._engine.lease import Lease, Request
from .._engine.model import Observation, Outcome, Plan, Record, Verb
from .._engine.verdict import Sample


class PortError(Exception):
    """A call failed. `outcome` says what that means for its effect; the message is safe to print."""

    def __init__(self, outcome: Outcome, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome


class Platform(Protocol):
    def preflight(self, plan: Plan) -> list[Finding]:
        """Everything that is wrong, at once. Reads only."""

    def observe(self, plan: Plan) -> Observation:
        """One consistent snapshot. Reads only; raises PortError."""

    def perform(self, verb: Verb, plan: Plan, seen: Observation) -> str:
        """Make the first call of `seen.todo[verb]`: one mutating API call, single attempt.

        Idempotent: doing it again after a lost answer is harmless. Returns a line to print;
        raises PortError.
        """

    def beat(self, plan: Plan) -> None:
        """One datapoint of the heartbeat. Raises PortError; losing one loses nothing."""


class Prober(Protocol):
    def probe(self, route: str, release: str, seen: Observation) -> tuple[Sample, ...]:
        """One round of probes by a route; answers carry the release's mark. Never raises."""


class Store(Protocol):
    def load(self) -> Record:
        """The record, or an empty one. Raises PortError."""

    def save(self, record: Record) -> None:
        """Write by condition on what was loaded or written last.

        Saving the same record again after a lost answer is harmless: read back first. Raises
        PortError (TAKEN: somebody else wrote since; TURNED_AWAY: throttled, nothing written).
        """

    def read_lock(self) -> Lease:
        """The lock; one that nobody ever took is `Lease(service)`. Raises PortError."""

    def write_lock(self, lease: Lease) -> Lease:
        """Write on condition that the lock still has `lease.version`; gives it back with its new version.

        Take, renew, steal and free are all this one write. Raises PortError: TAKEN when the condition
        does not hold, TURNED_AWAY when nothing was written, UNKNOWN when nobody knows.
        """

    def read_request(self) -> Request:
        """What somebody asked of the rollout; `Request(service)` when there is nothing. Raises PortError."""

    def answer(self, request: Request) -> None:
        """Write `request.answer` on condition that it still has `request.version`. Raises PortError as write_lock."""


class Clock(Protocol):
    def now(self) -> float:
        """Monotonic seconds."""

    def sleep(self, seconds: float) -> None:
        """May return early, when somebody asks the run to end."""
