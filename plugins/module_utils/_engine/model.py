# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of the engine: plans, observations, records, commands. Frozen, and without any I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from .finding import Finding
from .lease import Grip, Lease, Request
from .scale import Capacity, Chain, Heartbeat, Step, Timing
from .verdict import Gate, Sample

__all__ = [
    "Answer", "Beat", "Call", "Capacity", "Chain", "Check", "Command", "Deployment", "Finding", "Gate", "Grip", "Heard",
    "Heart", "Heartbeat", "Held", "Lease", "Load", "Look", "Movement", "Observation", "Outcome", "Plan", "Probe",
    "ReadLock", "ReadRequest", "Record", "Release", "Request", "Sample", "Save", "Step", "Stop", "Target", "Timing",
    "Verb", "Wait", "WriteLock",
]  # fmt: skip


class Movement(str, Enum):
    """What the cloud does with the deployment that goes to a release."""

    NONE = "none"  # no deployment of this release was ever started (or it is long over)
    MOVING = "moving"
    MOVED = "moved"  # the cloud says it is done; whether that is true, we judge
    TURNING_BACK = "turning_back"  # the cloud (or somebody) rolls it back
    TURNED_BACK = "turned_back"
    STOPPED = "stopped"  # ended without rolling back: what serves must be read


class Verb(str, Enum):
    """A platform's mutating verbs. Each call performs at most one mutating API call."""

    CONFIGURE = "configure"  # fields that start no deployment by themselves; never while one is open
    ARM = "arm"  # the heartbeat alarm: made at rest, then, once it is OK, told that silence is a breach
    BEGIN = "begin"
    PROCEED = "proceed"  # let the cloud go on from the hold at hand, the action always named
    ROLL_BACK = "roll_back"  # bring `Plan.previous` back alone, whatever is in its way; see Plan.first
    FINISH = "finish"
    DISARM = "disarm"  # at rest again, only when no deployment is open: the heartbeat alarm, and what was held still
    REMOVE = "remove"  # state: absent


@dataclass(frozen=True)
class Release:
    """An immutable release, named by its content hash."""

    id: str  # 12 hex digits of the SHA-256 over its canonical content
    label: str = ""  # for people: "digits:7 registry/model@sha256:ab12…"


@dataclass(frozen=True)
class Target:
    """A task, instance or server registered at the load balancer."""

    id: str  # address:port or server id, as the load balancer names it
    release: str  # Release.id; "" = not known
    state: str  # initial, healthy, unhealthy, draining, unused, unavailable; "unregistered" before
    reason: str = ""  # the platform's own code and text
    zone: str = ""
    task: str = ""  # the platform's own id of what runs behind it
    address: str = ""  # host:port where a probe can reach it directly; "" = nowhere


@dataclass(frozen=True)
class Deployment:
    """The cloud's own deployment that goes, or went, to a release."""

    id: str  # service deployment ARN, refresh id, stack update id
    release: str  # Release.id it goes to; "" = none of ours
    movement: Movement
    reason: str = ""  # the cloud's own words
    failures: int = 0  # failed tasks so far
    threshold: int = 0  # failures at which the cloud gives up; 0 = never
    by: str = "greenlight"  # who started it: "greenlight", or a name to show
    starved: bool = False  # what failed were launches for want of room or quota: no fault of the release


@dataclass(frozen=True)
class Held:
    """The cloud waits for our word, and rolls back by itself when none comes."""

    stage: str  # the cloud's own name of the place, for people
    id: str  # of this hold alone: the hook's execution; a later hold has another
    left: float  # seconds until the cloud rolls back by itself, counted from `Observation.at`; inf = it does not
    next_weight: int  # percent of production traffic that PROCEED leads to; 100 also at the last hold
    last: bool  # PROCEED ends the deployment: the old release goes
    weight: int | None = None  # of the plan's step that it stands at; None = the one before `next_weight`
    targets: int = 0  # how many of the release run here, at the least; 0 = as many as are wanted
    alone: str = ""  # what comes without our word, where that is not "it goes back by itself"; a clause for people


