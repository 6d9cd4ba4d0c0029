# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The story of a seed on the simulated EC2 Auto Scaling."""

from __future__ import annotations

from typing import Any

from ansible_collections.greenlight.serving.plugins.module_utils._engine.evolve import evolve
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Plan
from ansible_collections.greenlight.serving.plugins.module_utils._platforms import asg_group, asg_release, aws_rules
from tests.simulation import asg_checks, asg_scenario
from tests.simulation.asg_cloud import AsgCloud, whole
from tests.simulation.asg_events import EVENTS
from tests.simulation.asg_parts import NEVER, Group, Json, weights_of
from tests.simulation.asg_ports import AsgPorts
from tests.simulation.asg_scenario import (
    ALL,
    BAD,
    BLUE,
    COUNT,
    HOLD,
    LATE,
    LEAST,
    MAYBE,
    MOST,
    NO_IMAGE,
    params,
    release_id,
)
from tests.simulation.everywhere import happens
from tests.simulation.parts import FOREIGN
from tests.simulation.play import Play
from tests.simulation.played import Played
from tests.simulation.ports import Ports, World


class AsgPlay(Play):
    """One seed."""

    bad, kind, strategies = BAD, AsgPorts, ("canary", "rolling")

    def worlds(self) -> World:
        cloud = AsgCloud(self.rng, dict(ALL), frozenset({NO_IMAGE}))
        world = World(cloud)
        if not self.made.first:
            serve(cloud, "old")
            live, older = release_id("old"), "0" * 12
            world.store.record = evolve(
                world.store.record, live=live, last_good=older, generation=1, releases={live: "old"}
            )
        cloud.watch = lambda: asg_checks.check_now(world)
        return world

    def set_out(self) -> None:
        made, met, cloud = self.made, self.world.met, self.world.cloud
        cloud.late, cloud.crash_rate = made.late, made.crash_rate
        cloud.timers_late, cloud.timers_twice, cloud.timers_lost = made.timers
        for told, name in zip(made.timers, ("late", "twice", "lost"), strict=True):
            if told:
                met[f"F24 timer {name}", "moving"] += 1
        if made.late:
            met["F20 weights late", "moving"] += 1
        if made.release in BAD:
            met["F11 never healthy" if made.release == "never_healthy" else "F12 bad release", "moving"] += 1
        if made.kept and not made.first:
            cloud.theirs = frozenset({"AZRebalance"})
            cloud.groups["digits-blue"].suspended |= cloud.theirs
        happens(EVENTS, self.world, made.world)

    def plan(self, release: str, number: int, strategy: str, **changes: Any) -> Plan:
        made = self.made
        changes = {"on_unfinished": made.policy, **changes}
        wanted = asg_scenario.plan(release, number, strategy, made.late, self.world.cloud.now, **changes)
        wanted = evolve(wanted, gate=evolve(wanted.gate, count=made.count))
        if made.baked:
            return wanted
        steps = tuple(evolve(step, bake=0.0) for step in wanted.steps)
        return evolve(wanted, steps=steps, timing=evolve(wanted.timing, bake=0.0))

    def ports(self, wanted: Plan) -> Ports:
        made = super().ports(wanted)
        assert isinstance(made, AsgPorts)
        return made.equip(params(wanted.release.label, wanted.strategy, self.made.late))

    def judge(self, played: Played, release: str) -> None:
        asg_checks.check_end(played, release)

    def abandoned(self) -> None:
        cloud: AsgCloud = self.world.cloud
        cloud.advance(asg_checks.SETTLED)
        if self.made.disturbed or cloud.closed:
            return
        assert cloud.moving() is None, "a refresh hangs for good"
        timed = not cloud.timers_lost  # a timer that is lost, retries and all, is what nobody can do without
        assert not timed or not cloud.serving() & BAD, f"nobody came back, and a bad release stayed: {cloud.serving()}"

    def heal(self) -> None:
        cloud: AsgCloud = self.world.cloud
        cloud.world.clear()
        cloud.closed_zone, cloud.starved, cloud.gone, cloud.sick, cloud.crash_rate = "", False, frozenset(), "", 0.0
        cloud.storeless = cloud.undeletable = cloud.timers_lost = False
        cloud.late, cloud.lags, cloud.timers_late = 0.0, False, 0.0
        for group in cloud.groups.values():
            group.moved = False
            for one in group.healthy():
                one.due = NEVER if not cloud.how(one).crash_after else one.due
        cloud.lost_by_world = cloud.now
        cloud.settle()
        cloud.advance(120.0)

    @property
    def maybe(self) -> frozenset[str]:  # type: ignore[override]
        """In one target group with the old one nobody can tell the answers of a release that carries no mark."""
        return MAYBE | {"unmarked"} if self.made.strategy == "rolling" else MAYBE

    def attend(self) -> None:
        """What somebody else left in a group without traffic goes, once the timers have given that its weights back."""
        cloud: AsgCloud = self.world.cloud
        cloud.advance(HOLD + 2 * LATE)
        for group in cloud.groups.values():
            if not cloud.claimed(group) and any(cloud.names[one.version] == FOREIGN for one in group.staying()):
                group.described.update(MinSize=0, MaxSize=0, DesiredCapacity=0)
        cloud.settle()
        cloud.advance(30.0)

    def may_refuse(self, last: Plan) -> bool:
        return super().may_refuse(last) or self.made.release == NO_IMAGE

    def rest(self) -> None:
        asg_checks.check_rest(self.world.cloud)


def serve(cloud: AsgCloud, name: str) -> None:
    """A release is live in the blue group, as `asg_rollout` would have left it."""
    known = params(name, "rolling", 0.0)
    release = asg_release.release(known).id
    cloud.add_version(asg_release.description(known, release), asg_release.template_data(known, release))
    described: Json = asg_group.creation(
        known, "blue", {"Version": "1"}, {"MinSize": LEAST, "MaxSize": MOST, "DesiredCapacity": COUNT}
    )
    for member in ("AutoScalingGroupName", "LaunchTemplate", "Tags"):
        described.pop(member)
    group = Group("digits-blue", described, "1", asg_group.tags(known))
    group.policies = dict(asg_group.policies(known, "blue"))
    group.instances = whole(group)
    cloud.groups[group.name] = group
    for which in ("production", "test"):
        cloud.rules[which] = {
            "RuleArn": f"arn:aws:elasticloadbalancing:us-east-1:1:listener-rule/app/d/b/{which}",
            "Priority": str(known["load_balancer"]["rule"]["priority"]),
            "Conditions": aws_rules.conditions(known),
            "Actions": aws_rules.forward(known, BLUE),
        }
    cloud.applied = weights_of(cloud.rules["production"])
