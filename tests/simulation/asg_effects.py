# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `asg_rollout` may never ask for, at the moment of the call, whatever the state of the cloud."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Plan, Verb
from tests.simulation.asg_parts import EPOCH, NEVER, Group, Json, weights_of
from tests.simulation.asg_scenario import LATE
from tests.simulation.parts import HEALED

if TYPE_CHECKING:
    from tests.simulation.asg_ports import AsgPorts

SEEN = 25.0  # seconds until a run that reads late and slowly knows of a change
KEEP, FROZEN = "greenlight:keep", frozenset({"AlarmNotification", "AZRebalance", "ScheduledActions"})


def check(ports: AsgPorts, verb: Verb, plan: Plan, operation: str, asked: Json) -> None:
    """I1, I5, I6, I10, A.7, the timers, and the rules of a hold. The lock is looked at elsewhere."""
    assert not plan.check_mode, f"I10: {operation} in check mode"
    unfinished = ports.world.store.record.unfinished
    if verb not in (Verb.CONFIGURE, Verb.DISARM):
        assert unfinished, f"A.7: {ports.line} without a record"
    if verb is Verb.BEGIN:
        assert unfinished["to"] == plan.release.id, "A.7: begun something else than the record says"
    if verb is Verb.ROLL_BACK:
        assert unfinished["from"] == plan.previous, "I6: the way back is not the one recorded"
    if verb is Verb.PROCEED and ports.line.endswith(")"):
        _check_word(ports, plan)
    rule = RULES.get(operation)
    if rule is not None:
        rule(ports, verb, asked)


def _group(ports: AsgPorts, asked: Json) -> Group | None:
    return ports.cloud.groups.get(asked["AutoScalingGroupName"])


# ---- one call at a time --------------------------------------------------------------------------


def _update(ports: AsgPorts, verb: Verb, asked: Json) -> None:
    """Counts: an empty group must have nothing to do any more; a full one is as strong as the one that serves."""
    cloud, group = ports.cloud, _group(ports, asked)
    if group is None or "DesiredCapacity" not in asked:
        return
    if verb is Verb.REMOVE or cloud.closed or not ports.world.store.record.live:
        return  # asked for, or a first release: nobody, or nothing, to go back to
    if not asked["DesiredCapacity"]:
        assert not cloud.claimed(group), f"I1: {group.name} is emptied, and the rule gives it traffic"
        assert not cloud.weight(group), f"I1: {group.name} is emptied before the load balancer follows its rule"
        _, done, until = (*group.tags.get(KEEP, "").split("/"), "", "", "")[:3]
        kept = (datetime.fromisoformat(until) - EPOCH).total_seconds() + LATE if done == "done" else cloud.now
        assert cloud.now >= kept - 1.5, f"I1: {group.name} is emptied {kept - cloud.now:.0f} s too early"
        assert not cloud.timers_for(group), f"I1: {group.name} is emptied, and a timer may give it the traffic again"
        return
    frozen = group.suspended >= FROZEN or not group.policies
    assert frozen, f"{group.name} gets its instances while its scaling is not frozen"


def _delete(ports: AsgPorts, verb: Verb, asked: Json) -> None:
    del asked
    if verb is not Verb.REMOVE:
        assert ports.world.store.record.live == "", "I6: a service that was live is never removed by a rollback"


def _refresh(ports: AsgPorts, verb: Verb, asked: Json) -> None:
    preferences, group = asked["Preferences"], _group(ports, asked)
    bounds = preferences["MinHealthyPercentage"], preferences["MaxHealthyPercentage"]
    assert bounds == (100, 150), f"I1: {bounds}"
    if verb is not Verb.BEGIN:
        return
    assert preferences.get("AlarmSpecification"), "a refresh that nobody watches"
    assert preferences["AutoRollback"], "a refresh that would not go back"
    assert ports.cloud.alarm.breaching, "begun without an armed heartbeat"
    assert group is not None
    assert group.suspended >= FROZEN, "begun while counts may move"


