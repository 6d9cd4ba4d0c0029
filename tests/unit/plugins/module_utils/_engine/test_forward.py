# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way forward: what judges a release, and what ends it."""

from __future__ import annotations

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine.decide import decide
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Call,
    Heard,
    Movement,
    Outcome,
    Probe,
    Stop,
    Verb,
    Wait,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import Phase
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Pace
from tests.unit.plugins.module_utils._engine import cases
from tests.unit.plugins.module_utils._engine.cases import (
    NOW,
    PLAN,
    deployment,
    moved,
    plan,
    ready,
    samples,
    seen,
    targets,
)

MOVING = seen(targets=(*targets("old"), *targets("new", count=1)), deployment=deployment(Movement.MOVING))
DUE = ready(samples=(), next_probe=NOW)


def test_probes_begin_with_the_first_target_that_takes_traffic() -> None:
    starting = seen(targets=(*targets("old"), *targets("new", "initial")), deployment=deployment(Movement.MOVING))
    _ignored, command = cases.step(cases.state(Phase.MOVING, watch=DUE), starting)
    assert isinstance(command, Wait)
    assert "ECS moves: 0 of 2 new targets healthy, 2 old ones" in command.why
    _ignored, command = cases.step(cases.state(Phase.MOVING, watch=DUE), MOVING)
    assert command == Probe("production", "new")
    _ignored, command = cases.step(cases.state(Phase.MOVING, watch=DUE), MOVING, plan=plan(route="direct"))
    assert command == Probe("direct", "new")
    _ignored, command = cases.step(cases.state(Phase.MOVING, watch=DUE), MOVING, plan=plan(probes=False))
    assert isinstance(command, Wait)


def hear(state, now, *rounds, plan=PLAN):  # type: ignore[no-untyped-def]
    """Give the answers of one round after the other, half a second apart."""
    command = None
    for number, answers in enumerate(rounds):
        asked = Probe("production", "new")
        at = NOW + number / 2
        state = cases.replace(state, pace=cases.replace(state.pace, looked=at), asked=asked)
        state, command = cases.step(state, now, Heard(samples=answers), plan=plan, now=at)
    return state, command


@pytest.mark.parametrize(
    ("rounds", "back"),
    [
        pytest.param([samples("-")], True, id="wrong-and-marked"),
        pytest.param([samples("-", release="old")], False, id="wrong-answer-of-the-old"),
        pytest.param([samples("-", release="")], False, id="wrong-and-nobody-knows-whose"),
        pytest.param([samples("?"), samples("?")], False, id="no-answer"),
        pytest.param([samples("+"), samples("-")], True, id="right-then-wrong"),
        pytest.param(
            [samples("+", release="old"), samples("-", release="old"), samples("-")], False, id="sick-alike: freeze"
        ),
        pytest.param([samples("-", release="old"), samples("-")], True, id="the-old-never-knew-the-answer"),
        pytest.param([samples(*"+-+", release="old"), samples("-")], True, id="the-old-is-well-again"),
    ],
)
def test_only_wrong_answers_proven_to_be_the_new_ones_count(rounds, back) -> None:  # type: ignore[no-untyped-def]
    state, _ignored = hear(cases.state(Phase.MOVING, watch=DUE), MOVING, *rounds)
    assert (state.trail[-1] is Phase.ROLLING_BACK) is back
    if back:
        assert state.cause is not None
        assert state.cause.rejects == "yes"
        assert state.record.unfinished["cause"].startswith("the new release answers wrongly")


def test_forgiven_wrong_answers_stay_counted_into_the_next_gate() -> None:
    lenient = plan(gate=cases.replace(PLAN.gate, failure_limit=1))
    state, _ignored = hear(cases.state(Phase.MOVING, watch=DUE), MOVING, samples("-"), plan=lenient)
    assert state.phase is Phase.MOVING
    state, _ignored = cases.step(state, moved(), plan=lenient)
    assert state.phase is Phase.JUDGING
    state, _ignored = hear(state, moved(), samples("-"), plan=lenient)
    assert Phase.ROLLING_BACK in state.trail


