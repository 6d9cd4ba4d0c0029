# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether many seeds showed enough: every fault, every phase and end, and a kill in every phase."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import TABLE, End, Phase

FAULTS = tuple(f"F{number}" for number in range(1, 23))  # F23 is OpenStack's
TIMERS = "F24"  # EventBridge Scheduler's: late, twice, lost, or not to be deleted
# No seed asks a person, removes a service, leaves before the end or sends a signal: unit tests walk those edges.
UNPLAYED = {Phase.PAUSING, Phase.REMOVING, End.IN_PROGRESS, End.PAUSED, End.INTERRUPTED}
PLAYED = tuple(each.value for each in (*TABLE, *End) if each not in UNPLAYED)
# The simulated service never differs in a field that CONFIGURE would mend, so no call falls into that phase.
KILLED = tuple(phase.value for phase in TABLE if phase not in UNPLAYED and phase is not Phase.CONFIGURING)
ENOUGH = 2000  # seeds from which on all of it is asked for
PER = 1000  # once for so many seeds
ALL_KILLED = 20_000  # seeds from which on a run must have been killed in every phase: some are short and rare


def missing(
    seeds: int, met: Mapping[tuple[str, str], int], reached: Mapping[str, int], platform: str = "ecs"
) -> list[str]:
    """What so many counted seeds should have shown and did not, in one line each; nothing below ENOUGH seeds."""
    if seeds < ENOUGH:
        return []
    faults: Counter[str] = Counter()
    for (fault, _ignored), times in met.items():
        faults[fault.partition(" ")[0]] += times
    kills = {phase: met.get(("F7 killed", phase), 0) for phase in KILLED}
    asked = (*FAULTS, TIMERS) if platform == "asg" else FAULTS
    return [
        *_fewer("fault {} met {} times", {fault: faults[fault] for fault in asked}, seeds // PER),
        *_fewer("{} reached {} times", {each: reached.get(each, 0) for each in PLAYED}, seeds // PER),
        *_fewer("killed in {} {} times", kills, int(seeds >= ALL_KILLED)),
    ]


def _fewer(text: str, seen: Mapping[str, int], least: int) -> list[str]:
    return [f"{text.format(name, times)}, at least {least}" for name, times in seen.items() if times < least]
