# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an ECS service is, compared with what is wanted: every field, with the defaults that AWS fills in. Pure.

Which member of UpdateService starts a deployment by itself is said in the API model's own text (botocore
data/ecs/2014-11-13/service-2.json, UpdateServiceRequest: "This parameter triggers a new service deployment" or
"doesn't trigger"). tests/unit/plugins/module_utils/_platforms/test_ecs_fields.py derives both lists from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

STARTS_A_DEPLOYMENT = frozenset(
    {
        "forceNewDeployment",
        "loadBalancers",
        "networkConfiguration",
        "platformVersion",
        "serviceConnectConfiguration",
        "serviceRegistries",
        "taskDefinition",
        "volumeConfigurations",
        "vpcLatticeConfigurations",
    }
)
STARTS_NONE = frozenset(
    {
        "availabilityZoneRebalancing",
        "capacityProviderStrategy",
        "deploymentConfiguration",
        "desiredCount",
        "enableECSManagedTags",
        "enableExecuteCommand",
        "healthCheckGracePeriodSeconds",
        "placementConstraints",
        "placementStrategy",
        "propagateTags",
    }
)
# Members whose text says neither. DescribeServices does not return the last two; the controller cannot change.
NOT_COMPARED = frozenset({"cluster", "service", "deploymentController", "gatewayConnectors", "monitoring"})

# Never set by us. Found set, they are drift; the value is what UpdateService takes to clear them.
CLEARED: Json = {
    "serviceRegistries": [],
    "serviceConnectConfiguration": {"enabled": False},
    "volumeConfigurations": [],
    "vpcLatticeConfigurations": [],
    "capacityProviderStrategy": [],
    "placementConstraints": [],
    "placementStrategy": [],
}
IN_THE_DEPLOYMENT = ("serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations")

# What DescribeServices answers for what was not given
# (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html and its members).
DEPLOYMENT_DEFAULTS: Json = {
    "strategy": "ROLLING",
    "bakeTimeInMinutes": 0,
    "lifecycleHooks": [],
    "alarms": {"alarmNames": [], "enable": False, "rollback": False},
    "deploymentCircuitBreaker": {
        "enable": False,
        "rollback": False,
        "resetOnHealthyTask": True,
        "thresholdConfiguration": {"type": "BOUNDED_PERCENT", "value": 50},
    },
}
# What DescribeTaskDefinition answers beside what was registered.
READ_ONLY = frozenset(
    {
        "compatibilities",
        "deregisteredAt",
        "deleteRequestedAt",
        "registeredAt",
        "registeredBy",
        "requiresAttributes",
        "revision",
        "status",
        "taskDefinitionArn",
    }
)
OURS = ("release", "tags")  # what `ecs_read` adds, and what is no part of the content
CONTAINER_DEFAULTS: Json = {"cpu": 0, "essential": True, "readonlyRootFilesystem": False}
NAMED_LISTS = {"containerDefinitions": "name", "environment": "name", "secrets": "name", "volumes": "name"}
NAMED_LISTS |= {"secretOptions": "name", "portMappings": "containerPort", "mountPoints": "containerPath"}


@dataclass(frozen=True)
class _Hidden:
    """An environment value: compared, never shown. What runs may hold a secret that no redactor knows."""

    value: Any

    def __repr__(self) -> str:
        return "set"


@dataclass(frozen=True)
class Difference:
    path: str  # in the API's own names
    found: Any  # None: not set
    wanted: Any

    def __str__(self) -> str:
        if isinstance(self.found, _Hidden) and isinstance(self.wanted, _Hidden):
            return f"{self.path}: changed"
        return f"{self.path}: {_shown(self.found)} -> {_shown(self.wanted)}"


def _shown(value: Any) -> str:
    return "not set" if value in (None, [], {}, "") else str(value)


def compare(found: Any, wanted: Any, path: str = "") -> Iterator[Difference]:
    """Leaf by leaf; named lists are compared by their names. What is empty counts as not set."""
    if isinstance(wanted, Mapping) and (isinstance(found, Mapping) or found is None):
        found = found or {}
        for key in sorted(set(found) | set(wanted)):
            below = f"{path}.{key}" if path else str(key)
            yield from compare(_named(key, found.get(key)), _named(key, wanted.get(key)), below)
    elif found != wanted and not (_empty(found) and _empty(wanted)):
        yield Difference(path, found, wanted)


def _empty(value: Any) -> bool:
    return value in (None, [], {}, "")


def _named(key: str, value: Any) -> Any:
    if key in NAMED_LISTS and isinstance(value, list):
        return {str(item.get(NAMED_LISTS[key])): item for item in value}
    return value


def _filled(found: Mapping[str, Any], defaults: Mapping[str, Any]) -> Json:
    """`found` with defaults where it has nothing, member by member."""
    merged: Json = dict(found)
    for key, default in defaults.items():
        if isinstance(default, dict) and default:
            merged[key] = _filled(merged.get(key) or {}, default)
        elif merged.get(key) is None:
            merged[key] = default
    return merged


def definition_differences(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Difference]:
    """A described task definition against RegisterTaskDefinition's input (tags aside)."""

    def normal(definition: Mapping[str, Any]) -> Json:
        kept = {key: value for key, value in definition.items() if key not in READ_ONLY and key not in OURS}
        containers = [
            {**_filled(container, CONTAINER_DEFAULTS), "environment": _environment(container)}
            for container in kept.get("containerDefinitions", [])
        ]
        return kept | {"containerDefinitions": containers}

    return list(compare(normal(found), normal(wanted)))


