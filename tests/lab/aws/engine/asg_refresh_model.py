# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance refresh: what was asked, how it stands. Defaults and words: botocore autoscaling, RefreshPreferences."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

OVER = ("Successful", "Failed", "Cancelled", "RollbackFailed", "RollbackSuccessful")
MOVING = ("InProgress", "RollbackInProgress")


@dataclass(frozen=True)
class Template:
    """A LaunchTemplateSpecification. `version`: a number, "$Latest" or "$Default"."""

    id: str
    name: str
    version: str

    @property
    def numbered(self) -> bool:
        return self.version.isdigit()


@dataclass(frozen=True)
class Preferences:
    """`given` is what the API shows. `low` and `high` as in force: from the request, the policy, or AWS's defaults."""

    given: dict[str, object] = field(default_factory=dict)
    low: int = 90
    high: int | None = None
    warmup: float = 0.0
    checkpoints: tuple[int, ...] = ()
    delay: float = 3600.0
    skip_matching: bool = False
    auto_rollback: bool = False
    protected: str = "Wait"  # Refresh Ignore Wait
    standby: str = "Wait"  # Terminate Ignore Wait
    alarms: tuple[str, ...] = ()
    bake: float = 0.0


@dataclass
class Refresh:
    """`target` is what instances get launched from: resolved, so that its version is a number."""

    id: str
    preferences: Preferences
    source: Template  # of the group, when it began
    target: Template
    desired: Template | None  # DesiredConfiguration as given; None: the group's own
    started_at: datetime
    since: float  # AWS seconds: when it was asked for
    status: str = "Pending"
    reason: str = ""
    ended_at: datetime | None = None
    total: int = 0  # instances to be updated in all
    left: int = 0  # InstancesToUpdate
    percent: int = 0
    begun: set[str] = field(default_factory=set)  # instances the group had at the start, not yet replaced
    waited: int = 0  # the highest checkpoint that was waited for
    paused_until: float | None = None  # at a checkpoint
    trouble_since: float | None = None  # it cannot go on since then
    updated: int = 0  # most instances that were new and ready at once
    bake_until: float | None = None
    transitions: bool = True  # WaitForTransitioningInstances of the cancellation
    rollback_reason: str = ""
    rollback_at: datetime | None = None
    rollback_percent: int = 0
    rollback_left: int = 0

    @property
    def over(self) -> bool:
        return self.status in OVER

    @property
    def back(self) -> bool:
        return self.rollback_at is not None
