# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the groups' activities tell: messages for people, and which failures are a release's own. Pure.

Shapes: botocore autoscaling/2011-01-01, Activity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._engine.model import Target
from . import asg_shift
from .asg_snapshot import Snapshot

Json = dict[str, Any]

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html; the texts are those of the scaling
# activities in "Troubleshoot Amazon EC2 Auto Scaling: EC2 instance launch failures"
STARVED = (
    "InsufficientInstanceCapacity",
    "do not have sufficient",
    "InstanceLimitExceeded",
    "VcpuLimitExceeded",
    "running on-demand instances",
    "MaxSpotInstanceCountExceeded",
)


def since(snapshot: Snapshot, colour: str) -> list[Json]:
    """A group's activities since it began to change last: made, refreshed, or either group started for a shift."""
    group, newest = snapshot.groups.get(colour) or {}, next(iter(snapshot.refreshes.get(colour, ())), {})
    shifts = (asg_shift.began(each) for each in snapshot.groups.values())
    refreshed = newest.get("StartTime") or (snapshot.clock if newest.get("Status") == "Pending" else None)
    began = max((each for each in (group.get("CreatedTime"), refreshed, *shifts) if each), default=None)
    listed = snapshot.activities.get(colour, ())
    return [one for one in listed if not began or not one.get("StartTime") or one["StartTime"] >= began]


def failed(snapshot: Snapshot, colour: str, release: str, known: Mapping[str, Target]) -> tuple[int, str]:
    """Launches that failed, and instances of the release that were replaced as unhealthy; and why the newest was.

    A launch that found no room is forgotten once another found it, in another zone for example. `known`: instance id ->
    what it was.
    """
    found, room = [], False
    for activity in since(snapshot, colour):  # newest first
        if activity.get("StatusCode") == "Failed":
            why = str(activity.get("StatusMessage") or activity.get("Description"))
            found += [] if room and starved(why) else [why]
        elif str(activity.get("Description", "")).startswith("Launching"):
            room = True
        elif _sick(activity, release, known):
            found.append(str(activity.get("Cause") or ""))
    return len(found), next(iter(found), "")


def _sick(activity: Mapping[str, Any], release: str, known: Mapping[str, Target]) -> bool:
    """An instance of the release was taken out of service because the load balancer found it unhealthy.

    Not because EC2 lost the machine. The texts: "Health checks for instances in an Auto Scaling group", Amazon EC2 Auto
    Scaling User Guide.
    """
    said = str(activity.get("Description", ""))
    if not said.startswith("Terminating") or "ELB system health check" not in str(activity.get("Cause", "")):
        return False
    target = known.get(said.rpartition(" ")[2])
    return target is not None and target.release == release


def starved(why: str) -> bool:
    """The newest failure was a launch that found no room, or no quota."""
    return any(code in why for code in STARVED)


def messages(snapshot: Snapshot) -> tuple[str, ...]:
    """The groups' last activities, oldest first, without those of an earlier rollout."""
    listed = [one for colour in snapshot.activities for one in since(snapshot, colour)]
    listed.sort(key=lambda one: one["StartTime"])
    return tuple(_said(one) for one in listed[-20:])


def _said(activity: Mapping[str, Any]) -> str:
    text = str(activity.get("Description", ""))
    if activity.get("StatusCode") == "Failed":
        return f"{text}: {activity.get('StatusMessage') or 'failed'}"
    return text
