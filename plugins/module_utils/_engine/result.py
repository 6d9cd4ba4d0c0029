# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a run: one schema for every rollout module, made of what the engine knows at the end."""

from __future__ import annotations

from typing import Any

from .model import Observation, Plan, Target
from .phases import FAILING, End
from .state import Ended, State
from .timeline import diff, name
from .verdict import Sample


def shape(ended: Ended) -> dict[str, Any]:
    """What the module returns. Seconds are floats since the run began; every value is JSON."""
    plan, state, seen = ended.plan, ended.state, ended.seen
    end = End(ended.stop.state)
    return {
        "changed": state.changed or end is End.PLANNED,
        "failed": failed(plan, end),
        "state": end.value,
        "rollout_id": state.rollout_id,
        "reason": ended.stop.reason,
        "release": _release(plan, state, seen, plan.release.id),
        "previous": _release(plan, state, seen, state.previous),
        "timeline": [
            {"at": round(event.at, 1), "phase": event.phase, "who": event.who, "text": event.text}
            for event in state.events
        ],
        "targets": [_target(target) for target in seen.targets] if seen else [],
        "probes": [_sample(state, sample) for sample in kept(state)],
        "identity": "proven" if state.proven else "unproven",
        "requests": _requests(state),
        "rollback_verified": bool(state.verified),
        "duration": round(ended.duration, 1),
        "diff": _diff(plan, state, seen),
    }


def failed(plan: Plan, end: End) -> bool:
    """Whether the task fails. Removal fails it only when nobody asked for it."""
    return end in FAILING and not (end is End.REMOVED and plan.remove)


def kept(state: State) -> list[Sample]:
    """The probes worth showing, oldest first: the first that did not pass, and the newest of all."""
    ledger = state.ledger
    return [*(sample for sample in ledger.bad if sample not in ledger.last), *ledger.last]


def _release(plan: Plan, state: State, seen: Observation | None, release: str) -> dict[str, str]:
    return {"id": release, "label": name(plan, state, seen, release) if release else ""}


def _target(target: Target) -> dict[str, str]:
    return {
        "id": target.id,
        "release": target.release,
        "state": target.state,
        "reason": target.reason,
        "zone": target.zone,
        "task": target.task,
    }


def _sample(state: State, sample: Sample) -> dict[str, Any]:
    return {
        "at": round(sample.at - state.started, 1),
        "route": sample.route,
        "outcome": sample.outcome,
        "reason": sample.reason,
        "release": sample.release,
        "target": sample.target,
        "status": sample.status,
        "seconds": round(sample.seconds, 3),
    }


def _requests(state: State) -> dict[str, Any]:
    """Our own requests: the probes. What users sent is known to the load balancer alone."""
    ledger = state.ledger
    return {"seen": ledger.seen, "failed": {"wrong_answer": ledger.failed, "no_answer": ledger.inconclusive}}


def _diff(plan: Plan, state: State, seen: Observation | None) -> dict[str, str]:
    before = name(plan, state, seen, state.serving) if state.serving else "none"
    return diff(plan, state.drift, before, name(plan, state, seen, plan.release.id) if not plan.remove else "none")
