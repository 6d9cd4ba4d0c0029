# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollout module hands to the glue: everything that is particular to its platform."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from .._clients.aws import Aws
from .._engine.finding import Finding
from .._engine.model import Capacity, Chain, Heartbeat, Plan, Release, Step
from .._platforms.base import Platform
from .argspec_common import Spec
from .judging import Judging

Params = Mapping[str, Any]


class Service(Platform, Protocol):
    """A platform, and what the glue asks it besides."""

    def account_findings(self, plan: Plan) -> list[Finding]:
        """What is wrong between the parameters and the account. Raises PortError."""

    def before(self) -> tuple[dict[str, Any], str] | None:
        """The parameters of a rollout that must come first, and why, in words; None = nothing need come first."""


@dataclass(frozen=True)
class Shape:
    """The parts of an engine's plan that the platform's options decide."""

    route: str
    capacity: Capacity | None = None
    chain: Chain = field(default_factory=Chain)
    steps: tuple[Step, ...] = ()
    heartbeat: Heartbeat | None = None
    checkpoints: bool = False
    first_alone: bool = False


@dataclass(frozen=True)
class Kit:
    """One platform."""

    name: str  # in the record's key
    mover: str  # who moves, in lines and reasons
    spec: Callable[[], Spec]  # every option, for the redactor
    findings: Callable[[Params], list[Finding]]  # what is wrong with the options, state present
    route: Callable[[Params], str]  # where probes go
    release: Callable[[Params], Release]  # what the options describe
    shape: Callable[[Params, Judging, int | None], Shape]  # the last: distinct zones, when they were read
    service: Callable[[Aws, Params, Callable[[], float]], Service]
