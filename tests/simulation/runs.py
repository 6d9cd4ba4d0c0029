# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the real loop on the real engine, whatever the platform."""

from __future__ import annotations

from ansible_collections.greenlight.serving.plugins.module_utils._drive import drive
from ansible_collections.greenlight.serving.plugins.module_utils._engine import lease
from ansible_collections.greenlight.serving.plugins.module_utils._engine.evolve import evolve
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Plan
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Ended, Event
from tests.simulation.faults import Faults
from tests.simulation.ports import Ports

TERMS = lease.Terms(seconds=60.0, call=4.0)
QUIET = Faults()


def locked(wanted: Plan, owner: str) -> Plan:
    """The plan of a run that takes the lock. `owner` must be new."""
    mine = lease.Lease("svc", owner=owner, who=f"{owner}@host", since="2026-01-01", rollout_id=wanted.rollout_id)
    return evolve(wanted, lock=lease.begin(mine, TERMS), listen=30.0)


def run(ports: Ports, wanted: Plan, faults: Faults = QUIET, events: list[Event] | None = None) -> Ended:
    """One run of the real loop on the real engine."""
    ports.faults, ports.phase = faults, "start"
    ports.skies.lags = ports.skies.lags or faults.lag > 0

    def report(event: Event, waiting: bool) -> None:
        ports.phase = ports.world.phase = event.phase
        if events is not None and not waiting:
            events.append(event)

    return drive(wanted, ports, ports, ports, ports, report)
