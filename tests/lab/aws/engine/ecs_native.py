# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""BLUE_GREEN, LINEAR and CANARY service deployments, stage by stage, forward and back. Pure.

Sources: Amazon ECS Developer Guide, "Amazon ECS blue/green service deployments workflow", "Amazon ECS linear
deployments", "Amazon ECS canary deployments", "Lifecycle hooks for Amazon ECS service deployments". What those
leave open is marked "inferred"; the README of the lab lists it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.lab.aws.engine import ecs_capacity, ecs_hooks, ecs_traffic
from tests.lab.aws.engine.ecs_actions import Action, Facts, Shift
from tests.lab.aws.engine.ecs_books import close, complete, count, fail, leave
from tests.lab.aws.engine.ecs_config import ROLLING
from tests.lab.aws.engine.ecs_model import Deployment, Moment, Service, ServiceDeployment
from tests.lab.aws.engine.ecs_native_model import Native
from tests.lab.aws.engine.ecs_tasks import HEALTHY

SHIFT = 5.0  # AWS seconds a change of weights takes before ECS goes on; AWS names no figure
# "The system times out, fails the deployment, and then initiates a rollback after a stage reaches 24 hours";
# a pause hook has a timeout of its own.
LONGEST_STAGE = 24 * 3600.0


@dataclass(frozen=True)
class Turn:
    service: Service
    entry: ServiceDeployment
    native: Native
    verdicts: Mapping[str, str]
    facts: Facts
    moment: Moment

    @property
    def waited(self) -> float:
        return self.moment.now - self.native.since

    @property
    def target(self) -> str:
        """Id of the deployment that is to take over (in a rollback it is not PRIMARY any more)."""
        return self.entry.deployment


def governs(service: Service) -> bool:
    """This module moves the service: a native deployment is open, or left two revisions behind."""
    if service.status != "ACTIVE" or service.current.config["strategy"] == ROLLING:
        return False
    return service.current.native is not None and (not service.current.over or len(service.deployments) > 1)


def begin(service: Service, moment: Moment) -> None:
    """The first step of a deployment that was just started."""
    entry, before = service.current, service.history[1] if len(service.history) > 1 else None
    others = service.deployments[1:]
    entry.native = native = Native(ecs_traffic.steps(entry.config, first=not others), {d.id for d in others})
    if before is not None and before.native is not None and before.status == "STOPPED":
        native.reduced = before.native.reduced
    if entry.breaker == "MONITORING":  # shown as not used: it "can only be used for … the rolling update"
        entry.breaker = "DISABLED"
    # "only happens when you start a new service deployment with more than 1 service revision in an ACTIVE state"
    native.astray = len(others) > 1
    _enter(service, entry, native, "RECONCILE_SERVICE" if native.astray else "PRE_SCALE_UP", moment)


def step(service: Service, verdicts: Mapping[str, str], facts: Facts, moment: Moment) -> list[Action]:
    """Keep every revision at its count, then move the deployment on by at most one stage."""
    entry = service.current
    native = entry.native
    assert native is not None
    turn = Turn(service, entry, native, verdicts, facts, moment)
    actions: list[Action] = []
    if not entry.over:
        if entry.status == "ROLLBACK_IN_PROGRESS" and not native.back:
            native.back = True
            native.hooks = [hook for hook in native.hooks if hook.status != ecs_hooks.AWAITING]
            native.keep.add(service.primary.id)
            _enter(service, entry, native, _first_back(native), moment)
        if native.since < moment.now:  # a stage is seen at least once
            actions += _backward(turn) if native.back else _forward(turn)
    for deployment in list(service.deployments):
        wanted = service.desired if deployment.id in native.keep else 0
        actions += ecs_capacity.keep(service, deployment, wanted, verdicts, facts, moment)
    leave(service)
    count(service)
    return actions


# ---- forward -------------------------------------------------------------------------------------


