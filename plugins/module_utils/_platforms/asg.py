# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2 Auto Scaling as a platform: a snapshot becomes an observation, a verb becomes at most one mutating call."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from .._clients.aws_errors import AwsError
from .._engine.finding import Finding
from .._engine.model import Observation, Outcome, Plan, Target, Verb
from . import asg_account, asg_group, asg_input, asg_release, asg_shift, aws_heart, aws_rules
from .asg_read import Reader
from .asg_refresh import Waits
from .asg_steps import Steps
from .asg_view import View
from .aws_calls import Calls
from .aws_step import Step
from .base import PortError

# What a mutating call may find already done: the answer to an earlier attempt was lost.
ALREADY = {
    "delete_rule": frozenset({"RuleNotFound"}),
    "delete_launch_template": frozenset({"InvalidLaunchTemplateId.NotFound"}),
    "delete_schedule": frozenset({"ResourceNotFoundException"}),
}


class Asg:
    """Implements `base.Platform` for one service; takes the calls, never makes a client."""

    def __init__(self, calls: Calls, params: Mapping[str, Any], now: Callable[[], float] = time.monotonic) -> None:
        self._calls = calls
        self._params = params
        self._reader = Reader(calls, params, now)
        self._proof = secrets.token_hex(16)
        self._waits = Waits()
        self._remembered: dict[str, Target] = {}
        self._quiet: dict[str, datetime] = {}
        self._at = float("-inf")
        self._steps: dict[Verb, list[Step]] = {}
        self._gone: list[Finding] = []

    def preflight(self, plan: Plan) -> list[Finding]:
        """What is wrong with the parameters; and with the account, when a release is to move."""
        if plan.remove:
            return []
        moves = Verb.BEGIN not in self._steps or bool(self._steps[Verb.BEGIN])
        return [*self._gone, *asg_input.findings(self._params), *(self.account_findings(plan) if moves else [])]

    def before(self) -> None:
        """Nothing need come first: every strategy may follow every other."""

    def account_findings(self, plan: Plan) -> list[Finding]:
        """What is wrong between the parameters and the account."""
        return [] if plan.remove else asg_account.findings(self._calls, self._params, plan)

    def observe(self, plan: Plan) -> Observation:
        own = not plan.remove and plan.release.id == asg_release.release(self._params).id
        snapshot = self._reader.snapshot()
        view = View(
            snapshot,
            self._params,
            plan.release.id,
            own,
            plan.previous,
            dict(self._remembered),
            self._waits,
            self._quiet,
        )
        if self._params.get("load_balancer"):
            asg_shift.hush(self._quiet, aws_rules.weights(view.production_rule), self._params, snapshot.clock)
        targets = view.targets()
        self._remembered |= {target.task: target for target in targets if target.release}
        rule = view.production_rule
        proof = aws_rules.proof_of(rule)
        steps = Steps(view, plan, proof or self._proof)
        self._at = snapshot.at
        self._gone = view.gone()
        self._steps = steps.todo()
        refresh = snapshot.refresh(view.live) or {}
        return Observation(
            at=snapshot.at,
            exists=bool(snapshot.groups) if plan.remove else view.group is not None,
            serving=view.serving(),
            deployment=view.deployment(),
            other=view.other(),
            foreign=view.foreign(),
            closed=bool(proof),
            desired=snapshot.desired(view.live),
            targets=targets,
            weights=aws_rules.weights(rule),
            events=view.events(),
            todo={verb: tuple(step.line for step in listed) for verb, listed in self._steps.items()},
            drift=self._drift(view, plan),
            labels=view.labels(),
            problem=view.not_ours() if plan.remove else view.problem(),
            back_to="" if plan.first else steps.home(),
            proof={aws_rules.PROOF_HEADER: proof} if proof else {},
            held=view.held(),
            share=view.share(),
            test_share=view.share(test=True),
            stage=str(refresh.get("Status") or ""),
            heart=view.heart(),
            keeps=steps.keeps(),
        )

    def _drift(self, view: View, plan: Plan) -> tuple[str, ...]:
        """Every field that differs from what is wanted; without a group, every field."""
        if plan.remove:
            return ()
        found = view.template_differences()
        group = view.group or {}
        changes = asg_group.differences(group, {**asg_group.settings(self._params), **asg_group.sizes(self._params)})
        return (*found, *(f"{name}: {group.get(name, 'not set')} -> {value}" for name, value in changes.items()))

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
        self._reader.forget(step.operation)
        try:
            self._calls.write(step.service, step.operation, **step.arguments)
        except AwsError as error:
            if error.code not in ALREADY.get(step.operation, ()):
                raise
        return step.line
