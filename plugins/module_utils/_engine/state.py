# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What decide() remembers between two calls. Frozen: every step makes a new one."""

from __future__ import annotations

from dataclasses import dataclass, field

from .finding import Finding
from .lease import Grip, Request
from .model import Command, Observation, Plan, Record, Step, Stop, Verb
from .phases import Phase
from .verdict import Sample


@dataclass(frozen=True)
class Event:
    """One line of the timeline."""

    at: float  # seconds since the run began
    phase: str
    who: str  # greenlight, or the plan's mover
    text: str


@dataclass(frozen=True)
class Made:
    """A mutating call that took effect, or may have."""

    verb: Verb
    call: str  # as `Observation.todo` named it
    at: float  # when its answer came, or was given up
    times: int = 1


@dataclass(frozen=True)
class Pace:
    """How fast we ask, and how old an answer may be."""

    asked_call: str = ""  # the todo line of an asked Call
    made: tuple[Made, ...] = ()  # the newest of each call
    calls: int = 0  # mutating calls that took effect, or may have
    tries: int = 0  # calls or saves turned away in a row
    blind: int = 0  # reads that failed in a row
    denied: int = 0  # reads that were refused in a row
    denial: str = ""  # the words of the last read that failed
    call_after: float = float("-inf")
    look_after: float = float("-inf")
    fence: float = float("-inf")  # snapshots begun before this instant don't count
    looked: float = float("-inf")  # when the last snapshot came in


@dataclass(frozen=True)
class Watch:
    """What was seen of the release that is being judged."""

    since: float  # when this gate began
    next_probe: float
    samples: tuple[Sample, ...] = ()  # those that count, oldest first
    ready: frozenset[str] = frozenset()  # targets that were healthy together
    ready_since: float | None = None  # by the snapshots' own clock; None = not all healthy
    ready_seen: float = float("-inf")  # the last snapshot that showed it
    short_since: float | None = None  # healthy targets seem lost since this snapshot, which may be a stale one
    losses: int = 0  # losses that a later snapshot confirmed
    lost: str = ""  # what the last of them showed
    unmarked: bool = False  # an answer that counted carried no mark
    old_passed: bool = False  # the previous release gave a right answer
    old_sick: bool = False  # and then gave a wrong one
    old_ready: frozenset[str] = frozenset()  # targets of the previous release that were healthy with ours
    both: str = ""  # targets of either release that were lost together
    quiet: int = 0  # rounds through production in a row that nobody answered
    asked: float = float("-inf")  # when the last round through production was answered
    rounds: int = 0
    public: tuple[str, ...] = ()  # whose the newest answers through production were, since the rule was right
    exposed: bool = False  # the release answered the public before it was let in


@dataclass(frozen=True)
class Hold:
    """The cloud's hold at which the release is being judged."""

    id: str
    step: Step  # of the plan: where the rule should stand now
    since: float
    last: bool
    over_since: float | None = None  # the rule gave more than the step since this snapshot
    right_since: float | None = None  # the rule gives what the step says since this snapshot
    passed: float | None = None  # when everything was fine first; the bake counts from here
    lacking: float | None = None  # since when something is missing again, after it passed
    gone: float | None = None  # the hold is not to be seen since this snapshot
    frozen: str = ""  # old and new are sick alike: nobody moves
    unsure: str = ""  # the gate was inconclusive, and the policy is to ask a person


@dataclass(frozen=True)
class Pulse:
    """The heartbeat."""

    beat: float = float("-inf")  # when the last beat was taken
    tried: float = float("-inf")  # when the last one was sent
    first: float | None = None  # when the first one of this run was taken
    beats: int = 0
    refused: int = 0  # in a row
    denial: str = ""


@dataclass(frozen=True)
class Lock:
    """What the run knows of the lock, besides the grip."""

    grip: Grip
    since: float = float("-inf")  # when it became ours
    due: float = float("-inf")  # when it must be renewed, while it is ours
    after: float = float("-inf")  # the store turned us away: not before
    tries: int = 0  # in a row
    alive: bool = False  # another holder gave a sign of life while we watched
    freeing: int = 0  # attempts to let it go