def test_the_cloud_is_not_ours_while_it_turns_back() -> None:
    turning = deployment(Movement.TURNING_BACK, failures=3, reason="tasks failed")
    state, command = cases.step(
        cases.state(Phase.MOVING), seen(deployment=turning, todo={Verb.ROLL_BACK: ("StopServiceDeployment",)})
    )
    assert state.phase is Phase.TURNING_BACK
    assert isinstance(command, Wait)
    assert state.cause is not None
    assert (state.cause.by, state.cause.rejects) == ("ECS", "yes")


@pytest.mark.parametrize("movement", [Movement.TURNED_BACK, Movement.STOPPED])
@pytest.mark.parametrize(("failures", "rejects"), [(3, "yes"), (0, "no")])
def test_a_deployment_that_ended_without_us(movement: Movement, failures: int, rejects: str) -> None:
    """A person who stops it says nothing about the release; failed targets do."""
    ended = deployment(movement, failures=failures, reason="said so")
    state, _ignored = cases.step(cases.state(Phase.MOVING, stopped_since=NOW - 5.0), seen(deployment=ended))
    assert state.trail[1] is Phase.ROLLING_BACK
    assert state.cause is not None
    assert state.cause.rejects == rejects


def test_a_deployment_of_long_ago_is_not_ours() -> None:
    old = seen(deployment=deployment(Movement.TURNED_BACK, failures=3))
    state, command = cases.step(cases.state(Phase.MOVING, before="d1"), old)
    assert state.phase is Phase.MOVING
    assert isinstance(command, Wait)


def test_where_the_cloud_never_gives_up_we_do() -> None:
    now = seen(deployment=deployment(Movement.MOVING, threshold=0, failures=2))
    assert cases.step(cases.state(Phase.MOVING), now)[0].phase is Phase.MOVING
    now = seen(deployment=deployment(Movement.MOVING, threshold=0, failures=3, reason="CannotPullContainerError"))
    state, _ignored = cases.step(cases.state(Phase.MOVING), now)
    assert state.cause is not None
    assert "CannotPullContainerError" in state.cause.text


@pytest.mark.parametrize(
    ("watch", "now"),
    [
        pytest.param(ready(samples=samples(*"++")), moved(), id="too-few-answers"),
        pytest.param(ready(samples=samples(*"++?")), moved(), id="broken-row"),
        pytest.param(ready(ready_since=95.0), moved(), id="not-ready-for-long-enough"),
        pytest.param(ready(ready_since=None), moved(), id="not-ready"),
    ],
)
def test_what_is_not_enough_to_bake(watch, now) -> None:  # type: ignore[no-untyped-def]
    state, _ignored = cases.step(cases.state(Phase.JUDGING, watch=watch), now)
    assert state.phase is Phase.JUDGING


def test_a_gate_that_stays_undecided_goes_back_and_rejects_only_by_proof() -> None:
    watch = ready(samples=samples("+"), since=NOW - 60)
    state, _ignored = cases.step(cases.state(Phase.JUDGING, watch=watch), moved())
    assert state.trail[1] is Phase.ROLLING_BACK
    assert state.cause is not None
    assert state.cause.rejects == "proof"


def test_three_losses_while_judging_are_no_accident() -> None:
    for losses, phase in ((2, Phase.JUDGING), (3, Phase.ROLLING_BACK)):
        watch = ready(losses=losses, ready_since=None, lost="new-1 is gone")
        state, _ignored = cases.step(cases.state(Phase.JUDGING, watch=watch), moved())
        assert state.trail[-1] is phase


