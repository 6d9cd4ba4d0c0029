# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a snapshot shows of a service at rest: which group serves, which releases there are, what disagrees. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from .._engine.finding import Finding
from .._engine.model import Target
from . import asg_group, asg_release, asg_shift, aws_rules
from .asg_arrival import Arrival
from .asg_group import BLUE, COLOURS, group_name, other, target_group
from .asg_refresh import Waits
from .asg_snapshot import Snapshot
from .aws_names import SERVICE_TAG, service_key, short

Json = dict[str, Any]


@dataclass(frozen=True)
class Service:
    """A snapshot seen for one release and one set of parameters: groups, rules and releases.

    A snapshot does not change, so what is asked often is found once.
    """

    snapshot: Snapshot
    params: Mapping[str, Any]
    release: str
    own: bool = True  # the release is what the parameters describe, not an earlier one
    previous: str = ""  # the release to go back to, as far as the record knows
    remembered: Mapping[str, Target] = field(default_factory=dict)  # instance id -> what it was
    waits: Waits = field(default_factory=Waits)
    quiet: Mapping[str, datetime] = field(default_factory=dict)  # colour -> since when the rule gives it no traffic

    # ---- the load balancer ----

    @cached_property
    def production_rule(self) -> Json | None:
        return self._rule(self.snapshot.production_rules)

    @cached_property
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

    @cached_property
    def live(self) -> str:
        """The colour that serves, as read: by the rule's weights; without a rule the group that is there; else blue."""
        known = ""
        if self.params.get("load_balancer"):
            known = asg_shift.live(self.snapshot, aws_rules.weights(self.production_rule), self.params)
        if known:
            return known
        there = [colour for colour in COLOURS if colour in self.snapshot.groups]
        return max(there, key=self._likely, default=BLUE)

    @cached_property
    def idle(self) -> str:
        return other(self.live)

    def _likely(self, colour: str) -> tuple[bool, int]:
        """Without a word of rule and tags: what the record calls the release before, then what is larger."""
        return self.config_release(colour) == self.previous != "", self.snapshot.desired(colour)

    @cached_property
    def arrival(self) -> Arrival:
        """The group that does not serve, and its share."""
        rules = (self.production_rule, self.test_rule)
        production, test = (aws_rules.weights(rule) for rule in rules)
        return Arrival(self.snapshot, self.params, self.live, production, test)

    @property
    def group(self) -> Json | None:
        """The live group."""
        return self.snapshot.groups.get(self.live)

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
            return f"the production rule sends requests to {self.live}, and there is no group {self._name(self.live)}"
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
        if group is None or (self.closed and not self._arrived(self.live)):
            return ""
        return self.config_release(self.live)

    def _arrived(self, colour: str) -> bool:
        """As many instances as wanted, all in service and healthy at the load balancer.

        An instance is in service once EC2 runs it, long before its model is loaded: nothing can be judged by then.
        """
        there, wanted = self.snapshot.instances(colour), self.snapshot.desired(colour)
        return len(there) == wanted > 0 and asg_shift.well(self.snapshot, self.params, colour) >= wanted

    def gone(self) -> list[Finding]:
        """An earlier release that cannot be brought back: nothing says any more what it was."""
        if self.own or not self.release or self.snapshot.version_of(self.release):
            return []
        problem = "must have a template version, and none of this service carries this release any more"
        return [Finding("target_release", self.release, problem, "Roll out what is wanted by target_release: wanted.")]

    def template_differences(self) -> list[str]:
        """ "path: is -> wanted" of the template that the live group launches. User data is compared, never shown."""
        if not self.own or self.config_release(self.live) == self.release:
            return []
        running = self.snapshot.versions.get(self.snapshot.configured(self.live), {})
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

    # ---- what is suspended ----

    def frozen(self, colour: str) -> list[str]:
        """The processes that we suspended in a group, by its tag."""
        said = (self.snapshot.groups.get(colour) or {}).get("tags", {}).get(asg_group.FROZEN_TAG, "")
        return [name for name in said.split() if name in asg_group.FROZEN]

    def suspended(self, colour: str) -> set[str]:
        listed = (self.snapshot.groups.get(colour) or {}).get("SuspendedProcesses") or []
        return {str(one["ProcessName"]) for one in listed}
