# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seeded bugs: each one change of one text of the engine, where two locks are on one door of both."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A text of a file of the engine, and what a bug would have put there."""

    name: str
    file: str
    text: str
    bug: str
    also: tuple[tuple[str, str], ...] = ()  # more changes of the same file: some rules have two locks on the door
    place: str = "_engine"  # folder of the file
    platform: str = "ecs"  # whose seeds find it


MUTANTS = (
    Mutant(
        "no read-back: a lost answer is believed to be done",
        "pace.py",
        "            if seen.at < made.at + lag:",
        "            if True:",
    ),
    Mutant(
        "a lost answer is repeated at once, without reading back",
        "pace.py",
        "            if seen.at < made.at + lag:",
        "            if False:",
    ),
    Mutant(
        "no wait until old targets are drained",
        "forward.py",
        "    if seen.closed or not watch.alone(seen, state.aim):",
        "    if seen.closed:",
        also=(("watch.complete(state, seen) and watch.alone(seen, state.aim)", "watch.complete(state, seen)"),),
    ),
    Mutant(
        "home while targets of the bad release are left",
        "watch.py",
        "    if state.aim != state.previous and any(target.release == state.aim",
        "    if False and any(target.release == state.aim",
    ),
    Mutant(
        "min_ready is not waited for at a hold",
        "standing.py",
        "    if ready < plan.timing.min_ready or",
        "    if ready < 0 or",
    ),
    Mutant(
        "min_ready is not waited for after rolling",
        "forward.py",
        "    if ready >= plan.timing.min_ready and (",
        "    if ready >= 0 and (",
    ),
    Mutant(
        "the lock is not renewed",
        "locking.py",
        "    if lock is None or lock.since == pace.NEVER or now < lock.due:",
        "    if True or lock is None:",
    ),
    Mutant(
        "the lease is not looked at before a write",
        "locking.py",
        "    if isinstance(command, WRITES) and not lease.may_write(lock.grip, now):",
        "    if False:",
    ),
    Mutant(
        "a lock is stolen from a holder who lives",
        "lease.py",
        "now >= grip.first + patience(grip)",
        "now >= grip.first",
    ),
    Mutant(
        "a lost lock is taken back by force",
        "locking.py",
        "    if move in (Move.LOST, Move.WAIT):",
        "    if False:",
    ),
    Mutant(
        "the lock is never let go",
        "locking.py",
        "    if lock is None or lock.grip.found is None or not lease.ours(lock.grip) or lock.freeing >= FREEING:",
        "    if True or lock is None:",
    ),
    Mutant(
        "last good is overwritten when a rollback starts",
        "records.py",
        '    why = {"cause": cause.text, "by": cause.by, "rejects": cause.rejects}',
        "    known = evolve(known, live=state.aim)\n"
        '    why = {"cause": cause.text, "by": cause.by, "rejects": cause.rejects}',
    ),
    Mutant(
        "an unfinished rollout is forgotten by the next run",
        "start.py",
        "    unfinished.other,\n    _same_unfinished,\n",
        "",
    ),
    Mutant(
        "the way back forgets what it came from",
        "records.py",
        '            previous=unfinished.get("from", ""),',
        '            previous="",',
    ),
    Mutant(
        "the bake is not inside the hold",
        "holds.py",
        "    left = (hold.passed or now) + hold.step.bake - now",
        "    left = 0.0",
    ),
    Mutant(
        "no verdict at the hold: its first right answer is enough",
        "standing.py",
        "    if plan.probes and verdict.outcome != PASS:",
        "    if plan.probes and not verdict.passed:",
    ),
    Mutant(
        "answers of the old release count for the new one",
        "answers.py",
        "    if sample.release == state.aim:\n",
        "    if sample.release in (state.aim, state.previous):\n",
    ),
    Mutant(
        "the share is not read back",
        "standing.py",
        "    if hold.right_since is None:",
        "    if False:",
        also=(
            ("    if not answers.follows(plan, hold, seen):", "    if False:"),
            ("    if plan.probes and len(seen_of.public) <", "    if False and len(seen_of.public) <"),
        ),
    ),
    Mutant(
        "the balancer's delay is not waited for",
        "answers.py",
        "seen.at - since >= plan.chain.propagation",
        "seen.at - since >= 0",
    ),
    Mutant(
        "a wrong answer at a hold is no reason to go back",
        "holds.py",
        "    return wrong(plan, state, now) or lost(",
        "    return lost(",
    ),
    Mutant(
        "a wrong answer in the bake is no reason to go back",
        "common.py",
        "    step = ended(plan, state, seen, now) or wrong(plan, state, now) or lost(plan, state, now, BAKE_LOSSES)",
        "    step = ended(plan, state, seen, now) or lost(plan, state, now, BAKE_LOSSES)",
    ),
    Mutant(
        "losses in the judgement are not counted",
        "watch.py",
        "    return evolve(known, losses=old.losses + 1)",
        "    return known",
    ),
    Mutant(
        "the alarm is armed late: the deployment begins without it",
        "forward.py",
        "Phase.ARMING if plan.heartbeat else Phase.BEGINNING",
        "Phase.BEGINNING",
        also=(("    if step is None and plan.heartbeat and", "    if False and"),),
    ),
    Mutant(
        "begun while the alarm is in ALARM, and not read back",
        "pulse.py",
        'return seen.heart is not None and seen.heart.breaching and seen.heart.state == "ok"',
        "return seen.heart is not None and seen.heart.breaching",
        also=(("    if seen.heart is not None and seen.heart.monitored:", "    if True:"),),
    ),
    Mutant(
        "armed without a beat",
        "pulse.py",
        "    heard = first is not None and seen.at > first",
        "    heard = True",
        also=(("Phase.DISARMING, Phase.REMOVING})", "Phase.DISARMING, Phase.REMOVING, Phase.ARMING})"),),
    ),
    Mutant(
        "no beat while the rollout waits at a hold",
        "pulse.py",
        "    if now < pulse.beat + beat.interval or",
        "    if state.phase is Phase.HOLDING or now < pulse.beat + beat.interval or",
    ),
    Mutant(
        "beats without looking",
        "pulse.py",
        "state.pace.looked <= pulse.tried or",
        "False or",
    ),
    Mutant(
        "never disarmed",
        "pulse.py",
        "    if plan.heartbeat is None and not state.armed and not seen.todo.get(Verb.DISARM):\n"
        "        return pace.store(",
        "    if True:\n        return pace.store(",
    ),
    Mutant(
        "a deployment that the cloud rolled back is gone on with",
        "common.py",
        "    if deployment.movement not in (Movement.TURNING_BACK, Movement.TURNED_BACK, Movement.STOPPED):",
        "    if deployment.movement not in (Movement.TURNING_BACK,):",
    ),
    Mutant(
        "somebody else's deployment is no reason to stop",
        "watch.py",
        "    since = state.trouble_since if text and state.trouble else seen.at",
        '    text = ""\n    since = seen.at',
    ),
    Mutant(
        "the record is written after the first call",
        "checking.py",
        "    return pace.store(state, records.opened(plan, state, Phase.CONFIGURING), Phase.CONFIGURING, now)",
        "    return pace.enter(state, Phase.CONFIGURING, now), None",
    ),
    Mutant(
        "check mode goes on",
        "checking.py",
        "    if plan.check_mode:\n        return _plan_told(plan, state, seen, now)",
        "    if False:\n        return _plan_told(plan, state, seen, now)",
    ),
    Mutant(
        "a first release is open before it is proven",
        "forward.py",
        "    ready = ready_for(state, seen)\n",
        "    step = pace.act(plan, state, seen, Verb.FINISH, now, 'early')\n"
        "    if step is not None:\n        return step\n"
        "    ready = ready_for(state, seen)\n",
    ),
    Mutant(
        "live without a last look after the last change",
        "forward.py",
        "    if answered and whole and quiet and younger and pace.settled(plan, state, seen):",
        "    if True:",
    ),
)
