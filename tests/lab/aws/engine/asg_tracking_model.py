# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target tracking policy of an Auto Scaling group. Words: botocore autoscaling, TargetTrackingConfiguration."""

from __future__ import annotations

from dataclasses import dataclass, field

CPU, REQUESTS = "ASGAverageCPUUtilization", "ALBRequestCountPerTarget"


@dataclass
class Policy:
    """`label`: the load balancer and target group that ALBRequestCountPerTarget counts."""

    name: str
    arn: str
    metric: str
    target: float
    label: str = ""
    group: str = ""  # target group ARN behind the label
    warmup: float | None = None  # EstimatedInstanceWarmup
    scale_in: bool = True  # not DisableScaleIn
    enabled: bool = True
    alarms: tuple[dict[str, str], ...] = ()
    config: dict[str, object] = field(default_factory=dict)  # as given
    sampled_at: float = 0.0  # AWS seconds
    values: list[float] = field(default_factory=list)  # one a minute, the newest last
