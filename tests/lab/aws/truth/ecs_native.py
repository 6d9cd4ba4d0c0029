# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWS refuses about deployment strategies, lifecycle hooks and deployment alarms.

AWS's own texts come from "Troubleshooting Amazon ECS blue/green deployments"; the others follow the words of
botocore's ecs model. What AWS finds out only when the deployment has begun is in `engine/ecs_traffic.fault`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tests.lab.aws.engine.ecs_config import OWN, ROLLING, complete_config
from tests.lab.aws.engine.ecs_model import Service
from tests.lab.aws.engine.ecs_native_model import PAUSABLE
from tests.lab.aws.truth.base import Check, Params, Refusal
from tests.lab.aws.truth.ecs_common import API, GUIDE, advanced_of, balancers, invalid, unsupported

if TYPE_CHECKING:
    from tests.lab.aws.api.ecs_known import Known

STRATEGIES = (ROLLING, "BLUE_GREEN", "LINEAR", "CANARY")
HOOKS = 10  # "a maximum of 10 pause hooks"
LONGEST_TIMEOUT = 20160  # minutes
LONGEST_BAKE = 1440
SHARES = {
    "CANARY": ("canaryPercent", 0.1, "canaryBakeTimeInMinutes"),
    "LINEAR": ("stepPercent", 3.0, "stepBakeTimeInMinutes"),
}


def strategy(params: Params, _known: Known) -> Refusal | None:
    chosen = _given(params).get("strategy") or ROLLING
    if chosen not in STRATEGIES:
        return invalid(f"Invalid deployment strategy {chosen}. Valid values are: {', '.join(STRATEGIES)}")
    return None


def own_configuration(params: Params, known: Known) -> Refusal | None:
    """A strategy's own configuration with another one, and values outside its range."""
    given, chosen = _given(params), _strategy(params, known)
    for name, (field, _ignored) in OWN.items():
        if not given.get(field):
            continue
        if chosen != name:
            return invalid(f"{field} is only valid when the deployment strategy is {name}.")
        share, least, bake = SHARES[name]
        percent = float(given[field].get(share, least))
        if not least <= percent <= 100 or abs(percent * 10 - round(percent * 10)) > 1e-6:
            return invalid(f"{share} must be a multiple of 0.1 from {least} to 100.0.")
        if not 0 <= int(given[field].get(bake, 0)) <= LONGEST_BAKE:
            return invalid(f"{bake} must be between 0 and {LONGEST_BAKE}.")
    if given.get("earlySuccessCriteria"):
        if chosen != ROLLING:
            return invalid("You can use early success criteria only with rolling deployment strategy.")
        return unsupported("earlySuccessCriteria")
    return None


def bake_time(params: Params, _known: Known) -> Refusal | None:
    given = _given(params)
    minutes = given.get("bakeTimeInMinutes")
    if given.get("strategy") == "BLUE_GREEN" and minutes is None:
        return invalid("bakeTimeInMinutes is required when you use the BLUE_GREEN deployment strategy.")
    if minutes is not None and not 0 <= int(minutes) <= LONGEST_BAKE:
        return invalid(f"bakeTimeInMinutes must be between 0 and {LONGEST_BAKE}.")
    return None


def resources(params: Params, known: Known) -> Refusal | None:
    """Target groups and rules that a strategy other than ROLLING shifts traffic with."""
    chosen = _strategy(params, known)
    if chosen == ROLLING:
        return None
    entries = balancers(params, known)
    if not entries and chosen != "BLUE_GREEN":
        return invalid(f"A service with the deployment strategy {chosen} must use Elastic Load Balancing.")
    service = _service(params, known)
    serving = service.primary.revision.shown.get("loadBalancers") or () if service else ()
    if not all(advanced_of(lb) for lb in [*entries, *serving]):
        return invalid(
            "advancedConfiguration field is required for all loadBalancers when using a non-ROLLING deployment strategy"
        )
    for lb in entries:
        entry = advanced_of(lb)
        rule = known.rule(entry.get("productionListenerRule") or "")
        pair = {lb.get("targetGroupArn"), entry.get("alternateTargetGroupArn")}
        if rule is not None and not entry.get("testListenerRule") and not pair <= set(rule.weights):
            return invalid(
                "For Application LoadBalancer, testListenerRule is required when productionListenerRule is not"
                " associated with both targetGroup and alternateTargetGroup"
            )
    return None


