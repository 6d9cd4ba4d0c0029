# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen and heard of the release being judged: readiness without a break, losses, samples that count.

Ages are judged by the snapshots' own clock (`Observation.at`), never by when they came in.
"""

from __future__ import annotations

from collections.abc import Iterable

from .evolve import evolve
from .model import Movement, Observation, Plan, Target, Verb
from .phases import BACKWARD, HELD, Phase
from .state import State, Watch
from .timeline import tell
from .verdict import FAIL, Sample

AWAY = frozenset({"draining", "unregistered"})  # not at the load balancer, or on the way out
MOVED_PHASES = frozenset({Phase.JUDGING, Phase.BAKING, Phase.FINISHING, Phase.PROVING})
# While the cloud moves, a target that was healthy once and is lost counts as well: no circuit breaker counts it.
WATCHED_PHASES = MOVED_PHASES | HELD | {Phase.MOVING}


# ---- predicates over one snapshot ----------------------------------------------------------------


def at_balancer(seen: Observation) -> list[Target]:
    """Targets that may be given requests."""
    return [target for target in seen.targets if target.state not in AWAY]


def healthy(seen: Observation, release: str) -> frozenset[str]:
    return frozenset([target.id for target in seen.targets if target.release == release and target.state == "healthy"])


def complete(state: State, seen: Observation) -> bool:
    """Every target at the load balancer is of our release and healthy, as many as are wanted.

    At a hold both releases run, each in full strength: there, every target of our release.
    """
    if state.phase in HELD:
        return whole(seen, state.aim)
    there = at_balancer(seen)
    mine = [target for target in there if target.release == state.aim and target.state == "healthy"]
    return seen.serving == state.aim and len(mine) == len(there) and len(mine) >= max(1, seen.desired)


def whole(seen: Observation, release: str) -> bool:
    """The release has every target that is wanted, all of them healthy."""
    there = [target for target in at_balancer(seen) if target.release == release]
    return all(target.state == "healthy" for target in there) and len(there) >= max(1, seen.desired)


def unwell(seen: Observation, release: str) -> str:
    """Why a release that should serve alone and in full strength does not, naming its targets; "" = it does."""
    if not seen.exists:
        return "there is no service"
    if seen.serving != release:
        return f"release {seen.serving} is in place" if seen.serving else "no known release is in place"
    there = at_balancer(seen)
    bad = [target for target in there if target.release != release or target.state != "healthy"]
    if bad:
        return ", ".join(f"{target.id} is {target.state} {target.reason}".rstrip() for target in bad)
    wanted = max(1, seen.desired)
    return f"{len(there)} of {wanted} targets are healthy" if len(there) < wanted else ""


def alone(seen: Observation, release: str) -> bool:
    """No target of another release is left, not even one that drains."""
    return all(target.release == release for target in seen.targets)


def moving(seen: Observation) -> bool:
    here = seen.deployment is not None and seen.deployment.movement in (Movement.MOVING, Movement.TURNING_BACK)
    return here or (seen.other is not None and seen.other.movement in (Movement.MOVING, Movement.TURNING_BACK))


def moved(seen: Observation) -> bool:
    """The cloud says that the deployment to our release is done."""
    return seen.deployment is not None and seen.deployment.movement is Movement.MOVED


def home(state: State, seen: Observation) -> bool:
    """The previous release serves alone and in full strength; nothing moves, nothing of ours is left."""
    if moving(seen) or not seen.exists:
        return False
    if state.aim != state.previous and any(target.release == state.aim for target in seen.targets):
        return False
    # The same release under other service fields has no name: then it counts that nothing is left to be done.
    nameless = state.previous == state.aim and not seen.serving and not seen.todo.get(Verb.ROLL_BACK)
    if state.previous and seen.serving != state.previous and not nameless:
        return False
    there = at_balancer(seen)
    mine = {state.previous, ""} if nameless else {state.previous}
    good = [t for t in there if t.state == "healthy" and (not state.previous or t.release in mine)]
    return len(good) == len(there) and len(good) >= max(1, seen.desired)


def gone(seen: Observation) -> bool:
    return not seen.exists and not seen.targets


def ours(state: State, seen: Observation) -> bool:
    """The deployment of the snapshot is the one this rollout began, not one that went to the release earlier."""
    return seen.deployment is not None and seen.deployment.id != state.before


# ---- a new snapshot ------------------------------------------------------------------------------


def begin(plan: Plan, state: State, now: float, *, delay: float | None = None, forget: bool = False) -> State:
    """A new gate. What the targets showed stays known, and so do wrong answers, unless another release is judged."""
    delay = plan.gate.initial_delay if delay is None else delay
    old = state.watch
    fresh = Watch(
        since=now,
        next_probe=max(now + delay, old.next_probe),
        samples=() if forget else failures(old.samples),
        ready=old.ready,
        ready_since=old.ready_since,
        ready_seen=old.ready_seen,
        unmarked=old.unmarked and not forget,
        old_passed=old.old_passed and state.phase in HELD,
        old_ready=old.old_ready,
        asked=old.asked,
    )
    return evolve(state, watch=fresh)


def failures(samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
    return tuple(sample for sample in samples if sample.outcome == FAIL)


def see(plan: Plan, state: State, seen: Observation, now: float) -> State:
    """The state after a new snapshot: the cloud's new messages, trouble, readiness."""
    state = _messages(plan, state, seen, now)
    state = _trouble(state, seen)
    if state.phase not in WATCHED_PHASES:
        return state
    watch = _readiness(plan, state, seen)
    state = _over(state, seen)
    undecided = state.phase is Phase.JUDGING or (state.hold is not None and state.hold.passed is None)
    if undecided and watch.ready != state.watch.ready:  # other targets: they answer afresh
        watch = evolve(watch, since=now, samples=failures(watch.samples))
    return evolve(state, watch=watch)


