# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases of a rollout as a transition table: what each waits for, who acts, what may follow.

This table is the whole truth about the order of things. decide() makes no transition that is not
in it, a test walks every edge of it, and the state diagram of the docs is rendered from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Phase(str, Enum):
    """Where a run stands."""

    START = "start"
    LOCKING = "locking"
    CHECKING = "checking"
    CONFIGURING = "configuring"
    ARMING = "arming"
    BEGINNING = "beginning"
    MOVING = "moving"
    HOLDING = "holding"
    PAUSING = "pausing"
    PROCEEDING = "proceeding"
    JUDGING = "judging"
    BAKING = "baking"
    FINISHING = "finishing"
    PROVING = "proving"
    TURNING_BACK = "turning_back"
    ROLLING_BACK = "rolling_back"
    VERIFYING = "verifying"
    DISARMING = "disarming"
    REMOVING = "removing"


class End(str, Enum):
    """How a run ends: the `state` of the result."""

    LIVE = "live"
    UNCHANGED = "unchanged"
    PLANNED = "planned"
    IN_PROGRESS = "in_progress"
    PAUSED = "paused"
    ROLLED_BACK = "rolled_back"
    REMOVED = "removed"
    REFUSED = "refused"
    NEEDS_OPERATOR = "needs_operator"
    INTERRUPTED = "interrupted"


# Ends that fail the task; `removed` does not when removal was asked for.
FAILING = frozenset({End.ROLLED_BACK, End.REMOVED, End.REFUSED, End.NEEDS_OPERATOR, End.INTERRUPTED})

# May follow any phase: the parts disagree, somebody else moves the service, the cloud can't be
# read or the store can't be written, a deadline of the way back is over; or we are asked to end.
ANYWHERE = (End.REFUSED, End.NEEDS_OPERATOR, End.INTERRUPTED)


@dataclass(frozen=True)
class Row:
    """One phase: what it waits for, who acts in it, and what may follow besides ANYWHERE."""

    waits_for: str
    who: str  # greenlight, cloud, a person, or nobody
    then: tuple[Phase | End, ...]


P, E = Phase, End

TABLE: dict[Phase, Row] = {
    P.START: Row(
        "the record and a first snapshot",
        "nobody",
        (
            P.START,  # an unfinished rollout turned out to be over: look at everything afresh
            P.LOCKING,  # something is to be written
            P.CHECKING,
            P.MOVING,
            P.JUDGING,
            P.ROLLING_BACK,
            P.DISARMING,  # nothing to do, but an earlier run left the heartbeat alarm armed
            P.REMOVING,
            E.UNCHANGED,
            E.LIVE,
            E.PLANNED,
        ),
    ),
    P.LOCKING: Row("the lock of this service", "greenlight", (P.START,)),
    P.CHECKING: Row(
        "everything that is wrong with the plan",
        "nobody",
        (P.LOCKING, P.CONFIGURING, P.DISARMING, E.PLANNED),
    ),
    P.CONFIGURING: Row(
        "the fields that start no deployment by themselves",
        "greenlight",
        (P.ARMING, P.BEGINNING, P.DISARMING, P.ROLLING_BACK, E.LIVE),
    ),
    P.ARMING: Row(
        "the heartbeat alarm to be OK, armed, and OK again",
        "greenlight",
        (P.BEGINNING, P.DISARMING, P.ROLLING_BACK),
    ),
    P.BEGINNING: Row(
        "the deployment to be seen moving",
        "greenlight",
        (P.ARMING, P.MOVING, P.JUDGING, P.DISARMING, P.ROLLING_BACK),
    ),
    P.MOVING: Row(
        "the cloud to reach its next hold, or to have moved every target",
        "cloud",
        (P.HOLDING, P.JUDGING, P.FINISHING, P.TURNING_BACK, P.ROLLING_BACK, E.IN_PROGRESS),
    ),
    P.HOLDING: Row(
        "the gate at the cloud's hold, the share of traffic as planned, the step's bake",
        "greenlight",
        (P.PAUSING, P.PROCEEDING, P.MOVING, P.TURNING_BACK, P.ROLLING_BACK),
    ),
    P.PAUSING: Row(
        "a person to promote or abort, while the hold has time",
        "a person",
        (P.PROCEEDING, P.MOVING, P.TURNING_BACK, P.ROLLING_BACK, E.PAUSED),
    ),
    P.PROCEEDING: Row(
        "the cloud to go on from the hold",
        "greenlight",
        (P.MOVING, P.HOLDING, P.TURNING_BACK, P.ROLLING_BACK),
    ),
    P.JUDGING: Row(
        "every target healthy for min_ready, and the gate",
        "greenlight",
        (P.BAKING, P.TURNING_BACK, P.ROLLING_BACK),
    ),
    P.BAKING: Row(
        "the bake: no second loss, no wrong answer",
        "greenlight",
        (P.JUDGING, P.FINISHING, P.TURNING_BACK, P.ROLLING_BACK),
    ),
    P.FINISHING: Row(
        "the public let in, the old targets drained and gone",
        "greenlight",
        (P.PROVING, P.TURNING_BACK, P.ROLLING_BACK),
    ),
    P.PROVING: Row(
        "a snapshot and right answers after the last change",
        "greenlight",
        (E.LIVE, P.DISARMING, P.TURNING_BACK, P.ROLLING_BACK),
    ),
    P.TURNING_BACK: Row("the cloud to have turned back", "cloud", (P.ROLLING_BACK,)),
    P.ROLLING_BACK: Row(
        "the previous release to serve alone, or a first release to be gone",
        "greenlight",
        (P.VERIFYING, P.DISARMING, E.REMOVED, P.START),
    ),
    P.VERIFYING: Row(
        "the gate, on the previous release", "greenlight", (E.ROLLED_BACK, P.ROLLING_BACK, P.DISARMING, P.START)
    ),
    P.DISARMING: Row(
        "the heartbeat alarm to be at rest again",
        "greenlight",
        (E.LIVE, E.UNCHANGED, E.ROLLED_BACK, E.REMOVED, P.START),
    ),
    P.REMOVING: Row("everything the rollouts made to be gone", "greenlight", (E.REMOVED,)),
}

HELD = frozenset({P.HOLDING, P.PAUSING, P.PROCEEDING})  # the cloud waits for our word
BACKWARD = frozenset({P.TURNING_BACK, P.ROLLING_BACK, P.VERIFYING})


def allowed(source: Phase, target: Phase | End) -> bool:
    """Whether the table has this edge."""
    return target in TABLE[source].then or target in ANYWHERE


def edges() -> Iterator[tuple[Phase, Phase | End]]:
    """Every edge that is particular to a phase; those of ANYWHERE come from all of them."""
    for phase, row in TABLE.items():
        for target in row.then:
            yield phase, target


def mermaid() -> str:
    """The table as a Mermaid state diagram (https://mermaid.js.org/syntax/stateDiagram.html)."""
    lines = ["stateDiagram-v2", f"  [*] --> {P.START.value}"]
    for phase, row in TABLE.items():
        lines.append(f"  {phase.value}: {phase.value}<br/>{row.waits_for} ({row.who})")
    lines += [f"  {source.value} --> {target.value}" for source, target in edges()]
    lines += [f"  {end.value} --> [*]" for end in End if end in {target for _ignored, target in edges()}]
    ends = ", ".join(end.value for end in ANYWHERE)
    lines += [f"  note right of {P.START.value}", f"    From every phase: {ends}", "  end note"]
    return "\n".join(lines) + "\n"
