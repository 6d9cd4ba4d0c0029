# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One seed: a service, a release, faults, kills and reruns; and what must hold at every end."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from itertools import pairwise

from ansible_collections.greenlight.serving.plugins.module_utils._drive import drive
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Plan, Record, Release, Timing
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import End, Phase, allowed
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Ended, Event
from ansible_collections.greenlight.serving.plugins.module_utils._engine.verdict import Gate
from tests.simulation.cloud import Behaviour, Cloud, Service
from tests.simulation.ports import Faults, KilledError, Ports

TIMING = Timing(deadline=400.0, rollback_deadline=400.0, min_ready=8.0, bake=6.0, poll=2.0, backoff=1.0, settle=5.0)
GATE = Gate(interval=2.0, count=3, failure_limit=0, error_limit=20, deadline=120.0)
QUIET = Faults()
HEALING = 20.0  # seconds the cloud may need to replace what the world took
RELEASES = {
    "good": Behaviour(),
    "unmarked": Behaviour(marked=False),
    "never_healthy": Behaviour(healthy=False),
    "wrong": Behaviour(right=False),
    "wrong_unmarked": Behaviour(right=False, marked=False),
    "crashing": Behaviour(crash_after=5.0),
}
CAUSES = {  # what the engine must have found, when nothing but the API disturbs it
    "never_healthy": "ECS ended the deployment (3 failed targets)",
    "wrong": "the new release answers wrongly",
    "wrong_unmarked": "the new release answers wrongly",
    "crashing": "loss(es) of healthy targets in judging",
}
BAD = frozenset(CAUSES)