def _forward(turn: Turn) -> list[Action]:
    service, native = turn.service, turn.native
    ecs_hooks.expire(native, turn.moment.now)
    reason = ecs_hooks.failure(native)
    if not reason and turn.entry.stage == "PRE_SCALE_UP" and not native.acted:
        reason = _fault(turn)
    if not reason and not native.hooks and turn.waited >= LONGEST_STAGE + _bake(turn):
        reason = f"Service deployment rolled back because {turn.entry.stage} did not end within 24 hours."
    if reason:
        fail(service, reason, "ECS deployment: ", True, turn.moment)
        return []
    return FORWARD[turn.entry.stage](turn)


def _fault(turn: Turn) -> str:
    return next(
        (
            reason
            for lb in turn.entry.target.load_balancers
            if (reason := ecs_traffic.fault(lb, turn.facts.rules, turn.facts.role_errors.get(lb.role, "")))
        ),
        "",
    )


def _bake(turn: Turn) -> float:
    """Seconds of baking that belong to the stage."""
    if turn.entry.stage == "BAKE_TIME":
        return 60.0 * int(turn.entry.config.get("bakeTimeInMinutes") or 0)
    if turn.entry.stage == "PRODUCTION_TRAFFIC_SHIFT" and turn.native.production < 100:
        return ecs_traffic.step_bake(turn.entry.config)  # "not applied after reaching 100 percent traffic"
    return 0.0


def _reconcile(turn: Turn) -> list[Action]:
    """Back to one revision, the completed one, before a new one starts. How AWS does it is inferred."""
    service, native = turn.service, turn.native
    blue = _blue(service)
    if not native.acted:
        if native.reduced and blue and not _full(turn, blue):
            return []
        native.acted, native.since = True, turn.moment.now
        return _shifts(turn, 0.0, "production") + _shifts(turn, 0.0, "test")
    if turn.waited < SHIFT:
        return []
    native.keep, native.reduced, native.astray = {blue.id} if blue else set(), False, False
    if len(service.deployments) > 2 or ecs_hooks.pending(native):
        return []
    return _go(turn, "PRE_SCALE_UP")


def _pre_scale_up(turn: Turn) -> list[Action]:
    turn.native.acted = True
    if ecs_hooks.pending(turn.native):
        return []
    turn.native.keep.add(turn.target)
    return _go(turn, "SCALE_UP")


def _scale_up(turn: Turn) -> list[Action]:
    green = next(d for d in turn.service.deployments if d.id == turn.target)
    return _go(turn, "POST_SCALE_UP") if _full(turn, green) else []


def _test_shift(turn: Turn) -> list[Action]:
    if not turn.native.acted:
        turn.native.acted, turn.native.test = True, 100.0
        return _shifts(turn, 100.0, "test")
    return _go(turn, "POST_TEST_TRAFFIC_SHIFT") if turn.waited >= SHIFT else []


def _production_shift(turn: Turn) -> list[Action]:
    native = turn.native
    if not native.acted:
        native.acted, native.production = True, native.steps[native.step]
        return _shifts(turn, native.production, "production")
    if turn.waited < SHIFT + _bake(turn):
        return []
    native.step += 1
    more = native.step < len(native.steps)
    return _go(turn, "PRE_PRODUCTION_TRAFFIC_SHIFT" if more else "POST_PRODUCTION_TRAFFIC_SHIFT")


def _bake_time(turn: Turn) -> list[Action]:
    return _go(turn, "CLEAN_UP") if turn.waited >= _bake(turn) else []


def _clean_up(turn: Turn) -> list[Action]:
    """The blue tasks go; the deployment ends when the last of them is drained."""
    service, native = turn.service, turn.native
    if not native.acted:
        native.acted, native.reduced, native.keep = True, True, {turn.target}
    if len(service.deployments) > 1:
        return []
    complete(service, turn.moment)
    return []


def _paused(following: str) -> Callable[[Turn], list[Action]]:
    """A stage in which nothing but its hooks happens."""

    def stage(turn: Turn) -> list[Action]:
        return [] if ecs_hooks.pending(turn.native) else _go(turn, following)

    return stage


