# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance refresh: what is asked for, how it stands, and where it waits. Pure.

Shapes: botocore autoscaling/2011-01-01, StartInstanceRefreshType, InstanceRefresh. Semantics: "Use an instance refresh
to update instances in an Auto Scaling group", Amazon EC2 Auto Scaling User Guide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .._engine.model import Held, Movement
from . import asg_plan
from .asg_group import group_name
from .asg_snapshot import Snapshot
from .aws_names import alarm_name

Json = dict[str, Any]
Params = Mapping[str, Any]

MOVEMENTS = {
    "Pending": Movement.MOVING,
    "InProgress": Movement.MOVING,
    "Baking": Movement.MOVING,
    "Successful": Movement.MOVED,
    "Failed": Movement.STOPPED,
    "Cancelling": Movement.STOPPED,
    "Cancelled": Movement.STOPPED,
    "RollbackInProgress": Movement.TURNING_BACK,
    "RollbackFailed": Movement.STOPPED,
    "RollbackSuccessful": Movement.TURNED_BACK,
}
# How ours are known: these two are never AWS's defaults together (both are Wait), and the bounds are always set.
OURS = {"ScaleInProtectedInstances": "Refresh", "StandbyInstances": "Terminate"}


# ---- what is asked for ---------------------------------------------------------------------------


def forward(params: Params, colour: str, template: Json, desired: int, watched: bool) -> Json:
    """StartInstanceRefresh's input for a release that is judged at every checkpoint. `watched`: by the alarm."""
    checkpoints = asg_plan.checkpoints(asg_plan.weights(params), desired)
    preferences = {
        **_bounds(params),
        "SkipMatching": False,
        "AutoRollback": True,
        "BakeTime": params["hold_seconds"],
        "CheckpointPercentages": checkpoints,
        "CheckpointDelay": params["hold_seconds"],
    }
    if watched:
        preferences["AlarmSpecification"] = {"Alarms": [alarm_name(params)]}
    return _start(params, colour, template, preferences)


def straight(params: Params, colour: str, template: Json) -> Json:
    """The same for a release that was proven before: without a wait, and only what is not of it is replaced."""
    return _start(params, colour, template, {**_bounds(params), "SkipMatching": True, "AutoRollback": False})


def _bounds(params: Params) -> Json:
    """Both bounds: to leave the upper one out is not the same as 100 (botocore, MaxHealthyPercentage)."""
    maintenance = params["maintenance"]
    return {
        "MinHealthyPercentage": maintenance["minimum_healthy_percent"],
        "MaxHealthyPercentage": maintenance["maximum_healthy_percent"],
        "InstanceWarmup": params["warmup_seconds"],
        **OURS,
    }


def _start(params: Params, colour: str, template: Json, preferences: Json) -> Json:
    return {
        "AutoScalingGroupName": group_name(params, colour),
        "Strategy": "Rolling",
        "DesiredConfiguration": {"LaunchTemplate": template},
        "Preferences": preferences,
    }


# ---- how it stands -------------------------------------------------------------------------------


def version(refresh: Mapping[str, Any], template: str) -> str:
    """The template version that it goes to; "" = another template, or none is named."""
    named = (refresh.get("DesiredConfiguration") or {}).get("LaunchTemplate") or {}
    return str(named.get("Version", "")) if named.get("LaunchTemplateId") == template else ""


def ours(refresh: Mapping[str, Any]) -> bool:
    preferences = refresh.get("Preferences") or {}
    bounded = preferences.get("MaxHealthyPercentage") is not None
    return bounded and all(preferences.get(name) == value for name, value in OURS.items())


def monitored(refresh: Mapping[str, Any] | None, name: str) -> bool | None:
    """Whether the alarm can roll it back; None = there is no refresh."""
    if not refresh:
        return None
    preferences = refresh.get("Preferences") or {}
    return name in ((preferences.get("AlarmSpecification") or {}).get("Alarms") or [])


def why(refresh: Mapping[str, Any]) -> str:
    """AWS's own words."""
    said = [(refresh.get("RollbackDetails") or {}).get("RollbackReason"), refresh.get("StatusReason")]
    return " ".join(dict.fromkeys(str(each).strip() for each in said if each))


# ---- where it waits ------------------------------------------------------------------------------


@dataclass
class Wait:
    """One wait, as first seen."""

    began: datetime  # by AWS's clock, and at the earliest: the API does not say
    new: int  # instances of the release then
    desired: int
    dead: set[str] = field(default_factory=set)  # old instances seen unhealthy since: each is replaced by a new one
    over: bool = False


