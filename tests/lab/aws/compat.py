# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""moto's private parts that the lab touches: all named here, and checked before the lab starts.

moto is pinned to an exact version because these move between patch releases. A new version: change VERSION,
run the contract test (tests/unit/lab/aws/test_compat.py), which names what is gone and finds every use of moto
that is not listed here.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import UnknownServiceError
from botocore.loaders import JSONFileLoader

VERSION = "5.2.5"

ENVIRONMENT: Mapping[str, str] = {  # read by moto when it is imported or asked
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",  # else AmazonECSTaskExecutionRolePolicy does not exist
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",  # a second of start-up for images that nothing here boots
    "MOTO_AMIS_PATH": str(Path(__file__).with_name("amis.json")),  # those instances may be launched from
    "MOTO_ACCOUNT_ID": "123456789012",
}

# "module:attribute.path" -> names of the parameters we rely on, in order; None: just that it is there.
TOUCHED: Mapping[str, tuple[str, ...] | None] = {
    "moto:__version__": None,
    "moto.autoscaling.exceptions:AutoscalingClientError": None,
    "moto.autoscaling.responses:AutoScalingResponse": None,
    "moto.autoscaling.urls:url_paths": None,
    "moto.backends:get_backend": ("name",),
    "moto.cloudwatch.exceptions:CloudWatchException": None,
    "moto.cloudwatch.models:Alarm": None,
    "moto.cloudwatch.models:Alarm.update_state": ("self", "reason", "reason_data", "state_value"),
    "moto.cloudwatch.responses:CloudWatchResponse.put_metric_alarm": ("self",),
    "moto.cloudwatch.responses:CloudWatchResponse.put_metric_data": ("self",),
    "moto.cloudwatch.urls:url_paths": None,
    "moto.core.exceptions:ServiceException": None,
    "moto.core.request:Request": None,
    "moto.core.responses:ActionResult": ("result",),
    "moto.core.responses:EmptyResult": None,
    "moto.core.responses:BaseResponse._dispatch": ("self", "request", "full_url", "headers"),
    "moto.core.responses:BaseResponse._get_action": ("self",),
    "moto.core.responses:BaseResponse.call_action": ("self",),
    "moto.core.responses:BaseResponse.serialized": ("self", "action_result"),
    "moto.core.routing:NotFound": None,
    "moto.core.routing:get_service_router": ("service_name",),
    "moto.moto_server.werkzeug_app:DomainDispatcherApplication": ("create_app",),
    "moto.moto_server.werkzeug_app:MotoRequestHandler": None,
    "moto.moto_server.werkzeug_app:create_backend_app": ("service",),
    "moto.ec2.models.elastic_network_interfaces:NetworkInterfaceBackend.create_network_interface": (
        "self",
        "subnet",
        "private_ip_address",
        "private_ip_addresses",
        "group_ids",
        "description",
        "tags",
        "delete_on_termination",
        "kwargs",
    ),
    "moto.ec2.exceptions:EC2ClientError": None,
    "moto.ec2.models.instances:Instance": None,
    "moto.ec2.models.instances:Instance.instance_status": None,
    "moto.ec2.models.instances:Instance.system_status": None,
    "moto.ec2.models.instances:InstanceBackend.run_instances": (
        "self",
        "image_id",
        "count",
        "user_data",
        "security_group_names",
        "kwargs",
    ),
    "moto.ec2.responses:EC2Response": None,
    "moto.ec2.responses:EC2Response.create_launch_template": ("self",),
    "moto.ec2.responses:EC2Response.describe_launch_template_versions": ("self",),
    "moto.ec2.responses:EC2Response.describe_launch_templates": ("self",),
    "moto.ec2.responses:EC2Response.start_instances": ("self",),
    "moto.ec2.responses:EC2Response.stop_instances": ("self",),
    "moto.ec2.responses:EC2Response.terminate_instances": ("self",),
    "moto.ec2.urls:url_paths": None,
    "moto.ecs.exceptions:ECSException": None,
    "moto.ecs.models:Cluster": None,
    "moto.ecs.responses:EC2ContainerServiceResponse.describe_clusters": ("self",),
    "moto.ecs.responses:EC2ContainerServiceResponse.tag_resource": ("self",),
    "moto.ecs.responses:EC2ContainerServiceResponse.untag_resource": ("self",),
    "moto.ecs.urls:url_paths": None,
    "moto.elb.urls:ELBV2Response": None,
    "moto.elbv2.exceptions:ELBClientError": None,
    "moto.elbv2.models:FakeLoadBalancer": None,
    "moto.elbv2.responses:ELBV2Response.create_listener": ("self",),
    "moto.elbv2.responses:ELBV2Response.create_load_balancer": ("self",),
    "moto.elbv2.responses:ELBV2Response.create_rule": ("self",),
    "moto.elbv2.responses:ELBV2Response.create_target_group": ("self",),
    "moto.elbv2.responses:ELBV2Response.delete_listener": ("self",),
    "moto.elbv2.responses:ELBV2Response.delete_load_balancer": ("self",),
    "moto.elbv2.responses:ELBV2Response.delete_rule": ("self",),
    "moto.elbv2.responses:ELBV2Response.delete_target_group": ("self",),
    "moto.elbv2.responses:ELBV2Response.describe_load_balancers": ("self",),
    "moto.elbv2.responses:ELBV2Response.modify_listener": ("self",),
    "moto.elbv2.responses:ELBV2Response.modify_load_balancer_attributes": ("self",),
    "moto.elbv2.responses:ELBV2Response.modify_rule": ("self",),
    "moto.elbv2.responses:ELBV2Response.modify_target_group": ("self",),
    "moto.elbv2.responses:ELBV2Response.set_security_groups": ("self",),
    "moto.elbv2.responses:ELBV2Response.set_subnets": ("self",),
    "moto.scheduler.responses:EventBridgeSchedulerResponse": None,
    "moto.scheduler.urls:url_paths": None,
    "moto.s3.models:FakeBucket": None,
    "moto.s3.models:FakeBucket.get_permission": ("self", "action", "resource"),
    "moto.s3.models:PublicAccessBlock": (
        "block_public_acls",
        "ignore_public_acls",
        "block_public_policy",
        "restrict_public_buckets",
    ),
}

