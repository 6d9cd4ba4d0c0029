# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument specification of asg_rollout: sizes in GiB, times in seconds, shares in percent."""

from __future__ import annotations

from . import argspec_common
from .argspec_common import Spec

REQUIRED_IF = [("state", "present", ["template", "network", "load_balancer", "capacity"])]
MUTUALLY_EXCLUSIVE = [("pin", "unpin")]


def _template() -> Spec:
    """What an instance is; the rest of the launch template is not for choice."""
    return {
        "type": "dict",
        "options": {
            "image_id": {"type": "str", "required": True},
            "instance_type": {"type": "str", "required": True},
            "instance_profile_arn": {"type": "str"},
            "security_groups": {"type": "list", "elements": "str", "required": True},
            # Public by contract: instances read it without credentials. What looks like a secret is refused.
            "user_data": {"type": "str", "required": True},
            "root_volume": {
                "type": "dict",
                "apply_defaults": True,
                "options": {
                    "device_name": {"type": "str", "default": "/dev/xvda"},
                    "size_gib": {"type": "int", "default": 30},
                    "iops": {"type": "int"},
                    "throughput": {"type": "int"},
                    "kms_key_id": {"type": "str", "no_log": False},
                },
            },
            "detailed_monitoring": {"type": "bool", "default": True},
        },
    }


def _capacity() -> Spec:
    return {
        "type": "dict",
        "options": {
            "min": {"type": "int", "required": True},
            "max": {"type": "int", "required": True},
            "desired": {"type": "int", "required": True},
            "manage_desired": {"type": "bool", "default": False},
        },
    }


def _scaling() -> Spec:
    return {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "metric": {
                "type": "str",
                "required": True,
                "choices": ["cpu", "requests_per_target", "network_in", "network_out"],
            },
            "target": {"type": "float", "required": True},
            "disable_scale_in": {"type": "bool", "default": False},
        },
    }


def _timer() -> Spec:
    """The one-time schedules that restore the weights."""
    return {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "role_arn": {"type": "str"},
            "group": {"type": "str", "default": "default"},
            "event_age": {"type": "int", "default": 60},
            "late": {"type": "float", "default": 150.0},
        },
    }


def asg_rollout() -> Spec:
    """The whole specification: connection, the service, and how to roll it out."""
    return {
        **argspec_common.connection(),
        **argspec_common.rollout(),
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
        "strategy": {"type": "str", "default": "rolling", "choices": ["rolling", "canary", "blue_green"]},
        "canary": argspec_common.one_step("weight", 10),
        "steps": argspec_common.steps(),
        "hold_seconds": {"type": "int", "default": 900},
        "heartbeat": argspec_common.heartbeat(),
        "restore": _timer(),
        "unattended": {"type": "str", "default": "refuse", "choices": ["refuse", "accept_exposure"]},
        "label": {"type": "str", "default": ""},
        "template": _template(),
        "network": {
            "type": "dict",
            "options": {"subnets": {"type": "list", "elements": "str", "required": True}},
        },
        "load_balancer": argspec_common.load_balancer(target_port={"type": "int", "required": True}),
        "capacity": _capacity(),
        "health_check_grace_seconds": {"type": "int", "default": 300},
        "warmup_seconds": {"type": "int", "default": 60},
        "maintenance": {
            "type": "dict",
            "apply_defaults": True,
            "options": {
                "minimum_healthy_percent": {"type": "int", "default": 100},
                "maximum_healthy_percent": {"type": "int", "default": 150},
            },
        },
        "termination_policies": {"type": "list", "elements": "str", "default": ["Default"]},
        "drain_seconds": {"type": "int", "default": 0},
        "scaling": _scaling(),
        "tags": {"type": "dict", "default": {}},
        "route": {"type": "str", "choices": ["production", "test_listener", "direct"]},
        "allow_plain_user_data": {"type": "bool", "default": False},
    }


def specification() -> Spec:
    """What AnsibleModule and ArgumentSpecValidator take."""
    return {
        "argument_spec": asg_rollout(),
        "required_if": REQUIRED_IF,
        "mutually_exclusive": MUTUALLY_EXCLUSIVE,
    }
