# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call does to the cloud, what no engine may ever ask for, and who answers a probe."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Movement, Outcome, Plan, Verb
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.base import PortError
from tests.simulation import native
from tests.simulation.cloud import Cloud
from tests.simulation.parts import FOREIGN, HEALED, Behaviour, Task

if TYPE_CHECKING:
    from tests.simulation.ecs_ports import EcsPorts


SEEN = 25.0  # seconds until a run that reads late and slowly knows of a change


def happen(cloud: Cloud, call: str, plan: Plan) -> None:
    """The effect; raises PortError when the cloud says no."""
    name, _ignored, what = call.partition(" ")
    if name == "CreateRule":
        cloud.rule = "open" if cloud.service else "closed"
    elif name == "RegisterTaskDefinition":
        cloud.definitions.add(what)
    elif name in ("CreateService", "UpdateService"):
        _update(cloud, name, what, plan)
    elif name in ("StopServiceDeployment", "ContinueServiceDeployment"):
        _steer(cloud, name, what)
    elif name == "PutMetricAlarm":
        if what == "rest":
            cloud.alarm.make(cloud.now)
        else:
            cloud.alarm.arm(what == "breaching", cloud.now)
    elif name == "DeleteService":
        cloud.delete()
    elif name in ("DeleteRule", "ModifyRule"):
        cloud.rule = {"open": "open", "close": "closed"}.get(what, "")


def _update(cloud: Cloud, name: str, what: str, plan: Plan) -> None:
    if what == "settings":
        assert cloud.open() is None, "configured while a deployment is open"
        assert cloud.service is not None
        cloud.service = replace(cloud.service, configured=True)
        return
    if name == "CreateService":
        cloud.service = None
    release, _ignored, back = what.partition(" ")
    if cloud.service is not None and cloud.service.release == release:
        return  # the same again starts nothing
    strategy, weights = ("rolling", ()) if back else (plan.strategy, tuple(step.weight for step in plan.steps))
    weights = tuple(weight for weight in weights if weight)
    cloud.deploy(release, strategy, weights, watched=plan.heartbeat is not None and not back)


def _steer(cloud: Cloud, name: str, what: str) -> None:
    running = cloud.open()
    if running is None or running.status is not Movement.MOVING:
        raise PortError(Outcome.TURNED_AWAY, "the deployment is not in progress")
    if name == "StopServiceDeployment":
        if running.id != what:
            raise PortError(Outcome.REFUSED, "another deployment")
        cloud.turn(running)
        return
    action, _ignored, hook = what.partition(" ")
    if not running.hold or running.hold != hook:
        raise PortError(Outcome.REFUSED, "InvalidParameterException: the hook is not awaiting an action")
    if action == "ROLLBACK":
        cloud.turn(running)
    else:
        native.proceed(cloud, running)


# ---- what no engine may ever ask for -------------------------------------------------------------


def check(ports: EcsPorts, verb: Verb, call: str, plan: Plan) -> None:
    """I5, I6, I10, A.7 and the rules of the hold, at the moment of the call."""
    assert not plan.check_mode, "I10: a mutating call in check mode"
    ports._fenced(call)
    unfinished, cloud = ports.world.store.record.unfinished, ports.cloud
    if verb not in (Verb.CONFIGURE, Verb.DISARM):
        assert unfinished, f"A.7: {call} without a record"
    if verb is Verb.BEGIN:
        assert unfinished["to"] == plan.release.id, "A.7: begun something else than the record says"
        assert plan.heartbeat is None or cloud.alarm.breaching, "begun without an armed heartbeat"
    if verb is Verb.ROLL_BACK:
        assert unfinished["from"] == plan.previous, "I6: the way back is not the one recorded"
    if call == "DeleteService" and verb is not Verb.REMOVE:
        assert ports.world.store.record.live == "", "I6: a service that was live is never removed by a rollback"
    running = cloud.open()
    if running is not None and running.by != "greenlight":
        fights = verb in (Verb.CONFIGURE, Verb.BEGIN, Verb.PROCEED, Verb.ROLL_BACK, Verb.FINISH)
        assert not fights or cloud.now - running.begun < 14.0 or ports.faults.stopped, "it fights somebody else"
    if verb is Verb.PROCEED:
        _check_word(ports, plan, call.rpartition(" ")[2])
    if verb is Verb.DISARM:
        assert running is None or running.by != "greenlight", "disarmed while a deployment is open"
    if verb is Verb.FINISH:
        there = {task.release for task in cloud.tasks if task.state != "draining"}
        assert there <= {plan.release.id, FOREIGN}, "finished with old targets in service"
        assert plan.release.id in ports.passed_at, "opened before any right answer"


def _check_word(ports: EcsPorts, plan: Plan, hook: str) -> None:
    """Our word is given only for a release that this run saw right at this hold, with the step's bake behind it."""
    cloud, answers = ports.cloud, ports.passed_at.get(plan.release.id, [])
    running = cloud.open()
    if running is None or not running.hold:
        return
    assert running.watched or plan.heartbeat is None, "went on though nobody watches the heartbeat"
    meddled = cloud.now - cloud.meddled > SEEN and hook not in ports.words
    assert not meddled or ports.faults.stopped, f"went on while the rule gives {cloud.share} %, by somebody's hand"
    ports.words.add(hook)
    begun = running.expires - cloud.hold_time - 0.01
    right = [at for at in answers if at >= begun]
    assert len(right) >= plan.gate.run or plan.gate.inconclusive == "pause", "went on without a verdict at this hold"
    ages = [_age(cloud, task) for task in cloud.tasks if task.release == plan.release.id]
    seasoned = min(ages, default=0.0) >= plan.timing.min_ready - 0.5 or cloud.now - cloud.lost_by_world < HEALED
    assert seasoned, "went on with targets that were not healthy for min_ready"
    weight = running.weights[running.step - 1] if running.step else 0
    bake = next((step.bake for step in plan.steps if step.weight == weight), 0.0)
    assert cloud.now - begun >= bake, "went on before the bake was over"
    if len(right) >= plan.gate.run:
        assert cloud.now - right[plan.gate.run - 1] >= bake - 0.5, "the bake was not after the verdict"


def _age(cloud: Cloud, task: Task) -> float:
    """Seconds for which the target has been healthy; one that drains is not asked."""
    if task.state == "draining":
        return native.NEVER
    return cloud.now - task.since if task.state == "healthy" else 0.0


# ---- who answers ---------------------------------------------------------------------------------


def answering(cloud: Cloud, route: str, rng: random.Random) -> Task | None:
    """The task that a request by this route meets; None = nobody."""
    healthy = [task for task in cloud.tasks if task.state == "healthy"]
    rollout = cloud.open()
    if rollout is None or not rollout.native:
        return rng.choice(healthy) if healthy else None
    new = route == "test_listener" or rng.random() * 100 < cloud.applied
    if route == "test_listener" and rollout.stage == "SCALE_UP":
        return None
    side = [task for task in healthy if (task.release == rollout.release) == new]
    return rng.choice(side) if side else None


def soured(cloud: Cloud, how: Behaviour, release: str) -> bool:
    """Right until it gets the public's traffic."""
    rollout = cloud.open()
    if rollout is not None and rollout.native:
        return release == rollout.release and cloud.applied >= how.wrong_from
    return how.wrong_from <= 100