def hooks(params: Params, known: Known) -> Refusal | None:
    given = _given(params).get("lifecycleHooks") or ()
    if not given:
        return None
    if _strategy(params, known) == ROLLING:
        return unsupported("lifecycleHooks with the deployment strategy ROLLING")
    if len(given) > HOOKS:
        return invalid(f"You can configure a maximum of {HOOKS} pause hooks per service.")
    return next((refusal for hook in given for refusal in _hook(hook)), None)


def _hook(hook: Mapping[str, Any]) -> Iterator[Refusal]:
    kind = hook.get("targetType") or "AWS_LAMBDA"
    if kind not in ("AWS_LAMBDA", "PAUSE"):
        yield invalid("Invalid targetType. Valid values are: AWS_LAMBDA, PAUSE")
    if kind != "PAUSE":
        yield unsupported("lifecycle hooks that call Lambda functions")
    stages = hook.get("lifecycleStages") or ()
    if not stages:
        yield invalid("lifecycleStages is required in a lifecycle hook.")
    if any(stage not in PAUSABLE for stage in stages):
        yield invalid("Invalid lifecycle stage provided for Pause Hook")
    if hook.get("hookTargetArn") or hook.get("roleArn"):
        yield invalid("hookTargetArn and roleArn are not applicable for PAUSE hooks.")
    timeout = hook.get("timeoutConfiguration") or {}
    if not 1 <= int(timeout.get("timeoutInMinutes") or 1) <= LONGEST_TIMEOUT:
        yield invalid(f"timeoutInMinutes must be between 1 and {LONGEST_TIMEOUT}.")
    if (timeout.get("action") or "ROLLBACK") not in ("ROLLBACK", "CONTINUE"):
        yield invalid("action must be ROLLBACK or CONTINUE.")


def alarms(params: Params, _known: Known) -> Refusal | None:
    given = _given(params).get("alarms") or {}
    if given.get("enable") and not given.get("alarmNames"):
        return invalid("alarmNames cannot be empty when alarms are enabled.")
    return None


def switch(params: Params, known: Known) -> Refusal | None:
    """Another strategy only between deployments. AWS demands that; that it refuses otherwise is inferred."""
    service = _service(params, known)
    if service is None or service.current.over or _strategy(params, known) == service.config["strategy"]:
        return None
    return invalid("The deployment strategy cannot be changed while a service deployment is in progress.")


def _given(params: Params) -> Mapping[str, Any]:
    return params.get("deploymentConfiguration") or {}


def _service(params: Params, known: Known) -> Service | None:
    """The service that an UpdateService changes."""
    return known.service(params.get("service") or "", params.get("cluster"))


def _strategy(params: Params, known: Known) -> str:
    service = _service(params, known)
    full = complete_config(_given(params), service.config) if service else complete_config(_given(params))
    return str(full["strategy"])


CHECKS: list[tuple[Check, str]] = [
    (strategy, API + "DeploymentConfiguration.html (strategy)"),
    (own_configuration, API + "CanaryConfiguration.html; " + API + "LinearConfiguration.html"),
    (bake_time, API + "DeploymentConfiguration.html (bakeTimeInMinutes)"),
    (hooks, GUIDE + "pause-lifecycle-hooks.html (Constraints); " + GUIDE + "troubleshooting-blue-green.html"),
    (alarms, API + "DeploymentAlarms.html (alarmNames)"),
    (switch, GUIDE + "update-rolling-to-bluegreen.html (Prerequisites: wait for any current deployments to complete)"),
]
# After the general checks of target groups and rules.
LATE: list[tuple[Check, str]] = [
    (resources, GUIDE + "troubleshooting-blue-green.html; " + GUIDE + "update-rolling-to-bluegreen.html"),
]
