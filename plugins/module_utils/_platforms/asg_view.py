# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a snapshot means: who serves, what moves, which target is whose. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from .._engine.finding import Finding
from .._engine.model import Deployment, Heart, Held, Movement, Target
from . import (
    asg_activities,
    asg_group,
    asg_plan,
    asg_refresh,
    asg_release,
    asg_shift,
    asg_targets,
    aws_heart,
    aws_rules,
)
from .asg_arrival import Arrival
from .asg_group import BLUE, COLOURS, group_name, other, target_group
from .asg_refresh import MOVEMENTS, Waits
from .asg_snapshot import OPEN, Snapshot
from .aws_names import SERVICE_TAG, alarm_name, service_key, short

Json = dict[str, Any]

US, SOMEBODY = "greenlight", "somebody else"


@dataclass(frozen=True)
class View:
    """A snapshot seen for one release and one set of parameters."""

    snapshot: Snapshot
    params: Mapping[str, Any]
    release: str
    own: bool = True  # the release is what the parameters describe, not an earlier one
    previous: str = ""  # the release to go back to, as far as the record knows
    remembered: Mapping[str, Target] = field(default_factory=dict)  # instance id -> what it was
    waits: Waits = field(default_factory=Waits)
    quiet: Mapping[str, datetime] = field(default_factory=dict)  # colour -> since when the rule gives it no traffic

    # ---- the load balancer ----

    @property
    def production_rule(self) -> Json | None:
        return self._rule(self.snapshot.production_rules)

    @property
    def test_rule(self) -> Json | None:
        return self._rule(self.snapshot.test_rules)

    def _rule(self, rules: tuple[Json, ...]) -> Json | None:
        return aws_rules.ours(rules, self.params) if self.params.get("load_balancer") else None

    @property
    def closed(self) -> bool:
        return bool(aws_rules.proof_of(self.production_rule))

    def met(self, colour: str) -> bool:
        """Users may still meet a group: the rule names it, or did so until now and is not followed yet everywhere."""
        rule = self.production_rule
        if rule is None or self.closed or not self.snapshot.instances(colour, staying=True):
            return False
        since = self.quiet.get(colour)
        follows = timedelta(seconds=self.params["timing"]["propagation"])
        return since is None or self.snapshot.clock < since + follows

    # ---- the groups ----

    def live(self) -> str:
        """The colour that serves, as read: by the rule's weights; without a rule the group that is there; else blue."""
        known = ""
        if self.params.get("load_balancer"):
            known = asg_shift.live(self.snapshot, aws_rules.weights(self.production_rule), self.params)
        if known:
            return known
        there = [colour for colour in COLOURS if colour in self.snapshot.groups]
        return max(there, key=self._likely, default=BLUE)

    def _likely(self, colour: str) -> tuple[bool, int]:
        """Without a word of rule and tags: what the record calls the release before, then what is larger."""
        return self.config_release(colour) == self.previous != "", self.snapshot.desired(colour)

    def arrival(self) -> Arrival:
        """The group that does not serve, and its share."""
        rules = (self.production_rule, self.test_rule)
        production, test = (aws_rules.weights(rule) for rule in rules)
        return Arrival(self.snapshot, self.params, self.live(), production, test)

    @property
    def group(self) -> Json | None:
        """The live group."""
        return self.snapshot.groups.get(self.live())

    def config_release(self, colour: str) -> str:
        """The release that a group launches."""
        return self.snapshot.release_of(self.snapshot.configured(colour))

    def mixed(self, colour: str) -> list[str]:
        """Ids of staying instances that are not of the version that their group names, while nothing replaces them."""
        if self.snapshot.refresh(colour):
            return []
        wanted = self.snapshot.configured(colour)
        staying = self.snapshot.instances(colour, staying=True)
        return [one["InstanceId"] for one in staying if self.snapshot.version_of_instance(one) != wanted]

    def problem(self) -> str:
        """Parts that disagree about what is live; "" = none do."""
        rule = self.production_rule
        if self.not_ours() or not rule or not self.snapshot.groups:
            return self.not_ours()
        strange = sorted(
            short(group)
            for group, weight in aws_rules.weights(rule).items()
            if weight > 0 and group not in [target_group(self.params, colour) for colour in COLOURS]
        )
        if strange:
            return (
                f"the production rule sends requests to {', '.join(strange)}, which is no target group of the service"
            )
        if self.group is None:
            return (
                f"the production rule sends requests to {self.live()}, and there is no group {self._name(self.live())}"
            )
        return ""

    def _name(self, colour: str) -> str:
        return group_name(self.params, colour)

    def not_ours(self) -> str:
        """Why the groups may not be touched; "" = they may."""
        mine = service_key(self.params)
        for colour, group in self.snapshot.groups.items():
            if group["tags"].get(SERVICE_TAG) != mine:
                return f"group {self._name(colour)} does not carry the tag {SERVICE_TAG} = {mine}, so it is left alone"
        return ""

    # ---- releases ----

    def serving(self) -> str:
        """The release that was completed last; "" = none, or none of ours."""
        group = self.group
        if group is None or (self.closed and not self._arrived(self.live())):
            return ""
        return self.config_release(self.live())

    def _arrived(self, colour: str) -> bool:
        """As many instances as wanted are in service."""
        there = self.snapshot.instances(colour)
        steady = [one for one in there if one.get("LifecycleState") == "InService"]
        return bool(there) and len(steady) == len(there) == self.snapshot.desired(colour)

    def gone(self) -> list[Finding]:
        """An earlier release that cannot be brought back: nothing says any more what it was."""
        if self.own or not self.release or self.snapshot.version_of(self.release):
            return []
        problem = "must have a template version, and none of this service carries this release any more"
        return [Finding("target_release", self.release, problem, "Roll out what is wanted by target_release: wanted.")]

    def template_differences(self) -> list[str]:
        """ "path: is -> wanted" of the template that the live group launches. User data is compared, never shown."""
        if not self.own or self.config_release(self.live()) == self.release:
            return []
        running = self.snapshot.versions.get(self.snapshot.configured(self.live()), {})
        found, wanted = running.get("LaunchTemplateData") or {}, asg_release.content(self.params)
        names = sorted({*found, *wanted} - {"UserData", "TagSpecifications"})
        lines = [f"{name}: {found.get(name, 'not set')} -> {wanted.get(name, 'not set')}" for name in names]
        lines = [line for name, line in zip(names, lines, strict=True) if found.get(name) != wanted.get(name)]
        return [*lines, "UserData: changed"] if found.get("UserData") else lines

    def labels(self) -> dict[str, str]:
        """Of what was seen: as the version's own tags call it."""
        versions = (one for one in self.snapshot.versions.values() if one.get("release"))
        found = {str(one["release"]): asg_release.label_of(one) for one in versions}
        return {release: label for release, label in found.items() if label}

    # ---- deployments ----

    def raw_to(self, release: str) -> Json:
        """The newest refresh of the live group that goes to a release; {} = there is none."""
        for refresh in self.snapshot.refreshes.get(self.live(), ()):
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
        if group is None or not self.closed or self.config_release(self.live()) != self.release:
            return None
        moved = Movement.MOVED if self._arrived(self.live()) else Movement.MOVING
        failures, why = self._failed(self.live())
        arn = str(group["AutoScalingGroupARN"])
        return Deployment(arn, self.release, moved, why, failures, starved=asg_activities.starved(why))

    @property
    def _rolling(self) -> bool:
        return bool(self.params.get("strategy") == asg_plan.ROLLING)

    def _coming(self) -> Deployment | None:
        """What the group that does not serve brings, with the failures of its instances."""
        found = self.arrival().deployment() if self.params.get("load_balancer") else None
        if found is None or found.movement is not Movement.MOVING:
            return found
        failures, why = self._failed(self.idle())
        return replace(found, failures=failures, reason=why, starved=asg_activities.starved(why))

    def _shifted(self) -> Deployment | None:
        """The shift that made the group live, where it was one."""
        rollout = asg_shift.rollout_of(self.group)
        if not rollout or self.config_release(self.live()) != self.release:
            return None
        return Deployment(rollout, self.release, Movement.MOVED)

    def _shown(self, refresh: Mapping[str, Any]) -> Deployment:
        failures, why = self._failed(self.live())
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
        refresh, coming = self.snapshot.refresh(self.live()), self._coming()
        release = self._goes_to(refresh) if refresh else ""
        if refresh and release and release != self.release:
            return self._shown(refresh)
        return coming if coming and coming.release not in ("", self.release) else None

    def foreign(self) -> str:
        """A refresh under way that leads to no release of ours, or in the group that does not serve."""
        for colour in self.snapshot.groups:
            refresh = self.snapshot.refresh(colour)
            if refresh and (not self._goes_to(refresh) or colour != self.live()):
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
            name, count = self._name(self.idle()), self.snapshot.desired(self.idle())
            return f"group {name} has {count} instances of no known release"
        return ""

    def held(self) -> Held | None:
        arrival = self.arrival()
        if arrival.group is not None and arrival.release == self.release and not self._rolling:
            return arrival.held()
        refresh = self.raw_to(self.release)
        if not refresh or refresh.get("Status") not in ("InProgress", "Baking"):
            return None
        return asg_refresh.held(self.snapshot, self.live(), refresh, self.waits)

    def heart(self) -> Heart | None:
        """The alarm guards refreshes; a first release is guarded by its rule, which stays closed without us."""
        refresh = self.raw_to(self.release)
        watched = asg_refresh.monitored(refresh, alarm_name(self.params)) if refresh or not self.closed else True
        return aws_heart.heart(self.snapshot.alarm, watched)

    def share(self, test: bool = False) -> int | None:
        """Percent of the production or the test traffic to the release, as the rule says; None = no rule shifts it."""
        rule, arrival = self.test_rule if test else self.production_rule, self.arrival()
        if not rule or self._rolling:
            return None
        return arrival.share(test) if arrival.release == self.release else 100 - arrival.share(test)

    # ---- targets ----

    def targets(self) -> tuple[Target, ...]:
        return asg_targets.targets(self.snapshot, self.params, self.remembered)

    def events(self) -> tuple[str, ...]:
        return asg_activities.messages(self.snapshot)

    def idle(self) -> str:
        return other(self.live())

    def frozen(self, colour: str) -> list[str]:
        """The processes that we suspended in a group, by its tag."""
        said = (self.snapshot.groups.get(colour) or {}).get("tags", {}).get(asg_group.FROZEN_TAG, "")
        return [name for name in said.split() if name in asg_group.FROZEN]

    def suspended(self, colour: str) -> set[str]:
        listed = (self.snapshot.groups.get(colour) or {}).get("SuspendedProcesses") or []
        return {str(one["ProcessName"]) for one in listed}
