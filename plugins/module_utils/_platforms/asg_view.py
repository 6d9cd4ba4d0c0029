# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a snapshot means: what moves, where it holds, which target is whose. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._engine.model import Deployment, Heart, Held, Movement, Target
from . import asg_activities, asg_plan, asg_refresh, asg_shift, asg_targets, aws_heart
from .asg_refresh import MOVEMENTS
from .asg_service import Service
from .asg_snapshot import OPEN
from .aws_names import alarm_name

Json = dict[str, Any]

US, SOMEBODY = "greenlight", "somebody else"


@dataclass(frozen=True)
class View(Service):
    """A snapshot seen for one release and one set of parameters: deployments, holds, targets."""

    # ---- deployments ----

    def raw_to(self, release: str) -> Json:
        """The newest refresh of the live group that goes to a release; {} = there is none."""
        for refresh in self.snapshot.refreshes.get(self.live, ()):
            if release and self._goes_to(refresh) == release:
                return refresh
        return {}

    def _goes_to(self, refresh: Mapping[str, Any]) -> str:
        return self.snapshot.release_of(asg_refresh.version(refresh, self.snapshot.template))

    def deployment(self) -> Deployment | None:
        """The newest deployment that goes to the plan's release: a refresh, a shift, or the making of a first group."""
        refresh, coming, shifted = self.raw_to(self.release), self._coming(), self._shifted()
        if refresh.get("Status") in OPEN:
            return self._shown(refresh)
        if coming and coming.release == self.release:
            return coming
        if shifted and not (refresh and self._rolling):
            return shifted
        if refresh:
            return self._shown(refresh)
        group = self.group
        if group is None or not self.closed or self.config_release(self.live) != self.release:
            return None
        moved = Movement.MOVED if self._arrived(self.live) else Movement.MOVING
        failures, why = self._failed(self.live)
        arn = str(group["AutoScalingGroupARN"])
        return Deployment(arn, self.release, moved, why, failures, starved=asg_activities.starved(why))

    @property
    def _rolling(self) -> bool:
        return bool(self.params.get("strategy") == asg_plan.ROLLING)

    def _coming(self) -> Deployment | None:
        """What the group that does not serve brings, with the failures of its instances."""
        found = self.arrival.deployment() if self.params.get("load_balancer") else None
        if found is None or found.movement is not Movement.MOVING:
            return found
        failures, why = self._failed(self.idle)
        return replace(found, failures=failures, reason=why, starved=asg_activities.starved(why))

    def _shifted(self) -> Deployment | None:
        """The shift that made the group live, where it was one."""
        rollout = asg_shift.rollout_of(self.group)
        if not rollout or self.config_release(self.live) != self.release:
            return None
        return Deployment(rollout, self.release, Movement.MOVED)

    def _shown(self, refresh: Mapping[str, Any]) -> Deployment:
        failures, why = self._failed(self.live)
        is_open = refresh.get("Status") in OPEN
        reason = " ".join(part for part in (asg_refresh.why(refresh), why if is_open else "") if part)
        return Deployment(
            id=str(refresh["InstanceRefreshId"]),
            release=self._goes_to(refresh),
            movement=MOVEMENTS[refresh["Status"]],
            reason=reason,
            failures=failures if is_open else 0,
            by=US if asg_refresh.ours(refresh) else SOMEBODY,
            starved=asg_activities.starved(why),
        )

    def _failed(self, colour: str) -> tuple[int, str]:
        return asg_activities.failed(self.snapshot, colour, self.release, self.remembered)

    def other(self) -> Deployment | None:
        """A refresh or a shift under way to another known release."""
        refresh, coming = self.snapshot.refresh(self.live), self._coming()
        release = self._goes_to(refresh) if refresh else ""
        if refresh and release and release != self.release:
            return self._shown(refresh)
        return coming if coming and coming.release not in ("", self.release) else None

    def foreign(self) -> str:
        """A refresh under way that leads to no release of ours, or in the group that does not serve."""
        for colour in self.snapshot.groups:
            refresh = self.snapshot.refresh(colour)
            if refresh and (not self._goes_to(refresh) or colour != self.live):
                named = (refresh.get("DesiredConfiguration") or {}).get("LaunchTemplate") or {}
                to = (
                    f"version {named.get('Version')} of {named.get('LaunchTemplateId')}"
                    if named
                    else "no named version"
                )
                what = f"instance refresh {refresh['InstanceRefreshId']} of {self._name(colour)} to {to}"
                return f"{what}, status {refresh['Status']}, {refresh.get('PercentageComplete', 0)} % done"
        coming = self._coming()
        if coming and not coming.release:
            name, count = self._name(self.idle), self.snapshot.desired(self.idle)
            return f"group {name} has {count} instances of no known release"
        return ""

    def held(self) -> Held | None:
        arrival = self.arrival
        if arrival.group is not None and arrival.release == self.release and not self._rolling:
            return arrival.held()
        refresh = self.raw_to(self.release)
        if not refresh or refresh.get("Status") not in ("InProgress", "Baking"):
            return None
        return asg_refresh.held(self.snapshot, self.live, refresh, self.waits)

    def heart(self) -> Heart | None:
        """The alarm guards refreshes; a first release is guarded by its rule, which stays closed without us."""
        refresh = self.raw_to(self.release)
        watched = asg_refresh.monitored(refresh, alarm_name(self.params)) if refresh or not self.closed else True
        return aws_heart.heart(self.snapshot.alarm, watched)

    def share(self, test: bool = False) -> int | None:
        """Percent of the production or the test traffic to the release, as the rule says; None = no rule shifts it."""
        rule, arrival = self.test_rule if test else self.production_rule, self.arrival
        if not rule or self._rolling:
            return None
        return arrival.share(test) if arrival.release == self.release else 100 - arrival.share(test)

    # ---- targets ----

    def targets(self) -> tuple[Target, ...]:
        over = asg_shift.outgoing(self.snapshot, self.idle) is not None and not self.met(self.idle)
        return asg_targets.targets(self.snapshot, self.params, self.remembered, self.idle if over else "")

    def events(self) -> tuple[str, ...]:
        return asg_activities.messages(self.snapshot)
