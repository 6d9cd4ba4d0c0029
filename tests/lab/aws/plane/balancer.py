# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load balancers' data plane as a whole: what the engines and the API see of it.

Threads: the methods of `ports.Targets` and those marked "API" may be called from any thread; the rest
belongs to the loop's. It holds no lock while it waits, and never takes `Lab.lock`.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from tests.lab.aws.core import Lab
from tests.lab.aws.engine import targets as rules
from tests.lab.aws.engine.load_balancer import Listener, LoadBalancer
from tests.lab.aws.engine.rules import Request
from tests.lab.aws.engine.security import Permissions, admits
from tests.lab.aws.engine.targets import Group, Target
from tests.lab.aws.network import twin
from tests.lab.aws.plane.alb import Front
from tests.lab.aws.plane.counters import BalancerCounters, GroupCounters
from tests.lab.aws.plane.health import probe
from tests.lab.aws.plane.nic import Interfaces
from tests.lab.aws.plane.registry import Registry
from tests.lab.aws.plane.routes import Interrupt, Route
from tests.lab.aws.plane.upstream import Broken, Pool
from tests.lab.aws.ports import Clock, TargetHealth

PROPAGATION = 1.0  # AWS seconds until a change of rules, weights or targets is acted on; AWS promises no figure
CONNECT_FLOOR = 5.0  # real seconds: below this, a busy machine would look like a target whose backlog is full
CONNECT = 10.0  # "connection timeout expired (10 seconds)", troubleshooting page, HTTP 504


