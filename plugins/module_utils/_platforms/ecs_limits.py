# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ECS and Fargate allow, as data. Each with the page it comes from."""

from __future__ import annotations

import re

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

# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
SECRET_SOURCE = re.compile(
    r"(arn:aws[a-z-]*:(secretsmanager:[a-z0-9-]+:\d{12}:secret:|ssm:[a-z0-9-]+:\d{12}:parameter/)[^\s]+|[\w./-]+)\Z"
)
