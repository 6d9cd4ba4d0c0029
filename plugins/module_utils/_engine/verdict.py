# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples, the gate grammar, and the verdict over samples.

Pure, standard library only, and importable on Python 3.9: `probe` also runs on a bastion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence

PASS = "pass"
FAIL = "fail"
INCONCLUSIVE = "inconclusive"
UNDECIDED = "undecided"


@dataclass(frozen=True)
class Sample:
    """The answer to one probe."""

    at: float  # seconds on the caller's monotonic clock, when the answer was complete
    route: str  # production | test_listener | direct
    outcome: str  # PASS, FAIL (a wrong answer) or INCONCLUSIVE (no answer that says anything)
    reason: str = ""  # one clause, safe to print: what was expected and what was seen
    release: str = ""  # the release mark the answer carried; "" = the answer carried none
    target: str = ""  # the target's id where the route names one
    status: int = 0  # HTTP status; 0 = no answer
    seconds: float = 0.0  # from the first byte sent to the last one read


@dataclass(frozen=True)
class Gate:
    """When samples add up to a verdict (Argo Rollouts' analysis grammar, re-derived)."""

    interval: float = 1.0  # seconds between two probes
    count: int = 5  # consecutive passes that make the gate pass
    failure_limit: int = 0  # failed samples that are forgiven
    error_limit: int = 20  # consecutive inconclusive samples that are forgiven
    initial_delay: float = 0.0  # seconds before the first probe
    deadline: float = 120.0  # seconds until an undecided gate is inconclusive


@dataclass(frozen=True)
class Verdict:
    outcome: str  # PASS, FAIL, INCONCLUSIVE or UNDECIDED
    reason: str
    passed: int = 0
    failed: int = 0
    inconclusive: int = 0


def judge(gate: Gate, samples: Sequence[Sample], elapsed: Optional[float] = None) -> Verdict:
    raise NotImplementedError
