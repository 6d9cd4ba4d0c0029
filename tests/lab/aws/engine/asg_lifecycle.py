# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One instance's way through its lifecycle. Pure.

Source: EC2 Auto Scaling user guide, "How lifecycle hooks work": the launch hook waits before InService, then the
instance is registered with the load balancer; at the end it "is first deregistered from the load balancer", drains,
and then the termination hook waits. Inferred: an instance whose machine is gone neither drains nor runs hooks.
"""

from __future__ import annotations

from tests.lab.aws.engine import asg_hooks
from tests.lab.aws.engine.asg_actions import Action, Deregister, Facts, Launch, Register, Retire, Terminate
from tests.lab.aws.engine.asg_model import (
    ENDING,
    HEALTHY,
    LAUNCHING_HOOK,
    TERMINATING_HOOK,
    Group,
    Instance,
    Pace,
    finish,
    stamp,
)
from tests.lab.aws.engine.asg_refresh_model import Template
from tests.lab.aws.engine.ecs_model import Moment


def launch(group: Group, template: Template, subnet: str, cause: str, moment: Moment, refresh: str = "") -> Instance:
    """A new instance, Pending. `template` has a number as its version."""
    zone, name = group.zones[subnet], group.ids.instance()
    details = {"Subnet ID": subnet, "Availability Zone": zone}
    activity = group.begin(moment, f"Launching a new EC2 instance: {name}", cause, details)
    made = Instance(name, template, subnet, zone, moment, activity, since=moment.now, refresh=refresh)
    made.protected = group.protect_new
    group.instances[name] = made
    return made


def end(group: Group, instance: Instance, cause: str, moment: Moment, after: str = "Terminated") -> None:
    """Take it out of service; what follows is `advance`'s. Again = no change."""
    if instance.state in ENDING or instance.state == "Detaching":
        return
    words = {"Terminated": "Terminating EC2 instance", "Standby": "Moving EC2 instance to Standby"}
    details = {"Subnet ID": instance.subnet, "Availability Zone": instance.zone}
    description = f"{words.get(after, 'Detaching EC2 instance')}: {instance.id}"
    instance.ended = group.begin(moment, description, f"At {stamp(moment)} {cause}", details)
    if not instance.activity.ended:
        finish(instance.activity, "Cancelled", moment, instance.activity.message)
    instance.after, instance.hooked, instance.actions = after, False, []
    instance.enter({"Terminated": "Terminating", "Standby": "EnteringStandby"}.get(after, "Detaching"), moment)


def advance(group: Group, instance: Instance, facts: Facts, moment: Moment, pace: Pace) -> list[Action]:
    """One step of one instance."""
    host = facts.hosts.get(instance.id)
    if host is not None and host.instance_type:
        instance.instance_type = host.instance_type
    if instance.state.startswith("Pending"):
        return _starting(group, instance, facts, moment, pace)
    if instance.state == "InService":
        _look(instance, facts)
        return _registered(group, instance, facts)
    if instance.state == "Standby":
        return []
    return _ending(group, instance, facts, moment)


def _starting(group: Group, instance: Instance, facts: Facts, moment: Moment, pace: Pace) -> list[Action]:
    if not instance.asked:
        instance.asked = True
        return [Launch(instance)]
    if instance.launch_error:
        _failed(group, instance, moment, pace)
        return []
    host = facts.hosts.get(instance.id)
    if host is None or host.state not in ("pending", "running"):
        finish(instance.activity, "Failed", moment, "Instance became unhealthy while waiting for instance to be ready.")
        instance.dead = True
        end(group, instance, f"instance {instance.id} was taken out of service: it ended while pending.", moment)
        return []
    if not instance.hooked and asg_hooks.hold(group, instance, LAUNCHING_HOOK, moment):
        instance.activity.status, instance.activity.progress = "MidLifecycleAction", 40
        instance.enter("Pending:Wait", moment)
    if instance.state == "Pending:Wait":
        result = asg_hooks.verdict(instance, moment)
        if result == asg_hooks.ABANDON:
            why = asg_hooks.abandoned(instance, moment)
            finish(instance.activity, "Cancelled", moment, why)
            end(group, instance, f"instance {instance.id} was abandoned by its lifecycle hook.", moment)
            return []
        if result:
            instance.actions = []
            instance.enter("Pending:Proceed", moment)
    if instance.state != "Pending:Wait" and host.running:
        return serve(group, instance, facts, moment)
    return []