class Balancer:
    """Implements `ports.Targets` and `session.Router`."""

    def __init__(self, clock: Clock, lab: Lab, propagation: float = PROPAGATION) -> None:
        self._clock, self._lab = clock, lab
        self._scale = lab.settings.scale
        self.registry = Registry(propagation)
        # API: inbound rules of each security group named; the API layer knows them.
        self.permissions: Callable[[Sequence[str]], Sequence[Permissions]] = lambda _ignored: ()
        self.interfaces = Interfaces(self.admits)
        # API: security groups of the interface at an address, () if there is none.
        self.groups_at: Callable[[str], Sequence[str]] = self.interfaces.groups
        self._fronts: dict[str, Front] = {}
        self._leaving: list[Front] = []
        self._balancers: dict[str, LoadBalancer] = {}
        self._balancer_counters: dict[str, BalancerCounters] = {}
        self._group_counters: dict[str, GroupCounters] = defaultdict(GroupCounters)
        self._under_way: dict[tuple[str, str, int], set[Interrupt]] = defaultdict(set)
        self._reached: dict[tuple[str, str, int, int], bool] = {}  # of this tick
        self._checks: dict[tuple[str, str, int], asyncio.Task[None]] = {}
        self._pool = Pool(clock.now, max(CONNECT * self._scale, CONNECT_FLOOR))
        self._traces = itertools.count(1)
        self._loop: asyncio.AbstractEventLoop | None = None

    # ---- ports.Targets

    def register(self, group: str, target: str, port: int, zone: str, security_groups: Sequence[str]) -> None:
        """A group that is gone takes no targets: `health` stays None, and the log says so."""
        self.enroll(group, Target(target, port, zone, security_groups=tuple(security_groups)))

    def register_instance(self, group: str, instance: str, port: int, address: str) -> None:
        self.enroll(group, Target(instance, port, address=address))

    def deregister(self, group: str, target: str, port: int) -> None:
        self.registry.deregister(group, (target, port), self.now())
        self._lab.log("target_deregistered", group=group, target=f"{target}:{port}")

    def health(self, group: str, target: str, port: int) -> TargetHealth | None:
        found = self.registry.find(group, (target, port))
        return None if found is None else TargetHealth(found.state, found.reason, found.description)

    def attached(self, group: str) -> bool:
        return any(group in front.groups() for front in list(self._fronts.values()))

    # ---- API

    def enroll(self, group: str, target: Target) -> None:
        """As `register`, for targets whose id is not their address."""
        known = self.registry.register(group, target, self.attached(group), self.now())
        event = "target_registered" if known else "target_group_gone"
        self._lab.log(event, group=group, target=f"{target.id}:{target.port}")

    def apply(self, load_balancers: Mapping[str, LoadBalancer]) -> None:
        """Make it so: listen where a listener is new (at once), shut where one is gone, spread rules.

        Raises OSError if it can't listen; nothing else has changed then.
        """
        wanted = {one.arn: (balancer, one) for balancer in load_balancers.values() for one in balancer.listeners}
        kept = {arn for arn, front in self._fronts.items() if arn in wanted and wanted[arn][1].port == front.port}
        opened = {arn: self._open(*wanted[arn]) for arn in wanted.keys() - kept}
        for arn in self._fronts.keys() - kept:
            front = self._fronts.pop(arn)
            front.close()
            self._leaving.append(front)
        for arn in kept:
            self._update(self._fronts[arn], *wanted[arn])
        self._fronts.update(opened)
        self._balancers = dict(load_balancers)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._adopt)

    def counters(self) -> dict[str, Any]:
        """For `GET /lab/counters`: by load balancer and by target group, each by ARN. Kept for those deleted."""
        return {
            "load_balancers": {arn: one.view() for arn, one in sorted(self._balancer_counters.copy().items())},
            "target_groups": {arn: one.view() for arn, one in sorted(self._group_counters.copy().items())},
            "connections": {"opened": self._pool.opened, "reused": self._pool.reused},
        }

    def requests(self) -> dict[str, int]:
        """Requests of each target group's targets so far, by ARN."""
        return {
            arn: sum(target.requests for target in one.targets.values())
            for arn, one in self._group_counters.copy().items()
        }

    # ---- the loop

    async def tick(self) -> None:
        """Begin to accept, let targets and connections age, send the health checks that are due."""
        self._loop = asyncio.get_running_loop()
        self._adopt()
        self._reached.clear()
        now = self.now()
        used = {group for front in list(self._fronts.values()) for group in front.groups()}
        for group, target in self.registry.step(used, now):
            self._left(group, target)
        for settings, target in self.registry.due(now):
            self._check(settings, target)
        fronts = list(self._fronts.values())
        for front in [*fronts, *self._leaving]:
            front.watch(now)
        self._pool.expire(now - min((front.balancer.idle_timeout for front in fronts), default=0.0))

    async def close(self) -> None:
        """End every connection and task."""
        for front in list(self._fronts.values()):
            front.close()
        sessions = [one.task for front in [*self._fronts.values(), *self._leaving] for one in front.sessions]
        tasks = [*sessions, *self._checks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.interfaces.shut()
        self._pool.close()

    def _open(self, balancer: LoadBalancer, listener: Listener) -> Front:
        counters = self._balancer_counters.setdefault(balancer.arn, BalancerCounters())
        return Front(balancer, listener, self, counters)

    def _update(self, front: Front, balancer: LoadBalancer, listener: Listener) -> None:
        front.balancer = balancer
        if front.rules.latest != listener.rules:
            front.rules.set(listener.rules, self.now(), self.registry.propagation)

    def _adopt(self) -> None:
        """Listeners opened and closed by the API since: accept at the ones, hang up at the others."""
        loop = asyncio.get_running_loop()
        for front in list(self._fronts.values()):
            front.door.attach(loop)
        self.interfaces.attach(loop)
        for front in list(self._leaving):
            front.hang_up()
            if not front.sessions:
                self._leaving.remove(front)

    def drop_group(self, group: str) -> None:
        """API: the target group was deleted."""
        for target in self.registry.drop(group):
            self._lab.log("target_left", group=group, target=f"{target.id}:{target.port}")

    def _left(self, group: str, target: Target) -> None:
        """The deregistration delay is over: what the target still has is cut ("HTTP 502", troubleshooting page)."""
        for interrupt in list(self._under_way.pop((group, *target.key), ())):
            interrupt(Broken("deregistered", 502))
        self._pool.drop((twin(target.host), target.port))
        self._lab.log("target_left", group=group, target=f"{target.id}:{target.port}")

    # ---- health checks

    def _check(self, group: Group, target: Target) -> None:
        key = (group.arn, *target.key)
        if key not in self._checks:
            self._checks[key] = task = asyncio.ensure_future(self._probe(group, target))
            task.add_done_callback(lambda _ignored: self._checks.pop(key, None))

    async def _probe(self, group: Group, target: Target) -> None:
        port = group.check.port or target.port
        admitted = self._reaches(group.arn, target, port)
        result = await probe(group.check, target.host, twin(target.host), port, admitted, self._scale)
        changed = self.registry.checked(group.arn, target.key, result, self.now())
        if changed and changed[0].state != changed[1].state:
            after = changed[1]
            name = f"{after.id}:{after.port}"
            self._lab.log("target_state", group=group.arn, target=name, state=after.state, reason=after.reason)

    def _reaches(self, group: str, target: Target, port: int) -> bool:
        """Whether the target's security groups admit the load balancer that uses the group."""
        key = (group, *target.key, port)
        if key not in self._reached:
            own = self.permissions(target.security_groups or self.groups_at(target.host))
            users = [front.balancer for front in list(self._fronts.values()) if group in front.groups()]
            self._reached[key] = any(admits(own, port, user.address, user.security_groups) for user in users)
        return self._reached[key]

    # ---- session.Router

    def now(self) -> float:
        return self._clock.now()

    def draw(self, *key: object) -> float:
        return self._lab.rng("alb", *key)

    def trace(self) -> str:
        """ "1-<epoch seconds, hex>-<24 hex digits>" ("Request tracing", user guide)."""
        return f"1-{int(self._clock.utc().timestamp()):08x}-{next(self._traces):024x}"

    def admits(self, groups: Collection[str], port: int, address: str) -> bool:
        """Whether an interface with these security groups lets that address in to `port`."""
        peer = self.groups_at(address) or next(
            (one.security_groups for one in self._balancers.values() if one.address == address), ()
        )
        return admits(self.permissions(list(groups)), port, address, peer)

    def route(self, group: str, draw: float) -> Route | None:
        found = self.registry.turn(group)
        if found is None:
            return None
        settings, targets, turn = found
        now = self.now()
        counters = self._group_counters[group]
        pool = rules.candidates(targets, settings, now)
        if not pool:
            counters.no_target += 1
            return None
        target = rules.pick(pool, settings, turn, draw, now, lambda one: counters.target(one.key).in_flight)
        if target.state == "unhealthy":
            counters.fail_open += 1
        return Route(
            name=f"{target.id}:{target.port}",
            address=(twin(target.host), target.port),
            pool=self._pool,
            counters=counters.target(target.key),
            under_way=self._under_way[(group, *target.key)],
            admitted=self._reaches(group, target, target.port),
            seconds=CONNECT * self._scale,
        )

    def failed(self, listener: str, request: Request, cause: str, status: int, target: str) -> None:
        self._lab.log(
            "request_failed",
            listener=listener,
            cause=cause,
            status=status,
            target=target,
            method=request.method,
            path=request.path,
        )
