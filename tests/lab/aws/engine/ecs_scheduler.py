# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ECS engine's hands: reads the facts, lets the pure engine step, does what it asks.

Everything outside is behind ports: load balancer (Targets), processes, network. `tick()` is called
with the lab's lock held.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.lab.aws.engine import ecs_deploy
from tests.lab.aws.engine.ecs_actions import (
    Action,
    Attach,
    Deregister,
    Detach,
    Facts,
    Forget,
    Launch,
    Register,
    RunCheck,
    Shift,
    Signal,
)
from tests.lab.aws.engine.ecs_config import ROLLING
from tests.lab.aws.engine.ecs_habits import Habits
from tests.lab.aws.engine.ecs_model import ContainerSpec, Ids, Moment, Rng, Service, Task
from tests.lab.aws.engine.ecs_tasks import Pace, stop
from tests.lab.aws.ports import Alarms, Clock, ImageNotFound, Network, Processes, RuleShape, Targets, Traffic

Key = tuple[str, str]  # cluster name, service name
SecretReader = Callable[[str], str]


class SecretUnavailableError(Exception):
    """A secret cannot be read: the message goes into stoppedReason."""


class Scheduler:
    """All services of the account, and their tasks. `services`: the newest of each name.

    `rng(*key)` gives a number in [0, 1) that depends on the lab's seed and the key alone.
    """

    def __init__(
        self, clock: Clock, targets: Targets, processes: Processes, network: Network, rng: Rng, pace: Pace | None = None
    ) -> None:
        self.clock, self.targets, self.processes, self.network = clock, targets, processes, network
        self.pace = pace or Pace()
        self.services: dict[Key, Service] = {}
        self.everything: list[Service] = []  # also those whose name was taken again
        self.habits = Habits()
        self.read_secret: SecretReader = _no_secrets  # set by the API layer, as the next two are
        self.traffic: Traffic | None = None
        self.alarms: Alarms | None = None
        self._rng = rng

    def moment(self) -> Moment:
        return Moment(self.clock.now(), self.clock.utc(), self.clock.scale)

    def ids(self, cluster: str, name: str) -> Ids:
        """Identifiers for a service about to be created; a name's second life gets other ones."""
        lives = sum((service.cluster, service.name) == (cluster, name) for service in self.everything)
        return Ids(self._rng, f"{cluster}/{name}#{lives}")

    def add(self, service: Service) -> None:
        self.services[service.cluster, service.name] = service
        self.everything.append(service)

    def find_task(self, task: str, cluster: str) -> tuple[Service, Task] | None:
        """By id, in a cluster."""
        for service in self.everything:
            if service.cluster == cluster and task in service.tasks:
                return service, service.tasks[task]
        return None

    def stop_task(self, service: Service, task: Task, reason: str) -> None:
        """StopTask by a user; no failure of the deployment."""
        self._apply(service, stop(service, task, "UserInitiated", reason, self.moment()))

    def tick(self) -> None:
        """One step of every service. One service's error does not stop the others; all are raised at the end."""
        moment, errors = self.moment(), []
        for service in self.everything:
            if service.status == "INACTIVE" and all(task.released for task in service.tasks.values()):
                continue
            try:
                self._apply(service, ecs_deploy.step(service, self._facts(service), moment, self.pace, self.habits))
            except Exception as error:
                errors.append(error)
        if errors:
            raise ExceptionGroup("ECS engine", errors)

    def _facts(self, service: Service) -> Facts:
        tasks = [task for task in service.tasks.values() if not task.released]
        keys = [task.key(spec.name) for task in tasks for spec in task.revision.containers]
        checked = [key for key, spec in _specs(tasks) if spec.health_check]
        states = {key: self.processes.state(key) for key in keys}
        rules, roles = self._shapes(service)
        names = () if service.current.over else (service.current.config.get("alarms") or {}).get("alarmNames") or ()
        alarms = {name: self.alarms.alarm(name) for name in names} if self.alarms else {}
        healths = {target: self.targets.health(*target) for task in tasks for target in task.targets()}
        return Facts(
            {key: state for key, state in states.items() if state is not None},
            {key: self.processes.check_result(key) for key in checked},
            {target: health for target, health in healths.items() if health is not None},
            rules,
            {name: state for name, state in alarms.items() if state is not None},
            roles,
        )

    def _shapes(self, service: Service) -> tuple[dict[str, RuleShape], dict[str, str]]:
        """Rules and infrastructure roles, when a native deployment is about to begin: it looks at them once."""
        entry = service.current
        if self.traffic is None or entry.config["strategy"] == ROLLING or entry.stage not in ("", "PRE_SCALE_UP"):
            return {}, {}
        balancers = entry.target.load_balancers
        arns = {arn for lb in balancers for arn in (lb.production, lb.test) if arn}
        shapes = {arn: self.traffic.rule(arn) for arn in arns}
        roles = {lb.role: self.traffic.role_error(lb.role) for lb in balancers}
        return {arn: shape for arn, shape in shapes.items() if shape is not None}, roles

    def _apply(self, service: Service, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Shift(rule, weights):
                    if self.traffic is not None:
                        self.traffic.shift(rule, weights)
                case Attach(task):
                    self._attach(task)
                case Launch(task):
                    self._launch(task)
                case Register(task):
                    self._register(service, task)
                case Deregister(task):
                    for target in task.targets():
                        self.targets.deregister(*target)
                case Signal(key, number):
                    self.processes.signal(key, number)
                case RunCheck(key, command, timeout):
                    self.processes.check(key, command, timeout)
                case Forget(task):
                    for key, _ignored in _specs([task]):
                        self.processes.forget(key)
                case Detach(task):
                    if task.interface is not None:
                        self.network.release(task.interface)

    def _attach(self, task: Task) -> None:
        try:
            description = f"arn:aws:ecs:task/{task.id}"
            task.interface = self.network.allocate(task.subnet, task.revision.security_groups, description)
        except ValueError as error:
            task.start_error = f"ResourceInitializationError: unable to attach the network interface: {error}"

    def _register(self, service: Service, task: Task) -> None:
        """A target group that is gone makes an event: the task never gets healthy."""
        for group, address, port in task.targets():
            try:
                self.targets.register(group, address, port, task.zone, task.revision.security_groups)
            except KeyError:
                error = f"(error One or more target groups not found: {group})"
                service.say(self.moment(), f"failed to register targets in (target-group {group}) with {error}")

    def _launch(self, task: Task) -> None:
        for key, spec in _specs([task]):
            try:
                secrets = {name: self.read_secret(arn) for name, arn in spec.secrets.items()}
                environment = {**spec.environment, **secrets}
                groups = task.revision.security_groups
                self.processes.start(key, spec.image, spec.command, environment, task.address, spec.ports, groups)
            except ImageNotFound as error:
                task.start_error = f"CannotPullContainerError: {error}"
            except OSError as error:  # the interface cannot listen: a port below 1024, as an ordinary user
                task.start_error = f"CannotStartContainerError: {task.address}: {error.strerror}"
            except SecretUnavailableError as error:
                task.start_error = f"ResourceInitializationError: unable to pull secrets or registry auth: {error}"
            if task.start_error:
                return


def _specs(tasks: list[Task]) -> list[tuple[str, ContainerSpec]]:
    return [(task.key(spec.name), spec) for task in tasks for spec in task.revision.containers]


def _no_secrets(arn: str) -> str:
    raise SecretUnavailableError(f"no secret store for {arn}")
