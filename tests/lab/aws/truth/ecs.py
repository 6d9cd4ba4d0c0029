# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWS refuses in ECS requests. Facts: `api.ecs_known.Known`.

Code and text are AWS's own where it is known to say them (seen in AWS's pages or in reports from real
accounts); texts that start with "The lab" are ours: features it does not have. Each rule names the page
that demands it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tests.lab.aws.truth import ecs_native
from tests.lab.aws.truth.base import Check, Params, Refusal, Rule
from tests.lab.aws.truth.ecs_common import API, GUIDE, advanced_of, balancers, definition, invalid, unsupported, wanted
from tests.lab.aws.truth.ecs_task_definition import RULES as TASK_DEFINITION_RULES

if TYPE_CHECKING:
    from tests.lab.aws.api.ecs_known import Known

# ---- one refusal each ----------------------------------------------------------------------------


def same_name(params: Params, known: Known) -> Refusal | None:
    """Only the same request with the same clientToken is answered with the service that is there."""
    service = known.service(params["serviceName"], params.get("cluster"))
    if service is None or service.status == "INACTIVE":
        return None
    if service.status == "DRAINING":
        return invalid("Unable to Start a service that is still Draining.")
    if params.get("clientToken") and params["clientToken"] == service.token and dict(params) == dict(service.request):
        return None
    return invalid("Creation of service was not idempotent.")


def known_definition(params: Params, known: Known) -> Refusal | None:
    if not params.get("taskDefinition"):
        return invalid("TaskDefinition cannot be empty.") if "serviceName" in params else None
    found = definition(params, known)
    if found is None:
        return Refusal("ClientException", "TaskDefinition not found.")
    return None if found.active else Refusal("ClientException", "TaskDefinition is inactive")


def fits_fargate(params: Params, known: Known) -> Refusal | None:
    found = definition(params, known)
    if found and "FARGATE" not in found.compatibilities:
        return invalid("Task definition does not support launch_type FARGATE.")
    return None