# What we read of each service's store.
STORES: Mapping[str, tuple[str, ...]] = {
    "cloudwatch": ("alarms",),
    "ec2": (
        "amis",
        "create_network_interface",
        "describe_launch_template_versions",
        "describe_launch_templates",
        "describe_subnets",
        "enis",
        "get_default_security_group",
        "get_instance_by_id",
        "get_security_group_from_id",
        "get_security_group_from_name",
        "groups",
        "launch_template_name_to_ids",
        "launch_templates",
        "run_instances",
        "subnets",
        "tags",
        "terminate_instances",
    ),
    "ecs": ("clusters", "task_definitions"),
    "iam": ("roles",),
    "elbv2": ("delete_listener", "delete_load_balancer", "load_balancers", "modify_rule", "target_groups"),
    "secretsmanager": ("get_secret_value",),
    "ssm": ("get_parameter",),
}


class Incompatible(Exception):  # noqa: N818
    """The installed moto is not the one the lab was built for."""


def share_models() -> None:
    """Read each of botocore's service models once. Call it before moto is imported.

    moto, its parsers and our own client each load them anew, EC2's 5 MB six times: a third of the
    lab's start and 50 MB of its memory.
    """
    read = JSONFileLoader.load_file

    @functools.cache
    def load(path: str) -> Any:
        return read(JSONFileLoader(), path)

    JSONFileLoader.load_file = lambda _self, path: load(path)  # type: ignore[assignment,method-assign]


def lacking() -> list[str]:
    """What of TOUCHED and STORES is gone or has other parameters; empty when all is well."""
    found = []
    for name, parameters in TOUCHED.items():
        try:
            value = resolve(name)
        except (ImportError, AttributeError):
            found.append(f"{name} is gone")
            continue
        if parameters is not None:
            actual = tuple(inspect.signature(value).parameters)
            if actual != parameters:
                found.append(f"{name} takes {actual}, not {parameters}")
    return found + [
        f"the store of {service} has no {attribute}"
        for service, attributes in STORES.items()
        for attribute in attributes
        if not hasattr(store(service), attribute)
    ]


def store(service: str) -> Any:
    """moto's store of a service in the lab's account and region."""
    from moto.backends import get_backend

    region = "aws" if service == "iam" else "us-east-1"  # IAM has a store per partition
    return get_backend(service)[ENVIRONMENT["MOTO_ACCOUNT_ID"]][region]


def check() -> None:
    """Raises Incompatible; called before anything else of moto is used."""
    import moto

    if moto.__version__ != VERSION:
        raise Incompatible(f"moto {VERSION} is needed, {moto.__version__} is installed")
    missing = lacking() + [f"{name} is not set" for name, value in ENVIRONMENT.items() if os.environ.get(name) != value]
    if missing:
        raise Incompatible("; ".join(missing))


def resolve(name: str) -> Any:
    """The object behind `module:attribute.path`."""
    module, _ignored, path = name.partition(":")
    return functools.reduce(getattr, path.split("."), importlib.import_module(module))


def route(service: str, environ: Mapping[str, Any]) -> str | None:
    """The operation of a REST request ("PutObject"), or None when it is none of the service's."""
    from moto.core.request import Request
    from moto.core.routing import NotFound, get_service_router

    try:
        operation, _ignored = get_service_router(service).match(Request(dict(environ)))
    except (NotFound, NotImplementedError, UnknownServiceError):
        return None
    return str(operation.name)
