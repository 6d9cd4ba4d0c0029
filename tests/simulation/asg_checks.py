# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold at every moment of a seed of EC2 Auto Scaling, when a run ends, and when all is over."""

from __future__ import annotations

from tests.simulation.asg_cloud import AsgCloud
from tests.simulation.asg_effects import FROZEN
from tests.simulation.asg_events import serving
from tests.simulation.asg_parts import Group
from tests.simulation.asg_scenario import BAD, HOLD, NO_IMAGE, release_id
from tests.simulation.parts import FOREIGN, HEALED
from tests.simulation.played import Claims, Played, check_run, hold
from tests.simulation.ports import World

HEALING = 35.0  # seconds the cloud may need to replace what the world took
CAUSES = {  # what the engine must have found, when nothing but the API disturbs it
    "never_healthy": "targets",
    "wrong": "the new release answers wrongly",
    "wrong_unmarked": "the new release answers wrongly",
    "crashing": "",  # lost, or failed, as the refresh comes to see it
    "souring": "the new release answers wrongly",
    NO_IMAGE: "does not exist",
}


# ---- at every moment -----------------------------------------------------------------------------


def check_now(world: World) -> None:
    """I1 and I2: what gets traffic is whole, but for what the world took; never three releases at once."""
    cloud: AsgCloud = world.cloud
    if cloud.closed or not world.store.record.live:
        return
    public = [group for group in cloud.groups.values() if cloud.weight(group)]
    there = {cloud.names[one.version] for group in public for one in group.healthy()}
    assert len(there) <= 2 or FOREIGN in there, f"I2: {there}"
    for group in public:
        _check_checkpoint(cloud, group)
    if cloud.now - cloud.lost_by_world < HEALING or cloud.starved or cloud.gone or cloud.meddled <= cloud.now:
        return
    if any(refresh.by != "greenlight" for group in public for refresh in group.refreshes):
        return
    for group in public:
        if _short_of(cloud, group):
            continue
        whole = len(group.healthy()) >= cloud.chosen
        assert whole, f"I1: {len(group.healthy())} of {cloud.chosen} healthy in {group.name} at {cloud.now:.0f}"


def _short_of(cloud: AsgCloud, group: Group) -> bool:
    """What the world takes during a refresh is replaced by its release: one that never serves does not help."""
    refresh = group.refresh()
    if refresh is None or cloud.names[refresh.to] not in ("never_healthy", "crashing", NO_IMAGE):
        return False
    return cloud.lost_by_world >= refresh.began - HEALING


def _check_checkpoint(cloud: AsgCloud, group: Group) -> None:
    """A refresh goes on by itself at a checkpoint's end: with a bad release we, or the alarm, were faster."""
    refresh = group.refresh()
    if refresh is None or refresh.back or not refresh.passed or refresh.until > cloud.now:
        return
    bad = cloud.names[refresh.to] in BAD and refresh.by == "greenlight"
    assert not bad, f"a bad release came past its checkpoint of {refresh.passed} %"


# ---- at the end of a run -------------------------------------------------------------------------


def check_end(played: Played, release: str) -> None:
    """I4, I6, I7, I8, I9, I11 and I12."""
    timing, cloud = played.wanted.timing, played.ports.cloud
    seconds = timing.deadline + timing.rollback_deadline + played.wanted.chain.after + 400
    check_run(played, 3 * cloud.chosen + 40, seconds)
    state = played.ended.stop.state
    hold(CLAIMS[state](played, release) if state in CLAIMS else {}, played.context)
    _check_outcome(played, release)


def _live(played: Played, release: str) -> Claims:
    cloud, record = played.ports.cloud, played.record
    group = serving(cloud)
    foreign = any(refresh.by != "greenlight" for each in cloud.groups.values() for refresh in each.refreshes)
    healing = cloud.now - cloud.lost_by_world < HEALED
    busy = played.ports.world.store.lock.owner not in ("", played.ports.owner)  # a second one is at work already
    calm = not (played.disturbed or busy)
    return {
        "I4 a bad release": release not in BAD,
        "I4 mixed": foreign or busy or cloud.serving() == {release},
        "I12 not healthy": not calm or healing or (group is not None and len(group.healthy()) >= cloud.chosen),
        "the record differs": busy or (record.live == played.wanted.release.id and not record.unfinished),
        "not open": not cloud.closed,
        "still armed": not cloud.alarm.breaching or not calm or bool(played.ports.faults.refuse),
        "scaling is not restored": not calm or bool(group and not _left(cloud, group)),
    }


def _left(cloud: AsgCloud, group: Group) -> frozenset[str]:
    """What is suspended in the group that serves, and was not by somebody else."""
    return frozenset(group.suspended) & FROZEN - cloud.theirs


