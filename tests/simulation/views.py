# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the platform makes of the simulated cloud's snapshots: an observation, with the calls each verb would make."""

from __future__ import annotations

from ansible_collections.greenlight.serving.plugins.module_utils._engine.evolve import evolve
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Heart,
    Held,
    Movement,
    Observation,
    Plan,
    Verb,
)
from tests.simulation.parts import OPEN, Shown, Snapshot

NOTHING = Observation(at=0.0, exists=False)


def observation(shown: Snapshot, plan: Plan, at: float, wall: float, alarm: tuple[str, bool] | None) -> Observation:
    """`at` is the asker's clock when it asked, `wall` the cloud's own; `alarm`: its state, and whether it is armed."""
    service, wanted = shown.service, plan.release.id
    mine = None
    for each in shown.rollouts:
        if each.deployment.release == wanted:
            mine = each
    newest = shown.rollouts[-1] if shown.rollouts else None
    running = newest if newest and newest.deployment.movement in OPEN else None
    other = running.deployment if running and running.deployment.release != wanted else None
    return evolve(
        NOTHING,
        at=at,
        exists=service is not None,
        serving=service.serving if service else "",
        deployment=mine.deployment if mine else None,
        other=other,
        closed=shown.rule == "closed",
        desired=shown.desired if service else 0,
        targets=shown.targets,
        todo=_todo(shown, plan, running, alarm),
        drift=() if service and service.configured else ("grace: 0 -> 60",),
        back_to=plan.previous,
        proof={"x-greenlight-proof": "secret"} if shown.rule == "closed" else {},
        held=_held(running, wall) if running is mine else None,
        share=shown.share if running is not None and running is mine else None,
        test_share=100 if running is not None and running is mine and running.hold else None,
        stage=running.stage if running else "",
        heart=_heart(alarm, running),
    )


def _held(running: Shown | None, wall: float) -> Held | None:
    if running is None or not running.hold:
        return None
    return Held(running.stage, running.hold, running.expires - wall, running.next_weight, running.last)


def _heart(alarm: tuple[str, bool] | None, running: Shown | None) -> Heart | None:
    if alarm is None:
        return None
    state, breaching = alarm
    return Heart(state, breaching, None if running is None else running.watched)


def _todo(
    shown: Snapshot, plan: Plan, running: Shown | None, alarm: tuple[str, bool] | None
) -> dict[Verb, tuple[str, ...]]:
    remove = (["DeleteService"] if shown.service else []) + (["DeleteRule"] if shown.rule else [])
    held = running is not None and running.hold and running.deployment.release == plan.release.id
    arm: tuple[str, ...] = () if alarm and alarm[1] else ("PutMetricAlarm breaching",)
    return {
        Verb.CONFIGURE: ("UpdateService settings",) if shown.service and not shown.service.configured else (),
        Verb.ARM: arm if alarm else ("PutMetricAlarm rest",),
        Verb.BEGIN: _begin(shown, plan),
        Verb.PROCEED: (f"ContinueServiceDeployment CONTINUE {running.hold}",) if running and held else (),
        Verb.ROLL_BACK: _back(shown, plan, running),
        Verb.FINISH: ("ModifyRule open",) if shown.rule == "closed" else (),
        Verb.DISARM: ("PutMetricAlarm silent",) if alarm and alarm[1] and running is None else (),
        Verb.REMOVE: tuple(remove) if plan.remove else (),
    }


def _begin(shown: Snapshot, plan: Plan) -> tuple[str, ...]:
    service, wanted = shown.service, plan.release.id
    begin = [] if shown.rule else ["CreateRule"]
    if service is None or service.release != wanted:
        begin += [] if wanted in shown.definitions else [f"RegisterTaskDefinition {wanted}"]
        begin.append(f"UpdateService {wanted}" if service else f"CreateService {wanted}")
    return tuple(begin)


def _back(shown: Snapshot, plan: Plan, running: Shown | None) -> tuple[str, ...]:
    service = shown.service
    if plan.first:
        return (("DeleteService",) if service else ()) + (("DeleteRule",) if shown.rule else ())
    if running and running.deployment.movement is Movement.MOVING and running.deployment.release != plan.previous:
        if running.hold:
            return (f"ContinueServiceDeployment ROLLBACK {running.hold}",)
        return (f"StopServiceDeployment {running.deployment.id}",)
    if service and not running and service.release != plan.previous and plan.previous:
        return (f"UpdateService {plan.previous} back",)
    return ()
