# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument specification of ecs_rollout: CPU in CPU units, memory in MiB, times in seconds."""

from __future__ import annotations

from . import argspec_common
from .argspec_common import Spec

REQUIRED_IF = [("state", "present", ["task_definition", "network", "load_balancer"])]
MUTUALLY_EXCLUSIVE = [("pin", "unpin")]


def _health_check() -> Spec:
    """Defaults are those of the API: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html."""
    return {
        "type": "dict",
        "options": {
            "command": {"type": "list", "elements": "str", "required": True},
            "interval": {"type": "int", "default": 30},
            "timeout": {"type": "int", "default": 5},
            "retries": {"type": "int", "default": 3},
            "start_period": {"type": "int", "default": 0},
        },
    }


def _container() -> Spec:
    return {
        "name": {"type": "str", "required": True},
        "image": {"type": "str", "required": True},
        "command": {"type": "list", "elements": "str"},
        "entry_point": {"type": "list", "elements": "str"},
        "working_directory": {"type": "str"},
        "cpu": {"type": "int", "default": 0},
        "memory": {"type": "int"},
        "memory_reservation": {"type": "int"},
        "essential": {"type": "bool", "default": True},
        "port_mappings": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "container_port": {"type": "int", "required": True},
                "protocol": {"type": "str", "default": "tcp", "choices": ["tcp", "udp"]},
                "name": {"type": "str"},
            },
        },
        # Values are public by contract: whatever looks like a secret is refused before any change.
        "environment": {"type": "dict", "default": {}, "no_log": False},
        "secrets": {"type": "dict", "default": {}, "no_log": False},
        "user": {"type": "str"},
        "readonly_root_filesystem": {"type": "bool", "default": True},
        "stop_timeout": {"type": "int"},
        "health_check": _health_check(),
        "log_configuration": {
            "type": "dict",
            "options": {
                "driver": {"type": "str", "default": "awslogs"},
                "options": {"type": "dict", "default": {}},
                "secrets": {"type": "dict", "default": {}, "no_log": False},
            },
        },
        "mount_points": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "volume": {"type": "str", "required": True},
                "path": {"type": "str", "required": True},
                "read_only": {"type": "bool", "default": False},
            },
        },
        "linux_parameters": {
            "type": "dict",
            "options": {
                "init_process_enabled": {"type": "bool", "default": False},
                "drop_capabilities": {"type": "list", "elements": "str", "default": []},
            },
        },
        "depends_on": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "container": {"type": "str", "required": True},
                "condition": {
                    "type": "str",
                    "default": "HEALTHY",
                    "choices": ["START", "COMPLETE", "SUCCESS", "HEALTHY"],
                },
            },
        },
        "docker_labels": {"type": "dict", "default": {}},
    }


def _task_definition() -> Spec:
    return {
        "type": "dict",
        "options": {
            "family": {"type": "str"},
            "cpu": {"type": "int", "required": True},
            "memory": {"type": "int", "required": True},
            "architecture": {"type": "str", "default": "X86_64", "choices": ["X86_64", "ARM64"]},
            "execution_role_arn": {"type": "str"},
            "task_role_arn": {"type": "str"},
            "ephemeral_storage_gib": {"type": "int"},
            "containers": {"type": "list", "elements": "dict", "required": True, "options": _container()},
            "volumes": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "efs": {
                        "type": "dict",
                        "options": {
                            "file_system_id": {"type": "str", "required": True},
                            "root_directory": {"type": "str", "default": "/"},
                            "access_point_id": {"type": "str"},
                            "iam": {"type": "bool", "default": True},
                        },
                    },
                },
            },
        },
    }


def _deployment() -> Spec:
    return {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "minimum_healthy_percent": {"type": "int", "default": 100},
            "maximum_percent": {"type": "int", "default": 200},
            "circuit_breaker": {
                "type": "dict",
                "apply_defaults": True,
                "options": {
                    "enable": {"type": "bool", "default": True},
                    "rollback": {"type": "bool", "default": True},
                    "reset_on_healthy_task": {"type": "bool", "default": True},
                    "threshold_type": {
                        "type": "str",
                        "default": "BOUNDED_PERCENT",
                        "choices": ["BOUNDED_PERCENT", "UNBOUNDED_PERCENT", "COUNT"],
                    },
                    "threshold_value": {"type": "int", "default": 50},
                },
            },
        },
    }


def _shifting() -> Spec:
    """How traffic is shifted, and how long ECS waits for our word; percentages are of production traffic."""
    return {
        "canary": argspec_common.one_step("weight", 10),
        "linear": argspec_common.one_step("step", 25),
        "steps": argspec_common.steps(),
        "hold_timeout": {"type": "int", "default": 60},  # minutes, as in the API
        "heartbeat": argspec_common.heartbeat(),
    }


def ecs_rollout() -> Spec:
    """The whole specification: connection, the service, and how to roll it out."""
    return {
        **argspec_common.connection(),
        **argspec_common.rollout(),
        "cluster": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
        "strategy": {
            "type": "str",
            "default": "canary",
            "choices": ["canary", "linear", "blue_green", "rolling"],
        },
        **_shifting(),
        "task_definition": _task_definition(),
        "network": {
            "type": "dict",
            "options": {
                "subnets": {"type": "list", "elements": "str", "required": True},
                "security_groups": {"type": "list", "elements": "str", "required": True},
                "assign_public_ip": {"type": "bool", "default": False},
            },
        },
        "load_balancer": argspec_common.load_balancer(
            container_name={"type": "str", "required": True},
            container_port={"type": "int", "required": True},
            role_arn={"type": "str"},
        ),
        "desired_count": {"type": "int", "default": 2},
        "manage_desired_count": {"type": "bool", "default": False},
        "deployment": _deployment(),
        "health_check_grace_seconds": {"type": "int", "default": 60},
        "platform_version": {"type": "str", "default": "LATEST"},
        "enable_execute_command": {"type": "bool", "default": False},
        "availability_zone_rebalancing": {"type": "str", "default": "ENABLED", "choices": ["ENABLED", "DISABLED"]},
        "propagate_tags": {"type": "str", "default": "SERVICE", "choices": ["SERVICE", "TASK_DEFINITION", "NONE"]},
        "tags": {"type": "dict", "default": {}},
        "route": {"type": "str", "choices": ["production", "test_listener", "direct"]},
        "allow_image_tag": {"type": "bool", "default": False},
        "allow_plain_environment": {"type": "list", "elements": "str", "default": []},
    }


def specification() -> Spec:
    """What AnsibleModule and ArgumentSpecValidator take."""
    return {
        "argument_spec": ecs_rollout(),
        "required_if": REQUIRED_IF,
        "mutually_exclusive": MUTUALLY_EXCLUSIVE,
    }
