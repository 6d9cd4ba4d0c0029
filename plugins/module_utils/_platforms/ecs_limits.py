# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ECS, Fargate and Application Load Balancers allow, as data. Each with the page it comes from."""

from __future__ import annotations

import math
import re
from collections import Counter

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
# CPU units -> MiB
FARGATE_MEMORY: dict[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
}
FARGATE_EPHEMERAL_GIB = (21, 200)  # API_EphemeralStorage
FARGATE_STOP_TIMEOUT = 120  # seconds; API_ContainerDefinition, stopTimeout
FARGATE_LOG_DRIVERS = ("awslogs", "splunk", "awsfirelens")  # API_LogConfiguration, logDriver

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html, API_RegisterTaskDefinition.html
NAME = re.compile(r"[A-Za-z0-9_-]{1,255}\Z")
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
TASKS_PER_SERVICE = 5000
DEFINITION_BYTES = 64 * 1024
SUBNETS, SECURITY_GROUPS = 16, 5  # API_AwsVpcConfiguration
# API_HealthCheck: seconds, and a count of retries
HEALTH_CHECK = {"interval": (5, 300), "timeout": (2, 60), "retries": (1, 10), "start_period": (0, 300)}
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html
TAGS, TAG_KEY, TAG_VALUE = 50, 128, 256

# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html and
# API_CreateRule: at most 5 condition values a rule, of at most 128 characters
PRIORITY = (1, 50000)
CONDITION_VALUES, CONDITION_LENGTH = 5, 128

# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
ROLE = re.compile(r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>\d{12}):role/[\w+=,.@/-]+\Z")
SECRET_SOURCE = re.compile(
    r"(arn:aws[a-z-]*:(secretsmanager:[a-z0-9-]+:\d{12}:secret:|ssm:[a-z0-9-]+:\d{12}:parameter/)[^\s]+|[\w./-]+)\Z"
)

SECRET_NAME = re.compile(
    r"(^|_)(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIALS?|AUTH)(_|$|\d)", re.I
)
SECRET_VALUE = re.compile(
    r"(AKIA|ASIA)[A-Z0-9]{16}|-----BEGIN [A-Z ]*PRIVATE KEY|\bhf_[A-Za-z0-9]{20,}|\bsk-[A-Za-z0-9_-]{20,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}|://[^/\s:@]+:[^/\s@]+@"
)
OPAQUE = re.compile(r"[A-Za-z0-9+/=_-]{24,}\Z")
ENTROPY = 4.0  # bits a character; names with numbers stay below, random base64 of this length above


def looks_secret(name: str, value: str) -> bool:
    """By its name, by a known form of key, or because it is a long opaque word of high entropy."""
    if not value:
        return False
    if SECRET_NAME.search(name) and not name.upper().endswith(("_FILE", "_PATH", "_ARN", "_URL", "_NAME", "_ID")):
        return True
    if SECRET_VALUE.search(value):
        return True
    mixed = all(re.search(kind, value) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    return mixed and bool(OPAQUE.match(value)) and _entropy(value) >= ENTROPY


def _entropy(value: str) -> float:
    """Shannon's, in bits a character."""
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)
