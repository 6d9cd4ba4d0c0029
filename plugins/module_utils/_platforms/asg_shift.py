# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two groups behind one weighted rule: who serves, who comes, who goes, and the timers that restore the weights. Pure.

What a run knows of a shift must outlive it, so it is written on the groups. The incoming group carries the id of the
rollout it was started for. The group that serves carries what it is kept for: rollout, weight of the step, and the time
of the newest schedule; it serves for every purpose until that says `done`, whatever the rule's weights are by then.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from . import aws_rules
from .asg_group import COLOURS, KEEP_TAG, ROLLOUT_TAG, other, target_group
from .asg_snapshot import Snapshot
from .aws_names import service_key

Json = dict[str, Any]
Params = Mapping[str, Any]

DONE = 101  # the weight of a shift that was completed
RETRIES = 3  # of the schedule's call; the event's age ends them sooner or later
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html. That this API may be called in
# this way was never tried with an account.
MODIFY_RULE = "arn:{partition}:scheduler:::aws-sdk:elasticloadbalancingv2:modifyRule"
TIMER = re.compile(
    r"(?P<rollout>[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6})-(?P<weight>[0-9]{1,3})(?P<colour>[bg])-(?P<at>[0-9a-f]+)\Z"
)


# ---- what is written on the groups ---------------------------------------------------------------


@dataclass(frozen=True)
class Keep:
    """What the group that serves is kept for."""

    rollout: str
    weight: int  # of the step that was armed last; DONE = the other one serves now
    until: datetime  # of the newest schedule

    def __str__(self) -> str:
        weight = "done" if self.weight == DONE else str(self.weight)
        return f"{self.rollout}/{weight}/{self.until:%Y-%m-%dT%H:%M:%SZ}"


def keep_of(group: Mapping[str, Any] | None) -> Keep | None:
    """None = it was never shifted away from, or its tag says nothing."""
    rollout, _sep, rest = str(((group or {}).get("tags") or {}).get(KEEP_TAG, "")).partition("/")
    weight, _sep, until = rest.partition("/")
    if not rollout or not (weight == "done" or weight.isdecimal()):
        return None
    try:
        at = datetime.strptime(until, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return Keep(rollout, DONE if weight == "done" else int(weight), at)


def rollout_of(group: Mapping[str, Any] | None) -> str:
    """The rollout that a group was started for; "" = it was the first, or is none of ours."""
    return str(((group or {}).get("tags") or {}).get(ROLLOUT_TAG, ""))


def began(group: Mapping[str, Any] | None) -> datetime | None:
    """When the rollout began that a group was started for: its id says so."""
    try:
        return datetime.strptime(rollout_of(group).partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


# ---- the timers ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Timer:
    """A one-time schedule: its name says everything that must be known of it."""

    name: str
    rollout: str
    weight: int  # of the step that it ends
    colour: str  # of the group that it restores
    at: datetime


def prefix(params: Params) -> str:
    """What the names of the service's schedules begin with; a name has at most 64 characters."""
    return f"greenlight-{hashlib.sha256(service_key(params).encode()).hexdigest()[:10]}-"


def timer(params: Params, rollout: str, weight: int, colour: str, at: datetime) -> Timer:
    name = f"{prefix(params)}{rollout}-{weight}{colour[0]}-{int(at.timestamp()):x}"
    return Timer(name, rollout, weight, colour, at)


def timers(params: Params, names: tuple[str, ...]) -> list[Timer]:
    """Those of the schedules that are ours, the next to fire first."""
    found = []
    for name in names:
        match = TIMER.match(name.removeprefix(prefix(params)))
        if match and name.startswith(prefix(params)):
            colour = next(each for each in COLOURS if each.startswith(match["colour"]))
            at = datetime.fromtimestamp(int(match["at"], 16), UTC)
            found.append(Timer(name, match["rollout"], int(match["weight"]), colour, at))
    return sorted(found, key=lambda each: each.at)


def schedule(params: Params, wanted: Timer, rule_arn: str) -> Json:
    """CreateSchedule's input: one call at one time, few retries, then it is gone."""
    restore = params["restore"]
    actions = aws_rules.forward(params, target_group(params, wanted.colour))
    return {
        "Name": wanted.name,
        "GroupName": restore["group"],
        "Description": f"Restores the weights of {service_key(params)} unless the rollout {wanted.rollout} goes on.",
        "ScheduleExpression": f"at({wanted.at:%Y-%m-%dT%H:%M:%S})",
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "ClientToken": wanted.name,
        "Target": {
            "Arn": MODIFY_RULE.format(partition=rule_arn.split(":")[1]),
            "RoleArn": restore["role_arn"],
            "Input": json.dumps({"RuleArn": rule_arn, "Actions": actions}, sort_keys=True),
            "RetryPolicy": {"MaximumEventAgeInSeconds": restore["event_age"], "MaximumRetryAttempts": RETRIES},
        },
    }


# ---- what the load balancer may still do ---------------------------------------------------------


def hush(known: dict[str, datetime], weights: Mapping[str, int], params: Params, clock: datetime) -> None:
    """Remember since when a group's weight is 0, as first seen; the load balancer may follow its rule later.

    `known`: colour -> that time, by AWS's clock; is brought up to date. `weights`: the production rule's. The clock
    is read in whole seconds (HTTP's Date), so it was up to one later.
    """
    for colour in COLOURS:
        if weights.get(target_group(params, colour), 0) > 0:
            known.pop(colour, None)
        else:
            known.setdefault(colour, clock + timedelta(seconds=1))


# ---- who is who ----------------------------------------------------------------------------------


def live(snapshot: Snapshot, weights: Mapping[str, int], params: Params) -> str:
    """The colour that serves, or is to be restored; "" = the groups and the rule don't say.

    `weights`: the production rule's, by target group ARN.
    """
    for colour in COLOURS:
        kept, incoming = keep_of(snapshot.groups.get(colour)), snapshot.groups.get(other(colour))
        if kept and kept.weight != DONE and incoming and kept.rollout == rollout_of(incoming):
            return colour
    taking = [colour for colour in COLOURS if weights.get(target_group(params, colour), 0) > 0]
    return taking[0] if len(taking) == 1 else ""


def well(snapshot: Snapshot, params: Params, colour: str) -> int:
    """Instances of a group that stay, in service and healthy at the load balancer."""
    listed = snapshot.health.get(target_group(params, colour), ())
    healthy = {one["Target"]["Id"] for one in listed if one["TargetHealth"].get("State") == "healthy"}
    there = snapshot.instances(colour, staying=True)
    return sum(one.get("LifecycleState") == "InService" and one["InstanceId"] in healthy for one in there)


def outgoing(snapshot: Snapshot, colour: str) -> Keep | None:
    """Why a group that does not serve any more keeps its capacity; None = it is no such group."""
    kept = keep_of(snapshot.groups.get(colour))
    done = kept is not None and kept.weight == DONE
    return kept if done and kept and kept.rollout == rollout_of(snapshot.groups.get(other(colour))) else None


def safe_at(kept: Keep, params: Params) -> datetime:
    """From then on no call of any schedule can come any more."""
    return kept.until + timedelta(seconds=params["restore"]["late"])