@dataclass(frozen=True)
class Heart:
    """The heartbeat alarm, as read back."""

    state: str  # ok, alarm, or unknown (too little data)
    breaching: bool  # silence counts as a breach: it is armed
    monitored: bool | None = None  # whether the cloud watches it for the deployment at hand; None = there is none


@dataclass(frozen=True)
class Record:
    """What the store remembers of a service. Written before the first mutating call."""

    service: str
    generation: int = 0
    live: str = ""  # Release.id that was proven and serves
    last_good: str = ""  # the proven release before it: what rollback.yml goes to
    pinned: str = ""  # Release.id that site.yml must leave alone; "" = none
    pinned_by: str = ""
    rejected: Mapping[str, str] = field(default_factory=dict)  # Release.id -> "when: why"
    # What a run began and nobody ended: rollout_id, from, to, phase, started_at, started_by; before (id of the
    # deployment that went to the release earlier), first ("yes": nothing to go back to), cause and rejects (why
    # it is being rolled back, and whether that speaks against the release), strategy, step (percent of traffic at
    # which it was judged last), baked ("yes": every gate passed), left (in_progress or paused: a run ended on
    # purpose, another goes on), paused and promoted (by whom, on request).
    unfinished: Mapping[str, str] = field(default_factory=dict)
    releases: Mapping[str, str] = field(default_factory=dict)  # Release.id -> label, for the ids above


@dataclass(frozen=True)
class Observation:
    """One consistent snapshot of the service, as the platform read it."""

    at: float  # monotonic seconds when the snapshot was begun
    exists: bool  # the service is there (not merely its load balancer)
    serving: str = ""  # Release.id that the cloud last completed; "" = none, or none of ours
    deployment: Deployment | None = None  # newest deployment that goes to the plan's release
    # A deployment in progress that goes to any other release than the plan's, when that release is known. The
    # engine tells from the record whether it is ours (a killed run, or our way back to `Plan.previous`).
    other: Deployment | None = None
    foreign: str = ""  # somebody moves the service right now, to no release that is known: who and what
    closed: bool = False  # the public is kept out (a first release that is not proven)
    desired: int = 0
    targets: tuple[Target, ...] = ()
    weights: Mapping[str, int] = field(default_factory=dict)  # target group or pool -> weight, as read back
    events: tuple[str, ...] = ()  # the cloud's own messages, oldest first
    todo: Mapping[Verb, tuple[str, ...]] = field(default_factory=dict)  # the calls each verb would still make, in order
    drift: tuple[str, ...] = ()  # "path: is -> wanted", what CONFIGURE or BEGIN would mend
    labels: Mapping[str, str] = field(default_factory=dict)  # Release.id -> label, of what was seen
    problem: str = ""  # the parts disagree (rule, service, record): nobody may move anything
    back_to: str = ""  # Release.id that ROLL_BACK would bring back; "" = there is none (a first release)
    proof: Mapping[str, str] = field(default_factory=dict)  # headers that let a probe in while `closed`
    held: Held | None = None
    share: int | None = None  # percent of production traffic to the plan's release, as the rule says; None = not read
    test_share: int | None = None  # the same of the test route
    stage: str = ""  # the cloud's own name of where the deployment stands
    heart: Heart | None = None  # None = there is no heartbeat alarm
    keeps: str = ""  # what the cloud itself, or a time that must pass, makes us wait for, in words


