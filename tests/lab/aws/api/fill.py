# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What moto lacks and no engine of ours owns: attributes and defaults that AWS always answers with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

from moto.cloudwatch.models import Alarm
from moto.core.responses import ActionResult
from moto.ec2.models.instances import Instance
from moto.ecs.models import Cluster
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.elbv2.models import FakeLoadBalancer
from moto.s3.models import FakeBucket, PublicAccessBlock

from tests.lab.aws.core import Lab

# Defaults of an Application Load Balancer. Source: ELBv2 API reference, "LoadBalancerAttribute".
ATTRIBUTES = {
    "access_logs.s3.bucket": "",
    "access_logs.s3.enabled": "false",
    "access_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.prefix": "",
    "deletion_protection.enabled": "false",
    "health_check_logs.s3.bucket": "",
    "health_check_logs.s3.enabled": "false",
    "health_check_logs.s3.prefix": "",
    "idle_timeout.timeout_seconds": "60",
    "ipv6.deny_all_igw_traffic": "false",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}


def install(lab: Lab) -> None:
    """Once per process: moto's stores are global. Before the first call; `lab.ecs` is set by then."""
    complete_load_balancers()
    complete_clusters()
    complete_buckets()
    calls_count_as_encrypted()
    alarms_begin_without_data()
    instances_tell_of_their_checks()
    describe_clusters_as_asked(lab)


def complete_load_balancers() -> None:
    """All attributes from the start: stock modules index them blindly."""
    original = FakeLoadBalancer.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if self.type == "application":
            self.attrs = dict(ATTRIBUTES)

    FakeLoadBalancer.__init__ = init
    FakeLoadBalancer.VALID_ATTRS = FakeLoadBalancer.VALID_ATTRS | ATTRIBUTES.keys()


def complete_clusters() -> None:
    """DescribeClusters always names capacity providers, if only none (community.aws.ecs_cluster indexes them)."""
    original = Cluster.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.capacity_providers = self.capacity_providers or []
        self.default_capacity_provider_strategy = self.default_capacity_provider_strategy or []

    Cluster.__init__ = init


def complete_buckets() -> None:
    """A new bucket is encrypted and closed to the public.

    Source: S3 user guide, "Default encryption FAQ" (since January 2023) and "Default settings for new S3 buckets
    FAQ" (since April 2023).
    """
    original = FakeBucket.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.encryption = {"Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}}
        self.public_access_block = PublicAccessBlock(True, True, True, True)
        self.ownership_rule = "BucketOwnerEnforced"

    FakeBucket.__init__ = init


def calls_count_as_encrypted() -> None:
    """A bucket policy against calls without TLS does not turn the lab's own clients away.

    The lab stands for AWS's endpoints, which are reached with TLS; moto looks at no condition of a statement.
    Source: IAM user guide, "AWS global condition context keys", aws:SecureTransport.
    """
    original = FakeBucket.get_permission

    def get_permission(self: Any, action: str, resource: str) -> Any:
        given = self.policy
        if given is not None:
            document = json.loads(given)
            statements = [one for one in document["Statement"] if not only_without_tls(one)]
            self.policy = json.dumps({**document, "Statement": statements}).encode() if statements else None
        try:
            return original(self, action, resource)
        finally:
            self.policy = given

    FakeBucket.get_permission = get_permission


def only_without_tls(statement: Mapping[str, Any]) -> bool:
    """Whether a policy's statement speaks of calls without TLS alone."""
    return str(statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")).lower() == "false"


def alarms_begin_without_data() -> None:
    """CloudWatch API reference, PutMetricAlarm: "the alarm state is immediately set to INSUFFICIENT_DATA"."""
    original = Alarm.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.state_value = "INSUFFICIENT_DATA"

    Alarm.__init__ = init


def instances_tell_of_their_checks() -> None:
    """Status checks of instances that boot, or are lost; moto's are always passed.

    Source: EC2 API reference, InstanceStatusSummary: ok, impaired, insufficient-data, not-applicable, initializing.
    """
    for name in ("instance_status", "system_status"):
        original = getattr(Instance, name).fget

        def status(self: Any, original: Any = original) -> dict[str, Any]:
            shown: dict[str, Any] = original(self)
            told = getattr(self, "lab_status", "ok")
            if told == "ok" or shown["Status"] != "ok":
                return shown
            verdict = "failed" if told == "impaired" else told
            return {"Status": told, "Details": [{"Name": "reachability", "Status": verdict}]}

        setattr(Instance, name, property(status))


def describe_clusters_as_asked(lab: Lab) -> None:
    """Settings only with `include: SETTINGS`, and the counts of what runs.

    Source: ECS API reference, "DescribeClusters" (include: "If this value isn't specified, … isn't included").
    """
    original = EC2ContainerServiceResponse.describe_clusters

    def describe_clusters(self: Any) -> ActionResult:
        result = original(self)
        answer: dict[str, Any] = result.result
        asked = self._get_param("include", [])
        return ActionResult({**answer, "clusters": [shown(cluster, asked, lab) for cluster in answer["clusters"]]})

    EC2ContainerServiceResponse.describe_clusters = describe_clusters


def shown(cluster: Any, asked: Sequence[str], lab: Lab) -> Any:
    """A copy of moto's cluster for one answer."""
    seen = copy(cluster)
    services = [one for one in lab.ecs.everything if one.cluster == cluster.name and one.status == "ACTIVE"]
    statuses = [
        task.status for service in lab.ecs.everything if service.cluster == cluster.name for task in service.live()
    ]
    seen.active_services_count = len(services)
    seen.running_tasks_count = statuses.count("RUNNING")
    seen.pending_tasks_count = sum(status in ("PROVISIONING", "PENDING", "ACTIVATING") for status in statuses)
    if "SETTINGS" not in asked:
        seen.settings = []
    return seen