def test_three_losses_end_a_deployment_that_would_restart_its_targets_for_ever() -> None:
    for losses, phase in ((2, Phase.MOVING), (3, Phase.ROLLING_BACK)):
        watch = ready(losses=losses, ready_since=None, lost="new-1 is gone", next_probe=NOW + 60)
        state, _ignored = cases.step(cases.state(Phase.MOVING, watch=watch), MOVING)
        assert state.trail[-1] is phase


def test_the_bake_lasts_as_long_as_was_asked_for() -> None:
    state, command = cases.step(cases.state(Phase.BAKING, entered=NOW - 19, watch=ready()), moved())
    assert state.phase is Phase.BAKING
    assert isinstance(command, Wait)
    assert "1 s to go" in command.why
    state, _ignored = cases.step(cases.state(Phase.BAKING, entered=NOW - 20, watch=ready()), moved())
    assert state.trail[1] is Phase.FINISHING
    state, _ignored = cases.step(cases.state(Phase.BAKING, entered=NOW - 20, watch=ready(ready_since=None)), moved())
    assert state.phase is Phase.BAKING


@pytest.mark.parametrize("phase", [Phase.BAKING, Phase.FINISHING, Phase.PROVING])
def test_silence_after_the_gate_goes_back(phase: Phase) -> None:
    state, _ignored = cases.step(cases.state(phase, watch=ready(samples=samples(*"++??????"))), moved())
    assert state.trail[1] is Phase.ROLLING_BACK
    assert state.cause is not None
    assert state.cause.text.startswith("the release stopped answering")


@pytest.mark.parametrize("left", [{"closed": True}, {"targets": (*targets("new"), *targets("old", "draining"))}])
def test_not_finished_while_closed_or_old_targets_drain(left) -> None:  # type: ignore[no-untyped-def]
    state, _ignored = cases.step(cases.state(Phase.FINISHING, watch=ready()), moved(**left))
    assert state.phase is Phase.FINISHING


def test_finish_opens_only_after_proof() -> None:
    for phase in (Phase.MOVING, Phase.JUDGING, Phase.BAKING):
        _ignored, command = cases.step(
            cases.state(phase, entered=NOW - 1, watch=ready(ready_since=99.0)),
            moved(closed=True, todo={Verb.FINISH: ("ModifyRule",)}),
        )
        assert not isinstance(command, Call)
    _ignored, command = cases.step(
        cases.state(Phase.FINISHING, watch=ready()), moved(closed=True, todo={Verb.FINISH: ("ModifyRule",)})
    )
    assert command == Call(Verb.FINISH, "the release is proven")


def live_or_wait(state, now, plan=PLAN):  # type: ignore[no-untyped-def]
    _ignored, command = cases.step(cases.state(Phase.PROVING, **state), now, plan=plan)
    return isinstance(command, Stop)


@pytest.mark.parametrize(
    ("change", "now"),
    [
        ({"watch": ready(samples=())}, moved()),
        ({"watch": ready(samples=samples(*"+?"))}, moved()),
        ({"watch": ready(since=NOW + 1)}, moved()),
        ({"started": NOW - 4}, moved()),
        ({}, moved(serving="old")),
        ({}, moved(closed=True)),
        ({}, moved(desired=3)),
        ({}, moved(targets=(*targets("new"), *targets("old", "draining", 1)))),
        ({}, moved(targets=(*targets("new", count=1), *targets("new", "unhealthy", 2)[1:]))),
        ({}, moved(todo={Verb.FINISH: ("ModifyRule",)})),
        ({}, moved(todo={Verb.BEGIN: ("CreateRule",)})),
    ],
)
def test_live_is_never_said_of_less(change, now) -> None:  # type: ignore[no-untyped-def]
    assert live_or_wait({"watch": ready()}, moved())
    assert not live_or_wait({"watch": ready(), **change}, now)


