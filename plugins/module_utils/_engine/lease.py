# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One writer per service: who may write, until when, and what everybody else does. Pure; all times are arguments.

The lock is one object in the store, replaced only on condition of its version. Its holder writes it anew (a *beat*)
well before its lease is over; whoever else wants it waits until one version stood unchanged for the lease and more.
No two machines' clocks are ever compared: a holder counts from the moment it *sent* its beat, a contender from the
moment it first *saw* that beat, which is later. So the contender's patience ends after the holder's lease did.

What no lease can prevent is a process that is stopped between being allowed to call and calling, for longer than
`Terms.call` and `Terms.margin`: the record is fenced by its own version, a cloud's API is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .evolve import evolve

LEASE = 60.0  # seconds
SHORTEST, LONGEST = 2.0, 3600.0  # seconds: what a lock may claim, whoever wrote it
ACTIONS = ("promote", "pause", "resume", "abort")


@dataclass(frozen=True)
class Lease:
    """The lock as the store has it. `Lease(service)` alone is a lock that nobody ever took."""

    service: str
    owner: str = ""  # one run's own id, never used twice; "" = free
    who: str = ""  # for people: user@host, process
    since: str = ""  # UTC, ISO 8601, by the owner's clock: for people, never compared
    doing: str = ""  # one line
    rollout_id: str = ""
    seconds: float = LEASE  # what the owner claims; it stops writing before that is over
    beat: int = 0  # rises with every write, so that no content, hence no version, ever comes back
    version: str = ""  # the store's own mark of this content (ETag); "" = there is no object


@dataclass(frozen=True)
class Request:
    """What somebody asked of a rollout from another shell. An answered one stays to be read."""

    service: str
    id: str = ""  # "" = nothing was ever asked
    action: str = ""  # one of ACTIONS; "" = what the store holds is no request
    rollout_id: str = ""  # a request never reaches a later rollout
    step: str = ""  # where the rollout stood when it was asked, as the record says: a promotion is for one gate
    reason: str = ""
    by: str = ""
    at: str = ""  # UTC, ISO 8601, by the asker's clock: for people
    answer: str = ""  # "" = open; else what became of it
    version: str = ""  # the store's own mark of this content (ETag); "" = there is no object

    @property
    def open(self) -> bool:
        return bool(self.action) and not self.answer


@dataclass(frozen=True)
class Terms:
    """Seconds."""

    seconds: float = LEASE  # how long a beat counts
    call: float = 35.0  # the longest that one mutating call can be under way: connect and read timeouts

    @property
    def margin(self) -> float:
        """Between the latest possible effect of a call and the end of the lease."""
        return self.seconds / 12

    @property
    def skew(self) -> float:
        """What a contender waits beyond the lease: two clocks need not run equally fast."""
        return self.seconds / 6

    @property
    def shortest(self) -> float:
        """The least lease that leaves a third of itself for calls: seconds >= 1.5 x (call + margin)."""
        return max(SHORTEST, 1.5 * self.call / (1 - 1.5 / 12))


@dataclass(frozen=True)
class Grip:
    """What one run knows of the lock. `mine` is what it writes: owner, who, since, doing, rollout_id."""

    mine: Lease
    terms: Terms
    found: Lease | None = None  # the lock as last read or written; None = must be read
    first: float = 0.0  # since when that version has been seen, on our clock
    end: float | None = None  # when our lease is over; None = it never was ours
    # When the first write was sent whose effect was not seen yet. Even one that seemed to have none may come late,
    # so what is found to be ours counts from here.
    tried: float | None = None
    doubt: bool = False  # its answer was lost: read before anything else
    lost: bool = False  # the lock was ours, and is not: no further write, ever


class Move(str, Enum):
    """What to do about the lock next."""

    READ = "read"
    WRITE = "write"  # `wanted(grip)`: take, renew or steal
    WAIT = "wait"  # somebody else holds it; read again after a pause
    KEEP = "keep"  # ours, nothing due
    LOST = "lost"  # end the run without another write


def begin(mine: Lease, terms: Terms) -> Grip:
    """Before anything was read. `mine.owner` must be new."""
    return Grip(evolve(mine, seconds=terms.seconds), terms)


# ---- what to do ----------------------------------------------------------------------------------


