# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argument specifications that several modules share.

Importable on Python 3.9 with nothing but ansible-core: `probe` also runs on a bastion.
"""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import env_fallback

Spec = dict[str, Any]


def connection() -> Spec:
    """Connection options with the names, aliases and environment fall-backs of amazon.aws."""
    return {
        "region": {
            "type": "str",
            "aliases": ["aws_region"],
            "fallback": (env_fallback, ["AWS_REGION", "AWS_DEFAULT_REGION"]),
        },
        "endpoint_url": {"type": "str", "aliases": ["aws_endpoint_url"], "fallback": (env_fallback, ["AWS_URL"])},
        "access_key": {
            "type": "str",
            "aliases": ["aws_access_key_id", "aws_access_key"],
            "fallback": (env_fallback, ["AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"]),
            "no_log": False,
        },
        "secret_key": {
            "type": "str",
            "aliases": ["aws_secret_access_key", "aws_secret_key"],
            "fallback": (env_fallback, ["AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"]),
            "no_log": True,
        },
        "session_token": {
            "type": "str",
            "aliases": ["aws_session_token"],
            "fallback": (env_fallback, ["AWS_SESSION_TOKEN"]),
            "no_log": True,
        },
        "profile": {
            "type": "str",
            "aliases": ["aws_profile"],
            "fallback": (env_fallback, ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]),
        },
        "validate_certs": {"type": "bool", "default": True},
        "aws_ca_bundle": {"type": "path", "fallback": (env_fallback, ["AWS_CA_BUNDLE"])},
        "aws_config": {"type": "dict"},
    }


def probe_item() -> Spec:
    """One probe: a request and what its answer must be. Seconds are floats."""
    return {
        "name": {"type": "str"},
        "path": {"type": "str", "required": True},
        "method": {"type": "str", "choices": ["GET", "HEAD", "POST"]},  # POST with a body, else GET
        "headers": {"type": "dict", "default": {}, "no_log": False},
        "secret_headers": {"type": "dict", "default": {}, "no_log": True},
        "body": {"type": "str"},
        "body_json": {"type": "raw"},
        "expect": {
            "type": "dict",
            "apply_defaults": True,
            "options": {
                "status": {"type": "list", "elements": "int", "default": [200]},
                "json": {"type": "raw"},
                "text": {"type": "str"},
                "numeric": {
                    "type": "dict",
                    "options": {
                        "path": {"type": "str", "required": True},
                        "value": {"type": "raw", "required": True},
                        "abs": {"type": "float", "default": 0.0},
                        "rel": {"type": "float", "default": 0.0},
                    },
                },
            },
        },
        "timeout": {"type": "float", "default": 5.0},
        "latency_budget": {"type": "float"},
        "over_budget": {"type": "str", "default": "inconclusive", "choices": ["inconclusive", "fail"]},
        "max_body": {"type": "int", "default": 65536},
    }


def reach() -> Spec:
    """What a probe may connect to, and whom it trusts; see `_probes.transport.Reach`."""
    return {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "allow_loopback": {"type": "bool", "default": False},
            "ca_file": {"type": "path"},
        },
    }


def probes() -> Spec:
    return {"type": "list", "elements": "dict", "default": [], "options": probe_item()}


def gate() -> Spec:
    """When answers add up to a verdict; seconds are floats."""
    return {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "interval": {"type": "float", "default": 1.0},
            "count": {"type": "int", "default": 5},
            "failure_limit": {"type": "int", "default": 0},
            "consecutive_error_limit": {"type": "int", "default": 20, "aliases": ["error_limit"]},
            "initial_delay": {"type": "float", "default": 0.0},
            "deadline": {"type": "float", "default": 120.0},
            "consecutive_success_limit": {"type": "int", "default": 0},
            "dry_run": {"type": "bool", "default": False},
            "inconclusive": {"type": "str", "default": "roll_back", "choices": ["roll_back", "pause"]},
        },
    }


def identity() -> Spec:
    """The response header in which an answer names the release it comes from."""
    return {
        "type": "dict",
        "apply_defaults": True,
        "options": {"header": {"type": "str", "default": "x-greenlight-release"}},
    }


def timing() -> Spec:
    """Seconds; see `_engine.model.Timing`."""
    return {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "deadline": {"type": "float", "default": 1800.0},
            "rollback_deadline": {"type": "float", "default": 1800.0},
            "min_ready": {"type": "float", "default": 30.0},
            "bake": {"type": "float", "default": 60.0},
            "poll": {"type": "float", "default": 2.0},
            "settle": {"type": "float", "default": 5.0},
            "propagation": {"type": "float", "default": 10.0},
            "lease": {"type": "float", "default": 60.0},
        },
    }


def record() -> Spec:
    return {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "bucket": {"type": "str"},
            "prefix": {"type": "str", "default": "greenlight"},
        },
    }


def one_step(name: str, percent: int) -> Spec:
    """The step that a strategy of one is described by. `name`: of its percentage."""
    return {"type": "dict", "options": {name: {"type": "int", "default": percent}, **_after_the_gate()}}


def steps() -> Spec:
    return {
        "type": "list",
        "elements": "dict",
        "options": {"weight": {"type": "int", "required": True}, **_after_the_gate()},
    }


def _after_the_gate() -> Spec:
    return {"bake": {"type": "float"}, "pause": {"type": "bool", "default": False}}


def heartbeat() -> Spec:
    """The alarm that rolls back when a run falls silent; seconds."""
    return {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "enable": {"type": "bool", "default": True},
            "interval": {"type": "float", "default": 10.0},
            "period": {"type": "int", "default": 30},
            "periods": {"type": "int", "default": 3},
        },
    }


def load_balancer(**own: Spec) -> Spec:
    """The Application Load Balancer in front of a service; `own`: what the platform adds."""
    return {
        "type": "dict",
        "options": {
            **own,
            "production_listener_arn": {"type": "str", "required": True},
            "test_listener_arn": {"type": "str"},
            "blue_target_group_arn": {"type": "str", "required": True},
            "green_target_group_arn": {"type": "str", "required": True},
            "rule": {
                "type": "dict",
                "apply_defaults": True,
                "options": {
                    "priority": {"type": "int", "default": 100},
                    "path_patterns": {"type": "list", "elements": "str", "default": ["/*"]},
                    "host_headers": {"type": "list", "elements": "str", "default": []},
                },
            },
        },
    }


def rollout() -> Spec:
    """What every rollout module takes, whatever the platform."""
    return {
        "probes": probes(),
        "gate": gate(),
        "reach": reach(),
        "identity": identity(),
        "timing": timing(),
        "record": record(),
        "target_release": {"type": "str", "default": "wanted", "choices": ["wanted", "last_good"]},
        "pin": {"type": "bool", "default": False},
        "unpin": {"type": "bool", "default": False},
        "retry_rejected": {"type": "bool", "default": False},
        "wait": {"type": "bool", "default": True},
        "on_unfinished": {"type": "str", "default": "roll_back", "choices": ["roll_back", "resume", "fail"]},
    }
