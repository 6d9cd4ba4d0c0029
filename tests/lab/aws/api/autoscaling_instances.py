# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Auto Scaling API's calls about instances: lifecycle actions, standby, health, protection, traffic sources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from moto.core.responses import ActionResult, EmptyResult

from tests.lab.aws.api import autoscaling_views as views
from tests.lab.aws.api.autoscaling_groups import Groups
from tests.lab.aws.api.autoscaling_known import flag, hook, page
from tests.lab.aws.core import AwsError
from tests.lab.aws.engine import asg_health, asg_hooks, asg_step
from tests.lab.aws.engine.asg_model import HEALTHY, UNHEALTHY, Group, Instance, LifecycleAction
from tests.lab.aws.engine.ecs_model import Moment

VALIDATION = "ValidationError"


class Instances(Groups):
    # ---- lifecycle hooks

    def put_lifecycle_hook(self) -> ActionResult:
        given = self.parameters()
        group = self.known.group(given["AutoScalingGroupName"])
        name = given["LifecycleHookName"]
        group.hooks[name] = hook(given, group.hooks.get(name))
        return EmptyResult()

    def delete_lifecycle_hook(self) -> ActionResult:
        """botocore: outstanding actions "are completed first (ABANDON for launching, CONTINUE for terminating)"."""
        given = self.parameters()
        group = self.known.group(given["AutoScalingGroupName"])
        group.hooks.pop(given["LifecycleHookName"], None)
        for instance in group.instances.values():
            for action in instance.actions:
                if action.hook.name == given["LifecycleHookName"] and not action.result:
                    starting = instance.state.startswith("Pending")
                    action.result = asg_hooks.ABANDON if starting else asg_hooks.CONTINUE
        return EmptyResult()

    def describe_lifecycle_hooks(self) -> ActionResult:
        given = self.parameters()
        group, names = self.known.group(given["AutoScalingGroupName"]), given.get("LifecycleHookNames") or ()
        found = [views.hook(group, one) for one in group.hooks.values() if not names or one.name in names]
        return ActionResult({"LifecycleHooks": found})

    def complete_lifecycle_action(self) -> ActionResult:
        given = self.parameters()
        action = self._waiting(given)
        action.result = given["LifecycleActionResult"]
        self.lab.log("lifecycle_action_completed", hook=action.hook.name, result=action.result)
        return EmptyResult()

    def record_lifecycle_action_heartbeat(self) -> ActionResult:
        asg_hooks.beat(self._waiting(self.parameters()), self.lab.fleet.moment())
        return EmptyResult()

    def _waiting(self, given: Mapping[str, Any]) -> LifecycleAction:
        group, token = self.known.group(given["AutoScalingGroupName"]), given.get("LifecycleActionToken") or ""
        for instance in group.instances.values():
            if given.get("InstanceId") in (None, instance.id) and (token or given.get("InstanceId")):
                action = asg_hooks.waiting(instance, given["LifecycleHookName"], token)
                if action is not None:
                    return action
        named = f"with token {token}" if token else f"found with instance ID {given.get('InstanceId')}"
        raise AwsError(VALIDATION, f"No active Lifecycle Action {named}")

    # ---- one instance or several

    def terminate_instance_in_auto_scaling_group(self) -> ActionResult:
        given, moment = self.parameters(), self.lab.fleet.moment()
        names = given.get("InstanceIds") or [given["InstanceId"]]
        done = []
        for group, instance in [self.known.instance(name) for name in names]:
            asg_step.terminate(group, instance, flag(given.get("ShouldDecrementDesiredCapacity")), moment)
            if instance.ended is not None:
                done.append(views.activity(group, instance.ended))
        return ActionResult({"Activities": done} if given.get("InstanceIds") else {"Activity": done[0]})

    def set_instance_health(self) -> ActionResult:
        given = self.parameters()
        group, instance = self.known.instance(given["InstanceId"])
        well = given["HealthStatus"] == HEALTHY
        moment = self.lab.fleet.moment()
        graced = asg_health.in_grace(group, instance, moment) and flag(given.get("ShouldRespectGracePeriod"), True)
        if well or not graced:
            instance.health = HEALTHY if well else UNHEALTHY
            instance.unhealthy_because = "" if well else asg_health.USER
        return EmptyResult()

    def set_instance_protection(self) -> ActionResult:
        given = self.parameters()
        for instance in self._members(given):
            instance.protected = flag(given["ProtectedFromScaleIn"])
        return EmptyResult()

    def enter_standby(self) -> ActionResult:
        return self._move(asg_step.stand_by)

    def detach_instances(self) -> ActionResult:
        return self._move(asg_step.detach)

    def exit_standby(self) -> ActionResult:
        given, moment = self.parameters(), self.lab.fleet.moment()
        group = self.known.group(given["AutoScalingGroupName"])
        members = self._members(given)
        for instance in members:
            asg_step.return_to_service(group, instance, moment)
        return ActionResult({"Activities": [views.activity(group, one.activity) for one in members]})

    def _move(self, how: Callable[[Group, Instance, bool, Moment], None]) -> ActionResult:
        given, moment = self.parameters(), self.lab.fleet.moment()
        group, done = self.known.group(given["AutoScalingGroupName"]), []
        for instance in self._members(given):
            how(group, instance, flag(given["ShouldDecrementDesiredCapacity"]), moment)
            if instance.ended is not None:
                done.append(views.activity(group, instance.ended))
        return ActionResult({"Activities": done})

    def _members(self, given: Mapping[str, Any]) -> list[Instance]:
        group = self.known.group(given["AutoScalingGroupName"])
        for name in given.get("InstanceIds") or ():
            if name not in group.instances:
                raise AwsError(VALIDATION, f"The instance {name} is not part of Auto Scaling group {group.name}.")
        return [group.instances[name] for name in given.get("InstanceIds") or ()]

    # ---- target groups

    def attach_load_balancer_target_groups(self) -> ActionResult:
        return self._attach(self.parameters()["TargetGroupARNs"])

    def attach_traffic_sources(self) -> ActionResult:
        return self._attach([one["Identifier"] for one in self.parameters()["TrafficSources"]])

    def detach_load_balancer_target_groups(self) -> ActionResult:
        return self._detach(self.parameters()["TargetGroupARNs"])

    def detach_traffic_sources(self) -> ActionResult:
        return self._detach([one["Identifier"] for one in self.parameters()["TrafficSources"]])

    def _attach(self, arns: list[str]) -> ActionResult:
        group = self.known.group(self.parameters()["AutoScalingGroupName"])
        group.target_groups = list(dict.fromkeys([*group.target_groups, *arns]))
        return EmptyResult()

    def _detach(self, arns: list[str]) -> ActionResult:
        group = self.known.group(self.parameters()["AutoScalingGroupName"])
        group.target_groups = [arn for arn in group.target_groups if arn not in arns]
        return EmptyResult()

    def describe_load_balancer_target_groups(self) -> ActionResult:
        given = self.parameters()
        group = self.known.group(given["AutoScalingGroupName"])
        found = [{"LoadBalancerTargetGroupARN": arn, "State": state} for arn, state in self._attached(group).items()]
        items, token = page(found, given)
        return ActionResult({"LoadBalancerTargetGroups": items, "NextToken": token})

    def describe_traffic_sources(self) -> ActionResult:
        given = self.parameters()
        group = self.known.group(given["AutoScalingGroupName"])
        found = [
            {"TrafficSource": arn, "Identifier": arn, "Type": "elbv2", "State": state}
            for arn, state in self._attached(group).items()
        ]
        items, token = page(found, given)
        return ActionResult({"TrafficSources": items, "NextToken": token})

    def _attached(self, group: Group) -> dict[str, str]:
        """Source: botocore, DescribeTrafficSources: Adding, Added, InService (one is healthy), Removing."""
        found = {}
        serving = [one for one in group.instances.values() if one.state == "InService"]
        for arn in group.target_groups:
            states = [self._state(arn, one) for one in serving]
            added = "Added" if all(states) else "Adding"
            found[arn] = "InService" if "healthy" in states and "ELB" in group.health_types else added
        return found

    def _state(self, arn: str, instance: Instance) -> str:
        if arn not in instance.registered:
            return ""
        health = self.lab.targets.health(arn, instance.id, instance.registered[arn])
        return health.state if health else ""