def _over(state: State, seen: Observation) -> State:
    """Since when the rule gives our release what the step says, or more. A hold that is seen again was never gone."""
    hold = state.hold
    if hold is None or seen.held is None or seen.held.id != hold.id:
        return state
    if hold.gone is not None:
        hold = evolve(hold, gone=None)
        state = evolve(state, hold=hold)
    over = seen.share is not None and seen.share > hold.step.weight and not state.first
    right = state.first or seen.share == hold.step.weight
    if over == (hold.over_since is not None) and right == (hold.right_since is not None):
        return state
    over_since = (seen.at if hold.over_since is None else hold.over_since) if over else None
    right_since = (seen.at if hold.right_since is None else hold.right_since) if right else None
    return evolve(state, hold=evolve(hold, over_since=over_since, right_since=right_since))


def _messages(plan: Plan, state: State, seen: Observation, now: float) -> State:
    if state.known is not None:
        if state.known.issuperset(seen.events):
            return state
        for message in dict.fromkeys(seen.events):
            if message not in state.known:
                times = seen.events.count(message)
                state = tell(state, now, plan.mover, message + (f" ({times} times)" if times > 1 else ""))
    return evolve(state, known=(state.known or frozenset()) | frozenset(seen.events))


def _trouble(state: State, seen: Observation) -> State:
    text = _trouble_text(state, seen)
    if not text and not state.trouble:
        return state
    since = state.trouble_since if text and state.trouble else seen.at
    return evolve(state, trouble=text, trouble_since=since)


def _trouble_text(state: State, seen: Observation) -> str:
    """Why nobody may move anything; "" = nothing is wrong."""
    removing = state.phase is Phase.REMOVING or (state.first and state.phase in BACKWARD)
    if seen.foreign or (seen.problem and not removing):  # half removed, the parts disagree of course
        return seen.foreign or seen.problem
    if state.phase is Phase.REMOVING:
        return ""
    if seen.other is not None and seen.other.movement in (Movement.MOVING, Movement.TURNING_BACK):
        unfinished = state.record.unfinished
        known = {unfinished.get("to", ""), unfinished.get("from", "")} if state.phase is Phase.START else set()
        known |= {state.aim, state.previous} if state.phase in BACKWARD else set()
        if seen.other.release not in known - {""} or seen.other.by != "greenlight":
            return f"{seen.other.by} moves the service to release {seen.other.release}"
    if state.phase in MOVED_PHASES and seen.serving not in ("", state.aim):
        return f"somebody put release {seen.serving} in place"
    return ""


def _readiness(plan: Plan, state: State, seen: Observation) -> Watch:
    old, mine = state.watch, healthy(seen, state.aim)
    lost = old.ready - mine
    fewer = len(mine) < min(max(1, seen.desired), len(old.ready))
    scaled_in = complete(state, seen) and mine < old.ready  # fewer are wanted, and none was replaced
    if lost and not scaled_in and (fewer or old.short_since is not None):  # replaced meanwhile, or not: they are lost
        return _short(plan, state, seen, lost, mine)
    if state.phase in HELD and not lost:
        old = evolve(old, old_ready=healthy(seen, state.previous))
    if not complete(state, seen):
        return evolve(old, ready=mine, ready_since=None, short_since=None)
    broken = seen.at - old.ready_seen > max(5 * plan.timing.poll, plan.timing.min_ready / 2)
    if old.ready_since is None or old.ready != mine or broken:
        return evolve(old, ready=mine, ready_since=seen.at, ready_seen=seen.at, short_since=None)
    return evolve(old, ready_seen=seen.at, short_since=None)


def _short(plan: Plan, state: State, seen: Observation, lost: frozenset[str], mine: frozenset[str]) -> Watch:
    """Fewer than there were. A stale snapshot looks like that, too: only one that is `settle` younger counts.

    What hits the previous release, too, is no loss of ours: see freeze.py.
    """
    old = state.watch
    if old.short_since is None:
        return evolve(old, ready_since=None, short_since=seen.at)
    if seen.at - old.short_since < plan.timing.settle:
        return evolve(old, ready_since=None)
    known = evolve(old, ready=mine, ready_since=None, short_since=None, lost=_describe(seen, lost))
    leaving = {target.id for target in seen.targets if target.state in AWAY}
    both = old.old_ready - healthy(seen, state.previous) - leaving if state.phase in HELD else frozenset()
    if both and state.previous != state.aim:
        return evolve(known, both=f"{known.lost}, and of the previous release {_describe(seen, both)}")
    return evolve(known, losses=old.losses + 1)


def _describe(seen: Observation, lost: Iterable[str]) -> str:
    found = {target.id: target for target in seen.targets}
    parts = []
    for key in sorted(lost):
        target = found.get(key)
        parts.append(f"{key} is {target.state} {target.reason}".rstrip() if target else f"{key} is gone")
    return ", ".join(parts)