def test_identity_and_the_record_of_a_live_release() -> None:
    for unmarked in (False, True):
        state, command = cases.step(cases.state(Phase.PROVING, watch=ready(unmarked=unmarked)), moved())
        assert isinstance(command, Stop)
        assert state.proven is not unmarked
        assert ("carry its mark" in command.reason) is not unmarked
        assert (state.record.live, state.record.last_good, state.record.unfinished) == ("new", "old", {})
    state, command = cases.step(cases.state(Phase.PROVING, watch=ready()), moved(), plan=plan(probes=False))
    assert state.proven is False
    assert isinstance(command, Stop)
    assert "health alone judged" in command.reason


def test_a_refusal_that_an_answer_lost_explains_is_no_refusal() -> None:
    """CreateRule answered nothing and did it; asked again it is refused; the snapshot no longer asks for it."""
    pace = Pace(looked=NOW, asked_call="CreateRule")
    state = cases.state(Phase.BEGINNING, refused="CreateRule was refused: PriorityInUse", pace=pace)
    _ignored, command = cases.step(state, seen(todo={Verb.BEGIN: ("CreateService",)}))
    assert command == Call(Verb.BEGIN, "towards the deployment")


def test_the_final_record_that_somebody_else_wrote_ends_without_another_write() -> None:
    state, command = decide(PLAN, cases.state(Phase.PROVING, watch=ready()), moved(), Heard(), NOW)
    state, command = decide(PLAN, state, moved(), Heard(Outcome.TAKEN, "412"), NOW)
    assert isinstance(command, Stop)
    assert command.state == "needs_operator"
    assert "somebody else wrote the record" in command.reason


@pytest.mark.parametrize(("phase", "verb"), [(Phase.CONFIGURING, Verb.CONFIGURE), (Phase.BEGINNING, Verb.BEGIN)])
@pytest.mark.parametrize("only", [True, False])
def test_a_refusal_before_anything_moved_takes_nothing_back(phase: Phase, verb: Verb, only: bool) -> None:
    now = seen(todo={verb: ("TagResource",), Verb.ROLL_BACK: ("UpdateService older",)})
    said = {"refused": "AccessDenied", "pace": Pace(looked=NOW, asked_call="TagResource"), "only_configure": only}
    state, command = cases.step(cases.state(phase, **said), now)
    assert isinstance(command, Stop)
    assert command.state == "refused"
    assert "the release that serves stays" in command.reason
    assert state.record.unfinished == {}
    ours = cases.replace(now, serving="new")  # what serves changed: that is not nothing
    state, _ignored = cases.step(cases.state(phase, **{**said, "only_configure": False}), ours)
    assert Phase.ROLLING_BACK in state.trail


def test_one_right_answer_at_the_end_proves_nothing() -> None:
    state, command = cases.step(cases.state(Phase.PROVING, watch=ready(samples=samples(*"?+"))), moved())
    assert isinstance(command, Wait)
    assert state.phase is Phase.PROVING


def test_a_probe_that_never_answers_beside_one_that_does_ends_no_bake() -> None:
    state, _ignored = cases.step(cases.state(Phase.BAKING, entered=NOW - 30, watch=ready(samples=())), moved())
    for number in range(20):
        asked = Probe("production", "new")
        state = cases.replace(state, pace=cases.replace(state.pace, looked=NOW + number), asked=asked)
        now = moved(at=NOW + number)
        state, _ignored = cases.step(state, now, Heard(samples=samples(*"?++++")), now=NOW + number)
    assert state.phase is Phase.BAKING
    state, _ignored = cases.step(
        cases.replace(state, pace=Pace(looked=NOW + 60, calls=1)), moved(at=NOW + 60), now=NOW + 60
    )
    assert Phase.ROLLING_BACK in state.trail
    assert state.cause is not None
    assert state.cause.rejects == "proof"


def test_who_does_not_wait_is_told_what_the_cloud_cannot_see() -> None:
    now = seen(deployment=deployment(Movement.MOVING))
    _ignored, command = cases.step(cases.state(Phase.MOVING), now, plan=plan(wait=False))
    assert isinstance(command, Stop)
    assert "fail their health checks, and knows nothing of wrong answers" in command.reason