def plan(release: str, run: int = 0, **changes: object) -> Plan:
    base = Plan(
        service="svc",
        platform="simulated",
        release=Release(release, f"label of {release}"),
        strategy="rolling",
        gate=GATE,
        timing=TIMING,
        rollout_id=f"{release}-{run}",
        started_by="tester",
        started_at="2026-01-01T00:00:00Z",
        mover="ECS",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def cloud_with(live: str, rng: random.Random, crash_rate: float = 0.0) -> Ports:
    """A cloud whose service runs `live`, recorded as such; "" = nothing yet."""
    behaviours = {**RELEASES, "old": Behaviour(), "older": Behaviour()}
    cloud = Cloud(rng, behaviours)
    ports = Ports(cloud, rng)
    if live:
        cloud.service, cloud.rule, cloud.definitions = Service(live, serving=live), "open", {live}
        cloud.advance(10.0)
        ports.record = replace(ports.record, live=live, last_good="older", generation=1)
    cloud.crash_rate = crash_rate
    cloud.watch = lambda: _check_capacity(cloud)
    return ports


def _check_capacity(cloud: Cloud) -> None:
    """I1: once it served in full strength, nothing but the world takes it lower."""
    healthy = sum(task.state == "healthy" for task in cloud.tasks)
    if cloud.service is None or cloud.rule != "open" or cloud.now - cloud.lost_by_world < HEALING:
        return
    assert healthy >= cloud.desired, f"I1: {healthy} of {cloud.desired} healthy at {cloud.now}"


def run(ports: Ports, wanted: Plan, faults: Faults = QUIET, events: list[Event] | None = None) -> Ended:
    """One run of the real loop on the real engine."""
    ports.new_run(faults)

    def report(event: Event, waiting: bool) -> None:
        if events is not None and not waiting:
            events.append(event)

    return drive(wanted, ports, ports, ports, ports, report)


@dataclass(frozen=True)
class Schedule:
    """Everything that a seed decides."""

    seed: int
    first: bool
    release: str
    faults: Faults
    kills: tuple[tuple[int, bool], ...]  # per run: at which call, after its effect
    between: tuple[str, ...]  # what happens after each kill: nothing, wait, check, other
    crash_rate: float
    zone_loss: float  # when; 0 = never

    @property
    def disturbed(self) -> bool:
        """The world takes healthy targets: a good release may then go back, too."""
        return self.crash_rate > 0 or self.zone_loss > 0


def schedule(seed: int) -> Schedule:
    rng = random.Random(seed)
    kills = tuple((rng.randrange(1, 70), rng.random() < 0.5) for _ignored in range(rng.choice((0, 1, 1, 2, 3))))
    return Schedule(
        seed=seed,
        first=rng.random() < 0.25,
        release=rng.choice(sorted(RELEASES)),
        faults=Faults(
            throttled=rng.choice((0.0, 0.02, 0.1, 0.25)),
            unanswered=rng.choice((0.0, 0.0, 0.1)),
            lost=rng.choice((0.0, 0.1, 0.33)),
            unreadable=rng.choice((0.0, 0.02, 0.1, 0.25)),
            lag=rng.choice((0.0, 2.0, 4.0)),
            latency=rng.choice((0.0, 0.0, 1.0, 3.0)),
            silent=rng.choice((0.0, 0.0, 0.1)),
            store_down=rng.choice((0.0, 0.0, 0.1, 0.25)),
        ),
        kills=kills,
        between=tuple(rng.choice(("nothing", "wait", "check", "other")) for _ignored in kills),
        crash_rate=rng.choice((0.0, 0.0, 0.0, 0.002)),
        zone_loss=rng.choice((0.0, 0.0, 0.0, 0.0, 15.0)),
    )


def simulate(made: Schedule) -> str:
    """Play a schedule to its end; raises AssertionError when an invariant breaks. Gives the last state."""
    rng = random.Random(made.seed + 1)
    ports = cloud_with("" if made.first else "old", rng, made.crash_rate)
    if made.zone_loss:
        begin = ports.cloud.now + made.zone_loss
        ports.cloud.closed_zone = ("z1", begin, begin + 40.0)
    for number, ((at, after), then) in enumerate(zip(made.kills, made.between, strict=True)):
        wanted = plan(made.release, number)
        try:
            play(ports, wanted, replace(made.faults, kill_at=at, kill_after=after), made)
        except KilledError:
            _between(ports, made, then)
            continue
        break
    wanted = plan(made.release, 9, retry_rejected=True)
    ended = play(ports, wanted, made.faults, made)
    _check_rerun(ports, wanted, ended, made)
    return ended.stop.state


def _between(ports: Ports, made: Schedule, then: str) -> None:
    """After a kill: time passes, or somebody runs check mode, or another release."""
    if then == "wait":
        ports.cloud.advance(60.0)
    elif then == "check":
        before = ports.record
        ended = run(ports, plan(made.release, 5, check_mode=True), replace(made.faults, lost=0.0))
        assert [ports.writes, ports.saves, ports.record] == [[], 0, before], "I10"
        assert ended.stop.state in ("planned", "unchanged", "refused", "needs_operator")
    elif then == "other" and not made.first:
        other = plan("good" if made.release != "good" else "unmarked", 6)
        play(ports, other, made.faults, made)


def play(ports: Ports, wanted: Plan, faults: Faults, made: Schedule) -> Ended:
    """A run, and what must hold at its end."""
    before = ports.record
    ended = run(ports, wanted, faults)
    check_end(Played(ports, wanted, ended, made, before))
    return ended


@dataclass(frozen=True)
class Played:
    """A run that ended, and the record before it."""

    ports: Ports
    wanted: Plan
    ended: Ended
    made: Schedule
    before: Record


Claims = dict[str, bool]


def check_end(played: Played) -> None:
    """I4, I6, I7, I8, I9, I11 and I12: the end is one of the named ones, and what the result says is true."""
    ended, ports = played.ended, played.ports
    context = f"{ended.stop.state}: {ended.stop.reason}"
    for source, target in pairwise((*ended.state.trail, End(ended.stop.state))):
        assert allowed(Phase(source), target), f"{source} -> {target} is not in the table"
    assert ended.duration <= TIMING.deadline + TIMING.rollback_deadline + 200, f"I8 {context}"
    assert len(ports.writes) <= 3 * ports.cloud.desired + 20, f"I11 {ports.writes}"
    claims = CLAIMS[ended.stop.state](played) if ended.stop.state in CLAIMS else {}
    for name, holds in claims.items():
        assert holds, f"{name}, and {context}"
    _check_outcome(played, context)


def _live(played: Played) -> Claims:
    cloud, record, release = played.ports.cloud, played.ports.record, played.wanted.release.id
    healthy = sum(task.state == "healthy" for task in cloud.tasks)
    return {
        "I4 a bad release": release not in BAD,
        "I4 another release": cloud.service is not None and cloud.service.release == release == cloud.service.serving,
        "I4 mixed": all(task.release == release for task in cloud.tasks),
        "closed": cloud.rule == "open",
        "I12 not healthy": played.made.disturbed or healthy >= cloud.desired,
        "the record differs": record.live == release and not record.unfinished,
    }


def _proven(played: Played) -> Claims:
    ports, release = played.ports, played.wanted.release.id
    return {
        **_live(played),
        "I12 not read after the last change": ports.looked_at > ports.last_effect,
        "I12 not asked after the last change": ports.passed_at[release] > ports.last_effect,
    }


def _rolled_back(played: Played) -> Claims:
    cloud, record, home = played.ports.cloud, played.ports.record, played.before.live
    return {
        "I6 another release": cloud.service is not None and cloud.service.release == home == cloud.service.serving,
        "I4 mixed": all(task.release == home for task in cloud.tasks),
        "I6 the record": (record.live, record.last_good) == (home, played.before.last_good),
        "nobody verified it": played.ended.state.verified is not None,
        "the record is unfinished": not record.unfinished,
    }


def _removed(played: Played) -> Claims:
    cloud = played.ports.cloud
    return {"I7 leftovers": cloud.service is None and not cloud.tasks and not cloud.rule}


def _needs_operator(played: Played) -> Claims:
    return {"I4 nothing happened that a person must look at": played.made.disturbed}


CLAIMS = {
    "live": _proven,
    "unchanged": _live,
    "rolled_back": _rolled_back,
    "removed": _removed,
    "needs_operator": _needs_operator,
}


def _check_outcome(played: Played, context: str) -> None:
    """I9: whatever was killed, a good release is live in the end, and a bad one is not."""
    state, release, before = played.ended.stop.state, played.wanted.release.id, played.before
    if state == "refused" and release in before.rejected and not played.wanted.retry_rejected:
        assert before.unfinished or not played.ports.writes, context
    elif played.made.disturbed:
        assert state in CLAIMS, context
    else:
        back = "removed" if played.made.first else "rolled_back"
        assert state in ((back,) if release in BAD else ("live", "unchanged")), f"I9 {release} is {context}"
        if release in BAD and not played.made.kills:
            assert CAUSES[release] in context, context
            assert release in played.ports.record.rejected, f"not rejected: {context}"


def _check_rerun(ports: Ports, wanted: Plan, ended: Ended, made: Schedule) -> None:
    """I9: again with nothing to do is 0 mutating calls; a rejected release stays away."""
    ports.cloud.advance(30.0)
    rejected = wanted.release.id in ports.record.rejected
    again = run(ports, replace(wanted, retry_rejected=False))
    if ended.stop.state in ("live", "unchanged"):
        assert again.stop.state == "unchanged", again.stop
        assert [ports.writes, ports.saves, again.state.changed] == [[], 0, False], "I9"
    elif rejected:
        assert again.stop.state == "refused", again.stop
        assert not ports.writes
    else:
        assert made.disturbed or wanted.release.id in BAD, again.stop