def serve(group: Group, instance: Instance, facts: Facts, moment: Moment) -> list[Action]:
    """Into service: grace and warm-up start, the load balancer learns of it."""
    instance.enter("InService", moment)
    instance.serving_since, instance.passed, instance.hooked = moment.now, False, False
    instance.health, instance.unhealthy_because = HEALTHY, ""
    group.failures.pop(instance.zone, None)
    group.blocked.pop(instance.zone, None)
    if not instance.activity.ended:
        finish(instance.activity, "Successful", moment)
    return _registered(group, instance, facts)


def _failed(group: Group, instance: Instance, moment: Moment, pace: Pace) -> None:
    """EC2 refused the launch: the zone rests, other zones are tried at once.

    Source: user guide, "Auto Scaling benefits for application architecture", instance distribution: it "attempts to
    launch the instances in another Availability Zone until it succeeds". The pauses are the lab's.
    """
    message = f"{instance.launch_error} Launching EC2 instance failed."
    instance.activity.description = f"Launching a new EC2 instance.  Status Reason: {message}"
    finish(instance.activity, "Failed", moment, message)
    before = group.failures.get(instance.zone, 0)
    group.failures[instance.zone] = before + 1
    group.blocked[instance.zone] = moment.now + min(pace.retry_most, pace.retry * 2.0**before)
    refresh = group.refresh
    if refresh is not None and refresh.trouble_since is None:
        refresh.trouble_since = moment.now
    del group.instances[instance.id]


def _look(instance: Instance, facts: Facts) -> None:
    """Notice the first pass of the load balancer's checks; where nobody checks (unused), none is waited for."""
    found = [facts.healths.get((arn, instance.id, port)) for arn, port in instance.registered.items()]
    if found and all(health is not None and health.state in ("healthy", "unused") for health in found):
        instance.passed = True


def _registered(group: Group, instance: Instance, facts: Facts) -> list[Action]:
    """Bring its registrations in line with the group's target groups."""
    wanted = {arn: facts.ports[arn] for arn in group.target_groups if arn in facts.ports}
    actions: list[Action] = []
    if group.runs("AddToLoadBalancer"):
        for arn, port in wanted.items():
            if arn not in instance.registered:
                instance.registered[arn] = port
                actions.append(Register(instance, arn, port))
    for arn in [arn for arn in instance.registered if arn not in group.target_groups]:
        actions.append(Deregister(instance, arn, instance.registered.pop(arn)))
    return actions


def _ending(group: Group, instance: Instance, facts: Facts, moment: Moment) -> list[Action]:
    host = facts.hosts.get(instance.id)
    if host is None or host.state in ("shutting-down", "terminated"):
        instance.dead = True
    if instance.state in ("Terminating", "EnteringStandby", "Detaching"):
        told: list[Action] = [] if instance.retired or instance.state != "Terminating" else [Retire(instance)]
        instance.retired = instance.retired or bool(told)
        return told + _draining(group, instance, facts, moment)
    if instance.state == "Terminating:Wait":
        for action in instance.actions:
            if host is not None and host.finished == action.hook.name and not action.result:
                action.result = asg_hooks.CONTINUE
        if not instance.dead and not asg_hooks.verdict(instance, moment):
            return []
        instance.actions = []
        instance.enter("Terminating:Proceed", moment)
    if host is None or host.state == "terminated":
        if instance.ended is not None:
            finish(instance.ended, "Successful", moment)
        del group.instances[instance.id]
        return []
    return [Terminate(instance)] if host.state != "shutting-down" else []


def _draining(group: Group, instance: Instance, facts: Facts, moment: Moment) -> list[Action]:
    keys = [(arn, instance.id, port) for arn, port in instance.registered.items()]
    leaving = [facts.healths[key] for key in keys if key in facts.healths]
    told = [health for health in leaving if health.state == "draining"]
    if len(told) < len(leaving):
        return [Deregister(instance, arn, port) for arn, _ignored, port in keys]
    if leaving and not instance.dead:
        if instance.ended is not None:
            instance.ended.status, instance.ended.progress = "WaitingForELBConnectionDraining", 20
        return []
    instance.registered = {}
    if instance.after != "Terminated":
        if instance.ended is not None:
            finish(instance.ended, "Successful", moment)
        if instance.after == "Standby":
            instance.enter("Standby", moment)
        else:
            del group.instances[instance.id]
        return []
    if not instance.dead and asg_hooks.hold(group, instance, TERMINATING_HOOK, moment):
        if instance.ended is not None:
            instance.ended.status, instance.ended.progress = "MidLifecycleAction", 60
        instance.enter("Terminating:Wait", moment)
    else:
        instance.enter("Terminating:Proceed", moment)
    return []
