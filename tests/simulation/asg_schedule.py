# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the seeds of EC2 Auto Scaling draw from."""

from __future__ import annotations

import random

from ansible_collections.greenlight.serving.plugins.module_utils._engine.evolve import evolve
from tests.simulation.asg_scenario import RELEASES, STEPS
from tests.simulation.schedule import SHARED, Deck, Draw, Kinds, Schedule, event, kills, refused, second

STRATEGIES, NAMES = tuple(sorted(STEPS)), tuple(sorted(RELEASES))
LATEST = 500.0  # seconds: a rollout takes about so long


def _timers(late: tuple[float, ...], *, twice: bool = False, lost: bool = False) -> Draw:
    def draw(rng: random.Random, made: Schedule) -> Schedule:
        was_late, was_twice, was_lost = made.timers
        return evolve(made, timers=(max(was_late, rng.choice(late)), was_twice or twice, was_lost or lost))

    return draw


def _kept(rng: random.Random, made: Schedule) -> Schedule:
    del rng
    return evolve(made, kept=True)


KINDS: Kinds = {
    **SHARED,
    "killed": (8, kills(220)),
    "second": (1, second(NAMES, STRATEGIES)),
    "flap": (1, event("flap", (0.0,), LATEST)),
    "instance": (2, event("instance", (0.0,), LATEST)),
    "sick": (1, event("sick", (10.0, 40.0), LATEST)),
    "zone": (1, event("zone", (40.0, 120.0), LATEST)),
    "starved": (2, event("starved", (20.0, 90.0, 300.0), latest=60.0)),
    "gone": (1, event("gone", (0.0,), latest=10.0)),
    "foreign": (1, event("foreign", (0.0,), LATEST)),
    "scaled": (3, event("scaled", (0.0,), LATEST)),
    "moved": (1, event("moved", (30.0,), LATEST)),
    "meddled": (2, event("meddled", (40.0, 90.0), LATEST)),
    "refused": (1, refused("RollbackInstanceRefresh", "ModifyRule", "ResumeProcesses", "CreateSchedule")),
    "timer late": (3, _timers((5.0, 15.0))),
    "timer twice": (2, _timers((0.0,), twice=True)),
    "timer lost": (2, _timers((0.0,), lost=True)),
    "undeletable": (2, event("undeletable", (60.0, 300.0), LATEST)),
    "kept": (1, _kept),
}
DECK = Deck("asg", STRATEGIES, NAMES, KINDS)
