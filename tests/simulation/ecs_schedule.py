# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the seeds of ECS draw from."""

from __future__ import annotations

import random

from ansible_collections.greenlight.serving.plugins.module_utils._engine.evolve import evolve
from tests.simulation.parts import RELEASES
from tests.simulation.scenario import STEPS
from tests.simulation.schedule import LONG_DRAIN, SHARED, Deck, Kinds, Schedule, event, kills, refused, second

STRATEGIES, NAMES = tuple(sorted(STEPS)), tuple(sorted(RELEASES))


def _streams(rng: random.Random, made: Schedule) -> Schedule:
    return evolve(made, draining=rng.choice(LONG_DRAIN))


KINDS: Kinds = {
    **SHARED,
    "killed": (6, kills(90)),
    "second": (1, second(NAMES, STRATEGIES)),
    "flap": (1, event("flap", (4.0, 10.0))),
    "sick": (1, event("sick", (10.0, 40.0))),
    "zone": (1, event("zone", (40.0, 120.0))),
    "starved": (1, event("starved", (20.0, 60.0), latest=20.0)),
    "gone": (1, event("gone", (0.0,), latest=10.0)),
    "foreign": (1, event("foreign", (0.0,))),
    "scaled": (2, event("scaled", (0.0,))),
    "moved": (1, event("moved", (0.0,))),
    "streams": (2, _streams),
    "meddled": (2, event("meddled", (40.0, 90.0), latest=160.0)),
    "refused": (
        1,
        refused("ContinueServiceDeployment ROLLBACK", "StopServiceDeployment", "UpdateService old"),
    ),
}
DECK = Deck("ecs", STRATEGIES, NAMES, KINDS)