def move(grip: Grip, now: float) -> Move:
    """The whole policy of the lock, in order."""
    if grip.lost:
        return Move.LOST
    if grip.found is None or grip.doubt:
        return Move.READ
    if ours(grip):
        return Move.WRITE if must_renew(grip, now) else Move.KEEP
    return Move.WRITE if not grip.found.owner or may_steal(grip, now) else Move.WAIT


def ours(grip: Grip) -> bool:
    """Whether the lock carried our name when it was seen last."""
    return not grip.lost and grip.found is not None and mine(grip.found, grip.mine)


def mine(found: Lease, wanted: Lease) -> bool:
    """After a lost answer: whether what was read back is our own."""
    return bool(wanted.owner) and found.owner == wanted.owner


def may_write(grip: Grip, now: float) -> bool:
    """Whether a mutating call begun now is over before our lease is, in the worst case."""
    return ours(grip) and grip.end is not None and now + grip.terms.call + grip.terms.margin < grip.end


def must_renew(grip: Grip, now: float) -> bool:
    """A quarter of the lease is over: the rest is for renewals that fail, and for the call at hand."""
    return now >= due(grip)


def due(grip: Grip) -> float:
    """When the next beat must be sent, on our clock: no pause may be longer. -inf = at once."""
    return float("-inf") if grip.end is None else grip.end - grip.terms.seconds * 3 / 4


def may_steal(grip: Grip, now: float) -> bool:
    """One version stood unchanged for the lease that its owner claimed, and more, on our own clock."""
    return grip.found is not None and now >= grip.first + patience(grip)


def patience(grip: Grip) -> float:
    """Seconds that a version must stand unchanged before anybody else may take the lock."""
    claimed = LONGEST if grip.found is None else min(max(grip.found.seconds, SHORTEST), LONGEST)
    return claimed + max(grip.terms.skew, Terms(claimed).skew)


def wanted(grip: Grip) -> Lease:
    """What to write: over the version seen last, and different from it."""
    found = grip.found or Lease(grip.mine.service)
    return evolve(grip.mine, beat=found.beat + 1, version=found.version)


def freed(found: Lease, doing: str) -> Lease:
    """What to write to let the lock go. `doing`: one line on how that came about. The last owner stays in `who`."""
    return evolve(found, owner="", doing=doing, rollout_id="", beat=found.beat + 1)


# ---- what was done and heard ---------------------------------------------------------------------


def sending(grip: Grip, now: float) -> Grip:
    """`wanted(grip)` is about to be written."""
    return evolve(grip, tried=now if grip.tried is None else grip.tried)


def written(grip: Grip, stored: Lease) -> Grip:
    """Our write took effect; `stored` is the lock as it stands, with its version."""
    sent = grip.tried or 0.0
    return evolve(grip, found=stored, first=sent, end=sent + grip.terms.seconds, tried=None, doubt=False)


def unanswered(grip: Grip) -> Grip:
    """Nobody knows whether our write took effect: read."""
    return evolve(grip, doubt=True)


def taken(grip: Grip) -> Grip:
    """Our write fell over its condition: something else is there. Read what."""
    return evolve(grip, found=None, doubt=False)


def read(grip: Grip, found: Lease, now: float) -> Grip:
    """The lock was read; `now` is when the answer was there."""
    if grip.found is not None and grip.found.version == found.version:
        return evolve(grip, doubt=False)  # a write that was sent had no effect, so far
    known = evolve(grip, found=found, first=now, doubt=False, tried=None)
    if not mine(found, grip.mine):
        return evolve(known, lost=grip.end is not None)
    return known if grip.tried is None else evolve(known, end=grip.tried + grip.terms.seconds)


# ---- what a second operator is told --------------------------------------------------------------

WATCH = "ansible-playbook playbooks/status.yml"
ABORT = "ansible-playbook playbooks/control.yml -e serving_action=abort"


def told(grip: Grip, now: float) -> str:
    """Who holds the lock, since when, what it does, and how to watch or end it. One sentence each, no line breaks."""
    found = grip.found
    if found is None or not found.owner:
        return f"{grip.mine.service}: nobody holds the lock."
    left = max(0.0, grip.first + patience(grip) - now)
    who, since = found.who or found.owner, found.since or "an unknown time"
    what = f": {found.doing}" if found.doing else ""
    return (
        f"{who} has held the lock of {found.service} since {since}{what}. Watch it: {WATCH}. End it: {ABORT}. "
        f"If its holder is dead, run the same again: without a sign of life the lock falls to you in {left:.0f} s."
    )
