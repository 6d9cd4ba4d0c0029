# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that ended, and what must hold of it on every platform."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Plan, Record
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import End, Phase, allowed
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Ended


@dataclass(frozen=True)
class Played:
    """A run that ended, and the record before it."""

    ports: Any  # the platform's own
    wanted: Plan
    ended: Ended
    before: Record
    disturbed: bool  # the world, or somebody, did more than to make the API fail
    killed: bool = False

    @property
    def record(self) -> Record:
        """As it is now."""
        record: Record = self.ports.world.store.record
        return record

    @property
    def context(self) -> str:
        """How it ended, in words."""
        return f"{self.ended.stop.state}: {self.ended.stop.reason}"


Claims = dict[str, bool]


def check_run(played: Played, calls: int, seconds: float) -> None:
    """I5, I8 and I11. `calls`, `seconds`: how many mutating calls it may make, and how long it may take."""
    ended, ports, faults = played.ended, played.ports, played.ports.faults
    for source, target in pairwise((*ended.state.trail, End(ended.stop.state))):
        assert allowed(Phase(source), target), f"{source} -> {target} is not in the table"
    assert ended.duration <= seconds or faults.stopped, f"I8 {played.context}"
    assert len(ports.writes) <= calls, f"I11 {ports.writes}"
    storeless = any(fault == "F10 no store" for fault, _ignored in ports.world.met)
    unfree = storeless or faults.store_down or faults.lost or faults.expired_at < float("inf")
    assert ports.world.store.lock.owner != ports.owner or unfree, f"I5 kept the lock: {played.context}"


def hold(claims: Claims, context: str) -> None:
    """All of them do; else the first that does not is named."""
    for name, holds in claims.items():
        assert holds, f"{name}, and {context}"
