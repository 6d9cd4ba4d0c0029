# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every instance of the two groups and every registered target, with whose it is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._engine.model import Target
from .asg_group import COLOURS, target_group
from .asg_snapshot import LEAVING, Snapshot

Json = dict[str, Any]

RESTING = "it gets no requests any more, and is kept until no timer can call"


def targets(
    snapshot: Snapshot, params: Mapping[str, Any], known: Mapping[str, Target], resting: str = ""
) -> tuple[Target, ...]:
    """`known`: instance id -> what it was, for targets whose instance is gone already.

    `resting`: the colour of the group whose traffic is gone for good: what is healthy there is on its way out.
    """
    found = []
    for colour in COLOURS:
        instances = {one["InstanceId"]: one for one in snapshot.instances(colour)}
        for description in _descriptions(snapshot, params, colour):
            target, health = description["Target"], description.get("TargetHealth") or {}
            reason = ": ".join(part for part in (health.get("Reason"), health.get("Description")) if part)
            state, name = str(health.get("State", "unavailable")), str(target["Id"])
            if state == "healthy" and colour == resting:
                state, reason = "draining", RESTING
            place = _place(snapshot, params, name, target.get("Port"))
            instance = instances.pop(name, None)
            found.append(
                _gone(name, place, state, reason, known.get(name))
                if instance is None
                else _there(snapshot, name, place, state, reason, instance)
            )
        for name, instance in instances.items():
            place, reason = _place(snapshot, params, name, None), str(instance.get("LifecycleState", ""))
            found.append(_there(snapshot, name, place, "unregistered", reason, instance))
    return tuple(found)


def _descriptions(snapshot: Snapshot, params: Mapping[str, Any], colour: str) -> tuple[Json, ...]:
    if params.get("load_balancer"):
        return snapshot.health.get(target_group(params, colour), ())
    named = (snapshot.groups.get(colour) or {}).get("TargetGroupARNs") or []
    return tuple(one for arn in named for one in snapshot.health.get(arn, ()))


def _place(snapshot: Snapshot, params: Mapping[str, Any], name: str, port: Any) -> tuple[str, str]:
    """As the load balancer names it, and where a probe reaches it directly; "" = nowhere."""
    port = port or (params.get("load_balancer") or {}).get("target_port", "")
    address = f"{snapshot.addresses[name]}:{port}" if name in snapshot.addresses else ""
    return f"{name}:{port}", address


def _gone(name: str, place: tuple[str, str], state: str, reason: str, was: Target | None) -> Target:
    release, zone = (was.release, was.zone) if was else ("", "")
    return Target(place[0], release, state, reason, zone, name, place[1])


def _there(
    snapshot: Snapshot, name: str, place: tuple[str, str], state: str, reason: str, instance: Mapping[str, Any]
) -> Target:
    release = snapshot.release_of(snapshot.version_of_instance(instance))
    if state == "healthy" and str(instance.get("LifecycleState", "")).startswith(LEAVING):
        state = "draining"  # the load balancer has not been told yet
    return Target(place[0], release, state, reason, str(instance.get("AvailabilityZone", "")), name, place[1])