def _proven(played: Played, release: str) -> Claims:
    ports = played.ports
    identity = played.wanted.release.id
    own = identity not in ports.failed or played.disturbed
    rested = all(
        line.startswith(("PutMetricAlarm", "ResumeProcesses", "DeleteTags", "PutScaling")) for line in ports.writes
    )
    asked = bool(ports.passed_at.get(identity)) or rested
    return {
        **_live(played, release),
        "I12 nothing was read after the last change": not ports.writes
        or ports.looked_call > ports.effect_call
        or ports.writes[-1].startswith(("PutMetricAlarm", "ResumeProcesses", "DeleteTags")),
        "I12 a wrong answer was heard": own,
        "I12 not asked at all": asked,
    }


def _rolled_back(played: Played, release: str) -> Claims:
    cloud, record = played.ports.cloud, played.record
    home = played.ended.state.previous or played.before.live
    group = serving(cloud)
    foreign = any(refresh.by != "greenlight" for each in cloud.groups.values() for refresh in each.refreshes)
    names = {release_id(name) for name in cloud.serving() if name != FOREIGN}
    return {
        "I6 another release": foreign or played.disturbed or names <= {home},
        "I4 a bad release": release not in BAD or release not in cloud.serving(),
        "I6 the record": (record.live, record.last_good) == (played.before.live, played.before.last_good)
        or played.disturbed,
        "nobody verified it": played.ended.state.verified is not None,
        "the record is unfinished": not record.unfinished,
        "scaling is not restored": played.disturbed or bool(group and not _left(cloud, group)),
    }


def _removed(played: Played, release: str) -> Claims:
    del release
    cloud = played.ports.cloud
    return {"I7 leftovers": not any(group.staying() for group in cloud.groups.values()) and not cloud.rules}


def _needs_operator(played: Played, release: str) -> Claims:
    del release
    return {"I4 nothing happened that a person must look at": played.disturbed}


CLAIMS = {
    "live": _proven,
    "unchanged": _live,
    "rolled_back": _rolled_back,
    "removed": _removed,
    "needs_operator": _needs_operator,
}


def _check_outcome(played: Played, release: str) -> None:
    """I9: whatever was killed, a good release is live in the end, and a bad one is not."""
    state, before, context = played.ended.stop.state, played.before, played.context
    identity, cloud = played.wanted.release.id, played.ports.cloud
    if state == "refused" and identity in before.rejected and not played.wanted.retry_rejected:
        return
    if played.disturbed or cloud.acted:
        assert state in (*CLAIMS, "refused"), context
        return
    late = "s of the hold are left" in context
    undecided = state in ("rolled_back", "removed") and (late or "inconclusive" in context)
    if undecided and (played.ports.faults.silent or _hardly_met(played, release)):
        return
    if undecided and late and played.killed:  # who comes late after a kill has too little of the hold's time left
        return
    back = ("removed",) if played.ended.state.first else ("rolled_back",)
    back += ("refused",) if release == NO_IMAGE else ()
    assert state in (back if release in BAD else ("live", "unchanged")), f"I9 {release} is {context}"
    if release in BAD and not played.killed and state != "refused":
        assert CAUSES[release] in context or undecided, context
        assert identity in played.record.rejected or release == NO_IMAGE or undecided, f"not rejected: {context}"


def _hardly_met(played: Played, release: str) -> bool:
    """At a checkpoint old and new answer in turns: an answer without a mark is nobody's, and slow rounds are few."""
    return played.wanted.strategy == "rolling" and (release == "unmarked" or bool(played.ports.faults.latency))


# ---- when all is over ----------------------------------------------------------------------------


def check_rest(cloud: AsgCloud) -> None:
    """One whole release, nothing suspended that we suspended, counts as the autoscaler left them, no timer."""
    there = [group for group in cloud.groups.values() if group.desired or group.staying()]
    if not there:
        return
    group = serving(cloud)
    assert there == [group], f"I7: instances in {[each.name for each in there]}"
    assert group is not None
    claims = {
        "all of the traffic": cloud.claimed(group) == 100 == cloud.weight(group),
        "one version": {one.version for one in group.staying()} == {group.version},
        "as many as the autoscaler wants": group.desired == cloud.chosen == len(group.healthy()),
        "within its bounds": (group.described["MinSize"], group.described["MaxSize"]) == (2, 6),
        "scaling goes on": not _left(cloud, group),
        "what a person suspended stays": group.name != "digits-blue"
        or cloud.shifted_at
        or cloud.theirs <= group.suspended,
        "no timer": not cloud.schedules and not cloud.fires,
        "no refresh": cloud.moving() is None,
        "it may scale": bool(group.policies),
    }
    hold(claims, "all is calm")


SETTLED = 2 * HOLD + 900.0  # seconds after which the cloud has done everything that it does by itself
