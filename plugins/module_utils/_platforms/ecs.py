# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ECS as a platform: a snapshot becomes an observation, a verb becomes at most one mutating call."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from .._clients.aws_errors import AwsError
from .._engine.finding import Finding
from .._engine.model import Observation, Outcome, Plan, Target, Verb
from . import aws_heart, aws_rules, ecs_account, ecs_diff, ecs_hold, ecs_input, ecs_plan, ecs_release
from .aws_calls import Calls
from .aws_names import alarm_name
from .aws_step import Step
from .base import PortError
from .ecs_read import Reader
from .ecs_steps import Steps
from .ecs_view import View

ADOPTING = "First ECS must be able to shift traffic for this service: a rolling rollout of what it runs gives it that"

# What a mutating call may find already done: the answer to an earlier attempt was lost.
ALREADY = {
    "delete_service": frozenset({"ServiceNotFoundException", "ServiceNotActiveException"}),
    "delete_rule": frozenset({"RuleNotFound"}),
}


class Ecs:
    """Implements `base.Platform` for one service; takes the calls, never makes a client."""

    def __init__(self, calls: Calls, params: Mapping[str, Any], now: Callable[[], float] = time.monotonic) -> None:
        self._calls = calls
        self._params = params
        self._reader = Reader(calls, params, now)
        self._proof = secrets.token_hex(16)
        self._remembered: dict[str, Target] = {}
        self._at = float("-inf")
        self._steps: dict[Verb, list[Step]] = {}
        self._gone: list[Finding] = []
        self._adoptable: Mapping[str, Any] = {}  # the task definition of a service that must be adopted first

    def preflight(self, plan: Plan) -> list[Finding]:
        """What is wrong with the parameters; and with the account, when a release is to move."""
        if plan.remove:
            return []
        moves = Verb.BEGIN not in self._steps or bool(self._steps[Verb.BEGIN])
        found = [*self._gone, *ecs_input.findings(self._params), *(self.account_findings(plan) if moves else [])]
        return found or ([] if plan.check_mode or not self._adoptable else [self._to_adopt()])

    def _to_adopt(self) -> Finding:
        problem = "needs a service with advancedConfiguration: it gets that by a rolling rollout of what it runs"
        return Finding("strategy", str(self._params["strategy"]), problem, "Roll out what runs with strategy: rolling.")

    def before(self) -> tuple[dict[str, Any], str] | None:
        """The parameters of a rolling rollout of what the service runs, after which every strategy may follow."""
        if not self._adoptable:
            return None
        own = {"strategy": ecs_plan.ROLLING, "steps": None, "canary": None, "linear": None, "route": None}
        unasked = {"target_release": "wanted", "pin": False, "unpin": False, "wait": True}
        return {**self._params, **own, **unasked, "adopted": self._adoptable}, ADOPTING

    def account_findings(self, plan: Plan) -> list[Finding]:
        """What is wrong between the parameters and the account."""
        return [] if plan.remove else ecs_account.findings(self._calls, self._params, plan)

    def observe(self, plan: Plan) -> Observation:
        own = not plan.remove and plan.release.id == ecs_release.release(self._params).id
        snapshot = self._reader.snapshot((plan.release.id, plan.previous), every_definition=plan.remove)
        view = View(snapshot, self._params, plan.release.id, own, dict(self._remembered))
        targets = view.targets()
        self._remembered |= {target.address.rpartition(":")[0]: target for target in targets if target.task}
        rule = view.production_rule
        proof = aws_rules.proof_of(rule)
        steps = Steps(view, plan, proof or self._proof)
        mine = view.raw_to(plan.release.id)
        self._at = snapshot.at
        self._gone = view.gone()
        plain = view.plain() if ecs_plan.native(self._params) and not plan.remove else ""
        self._adoptable = snapshot.definitions.get(plain, {})
        self._steps = self._listed(steps, plan)
        return Observation(
            at=snapshot.at,
            exists=bool(snapshot.service) if plan.remove else bool(snapshot.active),
            serving=view.serving(),
            deployment=view.deployment_to(plan.release.id),
            other=view.other(),
            foreign=view.foreign(),
            closed=bool(proof),
            desired=int((snapshot.active or {}).get("desiredCount", 0)),
            targets=targets,
            weights=aws_rules.weights(rule),
            events=view.events(),
            todo={verb: tuple(step.line for step in listed) for verb, listed in self._steps.items()},
            drift=self._drift(view, plan),
            labels=view.labels(),
            problem=self._problem(view, plan),
            back_to=home.release if (home := steps.home()) and not plan.first else "",
            proof={aws_rules.PROOF_HEADER: proof} if proof else {},
            held=ecs_hold.held(mine, snapshot.clock),
            share=view.share(),
            test_share=view.test_share(),
            stage=str(mine.get("lifecycleStage") or ""),
            heart=aws_heart.heart(snapshot.alarm, ecs_hold.monitored(mine or None, alarm_name(self._params))),
        )

    @staticmethod
    def _problem(view: View, plan: Plan) -> str:
        if plan.remove:
            return view.not_ours()
        return view.problem() or (view.not_a_first_release(plan.begun) if plan.first else "")

    def _listed(self, steps: Steps, plan: Plan) -> dict[Verb, list[Step]]:
        if plan.remove:
            return {Verb.REMOVE: steps.remove()}
        return {
            Verb.CONFIGURE: steps.configure(),
            Verb.ARM: steps.arm(),
            Verb.BEGIN: steps.begin(),
            Verb.PROCEED: steps.proceed(),
            Verb.ROLL_BACK: steps.roll_back(),
            Verb.FINISH: steps.finish(),
            Verb.DISARM: steps.disarm(),
        }

    def _drift(self, view: View, plan: Plan) -> tuple[str, ...]:
        """Every field that differs from what is wanted; without a service, every field."""
        if plan.remove:
            return ()
        service, snapshot = view.snapshot.active or {}, view.snapshot
        found = snapshot.definitions.get(service.get("taskDefinition", ""), {})
        differences = view.field_differences(plan.release.id)
        differences += ecs_diff.setting_differences(service, ecs_release.settings(self._params))
        if view.own and found.get("release") != plan.release.id:
            wanted = ecs_release.registration(self._params, plan.release.id)
            wanted.pop("tags")
            differences = [*ecs_diff.definition_differences(found, wanted), *differences]
        return tuple(map(str, differences))

    def beat(self, plan: Plan) -> None:  # noqa: ARG002 - the Protocol's
        """One datapoint."""
        self._calls.write("cloudwatch", "put_metric_data", **aws_heart.beat(self._params))

    def perform(self, verb: Verb, plan: Plan, seen: Observation) -> str:
        """The first call that the verb would still make; what the last snapshot listed, or a new one."""
        if seen.at != self._at or verb not in self._steps:
            self.observe(plan)
        steps = self._steps.get(verb, [])
        self._at = float("-inf")  # one snapshot serves one call
        if not steps:
            return f"{verb.value}: nothing left to do"
        step = steps[0]
        if step.line not in seen.todo.get(verb, (step.line,))[:1]:
            raise PortError(Outcome.TURNED_AWAY, f"not sent: {step.line}; the service changed since it was read")
        try:
            answer = self._calls.write(step.service, step.operation, **step.arguments)
        except AwsError as error:
            self._reader.forget_definitions()
            if error.code not in ALREADY.get(step.operation, ()):
                raise
            answer = {}
        if step.operation in ("register_task_definition", "deregister_task_definition"):
            self._reader.forget_definitions()
        if step.operation == "register_task_definition":
            self._reader.registered(answer["taskDefinition"]["taskDefinitionArn"])
        return step.line
