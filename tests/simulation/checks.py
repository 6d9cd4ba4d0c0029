# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold when a run ends: the end is one of the named ones, and what the result says is true."""

from __future__ import annotations

from tests.simulation.parts import FOREIGN, HEALED
from tests.simulation.played import Claims, Played, check_run, hold
from tests.simulation.scenario import BAD, CAUSES, HEALING


def check_end(played: Played) -> None:
    """I4, I6, I7, I8, I9, I11 and I12."""
    timing, state = played.wanted.timing, played.ended.stop.state
    seconds = timing.deadline + timing.rollback_deadline + 400
    check_run(played, 3 * played.ports.cloud.desired + 24, seconds)
    hold(CLAIMS[state](played) if state in CLAIMS else {}, played.context)
    _check_outcome(played, played.context)


def _live(played: Played) -> Claims:
    cloud, record, release = played.ports.cloud, played.record, played.wanted.release.id
    healthy = sum(task.state == "healthy" for task in cloud.tasks)
    serves, foreign = cloud.service, FOREIGN in cloud.definitions
    healing = cloud.now - cloud.lost_by_world < HEALING
    busy = played.ports.world.store.lock.owner not in ("", played.ports.owner)  # a second one is at work already
    return {
        "I4 a bad release": release not in BAD,
        "I4 another release": foreign or (serves is not None and serves.release == release == serves.serving),
        "I4 mixed": foreign or all(task.release == release for task in cloud.tasks),
        "closed": cloud.rule == "open",
        "I12 not healthy": played.disturbed or healing or healthy >= cloud.desired,
        "the record differs": busy or (record.live == release and not record.unfinished),
        "still armed": not cloud.alarm.breaching or played.disturbed or bool(played.ports.faults.refuse),
    }


def _proven(played: Played) -> Claims:
    ports, release = played.ports, played.wanted.release.id
    moved = any(call.startswith(("UpdateService", "ContinueServiceDeployment")) for call in ports.writes)
    over = ports.cloud.rollouts[-1].over if ports.cloud.rollouts else 0.0
    served = [call for call in ports.writes if "Alarm" not in call]
    since = sorted(task.since for task in ports.cloud.tasks)[: ports.cloud.desired]  # more may have been added since
    seasoned = ports.cloud.now - max(since, default=0.0) >= played.wanted.timing.min_ready - 0.5
    seasoned = seasoned or ports.cloud.now - ports.cloud.lost_by_world < HEALED
    return {
        **_live(played),
        "I12 not read after the last change": ports.looked_at > ports.last_effect
        or "PutMetricAlarm" in ports.writes[-1],
        "I12 not asked in public": not moved or ports.public_at.get(release, -1.0) >= over or played.disturbed,
        "I12 not healthy for min_ready": seasoned or not moved or played.disturbed,
        "I12 a wrong answer was heard": release not in ports.failed or played.disturbed,
        "I12 not asked at all": bool(ports.passed_at.get(release)) or not served,
    }


def _rolled_back(played: Played) -> Claims:
    cloud, record = played.ports.cloud, played.record
    home = played.ended.state.previous or played.before.live
    serves = cloud.service is not None and cloud.service.release == home == cloud.service.serving
    foreign = FOREIGN in cloud.definitions
    return {
        "I6 another release": serves or foreign,
        "I4 mixed": len({task.release for task in cloud.tasks}) == 1 or foreign,
        "I6 the record": (record.live, record.last_good) == (played.before.live, played.before.last_good)
        or played.disturbed,
        "nobody verified it": played.ended.state.verified is not None,
        "the record is unfinished": not record.unfinished,
    }


def _removed(played: Played) -> Claims:
    cloud = played.ports.cloud
    return {"I7 leftovers": cloud.service is None and not cloud.tasks and not cloud.rule}


def _needs_operator(played: Played) -> Claims:
    return {"I4 nothing happened that a person must look at": played.disturbed}


CLAIMS = {
    "live": _proven,
    "unchanged": _live,
    "rolled_back": _rolled_back,
    "removed": _removed,
    "needs_operator": _needs_operator,
}


def _check_outcome(played: Played, context: str) -> None:
    """I9: whatever was killed, a good release is live in the end, and a bad one is not."""
    state, release, before = played.ended.stop.state, played.wanted.release.id, played.before
    cloud = played.ports.cloud
    if state == "refused" and release in before.rejected and not played.wanted.retry_rejected:
        assert before.unfinished or all("Alarm" in call for call in played.ports.writes), context
    elif played.disturbed or cloud.acted:
        assert state in (*CLAIMS, "refused"), context
    elif not _undecided(played, context):
        back = "removed" if played.ended.state.first else "rolled_back"
        assert state in ((back,) if release in BAD else ("live", "unchanged")), f"I9 {release} is {context}"
        if release in BAD and not played.killed:
            assert CAUSES[release] in context, context
            assert release in played.record.rejected, f"not rejected: {context}"


def _undecided(played: Played, context: str) -> bool:
    """Probes went unanswered so often that there was no verdict; then the way back is the policy."""
    back = played.ended.stop.state in ("rolled_back", "removed")
    return back and bool(played.ports.faults.silent) and "the gate is inconclusive" in context