@dataclass(frozen=True)
class Plan:
    """What is wanted, and how to get there. Nothing platform-specific."""

    service: str
    platform: str
    release: Release
    strategy: str
    gate: Gate
    timing: Timing
    rollout_id: str
    started_by: str = ""
    started_at: str = ""  # UTC, ISO 8601
    check_mode: bool = False
    wait: bool = True
    pin: bool = False  # this run overrides the inventory (rollout.yml, rollback.yml)
    retry_rejected: bool = False
    unpin: bool = False  # drop the pin of an earlier run
    remove: bool = False  # state: absent
    route: str = "production"  # where probes go: production, test_listener or direct
    probes: bool = True  # False: no golden requests given; targets' health alone judges, and the result says so
    mover: str = "the cloud"  # who moves, in lines and reasons: "ECS"
    capacity: Capacity | None = None
    chain: Chain = field(default_factory=Chain)
    steps: tuple[Step, ...] = ()  # where the cloud holds: ascending, the last is 100; () = it holds nowhere
    # The steps are percent of the targets, replaced one after another: the traffic follows them. Else percent of the
    # traffic, shifted by a rule between two releases that both run in full strength.
    checkpoints: bool = False
    first_alone: bool = False  # a first release makes none of the stops: it is proven at once, closed to the public
    heartbeat: Heartbeat | None = None  # None = no alarm is armed
    lock: Grip | None = None  # from lease.grip(); None = nobody else can write
    listen: float = 0.0  # seconds between two looks for requests from other shells; 0 = never
    on_unfinished: str = "resume"  # resume, roll_back or fail: what becomes of a rollout that nobody ended
    # Filled in by the loop, from the record and the first snapshot, for the platform's ROLL_BACK:
    previous: str = ""  # Release.id to go back to; "" = the last release the cloud completed before ours
    first: bool = False  # there was no service before: ROLL_BACK removes what BEGIN made
    begun: str = ""  # id of the rollout at hand: one that is gone on with keeps its own


# ---- commands: what decide() asks the loop to do -------------------------------------------------


@dataclass(frozen=True)
class Load:
    """Read the record."""


@dataclass(frozen=True)
class Look:
    """Take a snapshot."""

    why: str = ""


@dataclass(frozen=True)
class Check:
    """Ask the platform for everything that is wrong with the plan. Reads only."""


@dataclass(frozen=True)
class Wait:
    seconds: float
    why: str


@dataclass(frozen=True)
class Probe:
    """Send one round of probes by a route; expect answers of this release."""

    route: str
    release: str


@dataclass(frozen=True)
class Call:
    verb: Verb
    why: str


@dataclass(frozen=True)
class Save:
    record: Record


@dataclass(frozen=True)
class Beat:
    """Tell the heartbeat alarm that we are alive. Nothing is lost when it fails."""


@dataclass(frozen=True)
class ReadLock:
    """Read who holds the lock."""


@dataclass(frozen=True)
class WriteLock:
    """Take, renew, steal or free the lock: one write on condition of `lease.version`."""

    lease: Lease


@dataclass(frozen=True)
class ReadRequest:
    """Read what somebody asked from another shell."""


@dataclass(frozen=True)
class Answer:
    """Write down what became of a request."""

    request: Request


@dataclass(frozen=True)
class Stop:
    state: str  # DESIGN 6: live, unchanged, planned, …
    reason: str


Command: TypeAlias = (
    "Load | Look | Check | Wait | Probe | Call | Save | Beat | ReadLock | WriteLock | ReadRequest | Answer | Stop"
)


# ---- what the loop tells decide() about the command before ---------------------------------------


class Outcome(str, Enum):
    DONE = "done"
    TURNED_AWAY = "turned_away"  # rejected before any effect: throttled, conflict, busy
    UNKNOWN = "unknown"  # the answer was lost: read back
    REFUSED = "refused"  # the cloud said no, and will again: access, validation, quota
    TAKEN = "taken"  # only of the store: somebody else wrote since we read


@dataclass(frozen=True)
class Heard:
    """The answer to the command before: how it went, and what it brought."""

    outcome: Outcome = Outcome.DONE
    message: str = ""
    samples: tuple[Sample, ...] = ()
    findings: tuple[Finding, ...] = ()
    record: Record | None = None
    lease: Lease | None = None  # the lock, as read or as written
    request: Request | None = None
    interrupted: bool = False  # somebody asked us to end: the call at hand is finished, no other begins