def network(params: Params, known: Known) -> Refusal | None:
    found = (wanted(params, known).get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    if not found.get("subnets"):
        return invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
    for subnet in found["subnets"]:
        if known.zone(subnet) is None:
            error = f"The subnet ID '{subnet}' does not exist (ErrorCode: InvalidSubnetID.NotFound)"
            return invalid(f"Error retrieving subnet information for [{subnet}]: {error}")
    for group in found.get("securityGroups") or ():
        if not known.security_group(group):
            error = f"The security group '{group}' does not exist (ErrorCode: InvalidGroup.NotFound)"
            return invalid(f"Error retrieving security group information for [{group}]: {error}")
    return None


def placement(params: Params, _known: Known) -> Refusal | None:
    if params.get("placementStrategy"):
        return invalid("Placement strategies are not supported with FARGATE launch type.")
    if params.get("placementConstraints"):
        return invalid("Placement constraints are not supported with FARGATE launch type.")
    return None


def one_way_to_launch(params: Params, _known: Known) -> Refusal | None:
    if params.get("launchType") and params.get("capacityProviderStrategy"):
        return invalid("Specify either a launch type or a capacity provider strategy, not both.")
    return None


def groups_and_ports(params: Params, known: Known) -> Refusal | None:
    found = definition(params, known)
    for lb in balancers(params, known):
        name, port, group = lb.get("containerName"), lb.get("containerPort"), lb.get("targetGroupArn")
        container = found.container(name) if found and name else None
        if found and container is None:
            return invalid(f"The container {name} does not exist in the task definition.")
        ports = [int(mapping["containerPort"]) for mapping in (container or {}).get("portMappings") or ()]
        if container is not None and port not in ports:
            return invalid(f"The container {name} did not have a container port {port} defined.")
        refusal = _group(group, known)
        if refusal is not None:
            return refusal
    return None


def _group(group: str | None, known: Known) -> Refusal | None:
    if not group:
        return invalid(
            "loadBalancers: targetGroupArn is required; Classic Load Balancers are not supported with awsvpc."
        )
    kind = known.target_type(group)
    if kind is None:
        return invalid(f"The target group with targetGroupArn {group} does not exist.")
    if kind != "ip":
        return invalid(
            f"The provided target group {group} has target type {kind}, which is incompatible with the awsvpc"
            " network mode specified in the task definition."
        )
    if not known.attached(group):
        return invalid(f"The target group with targetGroupArn {group} does not have an associated load balancer.")
    return None


def distinct_groups(params: Params, known: Known) -> Refusal | None:
    seen: set[str] = set()
    for lb in balancers(params, known):
        for group in filter(None, (lb.get("targetGroupArn"), advanced_of(lb).get("alternateTargetGroupArn"))):
            if group in seen:
                return invalid(f"Duplicate targetGroupArn found: {group}")
            seen.add(group)
    return None


def advanced(params: Params, known: Known) -> Refusal | None:
    """advancedConfiguration is checked whatever the strategy; a ROLLING service may carry it."""
    entries = [advanced_of(lb) for lb in balancers(params, known)]
    if any(entries) and not all(entries):
        return invalid("Either all or none of the provided loadBalancers must have advancedConfiguration defined")
    for entry in filter(None, entries):
        refusal = next(_advanced_refusals(entry, known), None)
        if refusal is not None:
            return refusal
    return None


def _advanced_refusals(entry: Mapping[str, Any], known: Known) -> Iterator[Refusal]:
    for field in ("alternateTargetGroupArn", "productionListenerRule", "roleArn"):
        if not entry.get(field):
            yield invalid(f"{field} is required in advancedConfiguration.")
    if (refusal := _group(entry.get("alternateTargetGroupArn"), known)) is not None:
        yield refusal
    rules = {field: entry[field] for field in ("productionListenerRule", "testListenerRule") if entry.get(field)}
    for field, arn in rules.items():
        if ":listener-rule/" not in arn:
            yield invalid(
                f"{field} has an invalid ARN format. Must be RuleArn for ALB or ListenerArn for NLB. Got: {arn}"
            )
        elif not known.rule(arn):
            yield invalid("One or more rules not found")
    if len(set(rules.values())) < len(rules):
        arn = rules["productionListenerRule"]
        yield invalid(f"The following rules cannot be used as both production and test listener rules: {arn}")


def percentages(params: Params, known: Known) -> Refusal | None:
    given = params.get("deploymentConfiguration") or {}
    service = known.service(params.get("service") or "", params.get("cluster"))
    base = service.config if service else {"minimumHealthyPercent": 100, "maximumPercent": 200}
    low, high = ((base | given)[name] for name in ("minimumHealthyPercent", "maximumPercent"))
    if not 0 <= low <= 100:
        return invalid("minimumHealthyPercent must be between 0 and 100.")
    if high < 100:
        return invalid("maximumPercent must be at least 100.")
    if low == high == 100:
        return invalid("Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.")
    return None


def breaker(params: Params, _known: Known) -> Refusal | None:
    given = (params.get("deploymentConfiguration") or {}).get("deploymentCircuitBreaker") or {}
    limit = given.get("thresholdConfiguration")
    if limit and not (limit.get("type") in ("COUNT", "BOUNDED_PERCENT", "UNBOUNDED_PERCENT") and limit["value"] > 0):
        return invalid("thresholdConfiguration must have a type and a value greater than 0.")
    return None


def desired(params: Params, _known: Known) -> Refusal | None:
    count = params.get("desiredCount")
    if count is None:
        return invalid("DesiredCount cannot be null.") if "serviceName" in params else None
    return invalid("DesiredCount must be greater than or equal to 0.") if count < 0 else None


def features(params: Params, _known: Known) -> Refusal | None:
    if params.get("launchType") not in (None, "FARGATE"):
        return unsupported(f"the launch type {params['launchType']}")
    if (params.get("deploymentController") or {}).get("type", "ECS") != "ECS":
        return unsupported(f"the deployment controller {params['deploymentController']['type']}")
    if params.get("schedulingStrategy") not in (None, "REPLICA"):
        return unsupported("the scheduling strategy DAEMON")
    for field in ("serviceRegistries", "volumeConfigurations", "vpcLatticeConfigurations", "gatewayConnectors"):
        if params.get(field):
            return unsupported(field)
    if (params.get("serviceConnectConfiguration") or {}).get("enabled"):
        return unsupported("serviceConnectConfiguration")
    return None


def scaled_above_zero(params: Params, known: Known) -> Refusal | None:
    service = known.service(params["service"], params.get("cluster"))
    if service is not None and service.status == "ACTIVE" and service.desired > 0 and not params.get("force"):
        return invalid("The service cannot be stopped while it is scaled above 0.")
    return None


def services_in_cluster(params: Params, known: Known) -> Refusal | None:
    name = params["cluster"].split("/")[-1]
    services = [service for service in known.scheduler.everything if service.cluster == name]
    if any(service.status == "ACTIVE" for service in services):
        return Refusal("ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active.")
    if any(task.status != "STOPPED" for service in services for task in service.tasks.values()):
        return Refusal("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
    return None


def token(params: Params, _known: Known) -> Refusal | None:
    given = params.get("clientToken") or ""
    if len(given) > 36 or any(not 33 <= ord(sign) <= 126 for sign in given):
        return invalid("clientToken must be up to 36 ASCII characters in the range of 33-126.")
    return None


def _of_active(check: Check) -> Check:
    """Only for a service that is there and ACTIVE; for another one the operation itself has the answer."""

    def checked(params: Params, known: Known) -> Refusal | None:
        service = known.service(params["service"], params.get("cluster"))
        return check(params, known) if service is not None and service.status == "ACTIVE" else None

    return checked


_CREATE = [
    Rule("CreateService", token, API + "CreateService.html (clientToken)"),
    Rule("CreateService", same_name, API + "CreateService.html (serviceName, clientToken)"),
]
_BOTH = [
    (known_definition, GUIDE + "deregister-task-definition-v2.html (an INACTIVE revision cannot be used)"),
    (features, API + "CreateService.html (launchType, deploymentController, schedulingStrategy)"),
    *ecs_native.CHECKS,
    (one_way_to_launch, API + "CreateService.html (launchType, capacityProviderStrategy)"),
    (fits_fargate, GUIDE + "fargate-tasks-services.html"),
    (desired, API + "CreateService.html (desiredCount)"),
    (placement, GUIDE + "task-placement.html (not supported for tasks on Fargate)"),
    (network, GUIDE + "fargate-task-networking.html (awsvpc needs a network configuration)"),
    (distinct_groups, GUIDE + "troubleshooting-blue-green.html (Duplicate target groups)"),
    (groups_and_ports, GUIDE + "service-load-balancing.html; service-event-messages-list.html"),
    (advanced, GUIDE + "troubleshooting-blue-green.html (Listener rule configuration errors)"),
    *ecs_native.LATE,
    (percentages, GUIDE + "service_definition_parameters.html (minimumHealthyPercent, maximumPercent)"),
    (breaker, API + "ThresholdConfiguration.html"),
]
RULES = [
    *TASK_DEFINITION_RULES,
    *_CREATE,
    *(Rule("CreateService", check, source) for check, source in _BOTH),
    *(Rule("UpdateService", _of_active(check), source) for check, source in _BOTH),
    Rule("DeleteService", scaled_above_zero, API + "DeleteService.html"),
    Rule("DeleteCluster", services_in_cluster, API + "DeleteCluster.html (Errors)"),
]
