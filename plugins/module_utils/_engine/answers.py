# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is heard of the release being judged: which samples count, and what they say of the one before it."""

from __future__ import annotations

from .evolve import evolve
from .model import Observation, Plan
from .phases import HELD, Phase
from .state import Hold, Ledger, State, Watch
from .verdict import FAIL, INCONCLUSIVE, PASS, Sample
from .watch import MOVED_PHASES, at_balancer, failures

KEPT_FIRST, KEPT_LAST = 20, 20  # samples for the result: the first that did not pass, and the last of all
KEPT_PUBLIC = 1000  # answers through production: enough to see 1 % of the traffic, or that it is not there
KEPT_COUNTING = 400  # samples a verdict is made of while a bake goes on for hours


def hear(plan: Plan, state: State, seen: Observation | None, samples: tuple[Sample, ...], now: float) -> State:
    """The state after a round of probes."""
    state = evolve(state, ledger=_book(state.ledger, samples))
    watch = evolve(state.watch, next_probe=now + plan.gate.interval)
    if seen is None:
        return evolve(state, watch=watch)
    if state.phase is Phase.VERIFYING:
        counted = [_of_previous(state, sample) for sample in samples]
    else:
        watch = _hear_old(state, watch, samples)
        watch = _hear_public(plan, state, seen, watch, samples, now) if state.phase in HELD else watch
        counted = [sample for sample in samples if _counts(plan, state, seen, watch, sample)]
    unmarked = watch.unmarked or any(not sample.release and sample.outcome != INCONCLUSIVE for sample in counted)
    # A round passes as a whole: with the passes first, a probe that never answers ends every row of them.
    kept = _bounded((*watch.samples, *sorted(counted, key=lambda sample: sample.outcome != PASS)))
    return evolve(state, watch=evolve(watch, samples=kept, unmarked=unmarked))


def _counts(plan: Plan, state: State, seen: Observation, watch: Watch, sample: Sample) -> bool:
    """Answers of the old release, or of nobody known while both serve, say nothing about the new one."""
    if sample.release == state.aim:
        return not (sample.outcome == FAIL and watch.old_sick)
    if state.phase in HELD:  # the test route and a target's own address lead to the new release alone
        hold = state.hold
        all_of_it = hold is not None and hold.step.weight == 100 and follows(plan, hold, seen)
        return not sample.release and (sample.route != "production" or all_of_it)
    alone_there = all(target.release == state.aim for target in at_balancer(seen))
    return not sample.release and state.phase in MOVED_PHASES and alone_there


def _of_previous(state: State, sample: Sample) -> Sample:
    """After the way back an answer of the release that was taken back is no right answer, whatever it says."""
    if sample.release == state.previous != "":
        return sample
    if sample.release == state.aim or (state.previous and sample.release):
        return evolve(sample, outcome=INCONCLUSIVE, reason=f"release {sample.release} still answers")
    return sample


def _hear_old(state: State, watch: Watch, samples: tuple[Sample, ...]) -> Watch:
    """Old and new sick alike is no verdict on the new. Right answers first: the old may never have known these."""
    if state.previous == state.aim:  # old and new answer alike, and nobody can tell them apart
        return watch
    passed, sick = watch.old_passed, watch.old_sick
    for sample in samples:
        if sample.release and sample.release == state.previous:
            if sample.outcome == PASS:
                passed, sick = True, False
            elif sample.outcome == FAIL and passed:
                sick = True
    return evolve(watch, old_passed=passed, old_sick=sick)


def _hear_public(
    plan: Plan, state: State, seen: Observation, watch: Watch, samples: tuple[Sample, ...], now: float
) -> Watch:
    """At a hold: who answers the public, how often each, and whether anybody does."""
    hold, public = state.hold, [sample for sample in samples if sample.route == "production"]
    watch = evolve(watch, rounds=watch.rounds + 1)
    if not public or hold is None:
        return watch
    answered = [sample for sample in public if sample.release or sample.outcome != INCONCLUSIVE]
    whose = tuple(sample.release for sample in answered)
    quiet = 0 if answered else watch.quiet + 1
    early = state.phase is not Phase.PROCEEDING and not hold.step.weight and not seen.closed
    exposed = watch.exposed or (early and state.aim in whose and state.aim != state.previous)
    watch = evolve(watch, asked=now, quiet=quiet, exposed=exposed)
    if not follows(plan, hold, seen):
        return evolve(watch, public=())
    return evolve(watch, public=(*watch.public, *whose)[-KEPT_PUBLIC:])


def follows(plan: Plan, hold: Hold, seen: Observation) -> bool:
    """The load balancer has had its time to do what the rule says."""
    since = hold.right_since
    return since is not None and (not hold.step.weight or seen.at - since >= plan.chain.propagation)


def _bounded(samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
    if len(samples) <= KEPT_COUNTING:
        return samples
    half = KEPT_COUNTING // 2
    return (*failures(samples[:-half]), *samples[-half:])


def _book(ledger: Ledger, samples: tuple[Sample, ...]) -> Ledger:
    passed = sum(sample.outcome == PASS for sample in samples)
    failed = sum(sample.outcome == FAIL for sample in samples)
    bad = (*ledger.bad, *(sample for sample in samples if sample.outcome != PASS))
    return Ledger(
        seen=ledger.seen + len(samples),
        passed=ledger.passed + passed,
        failed=ledger.failed + failed,
        inconclusive=ledger.inconclusive + len(samples) - passed - failed,
        bad=bad[:KEPT_FIRST],
        last=(*ledger.last, *samples)[-KEPT_LAST:],
    )