@dataclass(frozen=True)
class Ledger:
    """All probes of the run: numbers for all, and the samples worth keeping."""

    seen: int = 0
    passed: int = 0
    failed: int = 0
    inconclusive: int = 0
    bad: tuple[Sample, ...] = ()  # the first that did not pass
    last: tuple[Sample, ...] = ()  # the newest of all


@dataclass(frozen=True)
class Cause:
    """Why the release is taken back."""

    text: str
    by: str = "greenlight"  # who turned it back
    rejects: str = "no"  # yes; no; or "proof": only if the previous release passes the same gate


@dataclass(frozen=True)
class Saving:
    """A record on its way to the store, and what follows."""

    record: Record
    then: Phase | Stop | None  # None = stay in the phase
    since: float
    needed: bool = True  # False: going on without it is better than waiting for the store


@dataclass(frozen=True)
class State:
    phase: Phase
    started: float
    entered: float  # when this phase was entered
    record: Record  # as the store has it, as far as we know
    aim: str  # Release.id this run brings, or, of an unfinished rollout, takes back
    rollout_id: str = ""  # of the rollout at hand: an unfinished one keeps its own
    asked: Command | None = None  # the command at hand
    loaded: bool = False
    previous: str = ""  # Release.id to go back to; "" = none that has a name
    first: bool = False  # there was no service when we began: the way back is removal
    before: str = ""  # id of the deployment that went to the release earlier
    homing: bool = False  # an unfinished rollout to another release is being taken back first
    only_configure: bool = False
    changed: bool = False
    back_since: float | None = None  # when the way back began
    cause: Cause | None = None
    verified: bool | None = None  # the way back was judged
    proven: bool | None = None  # the answers carried the release's mark
    refused: str = ""  # the cloud's words on the last call, when it said no
    refusals: int = 0  # refused calls in this phase
    findings: tuple[Finding, ...] | None = None  # what the platform found wrong; None = not asked yet
    trouble: str = ""
    trouble_since: float = 0.0
    interrupted: bool = False
    drift: tuple[str, ...] = ()  # of the first snapshot: what this run set out to change
    serving: str = ""  # of the first snapshot
    known: frozenset[str] | None = None  # the cloud's messages that were told already
    pace: Pace = field(default_factory=Pace)
    watch: Watch = field(default_factory=lambda: Watch(0.0, 0.0))
    ledger: Ledger = field(default_factory=Ledger)
    saving: Saving | None = None
    closing: Saving | None = None  # what is written once the heartbeat alarm is at rest
    ending: Stop | None = None
    lock: Lock | None = None
    pulse: Pulse = field(default_factory=Pulse)
    armed: bool = False  # the deployment at hand was begun with the alarm
    hold: Hold | None = None
    went: str = ""  # id of the hold that was passed last
    step: int = 0  # percent of traffic at which the release was judged last
    baked: bool = False  # every hold was passed
    stopped_since: float = float("inf")  # the deployment is seen stopped since this snapshot
    gone_since: float = float("inf")  # nothing is left of what is to be removed, since this snapshot
    forgiven: bool = False  # one loss in a bake is an accident; it happened
    excused: float = 0.0  # seconds that people took: they don't count for the deadline
    request: Request | None = None  # from another shell: open, or with the answer that is to be written
    answering: int = 0  # attempts to write it
    listened: float = float("-inf")
    listened_to: str = ""  # id of the rollout for which it was read last what is asked of it
    paused: str = ""  # by whom and why, on request
    promoted: str = ""
    events: tuple[Event, ...] = ()
    trail: tuple[Phase, ...] = ()  # the phases in the order they were entered


@dataclass(frozen=True)
class Ended:
    """The end of a run: everything the result is made of."""

    plan: Plan
    stop: Stop
    state: State
    seen: Observation | None
    duration: float  # seconds
