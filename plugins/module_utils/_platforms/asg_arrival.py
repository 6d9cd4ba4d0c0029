# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a release comes to live behind the weighted rule: the incoming group, its share, and where it holds. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from math import inf
from typing import Any

from .._engine.model import Deployment, Held, Movement
from . import asg_plan, asg_shift
from .asg_group import other, target_group
from .asg_shift import DONE, Keep, Timer
from .asg_snapshot import Snapshot

Json = dict[str, Any]
TIMER_NAME = "EventBridge Scheduler"


@dataclass(frozen=True)
class Arrival:
    """One snapshot, seen for the group that does not serve."""

    snapshot: Snapshot
    params: Mapping[str, Any]
    live: str  # colour
    production: Mapping[str, int]  # target group ARN -> weight
    test: Mapping[str, int]

    @property
    def colour(self) -> str:
        """Of the group that does not serve."""
        return other(self.live)

    @cached_property
    def group(self) -> Json | None:
        """The group that comes; None = nothing comes."""
        found = self.snapshot.groups.get(self.colour)
        coming = found is not None and self.snapshot.desired(self.colour) > 0
        return found if coming and not asg_shift.outgoing(self.snapshot, self.colour) else None

    @cached_property
    def rollout(self) -> str:
        return asg_shift.rollout_of(self.snapshot.groups.get(self.colour))

    @cached_property
    def release(self) -> str:
        """That comes; "" = none, or none of ours."""
        return self.snapshot.release_of(self.snapshot.configured(self.colour)) if self.group else ""

    @cached_property
    def kept(self) -> Keep | None:
        """What the group that serves is kept for, in this rollout."""
        kept = asg_shift.keep_of(self.snapshot.groups.get(self.live))
        return kept if kept and self.rollout and kept.rollout == self.rollout else None

    def timers(self) -> list[Timer]:
        return asg_shift.timers(self.params, tuple(str(one["Name"]) for one in self.snapshot.schedules))

    def stale(self) -> list[Timer]:
        """Timers of steps that are over, or of rollouts that are."""
        return [each for each in self.timers() if each.rollout != self.rollout or each.weight not in self._ahead()]

    def _ahead(self) -> tuple[int, ...]:
        """The step at hand, and the one that is armed next."""
        return (self.share(), self.next_weight())

    def share(self, test: bool = False) -> int:
        """Percent of the traffic to the group that does not serve, as the rule says."""
        weights = self.test if test else self.production
        whole = sum(weights.values())
        return round(100 * weights.get(target_group(self.params, self.colour), 0) / whole) if whole else 0

    def next_weight(self) -> int:
        share = self.share()
        return next((weight for weight in asg_plan.weights(self.params) if weight > share), 100)

    # ---- as the engine sees it ----

    def deployment(self) -> Deployment | None:
        """None = nothing comes."""
        if self.group is None:
            return None
        fired = self.fired()
        by = "greenlight" if self.rollout and self.release else "somebody else"
        movement = Movement.TURNED_BACK if fired else Movement.MOVING
        return Deployment(self.rollout or self.colour, self.release, movement, fired, by=by)

    def fired(self) -> str:
        """Why the weights are the old ones again though nobody of us restored them; "" = they are not."""
        kept = self.kept
        if kept is None or self.share() > 0:
            return ""
        first = next(iter(asg_plan.weights(self.params)), 100)
        waiting = any(each.rollout == self.rollout for each in self.timers())
        over = not waiting and self.snapshot.clock >= kept.until
        if kept.weight == DONE or kept.weight > first or over:
            return f"{TIMER_NAME} restored the weights of the group that serves"
        return ""

    def healthy(self) -> bool:
        """As many instances as wanted, all in service and healthy at the load balancer."""
        return asg_shift.well(self.snapshot, self.params, self.colour) >= self.snapshot.desired(self.colour)

    def held(self) -> Held | None:
        """Between two shifts we wait, and the timer with us; None = nothing waits yet, or not any more."""
        if self.group is None or not self.rollout or self.fired() or self.stale():
            return None
        share = self.share()
        if not share and not self.healthy():
            return None
        stage = f"weight {share}" if share else "before the first weight"
        left = self._left(share)
        alone = f"without our word {TIMER_NAME} gives the traffic back in {left:.0f} s"
        if left == inf:
            alone = "no timer runs, so without our word it stays like this"
        if not share:
            alone = "no timer runs yet, for nobody meets it"
        identity = f"{self.rollout[-6:]}/{share}"  # it stands in the lines, so the end of the rollout's id will do
        return Held(stage, identity, left, self.next_weight(), share == 100, share, alone=alone)

    def _left(self, share: int) -> float:
        """Seconds until the weights are restored; before the first weight, and without a timer, nobody does."""
        if not share or not self.params["restore"].get("role_arn"):
            return inf
        ends = [each.at for each in self.timers() if each.weight == share]
        ends = ends or [self.kept.until if self.kept else self.snapshot.clock]
        return (max(ends) - self.snapshot.clock).total_seconds()

    def until(self) -> Keep:
        """What the group that serves is kept for at the next weight: as its tag has it, while that leaves time."""
        timed, weight = bool(self.params["restore"].get("role_arn")), self.next_weight()
        hold = timedelta(seconds=self.params["hold_seconds"] if timed else 0)
        kept, clock = self.kept, self.snapshot.clock.replace(microsecond=0)
        if kept and kept.weight == weight and kept.until - clock >= hold * 0.9:
            return kept
        return Keep(self.rollout, weight, clock + hold)