def _environment(container: Mapping[str, Any]) -> dict[str, _Hidden]:
    return {str(item.get("name")): _Hidden(item.get("value")) for item in container.get("environment") or []}


def _network(configuration: Mapping[str, Any]) -> Json:
    """Subnets and security groups are sets."""
    vpc = configuration.get("awsvpcConfiguration") or {}
    return {
        "subnets": sorted(vpc.get("subnets") or []),
        "securityGroups": sorted(vpc.get("securityGroups") or []),
        "assignPublicIp": vpc.get("assignPublicIp") or "DISABLED",
    }


def set_beside_ours(service: Mapping[str, Any]) -> Json:
    """The fields of `CLEARED` that are set on the service, as found."""
    newest: Mapping[str, Any] = next(iter(service.get("deployments") or []), {})
    found: Json = {}
    for name in CLEARED:
        value = (newest if name in IN_THE_DEPLOYMENT else service).get(name)
        unset = name == "serviceConnectConfiguration" and not (value or {}).get("enabled")
        if value and not unset:
            found[name] = value
    return found


def deployment_differences(
    service: Mapping[str, Any], fields: Mapping[str, Any], balancers: list[Json]
) -> list[Difference]:
    """Service fields that start a deployment, the task definition aside.

    `fields`: networkConfiguration and platformVersion as wanted; `balancers`: loadBalancers as wanted.
    """
    found = {
        "networkConfiguration": _network(service.get("networkConfiguration") or {}),
        "platformVersion": service.get("platformVersion") or "LATEST",
        "loadBalancers": _balancers(service.get("loadBalancers") or []),
    }
    wanted = {
        "networkConfiguration": _network(fields["networkConfiguration"]),
        "platformVersion": fields["platformVersion"],
        "loadBalancers": _balancers(balancers),
    }
    extra = [
        Difference(name, value, None) for name, value in set_beside_ours(service).items() if name in STARTS_A_DEPLOYMENT
    ]
    return [*compare(found, wanted), *extra]


def _balancers(entries: list[Json]) -> Json:
    """A native deployment swaps what serves, so the two target groups of an entry are a pair without an order."""
    return {str(number): _paired(entry) for number, entry in enumerate(entries)}


def _paired(entry: Mapping[str, Any]) -> Json:
    advanced = entry.get("advancedConfiguration") or {}
    pair = sorted(group for group in (entry.get("targetGroupArn"), advanced.get("alternateTargetGroupArn")) if group)
    if len(pair) < 2:
        return dict(entry)
    return {
        **entry,
        "targetGroupArn": pair[0],
        "advancedConfiguration": {**advanced, "alternateTargetGroupArn": pair[1]},
    }


# Members of deploymentConfiguration that belong to one strategy, or to all but one.
OF_STRATEGY: dict[str, tuple[str, ...]] = {"canaryConfiguration": ("CANARY",), "linearConfiguration": ("LINEAR",)}
ALL = ("ROLLING", "BLUE_GREEN", "CANARY", "LINEAR")
OF_STRATEGY |= {"lifecycleHooks": ALL[1:]}


def _configuration(found: Mapping[str, Any]) -> Json:
    """deploymentConfiguration with its defaults, without what another strategy left behind; stages have no order."""
    filled = _filled(found, DEPLOYMENT_DEFAULTS)
    for name, strategies in OF_STRATEGY.items():
        if filled["strategy"] not in strategies:
            filled.pop(name, None)
    hooks = filled.get("lifecycleHooks") or []
    if hooks:
        filled["lifecycleHooks"] = [
            {**hook, "lifecycleStages": sorted(hook.get("lifecycleStages") or [])} for hook in hooks
        ]
    return filled


def setting_differences(service: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Difference]:
    """Service fields that start no deployment. `wanted`: `ecs_release.settings()`."""

    def normal(source: Mapping[str, Any]) -> Json:
        return {
            **{name: source.get(name) for name in wanted},
            "deploymentConfiguration": _configuration(source.get("deploymentConfiguration") or {}),
            "healthCheckGracePeriodSeconds": source.get("healthCheckGracePeriodSeconds") or 0,
            "propagateTags": source.get("propagateTags") or "NONE",
            "availabilityZoneRebalancing": source.get("availabilityZoneRebalancing") or "DISABLED",
            "enableExecuteCommand": bool(source.get("enableExecuteCommand")),
            "enableECSManagedTags": bool(source.get("enableECSManagedTags")),
        }

    extra = [Difference(name, value, None) for name, value in set_beside_ours(service).items() if name in STARTS_NONE]
    return [*compare(normal(service) if service else {}, normal(wanted) if service else wanted), *extra]


def setting_changes(service: Mapping[str, Any], wanted: Mapping[str, Any]) -> Json:
    """UpdateService's input that mends every setting difference; empty when there is none."""
    names = {difference.path.partition(".")[0] for difference in setting_differences(service, wanted)}
    changes: Json = {name: wanted.get(name, CLEARED.get(name)) for name in sorted(names)}
    if "deploymentConfiguration" in changes:
        found = _filled(service.get("deploymentConfiguration") or {}, DEPLOYMENT_DEFAULTS)
        given: Json = wanted["deploymentConfiguration"]
        resets = {
            name: default
            for name, default in DEPLOYMENT_DEFAULTS.items()
            if name not in given and found[name] != default and given["strategy"] in OF_STRATEGY.get(name, ALL)
        }
        changes["deploymentConfiguration"] = {**resets, **given}
    return changes


def tag_changes(found: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    """Tags to write. Tags beside ours are somebody else's and stay."""
    return {key: value for key, value in wanted.items() if found.get(key) != value}
