# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Auto Scaling engine's hands: reads the facts, lets the pure engine step, does what it asks.

EC2's instances (Hosts), load balancer (InstanceTargets) and alarms are behind ports. `tick()` is called with the
lab's lock held.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tests.lab.aws.engine import asg_step
from tests.lab.aws.engine.asg_actions import Action, Deregister, Facts, Launch, Register, Retire, Terminate
from tests.lab.aws.engine.asg_model import Group, Ids, Instance, Pace
from tests.lab.aws.engine.asg_refresh_model import Template
from tests.lab.aws.engine.asg_tracking_model import Policy
from tests.lab.aws.engine.ecs_model import Moment, Rng
from tests.lab.aws.ports import Alarms, Clock, HostRequest, Hosts, InstanceTargets, LaunchRefused


class Lookups(Protocol):
    """What other services know."""

    def port(self, target_group: str) -> int | None:
        """The port of a target group; None for one that is gone."""

    def version(self, template: Template) -> str:
        """The number of a template's version, "$Latest" and "$Default" resolved; "" when there is none."""

    def metric(self, group: Group, policy: Policy) -> float | None:
        """The policy's metric over the last minute; None without data."""


class Fleet:
    """All Auto Scaling groups of the account, by name."""

    def __init__(
        self, clock: Clock, targets: InstanceTargets, hosts: Hosts, rng: Rng, pace: Pace | None = None
    ) -> None:
        self.clock, self.targets, self.hosts = clock, targets, hosts
        self.pace = pace or Pace()
        self.groups: dict[str, Group] = {}
        self.alarms: Alarms | None = None  # set by the API layer, as the next is
        self.lookups: Lookups | None = None
        self.on_gone: Callable[[Group], None] = lambda _ignored: None
        self._lives: dict[str, int] = {}
        self._rng = rng

    def moment(self) -> Moment:
        return Moment(self.clock.now(), self.clock.utc(), self.clock.scale)

    def ids(self, name: str) -> Ids:
        """Identifiers for a group about to be created; a name's second life gets other ones."""
        self._lives[name] = self._lives.get(name, -1) + 1
        return Ids(self._rng, f"{name}#{self._lives[name]}")

    def find(self, instance: str) -> tuple[Group, Instance] | None:
        for group in self.groups.values():
            if instance in group.instances:
                return group, group.instances[instance]
        return None

    def tick(self) -> None:
        """One step of every group. One group's error does not stop the others; all are raised at the end."""
        moment, errors = self.moment(), []
        for group in list(self.groups.values()):
            try:
                actions = asg_step.step(group, self._facts(group), moment, self.pace)
                for action in actions:
                    self._apply(group, action)
                if group.gone:
                    del self.groups[group.name]
                    self.on_gone(group)
            except Exception as error:
                errors.append(error)
        if errors:
            raise ExceptionGroup("Auto Scaling engine", errors)

    def _facts(self, group: Group) -> Facts:
        keys = [(arn, one.id, port) for one in group.instances.values() for arn, port in one.registered.items()]
        healths = {key: self.targets.health(*key) for key in keys}
        hosts = {name: self.hosts.state(name) for name in group.instances}
        names = group.refresh.preferences.alarms if group.refresh else ()
        alarms = {name: self.alarms.alarm(name) for name in names} if self.alarms else {}
        known = self.lookups
        ports = {arn: known.port(arn) for arn in group.target_groups} if known else {}
        metrics = {name: known.metric(group, policy) for name, policy in group.policies.items()} if known else {}
        return Facts(
            {name: host for name, host in hosts.items() if host is not None},
            {key: health for key, health in healths.items() if health is not None},
            {name: state for name, state in alarms.items() if state is not None},
            {arn: port for arn, port in ports.items() if port is not None},
            known.version(group.template) if known else group.template.version,
            {name: value for name, value in metrics.items() if value is not None},
        )

    def _apply(self, group: Group, action: Action) -> None:
        match action:
            case Launch(instance):
                self._launch(group, instance)
            case Retire(instance):
                self.hosts.retire(instance.id)
            case Terminate(instance):
                self.hosts.terminate(instance.id)
            case Register(instance, arn, port):
                host = self.hosts.state(instance.id)
                self.targets.register_instance(arn, instance.id, port, host.address if host else "")
            case Deregister(instance, arn, port):
                self.targets.deregister(arn, instance.id, port)

    def _launch(self, group: Group, instance: Instance) -> None:
        tags = {str(tag["Key"]): str(tag.get("Value") or "") for tag in group.tags if tag.get("PropagateAtLaunch")}
        tags["aws:autoscaling:groupName"] = group.name
        template = instance.template
        request = HostRequest(instance.id, template.id, template.version, instance.subnet, tags, group.name)
        try:
            self.hosts.launch(request)
        except LaunchRefused as refused:
            instance.launch_error = str(refused)