FORWARD: Mapping[str, Callable[[Turn], list[Action]]] = {
    "RECONCILE_SERVICE": _reconcile,
    "PRE_SCALE_UP": _pre_scale_up,
    "SCALE_UP": _scale_up,
    "POST_SCALE_UP": _paused("TEST_TRAFFIC_SHIFT"),
    "TEST_TRAFFIC_SHIFT": _test_shift,
    "POST_TEST_TRAFFIC_SHIFT": _paused("PRE_PRODUCTION_TRAFFIC_SHIFT"),
    "PRE_PRODUCTION_TRAFFIC_SHIFT": _paused("PRODUCTION_TRAFFIC_SHIFT"),
    "PRODUCTION_TRAFFIC_SHIFT": _production_shift,
    "POST_PRODUCTION_TRAFFIC_SHIFT": _paused("BAKE_TIME"),
    "BAKE_TIME": _bake_time,
    "CLEAN_UP": _clean_up,
}


# ---- back ----------------------------------------------------------------------------------------


def _first_back(native: Native) -> str:
    """The stage a rollback begins at. It meets no PAUSE hook: "Pausing during a rollback would require …"."""
    if native.production > 0 or native.astray:
        return "SCALE_UP" if native.reduced else "PRODUCTION_TRAFFIC_SHIFT"
    return "TEST_TRAFFIC_SHIFT" if native.test > 0 else "CLEAN_UP"


def _backward(turn: Turn) -> list[Action]:
    """Production first, then test traffic, then the green tasks go. The order is inferred from the stages'."""
    service, native = turn.service, turn.native
    if turn.waited >= LONGEST_STAGE:
        close(service, "ROLLBACK_FAILED", turn.entry.reason, turn.moment)
        return []
    match turn.entry.stage:
        case "SCALE_UP":  # the blue tasks were on their way out: not before they serve again
            if _full(turn, service.primary):
                native.reduced = False
                return _go(turn, "PRODUCTION_TRAFFIC_SHIFT")
        case "PRODUCTION_TRAFFIC_SHIFT":
            if not native.acted:
                native.acted, native.production = True, 0.0
                return _shifts(turn, 0.0, "production")
            if turn.waited >= SHIFT:
                return _go(turn, "TEST_TRAFFIC_SHIFT" if native.test > 0 or native.astray else "CLEAN_UP")
        case "TEST_TRAFFIC_SHIFT":
            if not native.acted:
                native.acted, native.test = True, 0.0
                return _shifts(turn, 0.0, "test")
            if turn.waited >= SHIFT:
                return _go(turn, "CLEAN_UP")
        case "CLEAN_UP":
            native.keep = {service.primary.id}
            if len(service.deployments) == 1 and _full(turn, service.primary):
                complete(service, turn.moment)
    return []


# ---- helpers -------------------------------------------------------------------------------------


def _go(turn: Turn, stage: str) -> list[Action]:
    _enter(turn.service, turn.entry, turn.native, stage, turn.moment)
    return []


def _enter(service: Service, entry: ServiceDeployment, native: Native, stage: str, moment: Moment) -> None:
    entry.stage, entry.updated_at = stage, moment.utc
    native.since, native.acted = moment.now, False
    if not native.back:
        native.hooks = ecs_hooks.start(entry.config, stage, service.ids, moment)


def _blue(service: Service) -> Deployment | None:
    """The deployment that serves while the PRIMARY one comes up: the completed one, else the newest other."""
    others = service.deployments[1:]
    return next((d for d in others if d is service.completed), next(iter(others), None))


def _full(turn: Turn, deployment: Deployment) -> bool:
    """All tasks that are wanted run and are healthy."""
    live = turn.service.live(deployment.id)
    return len(live) == turn.service.desired and all(turn.verdicts.get(task.id) == HEALTHY for task in live)


def _shifts(turn: Turn, share: float, kind: str) -> list[Action]:
    """Weights that give the target revision `share` percent; `kind`: production or test."""
    rules = [(lb.production if kind == "production" else lb.test, lb) for lb in turn.entry.target.load_balancers]
    return [Shift(rule, ecs_traffic.weights(lb, share)) for rule, lb in rules if rule]
