# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""deploymentConfiguration: its defaults, and the circuit breaker's threshold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

# Source: botocore ecs/2014-11-13, DeploymentCircuitBreaker, ThresholdConfiguration, DeploymentConfiguration.
BREAKER = {
    "enable": False,
    "rollback": False,
    "resetOnHealthyTask": True,
    "thresholdConfiguration": {"type": "BOUNDED_PERCENT", "value": 50},
}
ROLLING = "ROLLING"
CONFIG = {
    "deploymentCircuitBreaker": BREAKER,
    "maximumPercent": 200,
    "minimumHealthyPercent": 100,
    "alarms": {"alarmNames": [], "rollback": False, "enable": False},
    "strategy": ROLLING,
    "bakeTimeInMinutes": 0,
}

# Source: botocore ecs/2014-11-13, CanaryConfiguration, LinearConfiguration.
OWN = {
    "CANARY": ("canaryConfiguration", {"canaryPercent": 5.0, "canaryBakeTimeInMinutes": 10}),
    "LINEAR": ("linearConfiguration", {"stepPercent": 10.0, "stepBakeTimeInMinutes": 6}),
}


def threshold(desired: int, config: Mapping[str, Any]) -> int:
    """Failed tasks at which the circuit breaker trips.

    COUNT: the value; UNBOUNDED_PERCENT: value % of desired, rounded up; BOUNDED_PERCENT: the same
    within 3 and 200. Source: Amazon ECS Developer Guide, "How the Amazon ECS deployment circuit breaker
    detects failures"; botocore ecs/2014-11-13, ThresholdConfiguration.
    """
    wanted = config["deploymentCircuitBreaker"]["thresholdConfiguration"]
    if wanted["type"] == "COUNT":
        return max(1, int(wanted["value"]))
    share: int = math.ceil(wanted["value"] * desired / 100)
    return min(200, max(3, share)) if wanted["type"] == "BOUNDED_PERCENT" else max(1, share)


def complete_config(given: Mapping[str, Any], base: Mapping[str, Any] = CONFIG) -> dict[str, Any]:
    """deploymentConfiguration with what was not given taken from `base`, members of the circuit breaker included.

    A strategy's own configuration is completed with the model's defaults, and goes when another strategy comes.
    """
    breaker = {**base["deploymentCircuitBreaker"], **(given.get("deploymentCircuitBreaker") or {})}
    full = {**base, **{k: v for k, v in given.items() if v is not None}, "deploymentCircuitBreaker": breaker}
    for strategy, (name, defaults) in OWN.items():
        if full["strategy"] == strategy:
            full[name] = {**defaults, **(full.get(name) or {})}
        else:
            full.pop(name, None)
    if full["strategy"] == ROLLING:
        full.pop("lifecycleHooks", None)
    return full