def _back(ports: AsgPorts, verb: Verb, asked: Json) -> None:
    del verb
    group = _group(ports, asked)
    refresh = group.refresh() if group else None
    if refresh is not None and refresh.by != "greenlight":
        assert ports.cloud.now - refresh.began < 14.0 or ports.faults.stopped, "it fights somebody else"


def _shift(ports: AsgPorts, verb: Verb, asked: Json) -> None:
    """More traffic to a group: on the way forward a timer takes it back, and the group is whole."""
    cloud, rule = ports.cloud, ports.cloud.rules.get("production")
    if rule is None or not asked.get("Actions") or asked["RuleArn"] != rule["RuleArn"]:
        return
    is_now, wanted = weights_of(rule), weights_of(asked)
    for group in cloud.groups.values():
        if wanted.get(group.target_group, 0) <= is_now.get(group.target_group, 0):
            continue
        ours = cloud.now - cloud.lost_by_world >= HEALED and not (cloud.starved or cloud.gone)
        known = ours and all(cloud.how(one).healthy and not cloud.how(one).crash_after for one in group.staying())
        assert not known or len(group.healthy()) >= cloud.chosen, f"I1: {group.name} gets traffic and is not whole"
        if verb is Verb.PROCEED:
            others = [each for each in cloud.groups.values() if each is not group]
            armed = [
                at for at, call in cloud.schedules.values() if any(weights_of(call).get(o.target_group) for o in others)
            ]
            assert any(at > cloud.now for at in armed), f"{group.name} gets traffic, and no timer would take it back"


RULES = {
    "update_auto_scaling_group": _update,
    "delete_auto_scaling_group": _delete,
    "start_instance_refresh": _refresh,
    "rollback_instance_refresh": _back,
    "cancel_instance_refresh": _back,
    "modify_rule": _shift,
}


# ---- our word at a hold --------------------------------------------------------------------------


def _check_word(ports: AsgPorts, plan: Plan) -> None:
    """It is given only for a release that this run saw right at this hold, with the step's bake behind it."""
    cloud = ports.cloud
    coming = [group for group in cloud.groups.values() if group.healthy() and _runs(ports, group, plan)]
    if not coming:
        return
    group = coming[0]
    hold = ports.line.rpartition("(")[2]
    meddled = cloud.now - cloud.meddled > SEEN and hold not in ports.words
    assert not meddled or ports.faults.stopped, (
        f"went on while the rule gives {cloud.claimed(group)} %, by somebody's hand"
    )
    if hold in ports.words or cloud.meddled < NEVER:
        return
    ports.words.add(hold)
    if str(cloud.claimed(group)) != hold.rstrip(")").rpartition("/")[2]:
        return  # somebody, or a timer, was faster: the next snapshot shows it
    begun = cloud.shifted_at if cloud.claimed(group) else min(one.born for one in group.staying())
    right = [at for at in ports.passed_at.get(plan.release.id, []) if at >= begun]
    assert len(right) >= plan.gate.run, f"went on without a verdict at this hold: {ports.line}"
    shown = ports.looked_at - ports.faults.lag  # what began later no snapshot has to show
    there = [one for one in group.staying() if one.born <= shown]
    ages = [cloud.now - one.since if one.state == "healthy" else 0.0 for one in there]
    seasoned = min(ages, default=0.0) >= plan.timing.min_ready - 0.5 or cloud.now - cloud.lost_by_world < HEALED
    assert seasoned, "went on with instances that were not healthy for min_ready"
    bake = next((step.bake for step in plan.steps if step.weight == cloud.claimed(group)), 0.0)
    assert cloud.now - right[plan.gate.run - 1] >= bake - 0.5, "went on before the bake was over"


def _runs(ports: AsgPorts, group: Group, plan: Plan) -> bool:
    described = ports.cloud.versions[int(group.version) - 1]["VersionDescription"]
    return str(described).endswith(plan.release.id)