@dataclass
class Waits:
    """What is known of the waits of refreshes.

    A wait is first seen after the last snapshot that did not show it; a run that finds one has to go by the newest
    launch. Both are early at the worst, so that we roll back before AWS goes on.
    """

    known: dict[str, Wait] = field(default_factory=dict)  # hold id -> wait
    before: dict[str, datetime] = field(default_factory=dict)  # refresh id -> last snapshot in which it did not wait

    def begun(self, refresh: str) -> int:
        """The highest checkpoint of a refresh that was reached once: the loss of an instance there does not end it."""
        found = (key.rpartition("/") for key in self.known)
        return max((int(percent) for of, _sep, percent in found if of == refresh), default=0)


def held(snapshot: Snapshot, colour: str, refresh: Mapping[str, Any], waits: Waits) -> Held | None:
    """The checkpoint or the bake at which it waits; None = it moves."""
    identity = str(refresh["InstanceRefreshId"])
    preferences = refresh.get("Preferences") or {}
    if refresh.get("Status") == "Baking":
        percent, length = 100, float(preferences.get("BakeTime") or 0)
    else:
        percent = max(_reached(snapshot, colour, refresh), waits.begun(identity))
        length = float(preferences.get("CheckpointDelay") or 0)
    if not percent:
        waits.before[identity] = snapshot.clock
        return None
    key, last = f"{identity}/{percent}", percent == 100
    wait = waits.known.setdefault(key, _first_seen(snapshot, colour, refresh, waits.before.get(identity)))
    left = length - (snapshot.clock - wait.began).total_seconds()
    if not last and (wait.over or left <= 0 or _went_on(snapshot, colour, refresh, wait)):
        wait.over = True
        return None
    stage = "bake time" if last else f"checkpoint {percent} %"
    targets = 0 if last else asg_plan.needed(percent, snapshot.desired(colour))
    following = (each for each in preferences.get("CheckpointPercentages") or [] if each > percent)
    alone = f"it goes on by itself in {left:.0f} s, "
    alone += "or back once our heartbeat is silent" if preferences.get("AlarmSpecification") else "whatever we find out"
    return Held(stage, key, left, next(following, 100), last, percent, targets, alone)


def _first_seen(snapshot: Snapshot, colour: str, refresh: Mapping[str, Any], before: datetime | None) -> Wait:
    warmup = timedelta(seconds=(refresh.get("Preferences") or {}).get("InstanceWarmup") or 0)
    earliest = _launched(snapshot, colour, refresh) + warmup
    began = min(snapshot.clock, max(earliest, before or earliest))
    return Wait(began, _new(snapshot, colour, refresh), snapshot.desired(colour))


def _reached(snapshot: Snapshot, colour: str, refresh: Mapping[str, Any]) -> int:
    """The highest checkpoint whose instances are there and warm; at the last one AWS does not wait."""
    if refresh.get("Status") != "InProgress":
        return 0
    done, desired = int(refresh.get("PercentageComplete") or 0), snapshot.desired(colour)
    percents = (refresh.get("Preferences") or {}).get("CheckpointPercentages") or []
    new = _new(snapshot, colour, refresh, "InService")
    return max(
        (each for each in percents if each < 100 and each <= done and asg_plan.needed(each, desired) <= new), default=0
    )


def _went_on(snapshot: Snapshot, colour: str, refresh: Mapping[str, Any], wait: Wait) -> bool:
    """It launches again: more instances of the release than when it began to wait, and than old ones died since.

    A new one that dies is replaced by a new one: of the two only one counts.
    """
    goal = version(refresh, snapshot.template)
    for instance in snapshot.instances(colour):
        if instance.get("HealthStatus") == "Unhealthy" and snapshot.version_of_instance(instance) != goal:
            wait.dead.add(str(instance["InstanceId"]))
    grown = max(0, snapshot.desired(colour) - wait.desired)
    return _new(snapshot, colour, refresh) > wait.new + len(wait.dead) + grown


def _new(snapshot: Snapshot, colour: str, refresh: Mapping[str, Any], state: str = "") -> int:
    """Staying instances of the release that the refresh goes to; with `state`, only those in that state.

    Without those that are about to be replaced: the replacement may come first.
    """
    goal = version(refresh, snapshot.template)
    listed = [one for one in snapshot.instances(colour, staying=True) if one.get("HealthStatus") != "Unhealthy"]
    there = [one for one in listed if snapshot.version_of_instance(one) == goal]
    return sum(not state or one.get("LifecycleState") == state for one in there)


def _launched(snapshot: Snapshot, colour: str, refresh: Mapping[str, Any]) -> datetime:
    """When the newest instance was launched, as far as the activities tell; else when the refresh began."""
    ends = _ends(snapshot.activities.get(colour, ()))
    started: datetime = refresh.get("StartTime") or snapshot.clock
    return max([started, *(end for end in ends if end <= snapshot.clock)])


def _ends(activities: Iterable[Mapping[str, Any]]) -> list[datetime]:
    launches = (one for one in activities if str(one.get("Description", "")).startswith("Launching"))
    return [one["EndTime"] for one in launches if one.get("StatusCode") == "Successful" and one.get("EndTime")]
