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
        """The lock; without owner and version when there never was one. Raises PortError."""

    def write_lock(self, lease: Lease) -> Lease:
        """Take, renew, steal or free: write by condition on `lease.version`; gives what is stored, with its version.

        A lost answer is resolved by reading back. Raises PortError (TAKEN: another version is there; TURNED_AWAY:
        not written, as far as can be seen; UNKNOWN: read the lock).
        """

    def read_request(self) -> Request:
        """What was asked last, answered or not. What is no request has an `answer` that says so. Raises PortError."""

    def write_request(self, request: Request) -> Request:
        """Ask, or answer: write by condition on `request.version`, like the lock."""


class Clock(Protocol):
    def now(self) -> float:
        """Monotonic seconds."""

    def sleep(self, seconds: float) -> None:
        """May return early, when somebody asks the run to end."""
